"""Two programs and one run: what one concluded never undoes what the other did meanwhile."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON
from models.domain.errors import AppError
from models.domain.run import JobHandle, ProcessHandle, Run, RunState
from services.run_files import RunFolder
from services.run_records import RunRecords
from services.runners.base import Look, Runners
from services.runners.process import ProcessRunner
from tests.integration.runs_world import config, follow, make_home, make_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.runners.base import Launch, Started

pytestmark = pytest.mark.slow


class Programs:
    """Ours, and another one that does something at a chosen moment of ours."""

    def __init__(self, home: Path, ours: Database, other: Database) -> None:
        self.home = home
        self.service, self.other = make_service(home, ours), make_service(home, other)
        self.records = RunRecords(other)

    def while_looking(self, act: Callable[[], object]) -> None:
        """Our next look at a trainer takes so long that the other program does ``act``."""
        runner = _Slow(act)
        self.service._follower._runners = Runners({RUNTIME_PYTHON: runner})

    def after_reading(self, act: Callable[[], object]) -> None:
        """Between what we next read of a run and what we make of it the other does ``act``."""
        records = self.service._follower._records
        store, acts = records.store, [act]

        def store_and_act(*args: Any) -> Run:
            stored = store(*args)
            if acts:
                acts.pop()()
            return stored

        records.store = store_and_act  # type: ignore[method-assign, assignment]

    def while_starting(self, act: Callable[[], object]) -> _SlowStart:
        """Our next start takes so long."""
        runner = _SlowStart(act)
        self.service.starter._runners = Runners({RUNTIME_PYTHON: runner})
        return runner

    def await_words(self, run: Run, words: str) -> None:
        """Wait until the trainer has written this, without looking at it."""
        events = RunFolder(self.home / "data", run.id).events
        while not events.exists() or words not in events.read_text():
            time.sleep(0.02)


class _Slow(ProcessRunner):
    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(lambda: Path(sys.executable))
        self._acts = [act]

    def look(self, handle: JobHandle, folder: RunFolder) -> Look:
        look = super().look(handle, folder)
        if self._acts:
            self._acts.pop()()
        return look


class _SlowStart(ProcessRunner):
    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(lambda: Path(sys.executable))
        self._act = act
        self.started: JobHandle | None = None

    def start(self, launch: Launch) -> Started:
        started = super().start(launch)
        self.started = started.handle
        self._act()
        return started


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    home = make_home(tmp_path)
    with (
        closing(Database.open(home / "temper.db")) as ours,
        closing(Database.open(home / "temper.db")) as other,
    ):
        found = Programs(home, ours, other)
        yield found
        for run in found.other.list():
            found.other.kill(run.id)


def test_a_stop_of_another_program_is_not_undone_by_seeing_that_the_training_began(
    programs: Programs,
) -> None:
    run = programs.service.start(config("wait"))
    programs.await_words(run, '"progress"')
    programs.after_reading(lambda: programs.other.stop(run.id))
    assert programs.service.poll(run.id).run.state is RunState.STOPPING
    assert follow(programs.service, run)[0].state is RunState.CANCELLED


def test_a_run_that_another_program_resumed_is_not_judged_by_its_earlier_trainer(
    programs: Programs,
) -> None:
    run = programs.service.start(config("crash"))
    while _is_alive(run):
        time.sleep(0.02)

    def see_and_resume() -> None:
        follow(programs.other, run)
        programs.other.resume(run.id)

    programs.while_looking(see_and_resume)
    assert programs.service.poll(run.id).run.state.is_live
    assert follow(programs.service, run)[0].state is RunState.FINISHED


def test_of_two_programs_that_resume_a_run_only_one_does(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _, _ = follow(programs.service, programs.service.start(config("crash")))
    check = programs.service.starter.check_resume

    def check_slowly(seen: Run) -> None:
        check(seen)
        programs.other.resume(run.id)

    monkeypatch.setattr(programs.service.starter, "check_resume", check_slowly)
    with pytest.raises(AppError) as caught:
        programs.service.resume(run.id)
    assert caught.value.kind == "running"
    assert follow(programs.service, run)[0].state is RunState.FINISHED


def test_a_trainer_whose_run_was_given_up_while_it_started_is_ended(programs: Programs) -> None:
    slow = programs.while_starting(
        lambda: programs.records.transition(programs.other.list()[0], RunState.LOST)
    )
    assert programs.service.start(config("wait")).state is RunState.LOST
    assert slow.started is not None
    while slow.look(slow.started, RunFolder(programs.home, "")).is_alive:
        time.sleep(0.02)


def test_what_was_read_is_told_where_the_end_could_not_be_stored(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = programs.service.start(config("finish"))
    while _is_alive(run):
        time.sleep(0.02)
    locked = AppError("database_locked", "The database is locked.")

    def fail(*_: object, **__: object) -> Run:
        raise locked

    with monkeypatch.context() as patch:
        patch.setattr(RunRecords, "transition_from", fail)
        with pytest.raises(AppError):
            programs.service.poll(run.id)
    ended, events, text = follow(programs.service, run)
    assert ended.state is RunState.FINISHED
    assert [event.seq for event in events] == list(range(ended.next_seq))
    assert text.startswith("hello from the trainer")


def _is_alive(run: Run) -> bool:
    assert isinstance(run.handle, ProcessHandle)
    return ProcessRunner(lambda: Path(sys.executable)).is_alive(run.handle)
