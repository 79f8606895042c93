"""A bundle between two homes, with the program's own services and no network."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.domain.config import SOURCE_HUB, SOURCE_SESSION, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from services.hub_cache import cached_revision
from services.job_builder import JobBuilder
from services.models.cached import is_cached_model
from services.offline_bundle import importing
from services.offline_bundle.archive import ByteMeter, write_bundle
from services.offline_bundle.importing import BundleImporter
from services.offline_bundle.manifest import BundledEnvironment, BundledFile, Manifest
from services.offline_bundle.means import BundleMeans
from services.progress import Cancelled, CancelToken
from tests.integration import bundle_world
from tests.integration.bundle_world import COMMIT, export, home, quiet, some_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.bootstrap import Services
    from models.domain.offline_ready import ImportedBundle
    from services.progress import Progress

pytestmark = pytest.mark.slow
here = bundle_world.here


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Services]:
    """A fresh home."""
    with closing(home(tmp_path / "there")) as services:
        yield services


def _bring_in(services: Services, bundle: Path) -> ImportedBundle:
    return services.bundles.importer.bring_in(bundle, quiet, CancelToken(), with_environment=False)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_models_rows_and_setups_arrive_and_are_found(
    here: Services, there: Services, tmp_path: Path
) -> None:
    brought = _bring_in(there, export(here, tmp_path / "x.temper"))

    assert set(brought.configs) == {"Hub", "Folder"}
    assert set(brought.models) == {"some/model", "llama"}
    assert is_cached_model("some/model", there.paths.data)
    assert cached_revision("some/model", there.paths.data) == COMMIT
    hub = "cache/huggingface/hub"
    assert _files(there.paths.data / hub) == _files(here.paths.data / hub)
    session = there.datasets.find("FAQ")
    assert there.datasets.rows(session.id, 3, 1) == [{"question": "q3", "answer": "a"}]
    for name in ("Hub", "Folder"):
        config = there.configs.get(name)
        assert config.local.host_data_dir == ""
        planned = JobBuilder(there.datasets, lambda: there.paths.data).plan(
            config, name="", offline=True
        )
        assert planned.session == session
    assert there.configs.get("Folder").hp.base_model == "/data/models/llama"
    assert not (there.paths.home / "offline" / "import").exists()


def test_into_another_models_folder_nothing_is_written(
    here: Services, there: Services, tmp_path: Path
) -> None:
    bundle = export(here, tmp_path / "x.temper", "Folder")
    brought = sorted(path.name for path in (tmp_path / "llama").iterdir())
    folder = there.paths.data / "models" / "llama"
    for name in (brought[0], brought[-1]):  # whichever of the others would be brought before it
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"another model's")
        with pytest.raises(AppError, match="is there already, and is another file"):
            _bring_in(there, bundle)
        assert _files(folder) == {name: b"another model's"}
        shutil.rmtree(folder)


def test_an_import_is_not_in_the_way_of_another_bundles_that_was_cut(
    there: Services, tmp_path: Path
) -> None:
    packer = _Packer()
    means = BundleMeans(
        there.configs, there.datasets,
        packer,  # type: ignore[arg-type]
        there.bundles.importer._images,
    )  # fmt: skip
    importer = BundleImporter(means, lambda: tmp_path / "data", tmp_path / "scratch")
    packer.failure = AppError("disk_full", "The disk is full.")
    with pytest.raises(AppError, match="The disk is full"):
        importer.bring_in(_of_packages(tmp_path, "a", "1"), quiet, CancelToken())
    packer.failure = None
    importer.bring_in(_of_packages(tmp_path, "b", "2"), quiet, CancelToken())
    assert packer.brought == {"python.tar.gz": b"2", "wheels/b.whl": b"2"}


class _Packer:
    """Stands for making an environment, which takes minutes: tells what it was to be made of."""

    def __init__(self) -> None:
        self.runtime = self
        self.failure: AppError | None = None
        self.brought: dict[str, bytes] = {}

    def is_ready(self) -> bool:
        return False

    def refuse_other(self, *_: object) -> None:
        return

    def make(self, _packed: object, folder: Path, *_: object) -> None:
        self.brought = _files(folder)
        if self.failure is not None:
            raise self.failure


def _of_packages(folder: Path, name: str, content: str) -> Path:
    """A bundle of Python and one package."""
    source = folder / f"{name}.bin"
    source.write_text(content)
    names = ("environment/python.tar.gz", f"environment/wheels/{name}.whl")
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    files = [BundledFile(path=one, size=len(content), sha256=sha256) for one in names]
    environment = BundledEnvironment(python="3.11", platform="x", accelerator="cpu", pins="p")
    manifest = Manifest(program="1", environment=environment, files=files)
    bundle = folder / f"{name}.temper"
    meter = ByteMeter("Writing", 1, quiet, CancelToken())
    write_bundle(bundle, manifest, dict.fromkeys(names, source), meter)
    return bundle


def test_a_second_import_changes_nothing(here: Services, there: Services, tmp_path: Path) -> None:
    bundle = export(here, tmp_path / "x.temper")
    _bring_in(there, bundle)
    before = _files(there.paths.data)
    again = _bring_in(there, bundle)
    assert set(again.configs) == {"Hub", "Folder"}
    assert [one.name for one in there.datasets.list()] == ["FAQ"]
    assert len(there.configs.list()) == 2
    assert _files(there.paths.data) == before


def test_other_rows_of_the_same_name_stay_apart(
    here: Services, there: Services, tmp_path: Path
) -> None:
    rows = tmp_path / "other.jsonl"
    rows.write_text('{"question": "other", "answer": "a"}\n')
    there.datasets.import_file(rows, name="FAQ")
    _bring_in(there, export(here, tmp_path / "x.temper", "Hub"))
    assert there.configs.get("Hub").dataset.session == "FAQ (2)"


def test_an_import_that_is_gone_on_with_finds_what_it_stored_under_another_name(
    here: Services, there: Services, tmp_path: Path
) -> None:
    rows = tmp_path / "other.jsonl"
    rows.write_text('{"question": "other", "answer": "a"}\n')
    there.datasets.import_file(rows, name="FAQ")
    there.configs.save("Hub", some_config("another/model", ""))
    bundle = export(here, tmp_path / "x.temper")
    first, second = _bring_in(there, bundle), _bring_in(there, bundle)
    assert first == second
    assert sorted(first.configs) == ["Folder", "Hub (2)"]
    assert sorted(one.name for one in there.configs.list()) == ["Folder", "Hub", "Hub (2)"]
    assert sorted(one.name for one in there.datasets.list()) == ["FAQ", "FAQ (2)"]


def test_a_model_whose_revision_was_half_written_is_found_after_the_next_import(
    here: Services, there: Services, tmp_path: Path
) -> None:
    ref = there.paths.data / "cache/huggingface/hub/models--some--model/refs/main"
    ref.parent.mkdir(parents=True)
    ref.touch()
    _bring_in(there, export(here, tmp_path / "x.temper", "Hub"))
    assert is_cached_model("some/model", there.paths.data)


def test_until_the_hubs_library_finds_a_model_it_does_not_look_whole(
    here: Services, there: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "write_whole", end)  # what writes the ref
    with pytest.raises(KeyboardInterrupt):
        _bring_in(there, export(here, tmp_path / "x.temper", "Hub"))
    cache = there.paths.data / "cache/huggingface/hub/models--some--model"
    assert list((cache / "blobs").iterdir())
    assert not (cache / "snapshots" / COMMIT / "config.json").exists()


def test_where_links_cannot_be_made_a_copy_that_was_cut_is_made_anew(
    here: Services, there: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, copied = export(here, tmp_path / "x.temper", "Hub"), shutil.copyfile

    def no_link(_path: Path, _target: str) -> None:
        raise OSError("not for everybody")

    def cut(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "symlink_to", no_link)
        patch.setattr(shutil, "copyfile", cut)
        with pytest.raises(KeyboardInterrupt):
            _bring_in(there, bundle)
        patch.setattr(shutil, "copyfile", copied)
        _bring_in(there, bundle)
    hub = "cache/huggingface/hub"
    assert _files(there.paths.data / hub) == _files(here.paths.data / hub)


def test_cut_at_any_report_an_import_goes_on_to_the_same_end(
    here: Services, there: Services, tmp_path: Path
) -> None:
    bundle = export(here, tmp_path / "x.temper")
    for stop in range(1, 8):
        cancel, seen = CancelToken(), 0

        def report(_progress: Progress, stop: int = stop, cancel: CancelToken = cancel) -> None:
            nonlocal seen
            seen += 1
            if seen == stop:
                cancel.cancel()

        try:
            there.bundles.importer.bring_in(bundle, report, cancel, with_environment=False)
        except Cancelled:
            assert not there.configs.list()
    _bring_in(there, bundle)
    assert len(there.configs.list()) == 2
    assert not list(there.paths.data.rglob("*.part"))


def test_a_copy_of_a_hub_dataset_travels_and_is_what_is_trained_on_there(
    here: Services, there: Services, tmp_path: Path
) -> None:
    with here.database.unit_of_work() as uow:
        faq = here.datasets.find("FAQ")
        uow.datasets.add(replace(faq, name="a/b", source="hf:a/b@train"))
        uow.commit()
    hub = {"dataset.source": SOURCE_HUB, "dataset.hf_repo": "a/b", "dataset.session": "a/b"}
    values = {"hp.base_model": "some/model", **hub}
    here.configs.save("Net", with_values(TrainingConfig(), values))
    _bring_in(there, export(here, tmp_path / "x.temper", "Net"))
    config = there.configs.get("Net")
    assert (config.dataset.source, config.dataset.session) == (SOURCE_SESSION, "a/b")
    assert there.datasets.find("a/b").source == "hf:a/b@train"
    assert len(there.datasets.rows(there.datasets.find("a/b").id, 0, 9)) == 5
