"""A bundle whose export or import is killed at any moment, and gone on with by the same command.

``make soak`` kills twenty of each; the seed is printed, and nothing else is random.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import signal
import tempfile
import zipfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from services.offline import OfflinePolicy
from services.progress import CancelToken
from tests.emulators.image_engine import ImageEngine
from tests.integration.dying import Forker, Order, use_small_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.progress import Progress

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TEMPER_SOAK_BUNDLE_KILLS", "5"))
SEED = int(os.environ.get("TEMPER_SOAK_SEED", "20261126"))
TAG = "docker.io/me/trainer:1"
IN_DOCKER = {"local.runtime": RUNTIME_DOCKER, "local.image": TAG}
HUB = "cache/huggingface/hub/models--some--model"
REPO, COMMIT = "some/model", "0123456789abcdef" * 2 + "01234567"
ROWS = "".join(json.dumps({"question": f"q{n}", "answer": "a"}) + "\n" for n in range(5))
OTHER_ROWS = json.dumps({"question": "other", "answer": "a"}) + "\n"


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""


class Two:
    """Two homes, two engines, and the command line that goes from one to the other."""

    def __init__(self, folder: Path, sockets: Path, forker: Forker) -> None:
        self.folder = folder
        self.engines = {name: ImageEngine(sockets / name) for name in ("here", "there")}
        self.bundle = folder / "x.temper"
        self._forker = forker

    def temper(self, at: str, *arguments: str, killed_at: int = 0) -> int:
        """Run a command to its end, or to this moment; how many moments it had, -1 if killed."""
        order = Order(
            ["offline", *arguments],
            {"TEMPER_HOME": str(self.folder / at), "DOCKER_HOST": self.engines[at].url},
            killed_at, str(self.folder / "said"), str(self.folder / "counted"),
        )  # fmt: skip
        code = self._forker.run(order)
        if killed_at and code == -signal.SIGKILL:
            return -1
        assert code == 0, (killed_at, (self.folder / "said").read_text())
        return int((self.folder / "counted").read_text())

    def export(self, killed_at: int = 0) -> int:
        """As :meth:`temper`."""
        return self.temper("here", "export", str(self.bundle), killed_at=killed_at)

    def bring_in(self, killed_at: int = 0) -> int:
        """As :meth:`temper`."""
        return self.temper("there", "import", str(self.bundle), killed_at=killed_at)

    def home(self, name: str) -> Services:
        """The services of one side; to be closed."""
        return build_services(AppPaths(self.folder / name), OfflinePolicy(forced=True))

    def anew(self) -> None:
        """The other side as it was before anything was brought."""
        there, kept = self.folder / "there", self.folder / "there.kept"
        if kept.exists():
            shutil.rmtree(there)
        else:
            there.rename(kept)
        shutil.copytree(kept, there)
        self.engines["there"].images.clear()
        self.engines["there"].tags.clear()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """A full home, and one that has other rows and another setup under the same names."""
    folder = tmp_path_factory.mktemp("two")
    sockets = Path(tempfile.mkdtemp(prefix="temper-", dir="/tmp"))  # a socket's path is short
    _make_trainer(folder)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        use_small_environment(folder, patch.setattr)
        stack.callback(shutil.rmtree, sockets)
        made = Two(folder, sockets, stack.enter_context(Forker(folder)))
        for engine in made.engines.values():
            stack.enter_context(engine)
        patch.setenv("DOCKER_HOST", made.engines["there"].url)
        _fill(made, patch)
        yield made


def test_an_export_that_is_killed_anywhere_ends_in_the_same_bytes(two: Two) -> None:
    two.bundle.unlink(missing_ok=True)
    count = two.export()
    whole = two.bundle.read_bytes()
    for moment in _moments("export", count):
        two.bundle.unlink()
        two.export(moment)
        assert not two.bundle.exists() or two.bundle.read_bytes() == whole, moment
        if not two.bundle.exists():
            two.export()
        assert two.bundle.read_bytes() == whole, moment
        assert _left(two.folder / "here", two.folder) == [], moment


def test_an_import_that_is_killed_anywhere_leaves_nothing_half_and_goes_on(two: Two) -> None:
    if not two.bundle.exists():
        two.export()
    two.anew()
    count = two.bring_in()
    _check_all(two)
    for moment in _moments("import", count):
        two.anew()
        two.bring_in(moment)
        _check_what_is_there(two, moment)
        two.bring_in()
        _check_all(two, moment)


def _moments(of: str, count: int) -> list[int]:
    chance = random.Random(f"{SEED} {of}")
    moments = chance.sample(range(1, count + 1), min(KILLS, count))
    print(f"{of}: seed {SEED}, moments {moments} of {count}")
    return moments


def _check_what_is_there(two: Two, moment: int) -> None:
    """What passes for whole is whole, and a setup that is here has all that it needs."""
    with closing(two.home("there")) as there:
        data = there.paths.data
        if there.models.inventory.is_complete(REPO).is_complete:
            assert _files(data / HUB) == _files(two.folder / "here/data" / HUB), moment
        if there.models.inventory.is_complete("/data/models/llama").is_complete:
            assert _files(data / "models/llama") == _files(two.folder / "llama"), moment
        for session in there.datasets.list():
            rows = there.datasets.rows_file(session).read_text()
            assert rows == (OTHER_ROWS if session.name == "FAQ" else ROWS), moment
        if there.runtime.is_ready():
            there.runtime.verify()
        images = two.engines["there"].images
        assert images.items() <= two.engines["here"].images.items(), moment
        for name in {one.name for one in there.configs.list()} - {"Hub"}:
            needs = there.bundles.readiness.status(name).needs
            assert all(need.is_here for need in needs), (moment, name, needs)


def _check_all(two: Two, moment: int = 0) -> None:
    _check_what_is_there(two, moment)
    with closing(two.home("there")) as there:
        names = sorted(one.name for one in there.datasets.list())
        assert names == ["FAQ", "FAQ (2)"], moment
        setups = {one.name: there.configs.get(one.name) for one in there.configs.list()}
        assert sorted(setups) == ["Box", "Hub", "Hub (2)"], moment
        assert setups["Hub (2)"].hp.base_model == REPO
        for name in ("Box", "Hub (2)"):
            assert setups[name].dataset.session == "FAQ (2)", moment
    assert two.engines["there"].tags == two.engines["here"].tags, moment
    assert _left(two.folder / "there") == [], moment


def _left(*folders: Path) -> list[str]:
    """What was made on the way. The lock of an export stays where the bundle got its name before
    the kill: there is nothing to go on with."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.name.endswith((".part", ".tmp"))
        or (path.parent.parent.name == "offline" and path.name != ".lock")
    ]


