"""The queue over real files, database and processes: order, checks, crashes, two programs."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.run import RunState
from services.environment.folder_lock import try_lock
from services.run_queue import RunQueue
from services.run_records import RunRecords
from services.runners.base import Runners
from services.runners.process import ProcessRunner
from tests.integration.runs_world import (
    ROOT,
    config,
    follow,
    let_finish,
    make_home,
    make_service,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.config import TrainingConfig
    from models.domain.run import Run
    from services.runners.base import Launch, Started
    from services.runs import RunService

pytestmark = pytest.mark.slow


@dataclass
class World:
    """One program's services over a home."""

    home: Path
    database: Database
    runs: RunService
    queue: RunQueue

    @property
    def records(self) -> RunRecords:
        return RunRecords(self.database)

    def runner(self, runner: ProcessRunner) -> None:
        self.runs.starter._runners = Runners({RUNTIME_PYTHON: runner})

    def names(self) -> list[str]:
        return [run.name for run in self.queue.list()]


def open_world(home: Path, database: Database) -> World:
    runs = make_service(home, database)
    return World(home, database, runs, RunQueue(runs, RunRecords(database), home / "queue.lock"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = make_home(tmp_path)
    with closing(Database.open(home / "temper.db")) as database:
        found = open_world(home, database)
        yield found
        for run in found.runs.list():
            found.runs.kill(run.id)


class Crash(BaseException):
    """The program is ended at this very place."""


class Sabotaged(ProcessRunner):
    """Does as it is told around the start of the process."""

    def __init__(
        self, before: BaseException | None = None, after: BaseException | None = None
    ) -> None:
        super().__init__(lambda: Path(sys.executable))
        self._before, self._after = before, after

    def start(self, launch: Launch) -> Started:
        if self._before is not None:
            raise self._before
        started = super().start(launch)
        if self._after is not None:
            raise self._after
        return started


class Refusing(ProcessRunner):
    """Finds something wrong with every setup whose model ends so."""

    def __init__(self, how: str) -> None:
        super().__init__(lambda: Path(sys.executable))
        self._how = how

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        if not config.hp.base_model.endswith(self._how):
            return []
        return [Problem("local.image", "gone", "is not on this computer.", "Pull it.")]


def enqueue(world: World, how: str = "finish", name: str = "", **changes: object) -> Run:
    directory = f"/data/outputs/{name or how}"
    setup = config(how, **{"output.directory": directory, **changes})
    return world.queue.enqueue(setup, name=name or how)


def raising(error: AppError) -> Callable[[Run], None]:
    def check(_: Run) -> None:
        raise error

    return check


def make_old(world: World, run: Run) -> None:
    """As if the program that took it from the queue had been ended a while ago."""
    world.records.change(run.id, started_at=time.time() - 60)


def test_runs_start_one_after_the_other_in_their_order(world: World) -> None:
    for name in ("one", "two", "three"):
        enqueue(world, "told", name)
    assert world.names() == ["one", "two", "three"]
    ended = []
    while (turn := world.queue.start_next()).started is not None:
        assert world.queue.start_next().started is None, "two at once"
        let_finish(world.home, turn.started)
        ended.append(follow(world.runs, turn.started)[0])
    assert [(run.name, run.state) for run in ended] == [
        ("one", RunState.FINISHED), ("two", RunState.FINISHED), ("three", RunState.FINISHED),
    ]  # fmt: skip
    assert [run.queued_at for run in ended] == [None] * 3
    assert world.names() == []


def test_a_waiting_run_is_written_and_stored_but_nothing_of_it_runs(world: World) -> None:
    run = enqueue(world)
    assert (run.state, run.handle, run.started_at) == (RunState.QUEUED, None, None)
    assert run.queued_at is not None
    folder = world.home / "data" / "runs" / run.id
    assert [path.name for path in folder.iterdir()] == ["job.json"]
    assert world.runs.reattach() == []
    assert world.runs.poll(run.id).run == run


def test_what_is_due_is_told_before_it_is_started(world: World) -> None:
    assert world.queue.due() is None
    byhand = world.runs.start(config("wait"))
    waits = enqueue(world, name="waits")
    assert world.queue.due() is None
    world.runs.stop(byhand.id)
    follow(world.runs, byhand)
    assert world.queue.due() == waits
    assert world.names() == ["waits"]


def test_nothing_is_due_where_the_computer_is_not_ready(world: World) -> None:
    enqueue(world, name="waits")
    away = AppError("docker_stopped", "Docker is off.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.runs.starter, "check_waiting", raising(away))
        assert world.queue.due() is None
    assert world.queue.due() is not None


def test_a_run_that_was_started_by_hand_holds_the_queue_until_it_is_over(world: World) -> None:
    enqueue(world, name="waits")
    byhand = world.runs.start(config("wait"))
    assert world.queue.start_next().started is None
    world.runs.stop(byhand.id)
    follow(world.runs, byhand)
    started = world.queue.start_next().started
    assert started is not None
    assert started.name == "waits"


def test_the_order_can_be_changed_and_runs_leave_the_queue(world: World) -> None:
    runs = {name: enqueue(world, name=name).id for name in "abcd"}

    def moved(name: str, where: str) -> str:
        return "".join(run.name for run in world.queue.move(runs[name], where))

    assert moved("c", "up") == "acbd"
    assert moved("d", "first") == "dacb"
    assert moved("d", "up") == "dacb"
    assert moved("d", "down") == "adcb"
    assert moved("b", "down") == "adcb"
    assert moved("a", "last") == "dcba"
    removed = world.queue.remove(runs["c"])
    assert (removed.state, removed.queued_at) == (RunState.CANCELLED, None)
    assert world.names() == ["d", "b", "a"]
    for call in (lambda: world.queue.remove(runs["c"]), lambda: moved("c", "up")):
        with pytest.raises(AppError) as caught:
            call()
        assert caught.value.kind == "not_queued"
    assert world.runs.stop(runs["d"]).state is RunState.CANCELLED
    assert world.names() == ["b", "a"]


def test_a_setup_with_faults_is_not_even_put_into_the_queue(world: World) -> None:
    with pytest.raises(ConfigError):
        enqueue(world, **{"hp.learning_rate": 5.0})
    assert world.runs.list() == []


def test_two_waiting_runs_never_get_the_same_output_directory(world: World) -> None:
    setup = config("finish")
    first = world.queue.enqueue(setup)
    with pytest.raises(AppError) as caught:
        world.queue.enqueue(setup)
    assert caught.value.kind == "output_busy"  # so the window asks, and may answer: a new one
    assert first.name in caught.value.message
    assert first.id in caught.value.details
    second, third = (world.queue.enqueue(setup, on_existing="new") for _ in range(2))
    places = [Path(run.output_directory).name for run in (first, second, third)]
    assert places == ["local_run", "local_run-2", "local_run-3"]
    with pytest.raises(AppError) as caught:
        world.runs.start(setup)
    assert caught.value.kind == "output_in_use"


def test_what_has_changed_since_is_seen_at_the_start_and_the_next_run_is_taken(
    world: World,
) -> None:
    gone, occupied, refused = (enqueue(world, name=name) for name in ("gone", "occupied", "no"))
    good = enqueue(world, name="good")
    foreign = Path(occupied.output_directory)
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("mine")
    (world.home / "data" / "runs" / gone.id / "job.json").unlink()
    world.records.change(refused.id, config=config("refused"))
    world.runner(Refusing("refused"))
    turn = world.queue.start_next()
    assert turn.started is not None
    assert turn.started.id == good.id
    kinds = {run.name: run.failure.kind for run in turn.failed if run.failure}
    assert kinds == {"gone": "job_gone", "occupied": "output_exists", "no": "bad_config"}
    assert all(run.state is RunState.FAILED and run.queued_at is None for run in turn.failed)
    assert (foreign / "thesis.txt").read_text() == "mine"


def test_rows_that_are_gone_when_the_turn_comes_are_the_reason(world: World) -> None:
    run = enqueue(world)
    for path in (world.home / "data" / "datasets").iterdir():
        path.unlink()
    (failed,) = world.queue.start_next().failed
    assert failed.id == run.id
    assert failed.failure is not None
    assert failed.failure.kind == "dataset_gone"
    assert "Import" in failed.failure.hint


def test_a_computer_that_is_not_ready_fails_no_run_but_lets_all_wait(world: World) -> None:
    first = enqueue(world, name="first")
    enqueue(world, name="second")
    world.runner(Sabotaged(before=AppError("runtime_missing", "No environment.", "Set it up.")))
    turn = world.queue.start_next()
    assert (turn.started, turn.failed) == (None, ())
    assert "Set it up." in turn.held
    assert world.names() == ["first", "second"]
    world.runner(ProcessRunner(lambda: Path(sys.executable)))
    started = world.queue.start_next().started
    assert started is not None
    assert (started.id, started.failure) == (first.id, None)


class NoEngine(ProcessRunner):
    """As a runner of containers is while no engine answers."""

    def __init__(self) -> None:
        super().__init__(lambda: Path(sys.executable))

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        return [Problem("local.runtime", "Docker", "cannot be used: it is off.", "Start it.")]


def test_while_no_engine_answers_all_wait_and_none_fails(world: World) -> None:
    enqueue(world, name="first")
    enqueue(world, name="second")
    world.runner(NoEngine())
    turn = world.queue.start_next()
    assert (turn.started, turn.failed) == (None, ())
    assert turn.held == "Docker cannot be used: it is off. Start it."
    assert [(run.name, run.started_at, run.failure) for run in world.queue.list()] == [
        ("first", None, None), ("second", None, None),
    ]  # fmt: skip


def test_a_program_that_ends_before_the_start_leaves_the_run_in_the_queue(world: World) -> None:
    run = enqueue(world)
    enqueue(world, name="other")
    world.runner(Sabotaged(before=Crash()))
    with pytest.raises(Crash):
        world.queue.start_next()
    later = open_world(world.home, world.database)
    assert later.runs.reattach()[0].state is RunState.PREPARING  # nobody knows yet: it may come
    assert later.queue.start_next().started is None
    make_old(world, run)
    assert later.runs.reattach()[0].state is RunState.PREPARING  # it is the queue's to settle
    assert later.names() == ["finish", "other"]
    started = later.queue.start_next().started
    assert started is not None
    assert started.id == run.id
    assert follow(later.runs, started)[0].state is RunState.FINISHED


def test_a_program_that_ends_after_the_start_has_started_it_once(world: World) -> None:
    run = enqueue(world, "wait")
    world.runner(Sabotaged(after=Crash()))
    with pytest.raises(Crash):
        world.queue.start_next()
    later = open_world(world.home, world.database)
    follow(later.runs, run, until=lambda run: run.state is RunState.RUNNING)
    make_old(world, run)
    assert later.queue.list() == []
    assert later.queue.start_next().started is None
    assert later.runs.get(run.id).queued_at is None
    later.runs.stop(run.id)
    ended, events, _ = follow(later.runs, run)
    assert ended.state is RunState.CANCELLED
    assert sum(event.text("phase") == "preparing" for event in events) <= 1
    assert (world.home / "data/runs" / run.id / "events.jsonl").read_text().count(
        '"preparing"'
    ) == 1


def test_a_run_that_is_being_started_by_another_program_is_left_to_it(world: World) -> None:
    enqueue(world)
    descriptor = try_lock(world.home / "queue.lock")
    assert descriptor is not None
    try:
        assert world.queue.start_next().started is None
        assert world.names() == ["finish"]
    finally:
        os.close(descriptor)
    assert world.queue.start_next().started is not None


_PROGRAM = """
import sys, time
from pathlib import Path
from models.db.database import Database
from tests.integration.runs_world import make_service
from services.run_queue import RunQueue
from services.run_records import RunRecords
home = Path(sys.argv[1])
database = Database.open(home / "temper.db")
runs = make_service(home, database)
queue = RunQueue(runs, RunRecords(database), home / "queue.lock")
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 60
while (queue.list() or runs.reattach()) and time.monotonic() < end:
    turn = queue.start_next()
    if turn.started:
        print(turn.started.id, flush=True)
    time.sleep(0.01)
"""


def test_two_programs_that_work_the_queue_off_start_each_run_once(world: World) -> None:
    waiting = [enqueue(world, name=f"run{number}").id for number in range(4)]
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(world.home)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    outputs = []
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    for program in programs:
        outputs.append(program.communicate(timeout=90)[0].split())
        assert program.returncode == 0
    assert sorted(outputs[0] + outputs[1]) == sorted(waiting)
    for run_id in waiting:
        run = world.runs.get(run_id)
        assert run.state is RunState.FINISHED
        events = (world.home / "data/runs" / run_id / "events.jsonl").read_text()
        assert events.count('"preparing"') == 1
    spans = sorted((run.started_at or 0, run.ended_at or 0) for run in map(world.runs.get, waiting))
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
