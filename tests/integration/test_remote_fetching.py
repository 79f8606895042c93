"""A pod whose agent falls silent when all is trained: what it made is not lost, and it is ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.remote_money import clock_words
from models.domain.remote_run import FAILED, FINISHED, LOST, RemoteAttempt, RemotePhase
from services.remote import unheard
from services.remote.store import AttemptStore
from tests.emulators.runpod.machines import processes_of
from tests.integration.remote_world import remote_world
from tests.integration.runpod_world import wait_for
from tests.integration.test_remote_delivery import Pods

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.run import Run
    from services.remote.driver import RemoteDriver
    from tests.emulators.runpod.faults import Fault

pytestmark = pytest.mark.slow

NO_VOLUME = {"runpod.cloud": "Community", "runpod.data_center": ""}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[RemoteAttempt]:
    """Each state of each attempt as it was stored: what is told may be past when somebody looks."""
    real, found = AttemptStore.change, list[RemoteAttempt]()

    def change(store: AttemptStore, *args: Any, **changes: Any) -> RemoteAttempt:
        found.append(real(store, *args, **changes))
        return found[-1]

    monkeypatch.setattr(AttemptStore, "change", change)
    return found


@pytest.fixture
def pods(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pods]:
    monkeypatch.setattr(unheard, "RESTART_SECONDS", 60.0)
    monkeypatch.setattr(unheard, "GIVE_UP_SECONDS", 600.0)
    with remote_world(tmp_path, monkeypatch, speed=25) as made:
        yield Pods(made, tmp_path_factory.mktemp("python"))


def start(
    pods: Pods, silence: Callable[[str], object], **changes: object
) -> tuple[Run, RemoteDriver]:
    """A run whose pod is silenced as soon as its results are to be fetched."""
    return pods.struck(RemotePhase.FETCHING, lambda _, attempt: silence(attempt.pod_id), **changes)


def hang(pod_id: str) -> None:
    """The agent dies, and what should start it again hangs: for Runpod the container runs on."""
    found = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_of(pod_id)}
    for pid, command in sorted(found.items(), key=lambda one: b"--inner" in one[1]):
        os.kill(pid, signal.SIGKILL if b"--inner" in command else signal.SIGSTOP)


def cut_off(pods: Pods, faults: list[Fault]) -> Callable[[str], None]:
    """Nothing gets through to the agent any more, restarted or not."""

    def strike(_: str) -> None:
        faults.append(pods.there.runpod.broken.add("/proxy/", times=10_000, status=502))

    return strike


def told(said: list[RemoteAttempt], words: str) -> RemoteAttempt:
    """The attempt once it says so."""

    def found() -> RemoteAttempt | None:
        found = (one for one in said if words in f"{one.trouble} {one.trouble_hint} {one.doing}")
        return next(found, None)

    return wait_for(found)  # type: ignore[no-any-return]


def restarts(pods: Pods) -> int:
    asked = [one for one in pods.there.runpod.requests if one.target.endswith("/action")]
    return sum(b"restart" in one.body for one in asked)


def test_a_silent_agent_on_a_volume_is_started_anew_and_serves_what_was_made(
    pods: Pods, said: list[RemoteAttempt]
) -> None:
    run, _ = start(pods, hang)
    waiting = told(said, "started anew at")
    assert "safe on the network volume" in waiting.trouble_hint
    over = pods.over(run)
    assert (over.outcome, over.trouble, restarts(pods)) == (FINISHED, "", 1)
    pods.check_home(run)
    pods.check_same(run)


def test_where_a_restart_does_not_help_the_pod_is_ended_and_the_next_one_brings_it(
    pods: Pods, said: list[RemoteAttempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "GIVE_UP_SECONDS", 300.0)
    faults: list[Fault] = []
    run, driver = start(pods, cut_off(pods, faults))
    told(said, "if it stays silent, it is ended at")
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind, restarts(pods)) == (LOST, "not_fetched", 1)
    assert "did not answer for 5 minutes, also after a restart" in over.trouble
    assert "Resume: another pod brings" in over.trouble_hint
    assert (over.gone_at or 0) < (over.ends_at or 0) - 3600
    assert pods.there.pods == []
    faults[0].times = 0
    pods.again(run)
    driver.wake(run.id)
    assert pods.over(run, 2).outcome == FINISHED
    pods.check_home(run)
    pods.check_same(run)


def test_without_a_volume_no_restart_wipes_what_was_made_and_the_limit_is_told(
    pods: Pods, said: list[RemoteAttempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "GIVE_UP_SECONDS", 90.0)
    faults: list[Fault] = []
    run, _ = start(pods, cut_off(pods, faults), **NO_VOLUME)
    waiting = told(said, "on the pod alone")
    assert waiting.trouble_hint.endswith("until the pod ends at its limit, " + _limit(waiting))
    pods.there.runpod.cloud.clock.sleep(150)
    assert pods.there.store.get(run.id, 1).phase is RemotePhase.FETCHING
    assert restarts(pods) == 0
    faults[0].times = 0
    assert pods.over(run).outcome == FINISHED
    pods.check_home(run)


def test_why_a_run_has_failed_stays_while_its_silent_pod_is_waited_for(
    pods: Pods, said: list[RemoteAttempt]
) -> None:
    pods.python.standin = {"fail_at": 3}
    faults: list[Fault] = []
    run, _ = start(pods, cut_off(pods, faults), **NO_VOLUME)
    waiting = told(said, "on the pod alone")
    assert (waiting.outcome, waiting.trouble) == (FAILED, "")
    assert waiting.doing.startswith("The pod's agent cannot be reached just now.")
    faults[0].times = 0
    assert pods.over(run).outcome == FAILED


def _limit(attempt: RemoteAttempt) -> str:
    assert attempt.ends_at is not None
    return f"{clock_words(attempt.ends_at, attempt.created_at)}."
