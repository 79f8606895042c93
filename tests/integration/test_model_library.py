"""Base models: listed, of folders and of other programs, and removed unless something uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from app.build_models import build_models
from models.domain.cached_model import ModelPlace, ModelState
from models.domain.config import TrainingConfig
from models.domain.errors import AppError
from models.domain.run import Run, RunState
from services.models import fetching
from services.offline import OfflinePolicy
from services.progress import CancelToken
from tests.integration import models_world
from tests.integration.models_world import GATED, REPO, WANTED, WEIGHTS, World, quiet, repo_files

if TYPE_CHECKING:
    from pathlib import Path

    pass

world = models_world.world


def _fetched_by_another_program(world: World) -> None:
    """As transformers would: the Hub's library alone, into the cache that all programs share."""
    from huggingface_hub import hf_hub_download

    for name in WANTED:
        hf_hub_download(REPO, name, cache_dir=world.shared, endpoint=world.hub.url)
    world.hub.fetched()


def test_a_model_of_another_programs_cache_is_linked_and_not_fetched(world: World) -> None:
    _fetched_by_another_program(world)
    (row,) = world.rows()
    assert (row.where, row.state) == (ModelPlace.SHARED, ModelState.COMPLETE)
    assert not row.is_complete, "trainings do not look there"
    assert world.download().is_complete
    assert world.hub.fetched() == []
    ours, theirs = world.blob(WEIGHTS[0]), world.blob(WEIGHTS[0], world.shared)
    assert ours.samefile(theirs)
    assert {one.where for one in world.rows()} == {ModelPlace.OURS, ModelPlace.SHARED}


def test_a_model_that_is_linked_needs_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fetched_by_another_program(world)
    usage = shutil.disk_usage(world.root.parent)
    monkeypatch.setattr(fetching, "_SPARE", 0)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage._replace(free=1))
    fetching.Fetch(fetching.Order(REPO, str(world.root)), lambda *_: None).run()
    assert world.hub.fetched() == []


def test_offline_a_model_of_another_programs_cache_can_still_be_had(world: World) -> None:
    _fetched_by_another_program(world)
    offline = world.made(offline=True)
    assert offline.download(REPO, quiet, CancelToken()).is_complete
    with pytest.raises(AppError) as caught:
        offline.download(GATED, quiet, CancelToken())
    assert caught.value.kind == "offline"
    assert f"{GATED} cannot be downloaded" in caught.value.message
    assert not world.hub.requests


def test_offline_a_damaged_file_is_taken_from_another_programs_cache(world: World) -> None:
    _fetched_by_another_program(world)
    offline = world.made(offline=True)
    offline.download(REPO, quiet, CancelToken())
    ours = world.blob(WEIGHTS[0])
    content = ours.read_bytes()
    ours.unlink()
    ours.write_bytes(bytes(len(content)))
    offline.download(REPO, quiet, CancelToken())
    assert world.blob(WEIGHTS[0]).read_bytes() == content
    assert world.blob(WEIGHTS[0], world.shared).read_bytes() == content


def test_a_removed_model_is_gone_and_one_in_use_stays(world: World) -> None:
    world.download()
    (row,) = world.rows()
    world.used.append(REPO)
    with pytest.raises(AppError, match="needs me/small") as refused:
        world.library.remove(row)
    assert world.library.why_kept(row) == str(refused.value), "it can be said before"
    world.used.clear()
    assert world.library.why_kept(row) == ""
    assert world.library.remove(row) == row.bytes_on_disk
    assert world.rows() == []
    left = [path for path in world.root.rglob("*small*") if path.suffix != ".lock"]
    assert left == []


@pytest.mark.parametrize(
    ("who", "says"),
    [("training", "trains or waits"), ("lost", "not known how it ended"), ("loaded", "in memory")],
)
def test_what_may_be_read_is_not_removed(world: World, who: str, says: str) -> None:
    folder = world.root / "models" / "own"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    world.users = {who: [str(folder)]}
    with pytest.raises(AppError, match=says) as failure:
        world.library.remove(world.library.find(str(folder)))
    assert failure.value.kind == "in_use"
    assert (folder / "config.json").exists()


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.QUEUED, RunState.LOST, None])
def test_the_program_counts_runs_and_what_is_tried(tmp_path: Path, state: RunState | None) -> None:
    folder = tmp_path / "models" / "own"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    runs = [] if state is None else [
        Run(id="a", name="", config=TrainingConfig(), state=state, runtime="Python",
            data_root=str(tmp_path), created_at=1.0, output_directory="", base_model=str(folder)),
        Run(id="b", name="", config=TrainingConfig(), state=RunState.FAILED, runtime="Python",
            data_root=str(tmp_path), created_at=0.0, output_directory="", base_model="/elsewhere"),
    ]  # fmt: skip
    records = SimpleNamespace(
        newest=lambda _most, live_only=False: [o for o in runs if o.state.is_live or not live_only],
        waiting=lambda: [one for one in runs if one.state is RunState.QUEUED],
    )
    tried = str(folder) if state is None else ""
    library = build_models(
        lambda: tmp_path, OfflinePolicy(), str,
        records,  # type: ignore[arg-type]
        lambda: tried,
    )  # fmt: skip
    with pytest.raises(AppError) as failure:
        library.remove(library.find(str(folder)))
    assert failure.value.kind == "in_use"
    tried = ""
    runs.clear()
    library.remove(library.find(str(folder)))
    assert not folder.exists()


