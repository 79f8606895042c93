"""A pod that only a program of ours can end is ended in time: what may not come in between."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from models.domain.remote_money import GRACE
from models.domain.remote_run import FAILED, RemotePhase
from services.remote import driver as driver_module
from services.remote.driver import LIMIT_SECONDS, RemoteDriver
from services.remote.pods import PodService
from services.remote.steps import STEPS
from services.remote.store import AttemptStore
from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud
from tests.emulators.runpod.machines import ProcessMachine
from tests.integration.lateness import Lateness
from tests.integration.remote_world import EmulatedTime, RemoteWorld, remote_world
from tests.integration.runpod_world import client_of, new_pod, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run
    from services.remote.work import Work

pytestmark = pytest.mark.slow
PLACED = {RemotePhase.PLACING: lambda _attempt, work: work.save(phase=RemotePhase.RENTING)}


def wait_here(_attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    while True:
        work.pause(60)


STAYS = PLACED | {RemotePhase.DELIVERING: wait_here}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


def on_a_pod(there: RemoteWorld, driver: RemoteDriver | None = None) -> Run:
    """A run that stays where its pod is up and nothing is trained yet."""
    run = there.add_run()
    there.attempt(run)
    (driver or there.program(STAYS)).wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    return run


class Still:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def now(self) -> float:
        return self.time

    def wait(self, event: threading.Event, seconds: float) -> bool:
        raise AssertionError(seconds)


def test_the_next_look_is_due_the_moment_that_the_next_pod_is_past_its_limit(
    there: RemoteWorld,
) -> None:
    clock, limit = Still(), 20.0
    tools = there.tools()
    pods = PodService(tools.account, there.store, tools.install_id, clock=clock)
    assert pods.until_late(15) == 15
    for number, ends_at in enumerate((None, clock.time + limit, clock.time + limit + 100)):
        there.attempt(
            there.add_run(), phase=RemotePhase.TRAINING, pod_id=f"pod{number}", ends_at=ends_at
        )
    assert pods.until_late(15) == 15
    clock.time += limit + GRACE - 6
    assert pods.until_late(15) == pytest.approx(6)
    clock.time += 7
    assert pods.until_late(15) == 15, "the first one is late by now, and looked at all the time"


def test_a_program_waits_no_longer_than_until_the_next_pod_is_past_its_limit(
    there: RemoteWorld,
) -> None:
    waits: list[tuple[float, float]] = []

    class Watched(EmulatedTime):
        looked = 0.0

        def now(self) -> float:
            now = super().now()
            if threading.current_thread().name == "remote-limits":
                self.looked = now
            return now

        def wait(self, event: threading.Event, seconds: float) -> bool:
            if threading.current_thread().name == "remote-limits":
                waits.append((self.looked, seconds))
            return super().wait(event, seconds)

    driver = RemoteDriver(replace(there.tools(), clock=Watched(there.runpod)), {**STEPS, **STAYS})
    there.drivers.append(driver)
    run = on_a_pod(there, driver)
    ends = there.runpod.cloud.clock.now() + 100
    there.store.change(run.id, 1, ends_at=ends)
    wait_for(lambda: there.pods == [])
    assert max(seconds for _, seconds in waits) == LIMIT_SECONDS
    late = ends + GRACE
    until = [looked + seconds for looked, seconds in waits if looked < late]
    assert max(until) <= late + 0.001


@pytest.mark.parametrize("how", ["waits for ever", "fails"])
def test_what_is_told_of_costs_keeps_no_pod_alive(
    there: RemoteWorld, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Telling them writes to the database, which another program may hold."""
    asked, over = threading.Event(), threading.Event()

    def told(*_: object) -> None:
        asked.set()
        if how == "fails":
            raise RuntimeError(how)
        over.wait(60)

    run = on_a_pod(there)
    monkeypatch.setattr(driver_module, "store_run_cost", told)
    assert asked.wait(20)
    there.store.change(run.id, 1, ends_at=there.runpod.cloud.clock.now())
    wait_for(lambda: there.pods == [])
    over.set()


