"""The doctor looks at everything at once; nothing that hangs or breaks holds the rest up."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from models.domain.doctor import (
    COMPUTER,
    NETWORK,
    PROGRAM,
    REMEDIES,
    Check,
    CheckState,
    grouped,
    tally,
    worst_state,
)
from services.doctor.doctor import Doctor, Probe
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TOKEN = "hf_" + "q" * 34


def check(
    name: str, state: CheckState = CheckState.OK, message: str = "fine", group: str = COMPUTER
) -> Check:
    return Check(group, name, state, message)


def probe(name: str, look: Callable[[], Sequence[Check]] | None = None, **more: float) -> Probe:
    limit = {"seconds": 60.0, **more}  # of what answers, which a busy machine may hold up
    return Probe(COMPUTER, (name,), look or (lambda: [check(name)]), **limit)  # type: ignore[arg-type]


def doctor(*probes: Probe) -> Doctor:
    return Doctor(lambda: probes)


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What a probe may wait for; it is let go at the end."""
    event = threading.Event()
    yield event
    event.set()


def test_all_are_looked_at_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=60)

    def look(name: str) -> Callable[[], list[Check]]:
        def meet() -> list[Check]:
            together.wait()
            return [check(name)]

        return meet

    names = ["a", "b", "c", "d"]
    found = doctor(*(probe(name, look(name)) for name in names)).checks()
    assert [one.name for one in found] == names
    assert {one.state for one in found} == {CheckState.OK}


def test_results_arrive_one_by_one_in_their_places(hanging: threading.Event) -> None:
    def slow() -> list[Check]:
        hanging.wait(60)
        return [check("slow")]

    seen: list[tuple[Check, ...]] = []

    def report(found: tuple[Check, ...]) -> None:
        seen.append(found)
        if found[1].state is CheckState.OK:
            hanging.set()

    doctor(probe("slow", slow), probe("quick")).checks(report)
    assert all([one.name for one in found] == ["slow", "quick"] for found in seen)
    assert [one.state for one in seen[0]] == [CheckState.WAITING] * 2
    assert any(
        [one.state for one in found] == [CheckState.WAITING, CheckState.OK] for found in seen
    )
    assert [one.state for one in seen[-1]] == [CheckState.OK] * 2


def test_a_probe_that_hangs_is_told_in_time_and_holds_nothing_up(hanging: threading.Event) -> None:
    def hang() -> list[Check]:
        hanging.wait(60)
        return []

    began = time.monotonic()
    stuck, quick = doctor(
        Probe(COMPUTER, ("Driver",), hang, 0.4, "Restart it."), probe("quick")
    ).checks()
    assert time.monotonic() - began < 30
    assert quick.message == "fine"
    assert (stuck.name, stuck.state) == ("Driver", CheckState.NOTE)
    assert "No answer within" in stuck.message
    assert stuck.next_step == "Restart it."


def test_what_hangs_is_not_started_a_second_time(hanging: threading.Event) -> None:
    calls: list[int] = []
    begun = threading.Event()

    def hang() -> list[Check]:
        calls.append(1)
        begun.set()
        hanging.wait(60)
        return [check("late")]

    one = doctor(Probe(COMPUTER, ("late",), hang, 0.2))
    assert one.checks()[0].state is CheckState.NOTE
    assert one.checks()[0].state is CheckState.NOTE
    assert begun.wait(60)
    assert len(calls) == 1
    hanging.set()
    deadline = time.monotonic() + 60
    while one.checks()[0].state is not CheckState.OK:  # it came back, and is asked again
        assert time.monotonic() < deadline


def test_a_probe_that_breaks_is_a_note_without_secrets() -> None:
    def breaks() -> list[Check]:
        raise ZeroDivisionError(f"with {TOKEN}")

    broken, fine = doctor(probe("broken", breaks), probe("fine")).checks()
    assert broken.state is CheckState.NOTE
    assert "ZeroDivisionError" in broken.message
    assert TOKEN not in broken.message
    assert fine.state is CheckState.OK


def test_what_others_said_is_shown_without_secrets() -> None:
    def look() -> list[Check]:
        words = f"http://me:sesame@proxy:3128 {TOKEN}"
        return [Check(NETWORK, "Proxy", CheckState.FAIL, words, words, words)]

    (found,) = doctor(probe("Proxy", look)).checks()
    for text in (found.message, found.meaning, found.next_step):
        assert TOKEN not in text
        assert "sesame" not in text


def test_it_can_be_stopped(hanging: threading.Event) -> None:
    cancel = CancelToken()

    def hang() -> list[Check]:
        cancel.cancel()
        hanging.wait(60)
        return []

    began = time.monotonic()
    with pytest.raises(Cancelled):
        doctor(Probe(COMPUTER, ("slow",), hang, 60)).checks(cancel=cancel)
    assert time.monotonic() - began < 30


def test_groups_have_their_order_and_the_worst_decides() -> None:
    checks = [
        check("proxy", group=NETWORK),
        check("database", CheckState.NOTE, group=PROGRAM),
        check("disk", CheckState.FAIL),
    ]
    assert [group for group, _ in grouped(checks)] == [COMPUTER, PROGRAM, NETWORK]
    assert worst_state(checks) is CheckState.FAIL
    assert worst_state(checks[:2]) is CheckState.NOTE
    assert worst_state(checks[:1]) is CheckState.OK
    assert tally(checks) == "1 problem, 1 note, 1 in order"
    assert tally([*checks, *checks]) == "2 problems, 2 notes, 2 in order"


def test_every_remedy_has_words_for_its_button() -> None:
    assert all(REMEDIES.values())
