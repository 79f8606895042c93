"""What other programs have fetched is shared, however the Hub's own library keeps it: as links, in
a store of the whole cache, without links, in a folder of the user's choice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.db.database import Database
from models.domain.cached_model import ModelPlace, ModelState
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.inference import TunedModel
from models.qt.model_words import removed_words
from services.hub_cache import hub_cache
from services.models.layout import current_revision, folder_of, user_cache
from services.models.sharing import lend
from services.offline import OfflinePolicy
from services.offline_bundle.archive import BundleReader
from services.process_environment import ProcessEnvironment
from services.progress import CancelToken
from services.runners.process import worker_environment
from services.trainer_code import TrainerCode
from services.worker_places import WorkerPlaces
from tests.integration import models_world
from tests.integration.models_world import GATED, REPO, WANTED, WEIGHTS, World, quiet
from tests.integration.runs_world import config, follow, make_home, make_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.offline_bundle.manifest import Manifest

pytestmark = pytest.mark.slow
world = models_world.world


def _links(world: World, cache: Path | None = None) -> None:
    """As transformers would: the Hub's library alone, into the cache that all programs share."""
    from huggingface_hub import hf_hub_download

    for name in WANTED:
        hf_hub_download(REPO, name, cache_dir=cache or world.shared, endpoint=world.hub.url)
    world.hub.fetched()


def _store(world: World, cache: Path | None = None) -> None:
    """As huggingface_hub 1.33 keeps what came by Xet: each large blob is a link into a store of the
    whole cache, where another hash names it."""
    from huggingface_hub.utils._shared_blobs import publish_blob_to_shared_store

    cache = cache or world.shared
    _links(world, cache)
    blobs = folder_of(cache, REPO) / "blobs"
    for name in WEIGHTS:
        size = len(world.hub.files[REPO][name])
        blob = blobs / hashlib.sha256(world.hub.files[REPO][name]).hexdigest()
        named = hashlib.sha256(name.encode()).hexdigest()
        assert publish_blob_to_shared_store(
            blob_path=str(blob), xet_hash=named, cache_dir=cache, expected_size=size
        )
        assert blob.resolve().name == named


