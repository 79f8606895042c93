"""Runs while something is in the way: a full disk, an engine that is gone, a folder that is."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON
from models.domain.errors import AppError
from models.domain.run import JobHandle, RunState
from services import run_follower
from services.run_files import RunFolder
from services.run_history import RunHistory
from services.run_queue import RunQueue
from services.run_records import RunRecords
from services.runners.base import Look, Runners
from services.runners.process import ProcessRunner
from tests.integration.runs_world import config, follow, is_training, make_home, make_service

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from services.runners.base import Launch, Started
    from services.runs import RunService

pytestmark = pytest.mark.slow
STOPPED = AppError("docker_stopped", "The engine does not answer.", "Start it.")


class EngineAway(ProcessRunner):
    """As a container's runner while its engine is gone: nothing can be known or ended."""

    def __init__(self) -> None:
        super().__init__(lambda: Path(sys.executable))
        self.knows_trouble = True
        self.released: list[JobHandle] = []
        self.tidied = 0

    def look(self, handle: JobHandle, folder: RunFolder) -> Look:
        return Look(trouble=str(STOPPED)) if self.knows_trouble else Look(is_alive=True)

    def kill(self, handle: JobHandle) -> None:
        raise STOPPED

    def release(self, handle: JobHandle, folder: RunFolder) -> None:
        self.released.append(handle)

    def tidy(self, live: Collection[str]) -> None:
        self.tidied += 1


class FullDisk(ProcessRunner):
    def __init__(self) -> None:
        super().__init__(lambda: Path(sys.executable))

    def start(self, launch: Launch) -> Started:
        raise OSError(28, "No space left on device")


def use(service: RunService, runner: ProcessRunner) -> None:
    runners = Runners({RUNTIME_PYTHON: runner})
    service._runners = service._follower._runners = service.starter._runners = runners


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    with closing(Database.open(home / "temper.db")) as found:
        yield found


@pytest.fixture
def service(home: Path, database: Database) -> Iterator[RunService]:
    found = make_service(home, database)
    yield found
    use(found, ProcessRunner(lambda: Path(sys.executable)))
    for run in found.list():
        found.kill(run.id)


def test_a_run_whose_folder_is_gone_can_be_stopped(service: RunService, home: Path) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    shutil.rmtree(RunFolder(home / "data", run.id).path)
    service.stop(run.id)
    assert follow(service, run)[0].state.is_over


def test_a_disk_that_is_full_at_the_start_is_a_sentence_and_a_failed_run(
    service: RunService,
) -> None:
    use(service, FullDisk())
    with pytest.raises(AppError, match="No space left on device"):
        service.start(config("finish"))
    run = service.list()[0]
    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.kind == "disk_full"


def test_a_job_that_cannot_be_written_is_a_sentence(service: RunService, home: Path) -> None:
    run, _, _ = follow(service, service.start(config("crash")))
    (RunFolder(home / "data", run.id).path / ".job.json.tmp").mkdir()
    with pytest.raises(AppError, match="cannot be written"):
        service.resume(run.id)
    assert service.get(run.id).state is RunState.FAILED


def test_a_waiting_run_whose_job_cannot_be_written_lets_the_next_one_start(
    service: RunService, database: Database, home: Path
) -> None:
    queue = RunQueue(service, RunRecords(database), home / "queue.lock")
    names = ("one", "two")
    runs = [
        queue.enqueue(config("wait", **{"output.directory": f"/data/outputs/{name}"}), name=name)
        for name in names
    ]
    (RunFolder(home / "data", runs[0].id).path / ".job.json.tmp").mkdir()
    turn = queue.start_next()
    assert [run.name for run in turn.failed] == ["one"]
    assert turn.started is not None
    assert turn.started.name == "two"


def test_a_run_whose_engine_never_comes_back_can_be_given_up_and_deleted(
    service: RunService, database: Database, home: Path
) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    away = EngineAway()
    use(service, away)
    assert service.stop(run.id).state is RunState.STOPPING
    assert service.poll(run.id).trouble == str(STOPPED)
    given_up = service.kill(run.id)
    assert given_up.state is RunState.LOST
    assert given_up.failure is not None
    assert "does not answer" in given_up.failure.message
    assert away.released == [run.handle]
    assert RunFolder(home / "data", run.id).stop_request.exists(), "it would go on for ever"
    assert service.others() == []
    history = RunHistory(database, service, service.starter._library, home / "deleting.lock")
    assert history.delete([run.id]).run_ids == (run.id,)


def test_nothing_is_given_up_that_was_not_asked_to_stop(service: RunService) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    use(service, EngineAway())
    with pytest.raises(AppError, match="does not answer"):
        service.kill(run.id)
    assert service.get(run.id).state.is_live


def test_what_cannot_be_killed_after_the_grace_is_followed_on(
    service: RunService, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _, _ = follow(service, service.start(config("stubborn")), is_training)
    monkeypatch.setattr(run_follower, "STOP_GRACE_SECONDS", 0.1)
    away = EngineAway()
    away.knows_trouble = False
    use(service, away)
    service.stop(run.id)
    time.sleep(0.3)
    assert service.poll(run.id).run.state is RunState.STOPPING


def test_a_container_whose_clock_is_behind_says_why_it_failed_all_the_same(
    service: RunService, database: Database
) -> None:
    run = service.start(config("fail"))
    RunRecords(database).change(run.id, started_at=time.time() + 3600)
    ended, _, _ = follow(service, run)
    assert ended.failure is not None
    assert ended.failure.kind == "nan_loss"


def test_starting_waits_for_no_engine_that_has_nothing_to_do_with_it(service: RunService) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    away = EngineAway()
    use(service, away)
    service.others()
    assert away.tidied == 0
    service.stop(run.id)