def test_who_is_told_of_an_end_keeps_no_other_pod_alive(there: RemoteWorld) -> None:
    """Whoever drives the runs may wait for the database just then."""
    tools, over = there.tools(), threading.Event()
    now = tools.clock.now()
    with client_of(there.runpod) as client:
        for number in range(2):
            pod = client.create_pod(new_pod(name=f"temper-{number}")).id
            there.attempt(
                there.add_run(), phase=RemotePhase.TRAINING, pod_id=pod, rented_at=now,
                ends_at=now - GRACE,
            )  # fmt: skip

    def wait(_run_id: str) -> None:
        over.wait(60)

    pods = PodService(
        tools.account, tools.store, tools.install_id, clock=tools.clock, wake=wait
    )  # fmt: skip
    keeper = threading.Thread(target=pods.enforce, daemon=True)
    keeper.start()
    wait_for(lambda: there.pods == [])
    over.set()
    keeper.join(20)


def test_a_database_that_takes_no_change_keeps_no_pod_alive(
    there: RemoteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = on_a_pod(there)
    driver = there.drivers[0]
    driver.close()
    attempt = there.store.get(run.id, 1)
    late = {"rented_at": attempt.created_at - 7200, "ends_at": attempt.created_at - 3600}
    there.store.change(run.id, 1, **late)
    tools = there.tools()
    pods = PodService(tools.account, tools.store, tools.install_id, clock=tools.clock)
    pods.enforce()  # the first look asks whether the clock was set
    there.store.change(run.id, 1, **late)

    def locked(*_: object, **__: object) -> None:
        raise AssertionError("a look at limits waits for no disk")

    monkeypatch.setattr(tools.store, "change", locked)
    assert pods.enforce() == (attempt.pod_id,)
    assert there.pods == []


def test_a_program_that_cannot_take_runs_over_yet_keeps_to_their_limits(
    there: RemoteWorld,
) -> None:
    class Locked(AttemptStore):
        """As where another program writes for long, just as this one begins."""

        def open(self) -> tuple[RemoteAttempt, ...]:
            if threading.current_thread() is threading.main_thread():
                raise AppError("database_locked", "Another program uses the database.", "")
            return super().open()

    first = there.program(STAYS)
    run = on_a_pod(there, first)
    first.close()
    there.store.change(run.id, 1, ends_at=there.runpod.cloud.clock.now())
    driver = RemoteDriver(replace(there.tools(), store=Locked(there.database)))
    there.drivers.append(driver)
    with pytest.raises(AppError):
        driver.resume_all()
    wait_for(lambda: there.pods == [])


def test_what_was_waited_for_meanwhile_is_not_why_a_training_ended(there: RemoteWorld) -> None:
    """Another program still read the log when this one took the run over."""
    reading = "Another program is reading this run's log just now."
    told: list[str] = []

    def stumbles(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        told.append(attempt.trouble)
        if len(told) == 1:
            raise AppError("conflict", reading, "")
        return STEPS[RemotePhase.TRAINING](attempt, work)

    there.train_quickly(die_at=10, step_seconds=30)
    run = there.add_run(**{"hp.max_steps": 60, "hp.save_steps": 50})
    there.attempt(run)
    there.program({RemotePhase.TRAINING: stumbles}).wake(run.id)
    wait_for(lambda: len(told) > 1 and not there.store.get(run.id, 1).trouble)
    assert told == ["", reading]
    assert there.store.get(run.id, 1).phase is RemotePhase.TRAINING
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.exit_code, over.trouble) == (FAILED, 137, "")


def test_an_emulated_pod_is_paid_until_its_deletion_not_until_its_processes_are_dead() -> None:
    dead: list[float] = []
    cloud = Cloud(Clock(60))

    class Slow(ProcessMachine):
        def stop(self) -> None:
            time.sleep(0.2)
            dead.append(cloud.clock.now())
            super().stop()

    cloud.machine = Slow
    (pod,) = cloud.add_pods(1)
    asked = cloud.clock.now()
    cloud.end_pod(pod)
    assert asked <= cloud.ended_at[pod] <= dead[-1] - 12


def test_each_wait_in_a_row_that_lasts_too_long_counts() -> None:
    lateness, nap = Lateness(), 0.05
    for ended, late in ((10.0, 0.5), (11.0, 0.2), (11.5, 0.3), (13.0, 0.4)):
        lateness.note(ended - nap - late, ended)
    assert lateness.between(10.5, 12.0) == pytest.approx(0.5)
    assert lateness.between(9.9, 13.0) == pytest.approx(1.4)
    assert lateness.between(12.0, 12.1) == 0