def test_what_a_process_trains_on_that_another_program_started_is_not_removed(
    tmp_path: Path,
) -> None:
    """Several programs, each with runs of its own, may share a data folder."""
    folder, run = tmp_path / "models" / "own", tmp_path / "runs" / "theirs"
    for one in (folder, run):
        one.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (run / "job.json").write_text('{"base_model": "/data/models/own"}')
    records: Any = SimpleNamespace(newest=lambda *_, **__: [], waiting=list)
    library = build_models(lambda: tmp_path, OfflinePolicy(), str, records)
    found = library.find(str(folder))
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=run, stdin=-1) as process:
        with pytest.raises(AppError, match="needs") as failure:
            library.remove(found)
        process.kill()
    assert failure.value.kind == "in_use"
    library.remove(found)
    assert not folder.exists()


def test_a_damaged_file_is_not_replaced_while_a_training_reads_the_model(world: World) -> None:
    world.download()
    blob = world.blob(WEIGHTS[1])
    blob.write_bytes(blob.read_bytes()[:-1])
    before = blob.stat()
    world.users = {"training": [REPO]}
    for library in (world.library, world.made(offline=True)):
        with pytest.raises(AppError, match="needs me/small") as failure:
            library.download(REPO, quiet, CancelToken())
        assert failure.value.kind == "in_use"
    assert blob.stat() == before
    world.users = {"waiting": [REPO], "lost": [REPO], "loaded": [REPO]}
    assert world.download().is_complete
    world.users = {"training": [REPO]}
    assert world.download().is_complete, "nothing of it is replaced"


def test_what_other_programs_use_is_never_removed(world: World) -> None:
    _fetched_by_another_program(world)
    (row,) = world.rows()
    with pytest.raises(AppError, match="other programs use"):
        world.library.remove(row)
    assert world.rows() == [row]


def test_a_folder_of_the_users_is_listed_and_only_forgotten(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(AppError, match=r"config\.json, model\.safetensors, tokenizer\.json"):
        world.library.add(folder)
    (folder / "config.json").write_bytes(repo_files()["config.json"])
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + b"12345678"
    (folder / "model.safetensors").write_bytes(whole)
    added = world.library.add(folder)
    assert (added.is_complete, added.is_added) == (True, True)
    assert world.library.add(folder) == added
    assert [one for one in world.library.all() if one.is_added] == [added]
    assert world.library.verify(added, quiet, CancelToken()).damaged == ()
    (folder / "model.safetensors").write_bytes(whole[:-1])
    check = world.library.verify(added, quiet, CancelToken())
    assert check.damaged == ("model.safetensors",)
    assert world.library.remove(added) == 0
    assert (folder / "config.json").exists()
    assert not [one for one in world.library.all() if one.is_added]


def test_a_folder_below_the_data_folder_is_found_by_itself(world: World) -> None:
    folder = world.root / "models" / "own"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{")
    found = world.library.find(str(folder))
    assert (found.where, found.state) == (ModelPlace.FOLDER, ModelState.PARTIAL)
    assert "model.safetensors" in found.missing
    assert world.inventory.is_complete("/data/models/own").place == str(folder)


@pytest.mark.parametrize(
    "name",
    [
        "/data/models/own",
        "{root}/models/own",
        "{root}/models/../models/own",
        "/data/models/own/inner",
    ],
)
def test_a_folder_that_a_run_trains_on_stays_by_whatever_path_it_is_named(
    world: World, name: str
) -> None:
    folder = world.root / "models" / "own"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    world.used.append(name.format(root=world.root))
    with pytest.raises(AppError, match="needs") as caught:
        world.library.remove(world.library.find(str(folder)))
    assert caught.value.kind == "in_use"
    assert (folder / "config.json").exists()
    world.used.clear()
    world.library.remove(world.library.find(str(folder)))
    assert not folder.exists()


def test_a_folder_that_is_not_listed_is_never_deleted(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    found = world.inventory.is_complete(str(folder))
    with pytest.raises(AppError, match="of yours"):
        world.library.remove(found)
    assert (folder / "config.json").exists()


def test_the_catalogue_comes_first_and_each_model_tells_what_is_known(world: World) -> None:
    rows = world.library.all()
    assert rows[0].repo_id_or_path == "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"
    assert rows[0].parameters == 8_030_000_000
    assert rows[0].state is ModelState.MISSING
    assert all(one.licence and one.label for one in rows)