def _safetensors(content: str) -> bytes:
    values = content.encode() * 1000
    tensor = {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}
    header = json.dumps({"weights": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + values


def _copies(world: World) -> None:
    """As where no links can be made: the files lie in the snapshot itself; there are no blobs."""
    for name in WEIGHTS:
        world.hub.files[REPO][name] = _safetensors(name)
    _links(world)
    folder = folder_of(world.shared, REPO)
    for path in [*(folder / "snapshots").rglob("*")]:
        if path.is_symlink():
            source = path.resolve()
            path.unlink()
            shutil.copyfile(source, path)
    shutil.rmtree(folder / "blobs")


EACH = pytest.mark.parametrize("kept", [_links, _store, _copies])


@EACH
def test_a_model_of_another_program_is_whole_counted_and_not_damaged(
    world: World, kept: Callable[[World], None]
) -> None:
    kept(world)
    (found,) = world.rows()
    assert (found.state, found.where) == (ModelState.COMPLETE, ModelPlace.SHARED)
    assert found.bytes_on_disk == sum(len(world.hub.files[REPO][name]) for name in WANTED)
    assert world.library.verify(found, quiet, CancelToken()).damaged == ()


@EACH
@pytest.mark.parametrize("offline", [False, True])
def test_it_is_linked_and_not_fetched(
    world: World, kept: Callable[[World], None], offline: bool
) -> None:
    kept(world)
    found = world.made(offline=offline).download(REPO, quiet, CancelToken())
    assert found.is_complete
    assert world.hub.fetched() == []
    ours, theirs = (folder_of(one, REPO) / "snapshots" for one in
                    (hub_cache(world.root), world.shared))  # fmt: skip
    for name in WEIGHTS:
        (here,), (there,) = ours.glob(f"*/{name}"), theirs.glob(f"*/{name}")
        assert here.samefile(there), "it takes no more room"
    assert world.library.verify(found, quiet, CancelToken()).damaged == ()


def test_a_hub_that_cannot_be_reached_keeps_nobody_from_linking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a train, where nobody has switched Offline mode on."""
    _links(world)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = world.download()
    assert found.is_complete
    assert world.blob(WEIGHTS[0]).samefile(world.blob(WEIGHTS[0], world.shared))
    with pytest.raises(AppError, match=r"cannot be reached|did not answer") as caught:
        world.download(GATED)
    assert caught.value.kind != "offline"


def test_a_newer_revision_that_is_whole_here_does_not_give_way_to_another_programs(
    world: World,
) -> None:
    _links(world)
    world.hub.files[REPO] = world.hub.files[REPO] | {"config.json": b'{"newer": true}'}
    newer = world.download().revision
    assert newer != current_revision(folder_of(world.shared, REPO))
    offline = world.made(offline=True)
    assert offline.download(REPO, quiet, CancelToken()).revision == newer


def test_removing_it_frees_what_only_this_program_had(world: World) -> None:
    _links(world)
    found = world.download()
    blob = world.blob("tokenizer.json")
    blob.write_bytes(blob.read_bytes())  # the same file still: both names see it
    copy = blob.with_name("copy")
    shutil.copyfile(blob, copy)
    copy.replace(blob)
    freed = world.library.remove(found)
    assert freed == len(world.hub.files[REPO]["tokenizer.json"])
    assert removed_words(found, freed).endswith("the rest is shared with other programs")
    (theirs,) = world.rows()
    assert theirs.state is ModelState.COMPLETE


def test_a_copy_that_was_cut_is_not_taken_offline(world: World) -> None:
    _copies(world)
    (cut,) = folder_of(world.shared, REPO).glob("snapshots/*/tokenizer.json")
    cut.write_bytes(cut.read_bytes()[:10])
    with pytest.raises(AppError, match="Offline mode is on"):
        world.made(offline=True).download(REPO, quiet, CancelToken())


def test_what_is_lent_to_a_training_its_own_library_does_not_fetch(world: World) -> None:
    """The trainer's asks the Hub for the newest revision, and finds the files by their hashes."""
    _links(world)
    lend(REPO, world.root)
    sent = dict(world.hub.sent)
    _links(world, hub_cache(world.root))
    assert world.hub.sent == sent
    assert world.inventory.is_complete(REPO).is_complete


def test_a_model_of_which_the_weights_lie_in_the_store_travels_in_a_bundle(
    world: World, tmp_path: Path
) -> None:
    def export(made: Services) -> Manifest:
        made.bundles.exporter.export(
            tmp_path / "x.temper", [], quiet, CancelToken(), with_environment=False
        )
        with BundleReader(tmp_path / "x.temper") as bundle:
            return bundle.manifest

    paths = AppPaths(tmp_path / "home")
    _store(world, hub_cache(paths.data))
    with closing(build_services(paths, OfflinePolicy(forced=True))) as made:
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"question": "q", "answer": "a"}\n')
        made.datasets.import_file(rows, name="FAQ")
        values: dict[str, object] = {"hp.base_model": REPO, "dataset.session": "FAQ"}
        made.configs.save("Mine", with_values(TrainingConfig(), values))
        (repo,) = export(made).repos
    weights = hashlib.sha256(world.hub.files[REPO][WEIGHTS[0]]).hexdigest()
    assert repo.files[WEIGHTS[0]] == weights


def test_a_training_that_may_fetch_its_model_is_lent_what_is_there(
    world: World, tmp_path: Path
) -> None:
    theirs = folder_of(world.shared, "test/finish")
    blob, name = theirs / "blobs" / ("c" * 64), "model.safetensors"
    for folder in (blob.parent, theirs / "refs", theirs / "snapshots" / ("a" * 40)):
        folder.mkdir(parents=True)
    (theirs / "refs" / "main").write_text("a" * 40)
    blob.write_bytes(b"weights")
    (theirs / "snapshots" / ("a" * 40) / name).symlink_to(blob)
    home = make_home(tmp_path / "home")
    with closing(Database.open(home / "temper.db")) as database:
        service = make_service(home, database)
        follow(service, service.start(config("finish")))
    lent = folder_of(hub_cache(home / "data"), "test/finish") / "blobs" / ("c" * 64)
    assert lent.samefile(blob)


@pytest.mark.parametrize("offline", [False, True])
def test_what_measures_tries_or_looks_is_lent_it_as_well(world: World, offline: bool) -> None:
    _links(world)
    policy = OfflinePolicy(forced=offline, environment=ProcessEnvironment({}))
    places = WorkerPlaces(
        runtime=SimpleNamespace(python=Path("python"), is_ready=lambda: True),  # type: ignore[arg-type]
        engine=None, images=None, install_id=None,  # type: ignore[arg-type]
        code=lambda: TrainerCode(world.root, "0" * 64), log=world.root / "worker.log",
        offline=policy,
    )  # fmt: skip
    places.place(TunedModel(REPO, "", str(world.root)))
    blob = hashlib.sha256(world.hub.files[REPO][WEIGHTS[0]]).hexdigest()
    assert (folder_of(hub_cache(world.root), REPO) / "blobs" / blob).exists() is not offline


def test_nothing_is_lent_of_what_is_not_there_or_is_the_same_folder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend(REPO, world.root)
    assert not hub_cache(world.root).exists()
    monkeypatch.setenv("HF_HUB_CACHE", str(hub_cache(world.root)))
    _links(world, hub_cache(world.root))
    lend(REPO, world.root)
    assert world.inventory.is_complete(REPO).is_complete


@pytest.mark.parametrize("name", ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"])
def test_a_cache_of_the_users_choice_is_found_and_no_trainer_looks_there(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Else the program would look for a model in one place, and its trainings in another."""
    monkeypatch.setenv("BIG", str(world.shared.parent))
    monkeypatch.setenv(name, "$BIG" if name == "HF_HOME" else "$BIG/hub")
    assert user_cache() == world.shared

    seen = worker_environment(os.environ, world.root / "code", world.root)
    assert Path(seen["HF_HUB_CACHE"]) == hub_cache(world.root)
    assert Path(seen["HF_HOME"]) / "hub" == hub_cache(world.root)
