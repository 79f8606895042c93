"""What a bundle may hold and where it may be written; an environment made of its wheels."""

from __future__ import annotations

import os
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.domain.config import RUNTIME_DOCKER, SOURCE_HUB, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError
from services.environment.folder_lock import try_lock
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.torch_source import Accelerator
from services.offline_bundle.manifest import BundledEnvironment
from services.offline_bundle.packing import EnvironmentPacker
from services.progress import CancelToken
from tests.integration import bundle_world
from tests.integration.bundle_world import BLOB, export, home, quiet, some_config
from tests.whole_model import lay_whole_model

if TYPE_CHECKING:
    from pathlib import Path

    from app.bootstrap import Services
    from services.progress import Progress

pytestmark = pytest.mark.slow
here = bundle_world.here


def test_what_is_hidden_in_a_models_folder_stays_here(here: Services, tmp_path: Path) -> None:
    (tmp_path / "llama" / ".git").mkdir()
    (tmp_path / "llama" / ".git" / "config").write_text("url = https://me:hf_secret@example.org")
    bundle = export(here, tmp_path / "x.temper", "Folder")
    assert b"hf_secret" not in bundle.read_bytes()
    with tarfile.open(bundle) as tar:
        assert not [name for name in tar.getnames() if "/." in name]


@pytest.mark.parametrize(
    ("name", "travels_as"),
    [("qwen:7b", "qwen-7b"), ("what?", "what-"), ("con", "model-con"), (".mine.", "mine")],
)
def test_a_models_folder_travels_whatever_it_is_called(
    here: Services, tmp_path: Path, name: str, travels_as: str
) -> None:
    setup = "A setup's name of more than 200 signs. " * 6
    folder = lay_whole_model(tmp_path / name)
    here.configs.save(setup, some_config(str(folder), str(tmp_path / "here" / "data")))
    bundle = export(here, tmp_path / "x.temper", setup)
    with closing(home(tmp_path / "there")) as there:
        there.bundles.importer.bring_in(bundle, quiet, CancelToken(), with_environment=False)
        (saved,) = there.configs.list()
        model = there.configs.get(saved.name).hp.base_model
        assert model == f"/data/models/{travels_as}"
        assert there.models.inventory.is_complete(model).is_complete


def test_two_files_that_are_one_elsewhere_are_named(here: Services, tmp_path: Path) -> None:
    for name in ("README.md", "readme.md", ".notes", ".NOTES"):
        (tmp_path / "llama" / name).write_text(name)
    if len(list((tmp_path / "llama").glob("*.md"))) < len({"README.md", "readme.md"}):
        pytest.skip("they are one here, too")
    with pytest.raises(ConfigError, match=r"'README\.md' and 'readme\.md' in .* are one name"):
        export(here, tmp_path / "x.temper", "Folder")


def test_a_damaged_model_does_not_travel(here: Services, tmp_path: Path) -> None:
    hub = here.paths.data / "cache/huggingface/hub/models--some--model/blobs" / BLOB
    hub.write_bytes(b"n" + hub.read_bytes()[1:])
    with pytest.raises(AppError, match="its content is not what its name says"):
        export(here, tmp_path / "x.temper", "Hub")
    assert not (tmp_path / "x.temper").exists()


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
        here.bundles.exporter.export(tmp_path / "x.temper", [], quiet, CancelToken())
    assert {problem.field for problem in failure.value.problems} >= {
        "Away, hp.base_model", "Away, dataset.session", "Net, dataset.source", "Box, local.image",
    }  # fmt: skip
    assert not (tmp_path / "x.temper").exists()


def test_an_export_never_replaces_a_file(here: Services, tmp_path: Path) -> None:
    bundle = export(here, tmp_path / "x.temper", "Hub")
    with pytest.raises(AppError) as failure:
        export(here, bundle)
    assert failure.value.kind == "exists"


def test_an_export_into_no_folder_says_so_before_anything_is_made(
    here: Services, tmp_path: Path
) -> None:
    with pytest.raises(AppError, match="there is no folder") as failure:
        export(here, tmp_path / "nowhere" / "x.temper", "Hub")
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


def test_an_environment_is_made_again_of_its_own_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").write_text("idna\npygments\n")
    (tmp_path / "requirements.lock").write_text("idna==3.10\npygments==2.19.1\n")
    first, second = (_packer(tmp_path, name) for name in ("first", "second"))
    first.runtime.create(quiet, CancelToken())
    scratch = tmp_path / "scratch"
    packed, sources = first.pack(scratch, quiet, CancelToken())

    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")  # nobody is there
    assert {path.parent for path in sources.values()} == {scratch / "wheels"}
    second.refuse_other(packed, "x.temper")
    second.make(packed, scratch, quiet, CancelToken())

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
