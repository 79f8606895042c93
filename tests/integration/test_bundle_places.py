"""Where a bundle is written, and what lies where it is taken in: sticks, models of other times."""

from __future__ import annotations

import errno
import hashlib
import resource
import shutil
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from services.hub_cache import cached_revision, hub_cache
from services.models.cached import is_cached_model
from services.offline import OfflinePolicy
from services.offline_bundle import fat
from services.offline_bundle.archive import SPARE
from services.progress import CancelToken
from tests.whole_model import WHOLE_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.progress import Progress

pytestmark = pytest.mark.slow
_OLD, _NEW = "a" * 40, "b" * 40


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""


def _home(folder: Path) -> Services:
    return build_services(AppPaths(folder), OfflinePolicy(forced=True))


def _cache(services: Services, revision: str, *names: str) -> None:
    """A revision of a model in the data folder's cache; the one that is used."""
    folder = hub_cache(services.paths.data) / "models--me--small"
    for name in names:
        content = f"{name} of {revision}".encode()
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        pointer = folder / "snapshots" / revision / name
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.symlink_to(blob)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(revision)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Services]:
    with closing(_home(tmp_path / "here")) as services:
        _cache(services, _NEW, *WHOLE_MODEL)
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"question": "q", "answer": "a"}\n')
        services.datasets.import_file(rows, name="FAQ")
        values: dict[str, object] = {"hp.base_model": "me/small", "dataset.session": "FAQ"}
        services.configs.save("Mine", with_values(TrainingConfig(), values))
        yield services


def _export(services: Services, target: Path) -> Path:
    services.bundles.exporter.export(target, [], _quiet, CancelToken(), with_environment=False)
    return target


@pytest.mark.parametrize(
    ("there", "used"),
    [
        (("config.json", "tokenizer.json"), _NEW),  # a download that was cut long ago
        (WHOLE_MODEL, _OLD),
    ],
)
def test_a_model_that_is_there_in_part_becomes_the_one_of_the_bundle_and_a_whole_one_stays(
    here: Services, tmp_path: Path, there: tuple[str, ...], used: str
) -> None:
    bundle = _export(here, tmp_path / "x.temper")
    with closing(_home(tmp_path / "there")) as other:
        _cache(other, _OLD, *there)
        other.bundles.importer.bring_in(bundle, _quiet, CancelToken(), with_environment=False)
        assert is_cached_model("me/small", other.paths.data)
        assert cached_revision("me/small", other.paths.data) == used


def test_room_for_all_of_it_is_looked_for_before_anything_is_taken_in(
    here: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = hub_cache(here.paths.data) / "models--me--small" / "snapshots" / _NEW
    for name in ("one.json", "two.json"):
        (large / name).write_bytes(name[:1].encode() * 1_000_000)
    bundle = _export(here, tmp_path / "x.temper")
    usage = shutil.disk_usage(tmp_path)._replace(free=SPARE + 1_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    with closing(_home(tmp_path / "there")) as other:
        bring_in = other.bundles.importer.bring_in
        with pytest.raises(AppError, match="the bundle needs about 52 MB") as caught:
            bring_in(bundle, _quiet, CancelToken(), with_environment=False)
        assert caught.value.kind == "disk_full"
        assert not hub_cache(other.paths.data).exists()
        usage = usage._replace(free=SPARE + 2_500_000)
        bring_in(bundle, _quiet, CancelToken(), with_environment=False)
        usage = usage._replace(free=SPARE)
        bring_in(bundle, _quiet, CancelToken(), with_environment=False)


def test_a_damaged_file_of_a_model_gives_way_to_the_bundles(here: Services, tmp_path: Path) -> None:
    """The bundle is all that a computer without a network has to mend it with."""
    bundle = _export(here, tmp_path / "x.temper")
    with closing(_home(tmp_path / "there")) as other:
        bring_in = other.bundles.importer.bring_in
        bring_in(bundle, _quiet, CancelToken(), with_environment=False)
        folder = hub_cache(other.paths.data) / "models--me--small" / "snapshots" / _NEW
        weights = (folder / "model.safetensors").resolve()
        right = weights.read_bytes()
        weights.write_bytes(bytes(len(right)))
        bring_in(bundle, _quiet, CancelToken(), with_environment=False)
        assert (folder / "model.safetensors").read_bytes() == right


def test_a_file_that_cannot_be_read_is_named(
    here: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = Path.open

    def opened(path: Path, *args: Any, **named: Any) -> Any:
        if path.name == "model.safetensors":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **named)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(AppError) as caught:
        _export(here, tmp_path / "x.temper")
    assert "model.safetensors" in caught.value.message
    assert "Permission denied" in caught.value.message
    assert "TEMPER_HOME" not in caught.value.hint


def test_a_stick_that_takes_no_file_so_large_is_named_before_anything_is_written(
    here: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    mounts = [("/", "ext4"), (str(stick), "vfat"), (str(tmp_path / "st"), "ext4")]
    found = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_all: found)
    monkeypatch.setattr(fat, "MOST_IN_FAT", 40)
    with pytest.raises(AppError) as caught:
        _export(here, stick / "x.temper")
    assert caught.value.kind == "too_large"
    assert "FAT32 ends at 4 GB" in caught.value.message
    assert [*stick.iterdir()] == []
    _export(here, tmp_path / "x.temper")


def test_a_disk_that_says_so_only_while_it_is_written_is_understood_too(
    here: Services, tmp_path: Path
) -> None:
    """As the kernel does: EFBIG; Python ignores its signal."""
    weights = hub_cache(here.paths.data) / "models--me--small" / "snapshots" / _NEW
    (weights / "model.safetensors").unlink()
    (weights / "model.safetensors").write_bytes(b"w" * 3_000_000)
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        with pytest.raises(AppError) as caught:
            _export(here, tmp_path / "x.temper")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (_soft, hard))
    assert caught.value.kind == "too_large"
    assert "exFAT" in caught.value.hint
