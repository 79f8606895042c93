"""Runs as real detached processes: followed, stopped, resumed, found again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_PYTHON
from models.domain.errors import AppError, ConfigError
from models.domain.run import ProcessHandle, Run, RunState
from services import run_follower
from services.run_files import RunFolder
from services.run_records import RunRecords
from services.run_starter import RunStarter
from services.runners.base import Runners
from services.runners.process import ProcessRunner
from tests.integration.runs_world import (
    DEADLINE_SECONDS,
    ROOT,
    config,
    follow,
    is_training,
    let_finish,
    make_home,
    make_service,
)
from tests.whole_model import lay_whole_model
from trainer_image.contract import Job, OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.runs import RunService

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def service(home: Path) -> Iterator[RunService]:
    with closing(Database.open(home / "temper.db")) as database:
        found = make_service(home, database)
        yield found
        for run in found.list():
            found.kill(run.id)


def test_a_run_is_followed_to_its_result(service: RunService, home: Path) -> None:
    started = service.start(config("finish"), name="First")
    assert started.state is RunState.PREPARING
    run, events, text = follow(service, started)
    assert (run.state, run.exit_code, run.step, run.failure) == (RunState.FINISHED, 0, 30, None)
    assert (run.eval_loss_before, run.eval_loss_after) == (3.0, 2.0)
    assert [event.seq for event in events] == list(range(len(events)))
    assert text.splitlines()[0] == "hello from the trainer"
    assert service.adapter_path(run) == home / "data/outputs/local_run/adapter"
    assert service.get(run.id) == run


def test_the_job_holds_every_hyperparameter_and_the_very_bytes_of_the_dataset(
    service: RunService, home: Path
) -> None:
    run = service.start(config("finish", **{"hp.lora_r": 7, "hp.seed": 5}))
    folder = RunFolder(home / "data", run.id)
    job = Job.model_validate_json(folder.job.read_bytes())
    assert (job.hp.lora_r, job.hp.seed, job.base_model) == (7, 5, "test/finish")
    rows = home / "data" / job.dataset.path.removeprefix("/data/")
    assert rows.read_bytes() == (home / "datasets" / rows.name).read_bytes()
    follow(service, run)


def test_a_setup_that_holds_a_token_is_refused_and_nothing_of_it_is_kept(
    service: RunService, home: Path
) -> None:
    token = "hf_" + "a1B2c3D4" * 4
    with pytest.raises(ConfigError) as caught:
        service.start(config("finish", **{"hp.resume_from": token, "local.container_name": token}))
    assert {problem.field for problem in caught.value.problems} == {
        "hp.resume_from", "local.container_name",
    }  # fmt: skip
    assert token not in str(caught.value)
    assert service.list() == []
    written = (path for path in home.rglob("*") if path.is_file())
    assert not any(token.encode() in path.read_bytes() for path in written)


@pytest.mark.parametrize(
    ("how", "kind", "code"), [("fail", "nan_loss", 1), ("refuse", "bad_config", 2)]
)
def test_a_failed_run_says_why(service: RunService, how: str, kind: str, code: int) -> None:
    run, _, _ = follow(service, service.start(config(how)))
    assert (run.state, run.exit_code) == (RunState.FAILED, code)
    assert run.failure is not None
    assert (run.failure.kind, run.failure.hint) == (kind, "Do this.")


def test_a_killed_trainer_is_told_apart_and_resumes_in_the_same_folder(
    service: RunService,
) -> None:
    run, first, _ = follow(service, service.start(config("crash")))
    assert (run.state, run.exit_code) == (RunState.FAILED, 137)
    assert run.failure is not None
    assert run.failure.kind == "killed"
    run, second, _ = follow(service, service.resume(run.id))
    assert run.state is RunState.FINISHED
    assert [event.seq for event in first + second] == list(range(len(first + second)))


def test_stop_asks_and_the_run_ends_cancelled(service: RunService) -> None:
    run, seen, _ = follow(service, service.start(config("wait")), is_training)
    time.sleep(0.2)  # the trainer goes on; what it writes now is first read by stop()
    assert service.stop(run.id).state is RunState.STOPPING
    run, more, _ = follow(service, run)
    assert (run.state, run.exit_code) == (RunState.CANCELLED, 130)
    assert [event.seq for event in seen + more] == list(range(len(seen + more)))
    assert service.stop(run.id).state is RunState.CANCELLED


def test_a_trainer_that_does_not_stop_is_killed_after_the_grace(
    service: RunService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_follower, "STOP_GRACE_SECONDS", 0.3)
    run, _, _ = follow(service, service.start(config("stubborn")), is_training)
    service.stop(run.id)
    run, _, _ = follow(service, run)
    assert (run.state, run.exit_code) == (RunState.CANCELLED, 137)


def test_another_program_finds_the_run_with_all_events_once(
    service: RunService, home: Path
) -> None:
    run, seen, _ = follow(service, service.start(config("wait")), is_training)
    with closing(Database.open(home / "temper.db")) as database:
        other = make_service(home, database)
        assert [found.id for found in other.reattach()] == [run.id]
        history = other.history(run.id)
        events = list(history.events)
        assert [event.seq for event in events] == list(range(len(events)))
        assert len(events) >= len(seen)
        other.stop(run.id)
        run, more, _ = follow(other, run)
    assert [event.seq for event in events + more] == list(range(len(events + more)))
    assert run.state is RunState.CANCELLED


def test_the_trainer_outlives_the_program_that_started_it(home: Path) -> None:
    program = (
        "import os, signal, sys, pathlib\n"
        "sys.path[:0] = [sys.argv[1], sys.argv[1] + '/tests/integration']\n"
        "import test_runs as t\n"
        "home = pathlib.Path(sys.argv[2])\n"
        "service = t.make_service(home, t.Database.open(home / 'temper.db'))\n"
        "run, _, _ = t.follow(service, service.start(t.config('told')), t.is_training)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    argv = [sys.executable, "-c", program, str(ROOT), str(home)]
    killed = subprocess.run(argv, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with closing(Database.open(home / "temper.db")) as database:
        service = make_service(home, database)
        stored = service.list()[0]
        assert stored.state is RunState.RUNNING
        assert stored.next_seq > 0
        let_finish(home, stored)
        run, events, text = follow(service, stored)
    assert run.state is RunState.FINISHED
    # Only what the killed program had not stored is read again: nothing lost, nothing twice.
    assert events[0].seq == stored.next_seq
    assert "hello" not in text
    assert events[-1].type == "phase"


def test_a_training_that_is_at_its_next_phase_when_somebody_looks_has_begun(
    service: RunService, home: Path
) -> None:
    run = service.start(config("save"))
    events = RunFolder(home / "data", run.id).events
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not events.is_file() or '"saving"' not in events.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)

    seen = service.poll(run.id).run

    assert (seen.state, seen.phase) == (RunState.RUNNING, "saving")
    service.stop(run.id)
    assert follow(service, seen)[0].state is RunState.CANCELLED


def test_a_program_killed_before_it_stored_the_process_still_finds_it(
    service: RunService, home: Path
) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    with closing(Database.open(home / "temper.db")) as database:
        RunRecords(database).transition(run, RunState.RUNNING, handle=None)
    state = RunFolder(home / "data", run.id).path / "state.json"
    content = json.loads(state.read_text())
    assert isinstance(run.handle, ProcessHandle)
    state.write_text(json.dumps({**content, "pid_created": run.handle.created}))
    assert service.poll(run.id).run.state is RunState.RUNNING
    service.stop(run.id)
    assert follow(service, run)[0].state is RunState.CANCELLED


@pytest.mark.parametrize("how", ["start", "resume"])
def test_a_program_ended_between_storing_a_run_and_starting_it_leaves_none_that_waits_for_ever(
    how: str, service: RunService, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndedError(BaseException): ...

    def end(_starter: RunStarter, _run: Run) -> Run:
        raise EndedError

    ended, _, _ = follow(service, service.start(config("crash")))
    begin = {
        "start": lambda: service.start(config("finish"), on_existing="new"),
        "resume": lambda: service.resume(ended.id),
    }[how]
    with monkeypatch.context() as patched:
        patched.setattr(RunStarter, "launch", end)
        with pytest.raises(EndedError):
            begin()

    assert service.reattach()[0].state is RunState.PREPARING  # another program may be at it
    monkeypatch.setattr(run_follower, "START_SECONDS", 0.0)
    (lost,) = service.reattach()

    assert lost.state is RunState.LOST
    assert lost.failure is not None
    assert "Temper was ended" in lost.failure.message
    run, _, _ = follow(service, service.resume(lost.id))
    assert run.state is RunState.FINISHED


def test_a_run_whose_folder_is_gone_is_lost(service: RunService, home: Path) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    assert isinstance(run.handle, ProcessHandle)
    os.kill(run.handle.pid, signal.SIGKILL)
    while (
        service._follower._runner(run).look(run.handle, RunFolder(home / "data", run.id)).is_alive
    ):
        time.sleep(0.02)  # until then it may write there
    shutil.rmtree(RunFolder(home / "data", run.id).path)
    assert follow(service, run)[0].state is RunState.LOST


def test_an_occupied_output_directory_is_asked_about(service: RunService, home: Path) -> None:
    output = home / "data/outputs/local_run"
    output.mkdir(parents=True)
    (output / "precious.txt").write_text("mine")
    with pytest.raises(AppError) as caught:
        service.start(config("finish"))
    assert caught.value.kind == "output_exists"
    assert service.list() == []
    run = service.start(config("finish"), on_existing="new")
    assert run.output_directory == f"{output}-2"
    follow(service, run)
    assert (output / "precious.txt").read_text() == "mine"


def test_an_unfinished_run_of_the_same_job_is_resumed_without_asking(
    service: RunService, home: Path
) -> None:
    first, _, _ = follow(service, service.start(config("finish")))
    job = Job.model_validate_json(RunFolder(home / "data", first.id).job.read_bytes())
    output = home / "data/outputs/local_run"
    output.mkdir(parents=True, exist_ok=True)
    marker = OutputMarker(run_id=first.id, fingerprint=job.fingerprint())
    (output / "temper-output.json").write_text(marker.model_dump_json())
    second, _, _ = follow(service, service.start(config("finish")))
    again = Job.model_validate_json(RunFolder(home / "data", second.id).job.read_bytes())
    assert again.on_existing == "resume"
    assert second.parent_run_id == again.parent_run_id == first.id
    with pytest.raises(AppError, match="another job"):
        service.start(config("finish", **{"hp.lora_r": 4}))


def test_events_that_could_not_be_stored_come_again(
    service: RunService, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen, _ = follow(service, service.start(config("on")), is_training)
    written = RunFolder(home / "data", run.id).events
    locked = AppError("database_locked", "The database is locked.")

    def fail(*_: object) -> Run:
        raise locked

    with monkeypatch.context() as patch:
        patch.setattr(RunRecords, "store", fail)
        while len(written.read_text().splitlines()) <= len(seen):
            time.sleep(0.02)
        with pytest.raises(AppError):
            service.poll(run.id)
    service.stop(run.id)
    _, more, _ = follow(service, run)
    assert [event.seq for event in seen + more] == list(range(len(seen + more)))


def test_resume_waits_for_no_other_run_in_the_same_directory(service: RunService) -> None:
    first, _, _ = follow(service, service.start(config("crash")))
    other, _, _ = follow(service, service.start(config("wait")), is_training)
    with pytest.raises(AppError) as caught:
        service.resume(first.id)
    assert (caught.value.kind, other.id in caught.value.message) == ("output_in_use", True)


def test_two_runs_never_train_into_one_directory(service: RunService) -> None:
    run, _, _ = follow(service, service.start(config("wait")), is_training)
    with pytest.raises(AppError) as caught:
        service.start(config("finish"), on_existing="overwrite")
    assert caught.value.kind == "output_in_use"
    assert run.id in caught.value.message


def test_a_run_names_model_and_adapter_as_this_computer_does(
    service: RunService, home: Path
) -> None:
    elsewhere = home / "elsewhere"
    lay_whole_model(elsewhere / "models" / "finish")
    values = {"local.host_data_dir": str(elsewhere), "hp.base_model": "/data/models/finish"}
    run, _, _ = follow(service, service.start(config("finish", **values)))
    assert run.base_model == str(elsewhere / "models" / "finish")
    assert service.adapter_path(run) == elsewhere / "outputs" / "local_run" / "adapter"
    job = Job.model_validate_json(RunFolder(elsewhere, run.id).job.read_bytes())
    assert job.base_model == "/data/models/finish"


def test_everything_wrong_is_told_before_anything_starts(service: RunService, home: Path) -> None:
    (home / "model").mkdir()
    bad = config(
        "finish",
        **{
            "hp.base_model": str(home / "model"),
            "hp.learning_rate": 3.0,
            "dataset.session": "nothing",
            "output.directory": "/etc",
        },
    )
    with pytest.raises(ConfigError) as caught:
        service.start(bad)
    assert {problem.field for problem in caught.value.problems} == {
        "hp.base_model",
        "hp.learning_rate",
        "dataset.session",
        "output.directory",
    }
    assert "config.json" in str(caught.value)
    assert service.list() == []


def test_a_missing_environment_is_a_sentence_and_a_failed_run(home: Path) -> None:
    with closing(Database.open(home / "temper.db")) as database:
        service = make_service(home, database)
        service.starter._runners = Runners(
            {RUNTIME_PYTHON: ProcessRunner(lambda: home / "no" / "python")}
        )
        with pytest.raises(AppError) as caught:
            service.start(config("finish"))
        assert caught.value.kind == "runtime_missing"
        assert service.list()[0].state is RunState.FAILED
