"""A bundle between two homes, with the program's own services and no network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import Services, build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_DOCKER, SOURCE_HUB, SOURCE_SESSION, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError
from services.environment.folder_lock import try_lock
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.torch_source import Accelerator
from services.hub_cache import cached_revision
from services.job_builder import JobBuilder
from services.models.cached import is_cached_model
from services.offline import OfflinePolicy
from services.offline_bundle import importing
from services.offline_bundle.archive import ByteMeter, write_bundle
from services.offline_bundle.importing import BundleImporter
from services.offline_bundle.manifest import BundledEnvironment, BundledFile, Manifest
from services.offline_bundle.means import BundleMeans
from services.offline_bundle.packing import EnvironmentPacker
from services.progress import Cancelled, CancelToken
from tests.whole_model import lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.offline_ready import ImportedBundle
    from services.progress import Progress

_COMMIT = "0123456789abcdef" * 2 + "01234567"
_FILES: dict[str, str] = {"config.json": "cd" * 20, "tokenizer.json": "ef" * 20}
_BLOB = hashlib.sha256(b"model.safetensors" * 1000).hexdigest()
_FILES["model.safetensors"] = _BLOB


def _quiet(_progress: Progress) -> None:
    """Nobody looks."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Services]:
    """A home with a model of the Hub, a model in a folder elsewhere, rows and two setups."""
    with closing(_home(tmp_path / "here")) as services:
        repo = services.paths.data / "cache/huggingface/hub/models--some--model"
        for name in ("blobs", f"snapshots/{_COMMIT}", "refs"):
            (repo / name).mkdir(parents=True)
        (repo / "refs" / "main").write_text(_COMMIT)
        for name, blob in _FILES.items():
            (repo / "blobs" / blob).write_bytes(name.encode() * 1000)
            (repo / "snapshots" / _COMMIT / name).symlink_to(f"../../blobs/{blob}")
        folder = lay_whole_model(tmp_path / "llama")
        (folder / "model.safetensors").write_bytes(b"weights" * 1000)
        rows = tmp_path / "rows.jsonl"
        lines = ({"question": f"q{n}", "answer": "a"} for n in range(5))
        rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
        services.datasets.import_file(rows, name="FAQ")
        for name, model in (("Hub", "some/model"), ("Folder", str(folder))):
            services.configs.save(name, _config(model, str(tmp_path / "here" / "data")))
        yield services


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Services]:
    """A fresh home."""
    with closing(_home(tmp_path / "there")) as services:
        yield services


def _home(folder: Path) -> Services:
    return build_services(AppPaths(folder), OfflinePolicy(forced=True))


def _config(model: str, data: str) -> TrainingConfig:
    values = {"hp.base_model": model, "dataset.session": "FAQ", "local.host_data_dir": data}
    return with_values(TrainingConfig(), values)


def _export(services: Services, target: Path, *names: str) -> Path:
    services.bundles.exporter.export(target, names, _quiet, CancelToken(), with_environment=False)
    return target


def _bring_in(services: Services, bundle: Path) -> ImportedBundle:
    return services.bundles.importer.bring_in(bundle, _quiet, CancelToken(), with_environment=False)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_models_rows_and_setups_arrive_and_are_found(
    here: Services, there: Services, tmp_path: Path
) -> None:
    brought = _bring_in(there, _export(here, tmp_path / "x.temper"))

    assert set(brought.configs) == {"Hub", "Folder"}
    assert set(brought.models) == {"some/model", "llama"}
    assert is_cached_model("some/model", there.paths.data)
    assert cached_revision("some/model", there.paths.data) == _COMMIT
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
    bundle = _export(here, tmp_path / "x.temper", "Folder")
    brought = sorted(path.name for path in (tmp_path / "llama").iterdir())
    folder = there.paths.data / "models" / "llama"
    for name in (brought[0], brought[-1]):  # whichever of the others would be brought before it
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"another model's")
        with pytest.raises(AppError, match="is there already, and is another file"):
            _bring_in(there, bundle)
        assert _files(folder) == {name: b"another model's"}
        shutil.rmtree(folder)


def test_what_is_hidden_in_a_models_folder_stays_here(here: Services, tmp_path: Path) -> None:
    (tmp_path / "llama" / ".git").mkdir()
    (tmp_path / "llama" / ".git" / "config").write_text("url = https://me:hf_secret@example.org")
    bundle = _export(here, tmp_path / "x.temper", "Folder")
    assert b"hf_secret" not in bundle.read_bytes()
    with tarfile.open(bundle) as tar:
        assert not [name for name in tar.getnames() if "/." in name]


def test_a_damaged_model_does_not_travel(here: Services, tmp_path: Path) -> None:
    hub = here.paths.data / "cache/huggingface/hub/models--some--model/blobs" / _BLOB
    hub.write_bytes(b"n" + hub.read_bytes()[1:])
    with pytest.raises(AppError, match="its content is not what its name says"):
        _export(here, tmp_path / "x.temper", "Hub")
    assert not (tmp_path / "x.temper").exists()


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
        importer.bring_in(_of_packages(tmp_path, "a", "1"), _quiet, CancelToken())
    packer.failure = None
    importer.bring_in(_of_packages(tmp_path, "b", "2"), _quiet, CancelToken())
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
    meter = ByteMeter("Writing", 1, _quiet, CancelToken())
    write_bundle(bundle, manifest, dict.fromkeys(names, source), meter)
    return bundle


def test_a_second_import_changes_nothing(here: Services, there: Services, tmp_path: Path) -> None:
    bundle = _export(here, tmp_path / "x.temper")
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
    _bring_in(there, _export(here, tmp_path / "x.temper", "Hub"))
    assert there.configs.get("Hub").dataset.session == "FAQ (2)"


