"""Base models: seen, fetched over real HTTP by the real client, checked, repaired and removed."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from app.build_models import build_models
from models.domain.cached_model import CachedModel, ModelPlace, ModelState
from models.domain.config import TrainingConfig
from models.domain.errors import AppError
from models.domain.run import Run, RunState
from services.environment.folder_lock import try_lock
from services.hub_cache import hub_cache, is_cached_model
from services.models import fetching
from services.models.inventory import Inventory
from services.models.layout import bytes_in, folder_of
from services.models.library import ModelLibrary
from services.models.users import ModelUsers
from services.offline import OfflinePolicy
from services.process_environment import ProcessEnvironment, tell_hub_library
from services.progress import Cancelled, CancelToken, Progress
from tests.emulators.hub_models import HubModels
from tests.processes import command_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
REPO, GATED = "me/small", "me/careful"
TOKEN = "hf_" + "g" * 34
_RANDOM = random.Random(7)
WEIGHTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def _files(seed: int = 1, size: int = 3_000_000) -> dict[str, bytes]:
    generator = random.Random(seed)
    parts = dict.fromkeys(("a", "b"), "")
    index = {"metadata": {"total_size": 2 * size}}
    index["weight_map"] = dict(zip(parts, WEIGHTS, strict=True))  # type: ignore[assignment]
    config = {
        "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 256, "intermediate_size": 128,
    }  # fmt: skip
    return {
        "README.md": b"# A model\n",
        "config.json": json.dumps(config | {"seed": seed}).encode(),
        "tokenizer.json": b'{"version": "1.0"}' + b" " * 300_000,
        "tokenizer_config.json": b"{}",
        "model.safetensors.index.json": json.dumps(index).encode(),
        **{name: generator.randbytes(size) for name in WEIGHTS},
        "pytorch_model.bin": b"the same once more",
        "original/consolidated.00.pth": b"and once more",
        "small.Q4_K_M.gguf": b"and once more",
    }


WORDS = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json")
WANTED = sorted((*WORDS, *WEIGHTS))


class World:
    """A data folder, a cache of other programs, the Hub, and the library between them."""

    def __init__(self, folder: Path, hub: HubModels) -> None:
        self.root = folder / "data"
        self.shared = folder / "shared" / "hub"
        self.hub = hub
        self.tokens: list[str] = []
        self.used: list[str] = []
        self.users: dict[str, list[str]] = {}
        self.inventory = Inventory(ROOT / "resources" / "base_models.toml", lambda: self.root)
        self.library = self.made()

    def made(self, *, offline: bool = False) -> ModelLibrary:
        environment = ProcessEnvironment({})
        policy = OfflinePolicy(forced=offline, environment=environment)
        return ModelLibrary(self.inventory, policy, self._token, self._users)

    def _users(self) -> ModelUsers:
        return ModelUsers(**{"waiting": self.used, **self.users})

    def _token(self) -> str | None:
        return self.tokens[-1] if self.tokens else None

    def download(self, repo: str = REPO) -> CachedModel:
        return self.library.download(repo, _quiet, CancelToken())

    def rows(self, repo: str = REPO) -> list[CachedModel]:
        return [one for one in self.library.all() if one.repo_id_or_path == repo]

    def blob(self, name: str, cache: Path | None = None) -> Path:
        folder = folder_of(cache or hub_cache(self.root), REPO)
        (snapshot,) = (folder / "snapshots").iterdir()
        return (snapshot / name).resolve()


def _fetched_by_another_program(world: World) -> None:
    """As transformers would: the Hub's library alone, into the cache that all programs share."""
    from huggingface_hub import hf_hub_download

    for name in WANTED:
        hf_hub_download(REPO, name, cache_dir=world.shared, endpoint=world.hub.url)
    world.hub.fetched()


def _quiet(_progress: Progress) -> None:
    return


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with HubModels({REPO: _files(), GATED: _files(2, 5000)}) as hub:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "shared"))
        tell_hub_library()
        yield World(tmp_path, hub)
    monkeypatch.undo()
    tell_hub_library()


