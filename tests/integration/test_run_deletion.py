"""Deleting runs with their files: what goes, what stays, and nothing half-done at any crash."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run import Run, RunEvent, RunState
from services.environment.folder_lock import try_lock
from services.run_deletion import RunDeletion
from services.run_sizes import OWN_OUTPUTS, measure
from services.storage.pins import Pins
from trainer_image import output as trainer_output
from trainer_image.contract import OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
_CRASHED = 77


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(tmp_path / "temper.db")) as found:
        yield found


def deletion(tmp_path: Path, database: Database) -> RunDeletion:
    return RunDeletion(database, tmp_path / "deleting.lock")


def make_run(tmp_path: Path, database: Database, run_id: str = "run-1", **changes: Any) -> Run:
    """A run as it is stored, with a folder and with outputs that say they are its own."""
    data = tmp_path / "data"
    values = {"config": TrainingConfig(), "state": RunState.FINISHED, **changes}
    run = Run(
        id=run_id, name=run_id, runtime="", data_root=str(data), created_at=1.0,
        output_directory=str(data / "outputs" / run_id), **values,
    )  # fmt: skip
    folder, outputs = data / "runs" / run_id, Path(run.output_directory)
    folder.mkdir(parents=True)
    (folder / "train.log").write_bytes(b"x" * 1000)
    (outputs / "adapter").mkdir(parents=True)
    (outputs / "adapter" / "adapter_model.safetensors").write_bytes(b"y" * 5000)
    (outputs / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    (outputs / "checkpoints" / "checkpoint-1" / "state.bin").write_bytes(b"z" * 300)
    mark(outputs, run_id)
    with database.unit_of_work() as uow:
        uow.runs.add(run)
        uow.metrics.add(run_id, [RunEvent(0, 1.0, "progress", {"step": 1, "loss": 2.0})])
        uow.commit()
    return run


def mark(outputs: Path, run_id: str) -> None:
    marker = OutputMarker(run_id=run_id, fingerprint="0" * 64, finished=True)
    (outputs / "temper-output.json").write_text(marker.model_dump_json())


def has(database: Database, run_id: str) -> bool:
    with database.unit_of_work() as uow:
        return uow.runs.has(run_id)


def notes(database: Database) -> dict[str, Any]:
    with database.unit_of_work() as uow:
        return uow.app_state.starting_with("deleting_run:")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_size_is_of_its_own_folder_and_of_its_own_outputs(
    tmp_path: Path, database: Database
) -> None:
    run = make_run(tmp_path, database)
    (Path(run.output_directory) / "model.gguf").write_bytes(b"g" * 999)
    (tmp_path / "data" / "cache").mkdir()
    (tmp_path / "data" / "cache" / "weights").write_bytes(b"w" * 10_000)
    marker = (Path(run.output_directory) / "temper-output.json").stat().st_size
    found = measure(run)
    assert (found.folder, found.outputs) == (1000, 5300 + marker)
    assert found.total == 6300 + marker
    assert found.outputs_kept == ""


def test_a_checkpoint_that_another_run_has_taken_over_frees_nothing(
    tmp_path: Path, database: Database
) -> None:
    run, longer = make_run(tmp_path, database), make_run(tmp_path, database, "run-2")
    state = Path(run.output_directory) / "checkpoints" / "checkpoint-1" / "state.bin"
    theirs = Path(longer.output_directory) / "checkpoints" / "checkpoint-1" / "state.bin"
    before = measure(run)
    theirs.unlink()
    theirs.hardlink_to(state)
    assert measure(run).outputs == before.outputs - 300
    theirs.unlink()
    (state.parent / "again.bin").hardlink_to(state)
    assert measure(run) == before, "with both of its names it goes"


def test_what_is_counted_as_outputs_is_what_the_trainer_makes() -> None:
    assert set(OWN_OUTPUTS) == set(trainer_output._OURS)


def test_a_run_goes_with_its_folder_and_its_outputs_stay(
    tmp_path: Path, database: Database
) -> None:
    run, other = make_run(tmp_path, database), make_run(tmp_path, database, "run-2")
    deleted = deletion(tmp_path, database).delete([run], with_outputs=False)
    assert (deleted.run_ids, deleted.left) == (("run-1",), ())
    assert not has(database, run.id)
    assert has(database, other.id)
    assert [path.name for path in (tmp_path / "data" / "runs").iterdir()] == ["run-2"]
    assert (Path(run.output_directory) / "adapter").is_dir()
    with database.unit_of_work() as uow:
        assert uow.metrics.list("run-1") == []
        assert len(uow.metrics.list("run-2")) == 1


def test_with_outputs_adapter_and_checkpoints_go_and_what_else_is_there_stays(
    tmp_path: Path, database: Database
) -> None:
    run, bare = make_run(tmp_path, database), make_run(tmp_path, database, "run-2")
    (Path(run.output_directory) / "model.gguf").write_text("mine")
    deletion(tmp_path, database).delete([run, bare], with_outputs=True)
    assert files(tmp_path / "data") == {
        "runs", "outputs", "outputs/run-1", "outputs/run-1/model.gguf",
    }  # fmt: skip


@pytest.mark.parametrize("why", ["other run", "no marker", "link", "outside", "gone"])
def test_outputs_that_are_not_surely_its_own_stay(
    tmp_path: Path, database: Database, why: str
) -> None:
    run = make_run(tmp_path, database)
    outputs = Path(run.output_directory)
    if why == "other run":
        mark(outputs, "run-9")
    elif why == "no marker":
        (outputs / "temper-output.json").unlink()
    elif why in {"link", "outside"}:
        elsewhere = tmp_path / "elsewhere"
        (outputs if why == "link" else outputs.parent).rename(elsewhere)
        (outputs if why == "link" else outputs.parent).symlink_to(elsewhere)
    elif why == "gone":
        outputs.rename(tmp_path / "elsewhere")
    before = files(tmp_path / "elsewhere") if (tmp_path / "elsewhere").exists() else files(outputs)
    size = measure(run)
    assert size.outputs == 0
    assert size.outputs_kept.endswith(".")
    deletion(tmp_path, database).delete([run], with_outputs=True)
    assert not has(database, run.id)
    after = files(tmp_path / "elsewhere") if (tmp_path / "elsewhere").exists() else files(outputs)
    assert after == before


def test_links_within_a_run_are_removed_and_never_followed(
    tmp_path: Path, database: Database
) -> None:
    run = make_run(tmp_path, database)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    (tmp_path / "data" / "runs" / run.id / "link").symlink_to(precious)
    adapter = Path(run.output_directory) / "adapter"
    adapter.rename(tmp_path / "real-adapter")
    adapter.symlink_to(tmp_path / "real-adapter")
    assert measure(run).outputs < 5000
    deletion(tmp_path, database).delete([run], with_outputs=True)
    assert (precious / "thesis.txt").read_text() == "mine"
    assert (tmp_path / "real-adapter" / "adapter_model.safetensors").exists()
    assert not adapter.is_symlink()


def test_with_one_live_run_among_them_none_is_touched(tmp_path: Path, database: Database) -> None:
    run = make_run(tmp_path, database)
    live = make_run(tmp_path, database, "run-2", phase="training")
    with database.unit_of_work() as uow:
        uow.runs._row("run-2").state = "running"  # as another program would have it
        uow.commit()
        live = uow.runs.get("run-2")
    before = files(tmp_path / "data")
    with pytest.raises(AppError) as caught:
        deletion(tmp_path, database).delete([run, live], with_outputs=True)
    assert caught.value.kind == "running"
    assert has(database, run.id)
    assert files(tmp_path / "data") == before


def test_a_run_that_was_started_meanwhile_is_as_it_was(tmp_path: Path, database: Database) -> None:
    seen = make_run(tmp_path, database)
    with database.unit_of_work() as uow:
        uow.runs._row("run-1").state = "running"
        uow.commit()
    before = files(tmp_path / "data")
    with pytest.raises(AppError) as caught:
        deletion(tmp_path, database).delete([seen], with_outputs=True)
    assert caught.value.kind == "running"
    assert files(tmp_path / "data") == before
    assert notes(database) == {}


def test_a_folder_that_cannot_be_moved_leaves_everything_as_it_was(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, database)
    before = files(tmp_path / "data")
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if self.name == "checkpoints":
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stubborn)
        with pytest.raises(AppError) as caught:
            deletion(tmp_path, database).delete([run], with_outputs=True)
    assert caught.value.kind == "io"
    assert "checkpoints" in caught.value.message
    assert has(database, run.id)
    assert files(tmp_path / "data") == before
    assert notes(database) == {}


def test_what_cannot_be_removed_yet_is_told_and_tried_again(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, database)
    with monkeypatch.context() as patched:

        def busy(path: Path) -> None:
            raise OSError(16, "Device or resource busy", str(path))

        patched.setattr("shutil.rmtree", busy)
        deleted = deletion(tmp_path, database).delete([run], with_outputs=False)
    assert not has(database, run.id)
    assert [Path(left).exists() for left in deleted.left] == [True]
    assert deletion(tmp_path, database).recover() == ()
    assert files(tmp_path / "data" / "runs") == set()
    assert notes(database) == {}


def test_nothing_is_settled_while_another_program_deletes(
    tmp_path: Path, database: Database
) -> None:
    run = make_run(tmp_path, database)
    folder = tmp_path / "data" / "runs" / run.id
    aside = folder.with_name(".run-1.deleted-00")
    folder.rename(aside)
    with database.unit_of_work() as uow:
        uow.app_state.set("deleting_run:run-1", [[str(folder), str(aside)]])
        uow.commit()
    descriptor = try_lock(tmp_path / "deleting.lock")
    assert descriptor is not None
    deletion(tmp_path, database).recover()
    assert aside.exists()
    os.close(descriptor)
    deletion(tmp_path, database).recover()
    assert (folder / "train.log").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_program_that_ends_at_any_step_leaves_all_of_a_run_or_nothing(tmp_path: Path) -> None:
    """Every change of a file is a place to be killed at; each is tried in a process of its own."""
    kept = gone = 0
    for step in range(1, 100):
        home = tmp_path / str(step)
        home.mkdir()
        with closing(Database.open(home / "temper.db")) as database:
            run = make_run(home, database)
        before = files(home / "data")
        was_killed = _delete_until(home, run, step)
        with closing(Database.open(home / "temper.db")) as database:
            assert deletion(home, database).recover() == ()
            assert notes(database) == {}
            if has(database, run.id):
                kept += 1
                assert files(home / "data") == before
            else:
                gone += 1
                assert files(home / "data") == {"runs", "outputs"}
        if not was_killed:
            break
    assert kept >= 4, "no crash before the run was forgotten"
    assert gone >= 4, "no crash after it"


def _delete_until(home: Path, run: Run, last: int) -> bool:
    """Delete in a process that is ended right before its ``last``-th change of a file."""
    child = os.fork()
    if child == 0:
        count = 0

        def on_event(event: str, _arguments: tuple[object, ...]) -> None:
            nonlocal count
            if event in {"os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}:
                count += 1
                if count == last:
                    os._exit(_CRASHED)

        with closing(Database.open(home / "temper.db")) as database:
            sys.addaudithook(on_event)
            deletion(home, database).delete([run], with_outputs=True)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _CRASHED


@pytest.mark.parametrize(
    ("name", "words", "unpin"),
    [
        ("*", "you have pinned the run.", "temper storage unpin run-2, or"),
        ("checkpoint-1", "you have pinned checkpoint-1.", "temper storage unpin run-2 CHECKPOINT"),
    ],
)
def test_what_is_pinned_is_not_deleted_with_its_outputs(
    tmp_path: Path, database: Database, name: str, words: str, unpin: str
) -> None:
    run, pinned = make_run(tmp_path, database), make_run(tmp_path, database, "run-2")
    Pins(database).pin(pinned.id, name)
    everything = files(tmp_path / "data")
    with pytest.raises(AppError, match="Run run-2 cannot be deleted with its outputs") as caught:
        deletion(tmp_path, database).delete([run, pinned], with_outputs=True)
    assert words in caught.value.message
    assert unpin in caught.value.hint
    assert files(tmp_path / "data") == everything, "nothing is done to any of them"
    assert has(database, run.id)

    Pins(database).unpin(pinned.id, name)
    deletion(tmp_path, database).delete([run, pinned], with_outputs=True)
    assert not has(database, pinned.id)


def test_outputs_of_a_pinned_run_stay_where_that_was_said_and_the_others_go(
    tmp_path: Path, database: Database
) -> None:
    run, pinned = make_run(tmp_path, database), make_run(tmp_path, database, "run-2")
    Pins(database).pin(pinned.id, "checkpoint-1")
    made = deletion(tmp_path, database)
    assert (made.pinned(run.id), made.pinned(pinned.id)) == ("", "checkpoint-1")
    made.delete([run, pinned], with_outputs=True, keep_pinned=True)
    assert not has(database, run.id)
    assert not has(database, pinned.id)
    assert not Path(run.output_directory).exists()
    left = [path.name for path in sorted(Path(pinned.output_directory).iterdir())]
    assert left == ["adapter", "checkpoints", "temper-output.json"]


def test_a_pinned_run_is_forgotten_where_its_outputs_stay(
    tmp_path: Path, database: Database
) -> None:
    run = make_run(tmp_path, database)
    Pins(database).pin(run.id, "checkpoint-1")
    deletion(tmp_path, database).delete([run], with_outputs=False)
    assert (Path(run.output_directory) / "checkpoints" / "checkpoint-1").is_dir()
    assert Pins(database).all() == {}, "a pin of a run that is gone is none"


@pytest.mark.parametrize(
    ("state", "values", "job"),
    [
        (RunState.RUNNING, {"hp.base_model": "/data/outputs/run-1/adapter/inner"}, {}),
        (RunState.QUEUED, {"hp.resume_from": "/data/outputs/run-1/checkpoints/checkpoint-1"}, {}),
        (RunState.LOST, {}, {"on_top_of": "/data/outputs/run-1/adapter"}),
    ],
)
def test_outputs_that_a_run_works_with_or_waits_for_are_not_deleted(
    tmp_path: Path,
    database: Database,
    state: RunState,
    values: dict[str, object],
    job: dict[str, str],
) -> None:
    one = make_run(tmp_path, database)
    other = make_run(
        tmp_path, database, "run-2", config=with_values(TrainingConfig(), values), state=state
    )
    (tmp_path / "data" / "runs" / "run-2" / "job.json").write_text(json.dumps(job))
    delete = deletion(tmp_path, database).delete
    with pytest.raises(AppError, match=r"run run-2, .* needs .*outputs/run-1/") as refused:
        delete([one], with_outputs=True, keep_pinned=True)
    assert refused.value.kind == "in_use"
    assert measure(one).outputs > 5000
    if not state.is_live:
        delete([one, other], with_outputs=True)
        assert not Path(one.output_directory).exists()
        return
    delete([one], with_outputs=False)
    assert (Path(one.output_directory) / "adapter").exists()


def test_outputs_that_only_ended_runs_have_named_are_deleted(
    tmp_path: Path, database: Database
) -> None:
    one = make_run(tmp_path, database)
    config = with_values(TrainingConfig(), {"hp.base_model": "/data/outputs/run-1/adapter"})
    make_run(tmp_path, database, "run-2", config=config)
    deletion(tmp_path, database).delete([one], with_outputs=True)
    assert not Path(one.output_directory).exists()
