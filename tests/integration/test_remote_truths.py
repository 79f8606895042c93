"""What is told of a remote run and its money is true also where nobody looked for hours, a file of
this computer goes, or what the network goes through cannot be used."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from models.domain.remote_run import FAILED, FINISHED, LOST, RemotePhase, Teardown
from services.remote import delivering
from services.remote.pods import PodService
from services.remote.runner import RemoteRunner
from services.run_follower import run_folder
from services.runpod.agent_client import AgentRefusalError
from tests.integration.remote_world import RemoteWorld, remote_world
from tests.integration.runpod_world import client_of, new_pod, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run
    from services.remote.steps import Step
    from services.remote.work import Work
    from services.runpod.agent_client import AgentClient

pytestmark = pytest.mark.slow
HOUR = 3600.0


def to(phase: RemotePhase, **changes: Any) -> Step:
    """A step that does nothing but go on."""
    return lambda _attempt, work: work.save(phase=phase, **changes)


def wait_here(_attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    while True:
        work.pause(60)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


def test_a_pod_that_ended_itself_long_ago_has_cost_until_its_limit(there: RemoteWorld) -> None:
    """As where this computer was off when the pod came to its limit."""
    run = there.add_run()
    now = there.runpod.cloud.clock.now()
    there.attempt(
        run, phase=RemotePhase.TRAINING, pod_id="gone", per_hour=0.5, rented_at=now - 10 * HOUR,
        ends_at=now - 8 * HOUR, most_cost=1.0, volume_id="v",
    )  # fmt: skip
    there.program().wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind) == (LOST, "limit")
    assert over.cost == pytest.approx(1.0, abs=0.01)


def test_a_pod_that_is_found_gone_by_a_click_has_cost_until_its_limit(there: RemoteWorld) -> None:
    run = there.add_run()
    now = there.runpod.cloud.clock.now()
    there.attempt(
        run, phase=RemotePhase.ENDING, outcome=FINISHED, pod_id="gone", per_hour=0.5,
        rented_at=now - 10 * HOUR, ends_at=now - 8 * HOUR, most_cost=1.0,
    )  # fmt: skip
    driver = there.program()
    tools = driver.tools
    pods = PodService(tools.account, tools.store, tools.install_id, clock=tools.clock)
    assert pods.end("gone").gone
    driver.wake(run.id)
    assert there.wait(run, 1, RemotePhase.OVER).cost == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("variable", "value", "kind", "words"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "certificate", "SSL_CERT_FILE"),
        ("HTTPS_PROXY", "socks5://127.0.0.1:9", "proxy", "HTTPS_PROXY"),
    ],
)
def test_what_the_network_goes_through_and_cannot_be_used_ends_no_training(
    there: RemoteWorld,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    kind: str,
    words: str,
) -> None:
    """As after a start of the program with a mistake in the variable."""
    there.train_quickly(step_seconds=30)
    run = there.add_run(**{"hp.max_steps": 30})
    there.attempt(run)
    driver = there.program()
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.TRAINING)
    driver.close()
    wait_for(lambda: not there.store.get(run.id, 1).driver)
    monkeypatch.setenv(variable, value)
    there.program().wake(run.id)
    told = wait_for(lambda: _told(there, run, kind))
    assert (told.phase, told.outcome, len(there.pods)) == (RemotePhase.TRAINING, "", 1)
    assert words in f"{told.trouble} {told.trouble_hint}"
    assert value not in repr(told)
    monkeypatch.delenv(variable)


def test_a_key_that_no_header_can_hold_is_told_without_it(there: RemoteWorld) -> None:
    key = "rpa_ü" + "k" * 40
    with client_of(there.runpod, key) as client, pytest.raises(AppError) as caught:
        client.pods()
    assert caught.value.kind == "auth"
    assert "kkkk" not in f"{caught.value} {caught.value.hint} {caught.value.details}"


def _told(there: RemoteWorld, run: Run, kind: str) -> RemoteAttempt | None:
    found = there.store.get(run.id, 1)
    return found if found.trouble_kind == kind or found.outcome else None


def test_a_file_of_this_computer_that_goes_while_it_is_sent_is_named(
    there: RemoteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = delivering.upload

    def upload(client: AgentClient, source: Path, *rest: Any) -> None:
        source.unlink()
        real(client, source, *rest)

    monkeypatch.setattr(delivering, "upload", upload)
    there.train_quickly()
    run = there.add_run()
    there.attempt(run)
    there.program().wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "io", [])
    assert "cannot be read" in over.trouble
    assert "Put it back" in over.trouble_hint


def test_a_run_folder_that_takes_no_code_is_told_before_a_pod_is_rented(
    there: RemoteWorld,
) -> None:
    run = there.add_run()
    (run_folder(run).path / "pod-code.zip").mkdir()
    there.attempt(run)
    there.program().wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind) == (FAILED, "io")
    assert "pod-code.zip cannot be written on this computer" in over.trouble
    assert there.asked("POST", "/v2/pods") == 0


@pytest.mark.parametrize("column", ["phase", "teardown"])
def test_a_damaged_record_keeps_no_other_pod_alive_and_its_own_is_ended(
    there: RemoteWorld, column: str
) -> None:
    """Damaged, or written by a later program."""
    damaged, run = there.add_run(), there.add_run(**{"output.directory": "/data/outputs/other"})
    now = there.runpod.cloud.clock.now()
    with client_of(there.runpod) as client:
        pods = [client.create_pod(new_pod(name=f"temper-{n}")).id for n in range(2)]
    for one, pod in zip((damaged, run), pods, strict=True):
        there.attempt(
            one, phase=RemotePhase.ENDING, outcome=FINISHED, pod_id=pod, rented_at=now,
            ends_at=now + HOUR,
        )  # fmt: skip
    with sqlite3.connect(there.home / "temper.db") as connection:
        change = f"UPDATE remote_attempts SET {column} = 'odd' WHERE run_id = ?"
        connection.execute(change, (damaged.id,))
    there.program().resume_all()
    assert there.wait(run, 1, RemotePhase.OVER).teardown is Teardown.CONFIRMED
    assert there.wait(damaged, 1, RemotePhase.OVER).teardown is Teardown.CONFIRMED
    assert there.pods == []


def test_a_pod_that_outlived_its_limit_has_cost_until_it_was_ended(there: RemoteWorld) -> None:
    def wait_until_ended(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        while attempt.pod_id not in work.tools.store.ended:  # gone is earlier than the answer
            work.pause(5)
        return work.save(phase=RemotePhase.ENDING, outcome=LOST)

    run = there.add_run()
    there.attempt(run)
    there.program(
        {RemotePhase.PLACING: to(RemotePhase.RENTING), RemotePhase.DELIVERING: wait_until_ended}
    ).wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.runpod.broken.billed_share = 0.0
    now = there.runpod.cloud.clock.now()
    there.store.change(run.id, 1, rented_at=now - 10 * HOUR, ends_at=now - 8 * HOUR)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert over.cost == pytest.approx(10 * over.per_hour, rel=0.02)


def test_a_pods_disk_that_does_not_answer_is_not_said_to_be_full() -> None:
    """As a network volume that is cut off; a full one is named by the agent as the cause."""
    facts = {"error": "The volume does not answer: Input/output error.", "cause": ""}
    refusal = AgentRefusalError(507, facts)
    assert refusal.kind == "agent_refused"
    assert "does not answer" in refusal.message
    assert "larger" not in refusal.hint


def test_what_earlier_pods_have_cost_is_none_of_the_newest_ones_limit(there: RemoteWorld) -> None:
    run = there.add_run()
    now = there.runpod.cloud.clock.now()
    there.attempt(run, phase=RemotePhase.OVER, pod_id="a", rented_at=now - 9 * HOUR, cost=9.0)
    first = there.store.get(run.id, 1)
    there.store.add(replace(first, number=2, name="second", pod_id="b", cost=0.5))
    seen = RemoteRunner(there.program()).seen(run.id)
    assert seen is not None
    assert (seen.cost, seen.earlier) == (9.5, 9.0)


@pytest.mark.parametrize(
    "phase",
    [RemotePhase.PREFLIGHT, RemotePhase.VOLUME, RemotePhase.PLACING, RemotePhase.RENTING],
)
def test_a_run_that_was_left_before_its_renting_rents_nothing_on_another_day(
    there: RemoteWorld, phase: RemotePhase
) -> None:
    """The window was closed without a question, as nothing was rented; nobody thinks of it now."""
    run = there.add_run()
    there.attempt(run, phase=phase, driver_seen=time.time() - 5 * HOUR)
    there.program().resume_all()
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind) == (FAILED, "left")
    assert "5 h ago" in over.trouble
    assert "Resume" in over.trouble_hint
    assert there.asked("POST", "/v2/pods") == 0


def test_a_program_that_ends_says_when_it_last_looked_after_a_run(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    driver = there.program({RemotePhase.PREFLIGHT: wait_here})
    driver.wake(run.id)
    wait_for(lambda: there.store.get(run.id, 1).driver)
    driver.close()
    wait_for(lambda: not there.store.get(run.id, 1).driver)
    assert there.store.get(run.id, 1).driver_seen > time.time() - 600
    there.program({RemotePhase.BOOTING: wait_here}).resume_all()
    assert there.wait(run, 1, RemotePhase.BOOTING).outcome == ""


@pytest.mark.parametrize("status", [403, 422, 500])
def test_a_template_that_cannot_be_made_ready_is_in_no_runs_way(
    there: RemoteWorld, status: int
) -> None:
    """No pod is rented by it: all that it holds is sent with each request, too."""
    there.runpod.broken.add(" /v2/templates", times=1_000_000, status=status)
    run = there.add_run()
    there.attempt(run)
    there.program({RemotePhase.PLACING: wait_here}).wake(run.id)
    placing = there.wait(run, 1, RemotePhase.PLACING)
    assert placing.outcome == ""
    assert "template" in placing.doing
    assert "not needed" in placing.doing


def test_a_network_volume_that_is_deleted_before_the_renting_is_named(there: RemoteWorld) -> None:
    def delete(_attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        there.runpod.cloud.volumes.clear()
        return work.save(phase=RemotePhase.RENTING)

    run = there.add_run()
    there.attempt(run)
    there.program({RemotePhase.PLACING: delete}).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "volume_gone", [])
    assert "network volume temper-volume" in over.trouble
    assert "makes a new one" in over.trouble_hint