@pytest.mark.parametrize(
    ("sha", "entry", "says"),
    [
        ("../../../../outside", {}, "its revision"),
        ("a" * 40, {"blobId": "../../../../outside"}, "the hash of model.safetensors"),
        ("a" * 40, {"blobId": "A" * 40}, "the hash of model.safetensors"),
        ("a" * 40, {"blobId": "a" * 41}, "the hash of model.safetensors"),
        (
            "a" * 40,
            {"lfs": {"sha256": "/outside", "size": 1, "pointerSize": 1}},
            "the hash of model.safetensors",
        ),
        ("a" * 40, {"rfilename": "..\\..\\outside.json"}, "the name"),
        ("a" * 40, {"rfilename": "C:outside.json"}, "the name"),
        ("a" * 40, {"rfilename": "\\outside.json"}, "the name"),
    ],
)
def test_no_answer_of_a_hub_leads_out_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sha: str, entry: dict[str, Any], says: str
) -> None:
    from huggingface_hub.hf_api import ModelInfo

    whole = {"rfilename": "model.safetensors", "blobId": "b" * 40, "size": 1}
    files = [whole | entry] if "rfilename" not in entry else [whole, whole | entry]
    info = ModelInfo(id=REPO, sha=sha, siblings=files)
    hub = SimpleNamespace(model_info=lambda *_args, **_options: info)
    monkeypatch.setattr(fetching, "hub_api", lambda _token: hub)
    with pytest.raises(AppError, match=says) as failure:
        fetching.Fetch(fetching.Order(REPO, str(tmp_path / "data")), lambda *_: None).run()
    assert failure.value.kind == "bad_answer"
    assert not list(tmp_path.iterdir())


def test_a_model_comes_whole_with_what_a_training_needs_and_nothing_else(world: World) -> None:
    assert world.inventory.is_complete(REPO).state is ModelState.MISSING
    reports: list[Progress] = []
    found = world.library.download(REPO, reports.append, CancelToken())
    assert found.is_complete
    assert found.where is ModelPlace.OURS
    assert sorted(world.hub.fetched()) == WANTED
    assert found.bytes_on_disk == found.bytes_whole
    assert (found.licence, found.gated) == ("apache-2.0", False)
    assert found.revision == HubModels.revision(world.hub.files[REPO])
    assert is_cached_model(REPO, world.root), "the trainer's own rule finds it, too"
    assert reports[-1].fraction == 1.0
    shares = [one.fraction for one in reports if one.fraction is not None]
    assert shares == sorted(shares)


def test_the_hubs_own_library_finds_it_without_the_network(world: World) -> None:
    from huggingface_hub import snapshot_download

    world.download()
    world.hub.requests.clear()
    folder = snapshot_download(REPO, cache_dir=hub_cache(world.root), local_files_only=True)
    assert (Path(folder) / WEIGHTS[0]).read_bytes() == world.hub.files[REPO][WEIGHTS[0]]
    assert not world.hub.requests


def test_a_second_download_asks_only_whether_there_is_something_newer(world: World) -> None:
    world.download()
    world.hub.fetched()
    world.download()
    assert world.hub.fetched() == []


def test_a_newer_revision_fetches_what_changed_and_is_used_once_it_is_whole(world: World) -> None:
    old = world.download()
    world.hub.fetched()
    changed = {"config.json": _files(5)["config.json"], WEIGHTS[1]: b"n" * 400_000}
    world.hub.files[REPO] = world.hub.files[REPO] | changed
    world.hub.pace = 100_000
    with pytest.raises(Cancelled):
        _cancel_in_the_middle(world)
    between = world.inventory.is_complete(REPO)
    assert between.is_complete, "the old one can still be used"
    assert between.revision == old.revision
    world.hub.pace = 0
    world.hub.fetched()
    new = world.download()
    assert new.revision == HubModels.revision(world.hub.files[REPO]) != old.revision
    assert set(world.hub.fetched()) <= {"config.json", WEIGHTS[1]}
    assert new.is_complete


def _cancel_in_the_middle(world: World) -> None:
    cancel = CancelToken()

    def on_report(progress: Progress) -> None:
        if progress.fraction is not None and WEIGHTS[1] in progress.message:
            cancel.cancel()

    world.library.download(REPO, on_report, cancel)


def test_a_cancel_ends_the_child_at_once_and_keeps_what_came(world: World) -> None:
    world.hub.pace = 400_000
    cancel = CancelToken()
    others = psutil.Process().children()

    def on_report(progress: Progress) -> None:
        if progress.fraction and progress.fraction > 0.2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        world.library.download(REPO, on_report, cancel)
    assert set(psutil.Process().children()) <= set(others)
    found = world.inventory.is_complete(REPO)
    assert found.state is ModelState.PARTIAL
    assert found.missing
    assert 0 < found.bytes_on_disk < (found.bytes_whole or 0)


