"""What takes room on the disk, what stays of it, and pins: over a real database and real files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.docker import ImageInfo
from models.domain.errors import AppError
from models.domain.run import RunState
from models.domain.storage import FURTHER_KINDS, CleanKind, RetentionRules, StoredKind
from services.environment.folder_lock import try_lock
from services.storage import inventory
from tests.integration import storage_world
from tests.integration.storage_world import IMAGE, World, taken, write

world = storage_world.world

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows tells no blocks, and lets few people make links"
)


def test_everything_is_counted_by_what_it_is_and_each_file_once(world: World) -> None:
    run = world.run("run-1", 5)
    source = world.home / "rows.jsonl"
    source.write_text(
        '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
    )
    session = world.library.import_file(source, name="Questions")
    world.library.place_into(session, world.data / "datasets")  # a second name of the same file
    weights = write(world.data / "models" / "tiny" / "model.safetensors", 20_000)
    blob = write(world.data / "cache/huggingface/hub/models--some--model/blobs/1", 30_000)
    link = blob.parents[1] / "snapshots" / "main" / "model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    package = write(world.home / "runtime" / "uv-cache" / "torch.whl", 50_000)
    installed = world.home / "runtime" / "venv" / "torch.whl"
    installed.parent.mkdir()
    installed.hardlink_to(package)
    write(world.home / "trainer-code" / "1" / "train.py", 100)

    report = world.storage.report()

    by_name = {(item.kind, item.name): item for item in report.items}
    checkpoint = by_name[StoredKind.CHECKPOINT, "checkpoint-5"]
    folder = Path(run.output_directory) / "checkpoints" / "checkpoint-5"
    assert checkpoint.bytes == taken(*folder.iterdir())
    assert (checkpoint.run_id, checkpoint.place) == (run.id, str(folder))
    adapter = (Path(run.output_directory) / "adapter").iterdir()
    marker = Path(run.output_directory) / "temper-output.json"
    assert by_name[StoredKind.RESULT, "run-1"].bytes == taken(*adapter, marker)
    rows = by_name[StoredKind.DATASET, "Questions"]
    assert rows.bytes == taken(*(world.home / "datasets").iterdir())
    assert rows.shared == taken(world.data / "datasets" / f"{session.sha256}.jsonl")
    assert by_name[StoredKind.MODEL, "tiny"].bytes == taken(weights)
    assert by_name[StoredKind.MODEL, "some/model"].bytes == taken(blob, link)
    assert by_name[StoredKind.IMAGE, "ours:cpu"].bytes == 5000
    assert by_name[StoredKind.ENVIRONMENT, "Python environment"].bytes == taken(installed)
    downloads = by_name[StoredKind.CACHE, "Downloads of the Python environment"]
    assert (downloads.bytes, downloads.shared) == (0, taken(package))
    assert by_name[StoredKind.PROGRAM, "Database"].bytes > 0
    assert report.free > 0
    assert report.problems == ()


def test_an_engine_that_does_not_answer_is_said_and_the_rest_is_counted(world: World) -> None:
    world.run("run-1", 5)
    world.images = AppError("no_engine", "The Docker engine is not running.")
    report = world.storage.report()
    assert report.problems == ("Docker images are not counted: The Docker engine is not running.",)
    assert report.of(StoredKind.CHECKPOINT)
    assert not report.of(StoredKind.IMAGE)


def test_a_disk_that_cannot_be_read_is_said_in_a_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(place: Path) -> object:
        raise PermissionError(errno.EACCES, "Permission denied", str(place))

    monkeypatch.setattr(inventory.shutil, "disk_usage", refused)
    with pytest.raises(AppError, match=r"refused to show .*: Permission denied") as refusal:
        world.storage.report()
    assert refusal.value.kind == "io"
    assert refusal.value.hint


def test_an_image_under_two_names_takes_its_room_once(world: World) -> None:
    world.images = [IMAGE, ImageInfo("ours:latest", IMAGE.id, "", 5000, 1.0)]
    assert sum(one.bytes for one in world.storage.report().of(StoredKind.IMAGE)) == 5000


def test_what_a_saved_setup_a_later_version_or_a_pin_names_stays(world: World) -> None:
    world.run("run-1", 5, 10, 15, 20, 25)
    checkpoints = "/data/outputs/run-1/checkpoints"
    config = with_values(TrainingConfig(), {"hp.resume_from": f"{checkpoints}/checkpoint-5"})
    with world.database.unit_of_work() as uow:
        uow.configs.create("Mine", config)
        later = uow.configs.create("Later", TrainingConfig())
        uow.commit()
        row = uow.configs._row(later.id)
        row.data = {"version": 99, "brand_new": {"from": f"{checkpoints}/checkpoint-10"}}
        uow.commit()
    world.storage.pin("run-1", "15")
    plan = world.storage.plan(RetentionRules())
    assert {Path(one.piece.path).name: one.why for one in plan.staying} == {
        "checkpoint-5": 'The configuration "Mine" needs it.',
        "checkpoint-10": 'The configuration "Later" needs it.',
        "checkpoint-15": "You have pinned it.",
        "checkpoint-25": "It is the newest.",
    }
    world.storage.pin("run-1", "checkpoint-15", pinned=False)
    done = world.storage.clean(world.storage.plan(RetentionRules()), RetentionRules())
    assert sorted(Path(path).name for path in done.paths) == ["checkpoint-15", "checkpoint-20"]
    world.storage.pin("run-1")
    assert not world.storage.plan(RetentionRules(0, keep_best=False)).going


def test_what_a_setup_names_that_is_not_saved_stays_as_of_a_saved_one(world: World) -> None:
    world.run("run-1", 5, 10, 15)
    rules = RetentionRules(0, keep_best=False)
    assert len(world.storage.plan(rules).going) == 3
    checkpoint = "/data/outputs/run-1/checkpoints/checkpoint-5"
    edited = with_values(
        TrainingConfig(),
        {"hp.resume_from": checkpoint, "output.directory": "/data/outputs/run-1"},
    )
    plan = world.storage.plan(rules, edited)
    assert {Path(one.piece.path).name: one.why for one in plan.staying} == {
        "checkpoint-5": "The setup in the window needs it.",
        "checkpoint-15": "The setup in the window needs it.",  # it would be gone on from
    }
    shown = world.storage.plan(rules)
    done = world.storage.clean(shown, rules, edited)
    assert [Path(path).name for path in done.paths] == ["checkpoint-10"]


def test_rows_that_no_dataset_has_go_and_those_that_one_has_again_stay(world: World) -> None:
    source = world.home / "rows.jsonl"
    source.write_text(
        '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
    )
    session = world.library.import_file(source, name="Questions")
    placed = world.library.place_into(session, world.data / "datasets")
    rules = RetentionRules(also=frozenset({CleanKind.ROWS}))
    assert not world.storage.plan(rules).going
    world.library.delete(session.id)
    world.library.close()
    shown = world.storage.plan(rules)
    assert [one.piece.places for one in shown.going] == [(str(placed),)]
    assert shown.bytes == taken(placed) > 0
    again = world.library.import_file(source, name="Questions")
    assert world.storage.clean(shown, rules).kept
    assert placed.exists()
    world.library.delete(again.id)
    world.library.close()
    assert world.storage.clean(shown, rules).bytes == shown.bytes
    assert not placed.exists()


def test_nothing_beside_checkpoints_goes_while_a_bundle_is_made(world: World) -> None:
    write(world.home / "inspections" / "one.json", 5000)
    rules = RetentionRules(also=frozenset(FURTHER_KINDS))
    lock = world.home / "offline" / "export" / ".lock"
    assert len(world.storage.plan(rules).going) == 1
    held = try_lock(lock)
    assert held is not None
    shown = world.storage.plan(rules)
    assert [one.why for one in shown.staying] == ["A bundle is being made or taken in."]
    os.close(held)
    assert len(world.storage.plan(rules).going) == 1


def test_what_a_cut_bundle_left_goes_with_the_caches_unless_it_is_gone_on_with(
    world: World,
) -> None:
    folder = world.home / "offline" / "export"
    lock = write(folder / ".lock", 0)
    saved = write(folder / "images" / "1.tar", 50_000)
    assert world.storage.plan(RetentionRules()).going == ()
    rules = RetentionRules(also=frozenset({CleanKind.CACHES}))
    shown = world.storage.plan(rules)
    assert [one.piece.name for one in shown.going] == ["A bundle that was cut"]
    held = try_lock(lock)
    assert held is not None
    assert world.storage.clean(shown, rules).bytes == 0
    assert saved.exists()
    os.close(held)
    assert world.storage.clean(shown, rules).bytes == shown.bytes > 0
    assert list(folder.iterdir()) == [lock]
    assert world.storage.plan(rules).going == ()


def test_a_model_that_is_being_downloaded_keeps_its_old_revisions(world: World) -> None:
    hub = world.data / "cache" / "huggingface" / "hub" / "models--some--model"
    for revision in ("a" * 40, "b" * 40):
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            write(hub / "snapshots" / revision / name, 5000)
    write(hub / "refs" / "main", 0).write_text("b" * 40)
    rules = RetentionRules(also=frozenset({CleanKind.REVISIONS}))
    shown = world.storage.plan(rules)
    assert [one.piece.name for one in shown.going] == ["Old revisions · some/model"]
    held = try_lock(world.data / "cache" / "temper-models" / "some--model.lock")
    assert held is not None
    done = world.storage.clean(shown, rules)
    assert [why for _, why in done.kept] == ["It is being downloaded."]
    os.close(held)
    assert world.storage.clean(shown, rules).bytes == shown.bytes > 3 * 4096
    assert [one.name for one in (hub / "snapshots").iterdir()] == ["b" * 40]


def test_an_environment_of_another_version_goes_unless_it_is_set_up_or_trained_in(
    world: World,
) -> None:
    write(world.home / "runtime" / "venv" / "pyvenv.cfg", 5000)
    downloads = write(world.home / "runtime" / "uv-cache" / "wheel", 5000)
    rules = RetentionRules(also=frozenset({CleanKind.VERSIONS}))
    assert not world.storage.plan(rules).going
    world.is_outdated = True
    shown = world.storage.plan(rules)
    held = try_lock(world.home / "runtime" / ".lock")
    assert held is not None
    done = world.storage.clean(shown, rules)
    assert [why for _, why in done.kept] == ["The Python environment is being set up."]
    os.close(held)
    world.run("run-1", state=RunState.QUEUED)
    assert "Run run-1 may work with it." in [one.why for one in world.storage.plan(rules).staying]
    with world.database.unit_of_work() as uow:
        uow.runs.delete("run-1")
        uow.commit()
    assert world.storage.clean(shown, rules).bytes == shown.bytes > 4096
    assert downloads.exists()


def test_code_that_a_process_works_with_stays(world: World) -> None:
    folder = world.home / "trainer-code" / ("d" * 16)
    write(folder / "trainer_image" / "train.py", 100)
    rules = RetentionRules(also=frozenset({CleanKind.VERSIONS}))
    assert len(world.storage.plan(rules).going) == 1
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        staying = world.storage.plan(rules).staying
        worker.communicate()
    assert [one.why for one in staying] == ["A process works with it."]
    assert len(world.storage.plan(rules).going) == 1


def test_a_checkpoint_that_is_not_there_cannot_be_pinned(world: World) -> None:
    world.run("run-1", 5)
    with pytest.raises(AppError, match="has no checkpoint checkpoint-6") as caught:
        world.storage.pin("run-1", "6")
    assert caught.value.hint == "It has: checkpoint-5."


def test_the_rules_are_remembered_and_a_damaged_note_is_none(world: World) -> None:
    assert world.storage.pins.rules() == RetentionRules(1, keep_best=True)
    chosen = RetentionRules(2, keep_best=False, also=frozenset({CleanKind.CACHES}))
    world.storage.set_rules(chosen)
    assert world.storage.rules() == chosen
    world.storage.pins.set_rules(RetentionRules(3, keep_best=False))
    assert world.storage.pins.rules() == RetentionRules(3, keep_best=False)
    with pytest.raises(AppError, match="-1 checkpoints"):
        world.storage.pins.set_rules(RetentionRules(-1))
    with world.database.unit_of_work() as uow:
        uow.app_state.set("retention_rules", {"keep_last": "many"})
        uow.commit()
    assert world.storage.pins.rules() == RetentionRules()