def test_an_import_that_is_gone_on_with_finds_what_it_stored_under_another_name(
    here: Services, there: Services, tmp_path: Path
) -> None:
    rows = tmp_path / "other.jsonl"
    rows.write_text('{"question": "other", "answer": "a"}\n')
    there.datasets.import_file(rows, name="FAQ")
    there.configs.save("Hub", _config("another/model", ""))
    bundle = _export(here, tmp_path / "x.temper")
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
    _bring_in(there, _export(here, tmp_path / "x.temper", "Hub"))
    assert is_cached_model("some/model", there.paths.data)


def test_until_the_hubs_library_finds_a_model_it_does_not_look_whole(
    here: Services, there: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "write_whole", end)  # what writes the ref
    with pytest.raises(KeyboardInterrupt):
        _bring_in(there, _export(here, tmp_path / "x.temper", "Hub"))
    cache = there.paths.data / "cache/huggingface/hub/models--some--model"
    assert list((cache / "blobs").iterdir())
    assert not (cache / "snapshots" / _COMMIT / "config.json").exists()


def test_where_links_cannot_be_made_a_copy_that_was_cut_is_made_anew(
    here: Services, there: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, copied = _export(here, tmp_path / "x.temper", "Hub"), shutil.copyfile

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
    bundle = _export(here, tmp_path / "x.temper")
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


def test_all_that_cannot_travel_is_named_at_once(
    here: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    for name, values in (
        ("Away", {"hp.base_model": "not/here", "dataset.session": "None"}),
        ("Net", {"dataset.source": SOURCE_HUB, "dataset.hf_repo": "a/b"}),
        ("Box", {"local.runtime": RUNTIME_DOCKER, "hp.base_model": "some/model"}),
    ):
        here.configs.save(name, with_values(TrainingConfig(), values))
    with pytest.raises(ConfigError) as failure:
        here.bundles.exporter.export(tmp_path / "x.temper", [], _quiet, CancelToken())
    assert {problem.field for problem in failure.value.problems} >= {
        "Away, hp.base_model", "Away, dataset.session", "Net, dataset.source", "Box, local.image",
    }  # fmt: skip
    assert not (tmp_path / "x.temper").exists()


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
    _bring_in(there, _export(here, tmp_path / "x.temper", "Net"))
    config = there.configs.get("Net")
    assert (config.dataset.source, config.dataset.session) == (SOURCE_SESSION, "a/b")
    assert there.datasets.find("a/b").source == "hf:a/b@train"
    assert len(there.datasets.rows(there.datasets.find("a/b").id, 0, 9)) == 5


def test_an_export_never_replaces_a_file(here: Services, tmp_path: Path) -> None:
    bundle = _export(here, tmp_path / "x.temper", "Hub")
    with pytest.raises(AppError) as failure:
        _export(here, bundle)
    assert failure.value.kind == "exists"


def test_an_export_into_no_folder_says_so_before_anything_is_made(
    here: Services, tmp_path: Path
) -> None:
    with pytest.raises(AppError, match="there is no folder") as failure:
        _export(here, tmp_path / "nowhere" / "x.temper", "Hub")
    assert failure.value.kind == "io"
    assert not (here.paths.home / "offline").exists()


def test_an_export_that_waited_for_another_does_not_replace_what_that_one_made(
    here: Services, tmp_path: Path
) -> None:
    bundle, cancel = tmp_path / "x.temper", CancelToken()
    lock = try_lock(here.paths.home / "offline" / "export" / ".lock")
    assert lock is not None

    def made_by_another(progress: Progress) -> None:
        nonlocal lock
        if lock is not None and progress.message.startswith("Another Temper is exporting"):
            bundle.write_bytes(b"the other one's")
            os.close(lock)
            lock = None

    with pytest.raises(AppError, match="is there already"):
        here.bundles.exporter.export(
            bundle, ["Hub"], made_by_another, cancel, with_environment=False
        )
    assert bundle.read_bytes() == b"the other one's"


@pytest.mark.slow
def test_an_environment_is_made_again_of_its_own_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").write_text("idna\npygments\n")
    (tmp_path / "requirements.lock").write_text("idna==3.10\npygments==2.19.1\n")
    first, second = (_packer(tmp_path, name) for name in ("first", "second"))
    first.runtime.create(_quiet, CancelToken())
    scratch = tmp_path / "scratch"
    packed, sources = first.pack(scratch, _quiet, CancelToken())

    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")  # nobody is there
    assert {path.parent for path in sources.values()} == {scratch / "wheels"}
    second.refuse_other(packed, "x.temper")
    second.make(packed, scratch, _quiet, CancelToken())

    assert second.runtime.is_ready()
    assert second.runtime.verify() == first.runtime.verify()
    program = second.runtime.root / "venv" / "bin" / "pygmentize"
    assert str(second.runtime.root) in program.read_text().splitlines()[0] or os.name != "posix"


def test_packages_for_another_computer_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("idna\n")
    (tmp_path / "requirements.lock").write_text("idna==3.10\n")
    packer = _packer(tmp_path, "here")
    other = BundledEnvironment(
        python="3.11", platform="win32-x86_64", accelerator="cpu", pins="0" * 16
    )
    with pytest.raises(AppError, match=r"Windows \(x86_64\)"):
        packer.refuse_other(other, "x.temper")


def _packer(folder: Path, name: str) -> EnvironmentPacker:
    requirements, lock = folder / "requirements.txt", folder / "requirements.lock"
    runtime = RuntimeEnvironment(
        folder / name, requirements, lock, modules=("idna", "pygments"), accelerator=Accelerator.CPU
    )
    return EnvironmentPacker(runtime, requirements, lock)
