"""The Docker image of a configuration in its bundle: out of one engine, into another."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError
from services.docker.carrying import archived_image
from services.offline import OfflinePolicy
from services.offline_bundle.manifest import BundledImage
from services.progress import Cancelled, CancelToken
from tests.emulators.image_engine import ImageEngine, image_archive, image_id
from tests.whole_model import lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.offline_ready import ImportedBundle
    from services.progress import Progress

pytestmark = pytest.mark.slow
TAG = "docker.io/me/trainer:1"


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""


class Two:
    """Two computers, each with an engine, and a bundle between them."""

    def __init__(self, folder: Path, sockets: Path, patch: pytest.MonkeyPatch) -> None:
        self.engines = {name: ImageEngine(sockets / name) for name in ("here", "there")}
        self.folder, self._patch = folder, patch
        self.here = self._home("here")
        self.there = self._home("there")
        self.bundle = folder / "x.temper"
        model = lay_whole_model(folder / "llama")
        (model / "model.safetensors").write_bytes(b"weights")
        rows = folder / "rows.jsonl"
        rows.write_text(json.dumps({"question": "q", "answer": "a"}) + "\n")
        self.here.datasets.import_file(rows, name="FAQ")
        self.save()

    def save(self, image: str = TAG) -> None:
        values = {
            "hp.base_model": str(self.folder / "llama"), "dataset.session": "FAQ",
            "local.runtime": RUNTIME_DOCKER, "local.image": image,
        }  # fmt: skip
        self.here.configs.put("Box", with_values(TrainingConfig(), values))

    def at(self, name: str) -> None:
        """Sit down at this computer."""
        self._patch.setenv("DOCKER_HOST", self.engines[name].url)

    def export(self, cancel: CancelToken | None = None, *, images: bool = True) -> None:
        self.at("here")
        self.here.bundles.exporter.export(
            self.bundle, ["Box"], _quiet, cancel or CancelToken(), with_environment=images
        )

    def bring_in(self, *, images: bool = True) -> ImportedBundle:
        self.at("there")
        return self.there.bundles.importer.bring_in(
            self.bundle, _quiet, CancelToken(), with_environment=images
        )

    def image(self) -> str:
        return self.there.configs.get("Box").local.image

    def _home(self, name: str) -> Services:
        return build_services(AppPaths(self.folder / name), OfflinePolicy(forced=True))


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    with _two_in(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def _two_in(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Two]:
    sockets = Path(tempfile.mkdtemp(prefix="temper-", dir="/tmp"))  # a socket's path is short
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, sockets)
        made = Two(folder, sockets, patch)
        for services in (made.here, made.there):
            stack.enter_context(closing(services))
        for engine in made.engines.values():
            stack.enter_context(engine)
        yield made


def test_the_image_arrives_under_its_name_and_no_environment_is_packed(two: Two) -> None:
    image = two.engines["here"].add(TAG, "all that trains")
    two.export()
    brought = two.bring_in()
    engine = two.engines["there"]
    assert brought.images == (TAG,)
    assert engine.tags == {TAG: image}
    assert engine.images[image] == two.engines["here"].images[image]
    assert two.image() == TAG
    assert not brought.has_environment
    assert not list(two.there.paths.home.rglob("*.tar"))


def test_an_image_that_is_there_is_not_loaded_again(two: Two) -> None:
    two.engines["here"].add(TAG, "all that trains")
    two.engines["there"].add("docker.io/you/same:2", "all that trains")
    two.export()
    two.bring_in()
    assert "/images/load" not in two.engines["there"].asked
    assert TAG in two.engines["there"].tags


def test_another_image_of_its_name_keeps_it(two: Two) -> None:
    image = two.engines["here"].add(TAG, "all that trains")
    other = two.engines["there"].add(TAG, "something else")
    two.export()
    two.bring_in()
    assert two.engines["there"].tags[TAG] == other
    assert two.image() == f"docker.io/me/trainer:bundle-{image[7:19]}"
    assert two.engines["there"].tags[two.image()] == image


def test_one_that_is_named_by_a_digest_gets_a_tag(two: Two) -> None:
    name = "docker.io/me/trainer@sha256:" + "0" * 64
    image = two.engines["here"].add(name, "all that trains")
    two.save(name)
    two.export()
    two.bring_in()
    assert two.engines["there"].tags == {f"docker.io/me/trainer:bundle-{image[7:19]}": image}
    assert two.image() in two.engines["there"].tags


def test_without_an_engine_neither_way_begins_and_both_say_so(two: Two) -> None:
    two.engines["here"].add(TAG, "all that trains")
    two._patch.setenv("DOCKER_HOST", "unix:///tmp/temper-no-engine-here")
    with pytest.raises(ConfigError) as failure:
        two.here.bundles.exporter.export(two.bundle, ["Box"], _quiet, CancelToken())
    (problem,) = failure.value.problems
    assert problem.field == "Box, local.image"
    two.export()
    two._patch.setenv("DOCKER_HOST", "unix:///tmp/temper-no-engine-here")
    with pytest.raises(AppError, match=r"x\.temper holds a Docker image, and there is no engine"):
        two.there.bundles.importer.bring_in(two.bundle, _quiet, CancelToken())
    assert not list(two.there.datasets.list()), "nothing was begun"
    assert two.bring_in(images=False).configs == ("Box",)


def test_one_that_is_not_here_is_refused_and_can_be_left_out(two: Two) -> None:
    with pytest.raises(ConfigError, match="is not on this computer"):
        two.export()
    two.export(images=False)
    assert two.bring_in().images == ()
    assert "/images/load" not in two.engines["there"].asked


def test_a_full_disk_of_the_engine_is_said_and_the_import_goes_on_later(two: Two) -> None:
    image = two.engines["here"].add(TAG, "all that trains")
    two.export()
    two.engines["there"].full = True
    with pytest.raises(AppError) as failure:
        two.bring_in()
    assert "no space left" in failure.value.details
    assert not two.there.configs.list()
    two.engines["there"].full = False
    two.bring_in()
    assert two.engines["there"].tags == {TAG: image}


def test_an_engine_that_made_another_image_of_it_is_not_believed(two: Two) -> None:
    two.engines["here"].add(TAG, "all that trains")
    two.export()
    two.engines["there"].spoil = lambda _content: image_archive("something else")
    with pytest.raises(AppError, match="made another image of it"):
        two.bring_in()
    assert two.engines["there"].tags == {}
    assert not two.there.configs.list()


def test_room_for_an_image_is_looked_for_before_it_is_saved_twice_where_it_is_one_disk(
    tmp_path: Path, mount: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mount(tmp_path / "disk", "size=100m")  # 50 MB of it must stay free
    with _two_in(disk, monkeypatch) as two:
        engine = two.engines["here"]
        image = engine.add(TAG, "x" * 15_000_000)  # its archive has it twice
        with pytest.raises(AppError, match="its Docker image") as failure:
            two.export()
        assert failure.value.kind == "disk_full"
        assert "to another disk" in failure.value.hint
        assert f"/images/{image}/get" not in engine.asked
        two.bundle = tmp_path / "x.temper"
        two.export()
        assert two.bundle.stat().st_size > 30_000_000
        two.bundle.unlink()
        engine.add(TAG, "x" * 30_000_000)
        with pytest.raises(AppError, match="saved there before") as failure:
            two.export()
        assert failure.value.kind == "disk_full"


def test_a_cancel_is_heard_while_the_engine_is_silent_and_leaves_nothing(two: Two) -> None:
    engine, cancel = two.engines["here"], CancelToken()
    engine.add(TAG, "all that trains")
    engine.stalls = True

    def give_up() -> None:
        engine.half_sent.wait()
        cancel.cancel()

    canceller = threading.Thread(target=give_up)
    canceller.start()
    with pytest.raises(Cancelled):
        two.export(cancel)
    canceller.join()
    assert not list((two.here.paths.home / "offline").rglob("*.t*"))
    engine.stalls = False
    two.export()
    assert two.bundle.exists()


def test_an_archive_that_would_name_other_images_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    file.write_bytes(image_archive("a", (TAG, "docker.io/library/python:3")))
    with pytest.raises(AppError, match=r"it names an image 'docker\.io/library/python:3'"):
        archived_image(file, [TAG])
    file.write_bytes(image_archive("a", (TAG,)))
    assert archived_image(file, [TAG]) == (image_id(file.read_bytes()),)
    file.write_bytes(b"no archive" * 200)
    with pytest.raises(AppError, match="cannot be read as one"):
        archived_image(file, [TAG])


def test_an_image_for_another_processor_is_refused_by_name(two: Two) -> None:
    two.at("there")
    one = BundledImage(name=TAG, ids=["sha256:" + "0" * 64], architecture="arm64")
    packer = two.there.bundles.importer._images
    with pytest.raises(AppError, match="is for arm64, and the container engine here has x86_64"):
        packer.refuse_other([one], "x.temper")