def test_a_download_killed_at_ten_random_points_goes_on_and_is_right(world: World) -> None:
    world.hub.pace = 1_500_000
    whole = sum(len(world.hub.files[REPO][name]) for name in WANTED)
    folder = folder_of(hub_cache(world.root), REPO)
    killed = 0
    for number in range(10):
        point = int(whole * (number + _RANDOM.random()) / 11)
        with pytest.raises(AppError) as caught:
            _download_until(world, folder, point)
        assert caught.value.kind == "download_ended"
        killed += 1
        assert world.inventory.is_complete(REPO).state is ModelState.PARTIAL
    assert killed == 10
    world.hub.pace = 0
    found = world.download()
    check = world.library.verify(found, _quiet, CancelToken())
    assert (check.damaged, check.unknown) == ((), ())
    assert check.checked == len(WANTED)
    for name in WANTED:
        assert world.blob(name).read_bytes() == world.hub.files[REPO][name]
    again = sum(world.hub.sent.values()) - whole
    assert again < 10 * 1_500_000, "no kill cost more than what was on its way"
    assert not list(folder.glob("blobs/*.incomplete"))


def _download_until(world: World, folder: Path, point: int) -> None:
    """Download, and kill the child with SIGKILL once so many bytes are on disk."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.002):
            if bytes_in(folder) >= point:
                for child in psutil.Process().children():  # the tests have other children, too
                    if "services.models.child" in command_of(child):
                        child.kill()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        world.download()
    finally:
        over.set()
        killer.join()


def test_a_corrupted_file_is_found_and_that_file_alone_is_fetched_again(world: World) -> None:
    world.download()
    world.hub.fetched()
    blob = world.blob(WEIGHTS[1])
    content = bytearray(blob.read_bytes())
    content[1_234_567] ^= 0x40
    blob.write_bytes(content)
    assert world.inventory.is_complete(REPO).is_complete, "its size tells nothing"
    (row,) = world.rows()
    check = world.library.verify(row, _quiet, CancelToken())
    assert check.damaged == (WEIGHTS[1],)
    (row,) = world.rows()
    assert (row.state, row.damaged) == (ModelState.DAMAGED, (WEIGHTS[1],))
    assert not row.is_complete
    repaired = world.download()
    assert world.hub.fetched() == [WEIGHTS[1]]
    assert repaired.is_complete
    assert world.library.verify(repaired, _quiet, CancelToken()).damaged == ()
    assert world.blob(WEIGHTS[1]).read_bytes() == world.hub.files[REPO][WEIGHTS[1]]


def test_a_file_that_was_cut_short_is_seen_by_its_size(world: World) -> None:
    world.download()
    world.hub.fetched()
    blob = world.blob(WEIGHTS[0])
    os.truncate(blob, 1000)
    assert world.inventory.is_complete(REPO).damaged == (WEIGHTS[0],)
    assert world.download().is_complete
    assert world.hub.fetched() == [WEIGHTS[0]]


def test_a_file_that_comes_damaged_is_fetched_once_more(world: World) -> None:
    world.hub.spoilt = [WEIGHTS[0]]
    assert world.download().is_complete
    assert world.hub.fetched().count(WEIGHTS[0]) == 2
    assert world.blob(WEIGHTS[0]).read_bytes() == world.hub.files[REPO][WEIGHTS[0]]


def test_a_file_that_always_comes_damaged_is_said_and_never_kept(world: World) -> None:
    world.hub.spoilt = [WEIGHTS[0]] * 2
    with pytest.raises(AppError, match=WEIGHTS[0]) as caught:
        world.download()
    assert caught.value.kind == "damaged_download"
    assert WEIGHTS[0] in world.inventory.is_complete(REPO).missing


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
    assert offline.download(REPO, _quiet, CancelToken()).is_complete
    with pytest.raises(AppError) as caught:
        offline.download(GATED, _quiet, CancelToken())
    assert caught.value.kind == "offline"
    assert f"{GATED} cannot be downloaded" in caught.value.message
    assert not world.hub.requests


def test_offline_a_damaged_file_is_taken_from_another_programs_cache(world: World) -> None:
    _fetched_by_another_program(world)
    offline = world.made(offline=True)
    offline.download(REPO, _quiet, CancelToken())
    ours = world.blob(WEIGHTS[0])
    content = ours.read_bytes()
    ours.unlink()
    ours.write_bytes(bytes(len(content)))
    offline.download(REPO, _quiet, CancelToken())
    assert world.blob(WEIGHTS[0]).read_bytes() == content
    assert world.blob(WEIGHTS[0], world.shared).read_bytes() == content


def test_a_gated_model_says_where_its_conditions_are_and_opens_with_a_token(world: World) -> None:
    world.hub.gated.add(GATED)
    with pytest.raises(AppError) as caught:
        world.download(GATED)
    assert caught.value.kind == "gated"
    assert f"huggingface.co/{GATED}" in caught.value.hint
    world.tokens.append(TOKEN)
    with pytest.raises(AppError, match="your token was not granted"):
        world.download(GATED)
    world.hub.granted.add(TOKEN)
    found = world.download(GATED)
    assert (found.is_complete, found.gated) == (True, True)
    kept = [path for path in world.root.rglob("*") if path.is_file()]
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("repo", "kind"),
    [("me/nothing", "no_model"), ("a/b/c", "bad_use"), ("", "bad_use"), ("~/models/x", "bad_use")],
)
def test_what_cannot_be_fetched_is_said(world: World, repo: str, kind: str) -> None:
    with pytest.raises(AppError) as caught:
        world.download(repo)
    assert caught.value.kind == kind
    assert caught.value.hint


def test_a_repo_without_weights_is_refused_before_anything_is_fetched(world: World) -> None:
    world.hub.files["me/gguf"] = {"config.json": b"{}", "x.gguf": b"x"}
    with pytest.raises(AppError) as caught:
        world.download("me/gguf")
    assert caught.value.kind == "no_weights"
    assert world.hub.fetched() == []


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(world.root.parent)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage._replace(free=100_000_000))
    with pytest.raises(AppError, match=r"0\.1 GB free") as caught:
        fetching.Fetch(fetching.Order(REPO, str(world.root)), lambda *_: None).run()
    assert caught.value.kind == "disk_full"
    assert world.hub.fetched() == []


def test_a_hub_that_cannot_be_reached_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AppError, match="cannot be reached") as caught:
        world.download()
    assert caught.value.kind == "network"
    assert "What was fetched is kept" in caught.value.hint


_PROGRAM = """
import sys
from services.models.fetching import Order
from services.models.process import fetch_in_child
from services.progress import CancelToken
fetch_in_child(Order(sys.argv[1], sys.argv[2]), lambda progress: None, CancelToken())
"""


def test_a_download_ends_with_the_program_that_wanted_it(world: World) -> None:
    world.hub.pace = 400_000
    folder = folder_of(hub_cache(world.root), REPO)
    arguments = [sys.executable, "-c", _PROGRAM, REPO, str(world.root)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL) as program:
        began = time.monotonic()
        while bytes_in(folder) < 400_000:
            assert time.monotonic() - began < 60, "the download does not begin"
            time.sleep(0.02)
        (child,) = psutil.Process(program.pid).children()
        program.kill()
    child.wait(5)
    found = world.inventory.is_complete(REPO)
    assert found.state is ModelState.PARTIAL
    world.hub.pace = 0
    assert world.download().is_complete


def test_a_second_program_waits_for_the_first_ones_download(world: World) -> None:
    reports: list[Progress] = []
    cancel = CancelToken()
    lock = try_lock(world.root / "cache" / "temper-models" / "me--small.lock")
    assert lock is not None

    def on_report(progress: Progress) -> None:
        reports.append(progress)
        if "waiting for it" in progress.message:
            cancel.cancel()

    with pytest.raises(Cancelled):
        world.library.download(REPO, on_report, cancel)
    os.close(lock)
    assert world.hub.fetched() == []
    assert world.download().is_complete


def test_a_removed_model_is_gone_and_one_in_use_stays(world: World) -> None:
    world.download()
    (row,) = world.rows()
    world.used.append(REPO)
    with pytest.raises(AppError, match="needs me/small"):
        world.library.remove(row)
    world.used.clear()
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


def test_a_damaged_file_is_not_replaced_while_a_training_reads_the_model(world: World) -> None:
    world.download()
    blob = world.blob(WEIGHTS[1])
    blob.write_bytes(blob.read_bytes()[:-1])
    before = blob.stat()
    world.users = {"training": [REPO]}
    for library in (world.library, world.made(offline=True)):
        with pytest.raises(AppError, match="needs me/small") as failure:
            library.download(REPO, _quiet, CancelToken())
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
    (folder / "config.json").write_bytes(_files()["config.json"])
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + b"12345678"
    (folder / "model.safetensors").write_bytes(whole)
    added = world.library.add(folder)
    assert (added.is_complete, added.is_added) == (True, True)
    assert world.library.add(folder) == added
    assert [one for one in world.library.all() if one.is_added] == [added]
    assert world.library.verify(added, _quiet, CancelToken()).damaged == ()
    (folder / "model.safetensors").write_bytes(whole[:-1])
    check = world.library.verify(added, _quiet, CancelToken())
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