def _fill(two: Two, patch: pytest.MonkeyPatch) -> None:
    two.engines["here"].add(TAG, "all that trains" * 100_000)
    with closing(two.home("here")) as here, patch.context() as offline:
        offline.setenv("UV_FIND_LINKS", str(two.folder / "trainer_image"))
        here.runtime.create(_quiet, CancelToken(), offline=True)
        _add_hub_model(here.paths.data / HUB)
        _add_rows(here, two.folder / "rows.jsonl", ROWS)
        folder = two.folder / "llama"
        (folder / "deep").mkdir(parents=True)
        for name in ("config.json", "model.safetensors", "tokenizer.json", "deep/more.json"):
            (folder / name).write_text(json.dumps({"of": name}))
        here.configs.save("Hub", _setup(REPO))
        here.configs.save("Box", _setup(str(folder), **IN_DOCKER))
    with closing(two.home("there")) as there:
        _add_rows(there, two.folder / "other.jsonl", OTHER_ROWS)
        there.configs.save("Hub", _setup("another/model"))


def _add_hub_model(repo: Path) -> None:
    weights = b"weights." * 1_200_000  # some pieces, as they are copied
    blobs = {"config.json": (b"{}", "cd" * 20), "tokenizer.json": (b"[]", "ef" * 20)}
    blobs["model.safetensors"] = (weights, hashlib.sha256(weights).hexdigest())
    for name in ("blobs", f"snapshots/{COMMIT}", "refs"):
        (repo / name).mkdir(parents=True)
    (repo / "refs" / "main").write_text(COMMIT)
    for name, (content, blob) in blobs.items():
        (repo / "blobs" / blob).write_bytes(content)
        (repo / "snapshots" / COMMIT / name).symlink_to(f"../../blobs/{blob}")


def _add_rows(services: Services, file: Path, rows: str) -> None:
    file.write_text(rows)
    services.datasets.import_file(file, name="FAQ")


def _setup(model: str, **more: str) -> TrainingConfig:
    values = {"hp.base_model": model, "dataset.session": "FAQ", **more}
    return with_values(TrainingConfig(), values)


def _make_trainer(folder: Path) -> None:
    """The two files that an environment is asked for by, and its only package."""
    trainer = folder / "trainer_image"
    trainer.mkdir()
    (trainer / "requirements.txt").write_text("leaf\n")
    (trainer / "requirements.lock").write_text("leaf==1.0\n")
    info, files = "leaf-1.0.dist-info", {"leaf/__init__.py": "__version__ = '1.0'\n"}
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\nName: leaf\nVersion: 1.0\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{_record(*one)}\n" for one in files.items())
    with zipfile.ZipFile(trainer / "leaf-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)


def _record(name: str, content: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=")
    return f"{name},sha256={digest.decode()},{len(content)}"


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
