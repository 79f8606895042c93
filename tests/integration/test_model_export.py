"""Taking adapters and models out: real files, a trainer that only says how merging went."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.model_export import ExportedModel, ExportKind
from models.domain.run import Run, RunState
from services import export_copy, export_folder
from services.model_export import ModelExport
from services.progress import Cancelled, CancelToken, Progress
from services.trainer_code import TrainerCode

if TYPE_CHECKING:
    from collections.abc import Callable

_RUN = "20261126-1"
_MERGER = """
import json, pathlib, sys
run, adapter, folder, base = sys.argv[1:]
folder = pathlib.Path(folder)
base = pathlib.Path(base)
weights = (base / "model.safetensors").read_bytes() if base.is_dir() else b""
(folder / "config.json").write_text("{}")
HOW
(folder / "model.safetensors").write_bytes(weights)
(folder / "model.safetensors").chmod(0o600)
"""
_SLOW = """
pathlib.Path(folder.parent, "half").touch()
import time; time.sleep(60)
"""
_TELLING = """
import time
heard = pathlib.Path(folder.parent, "heard")
def wait(count):
    while not heard.exists() or heard.read_text().count("*") < count:
        time.sleep(0.01)
(folder / "config.json").unlink()
for number, stage in enumerate(("loading", "merging", "writing"), start=1):
    print(json.dumps({"stage": stage}), flush=True)
    wait(number)
(folder / "config.json").write_text("{}")
wait(4)
"""
_SAID = (
    "Loading the base model",
    "Merging the adapter into its base model",
    "Writing the merged model",
)
_FAILING = """
print(json.dumps({"stage": "failed", "message": "It does not fit.", "hint": "Do this."}))
sys.exit(1)
"""


def safetensors(value: int) -> bytes:
    """The smallest file of weights that is whole."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes([value] * 4)


class Ready:
    """The managed environment, as far as merging asks for it."""

    python = Path(sys.executable)

    def __init__(self) -> None:
        self.ready = True

    def is_ready(self) -> bool:
        return self.ready


class World:
    """A finished run with its files, and a folder for exports."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.base = self.data / "models" / "base"
        self.adapter = self.data / "outputs" / "x" / "adapter"
        self.out = folder / "mine" / "tuned"
        self.runtime = Ready()
        self._code = folder / "code"
        self.exports = ModelExport(
            self.runtime,  # type: ignore[arg-type] - the little that it is asked for
            lambda: TrainerCode(self._code, "0" * 64),
            folder / "exports",
        )
        self.out.parent.mkdir()
        self.base.mkdir(parents=True)
        (self.base / "config.json").write_text("{}")
        (self.base / "model.safetensors").write_bytes(safetensors(1))
        self.adapter.mkdir(parents=True)
        (self.adapter / "adapter_model.safetensors").write_bytes(safetensors(2))
        self.describe(str(self.base))
        for name in ("tokenizer.json", "README.md"):
            (self.adapter / name).write_text(name)
        self.run = Run(
            id=_RUN, name="Support", config=TrainingConfig(), state=RunState.FINISHED,
            runtime="python", data_root=str(self.data), created_at=1.0,
            output_directory=str(self.adapter.parent), adapter_path=str(self.adapter),
            base_model=str(self.base),
        )  # fmt: skip
        self.result(hashlib.sha256(safetensors(2)).hexdigest())
        self.merger("")

    def describe(self, base: str) -> None:
        config = {"base_model_name_or_path": base, "r": 8}
        path = self.adapter / "adapter_config.json"
        path.write_text(json.dumps(config, indent=2, sort_keys=True))

    def result(self, sha256: str, **further: object) -> None:
        folder = self.data / "runs" / _RUN
        folder.mkdir(parents=True, exist_ok=True)
        said = {"run_id": _RUN, "adapter_path": "/data/outputs/x/adapter", "base_model": "b",
                "engine": "e", "steps": 1, "adapter_sha256": sha256, **further}  # fmt: skip
        (folder / "result.json").write_text(json.dumps(said))

    def merger(self, how: str) -> None:
        package = self._code / "trainer_image"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "export_merged.py").write_text(_MERGER.replace("HOW", how))

    def export(
        self,
        kind: ExportKind = ExportKind.ADAPTER,
        to: Path | None = None,
        report: Callable[[Progress], None] = lambda _progress: None,
        cancel: CancelToken | None = None,
        **options: Any,
    ) -> ExportedModel:
        place = to or self.out
        return self.exports.export(
            self.run, kind, place, report, cancel or CancelToken(), **options
        )

    def refusal(self, **arguments: Any) -> AppError:
        """Why an export is refused, which changes nothing."""
        before = content(self.out.parent)
        with pytest.raises(AppError) as caught:
            self.export(**arguments)
        assert content(self.out.parent) == before
        return caught.value


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("is_there", [False, True])
def test_an_adapter_is_copied_byte_by_byte_into_a_new_or_an_empty_folder(
    world: World, is_there: bool
) -> None:
    if is_there:
        world.out.mkdir()
    made = world.export()
    assert content(world.out) == content(world.adapter)
    assert made.path == world.out
    assert made.sha256 == hashlib.sha256(safetensors(2)).hexdigest()
    assert made.size == sum(map(len, content(world.adapter).values()))
    assert [path.name for path in world.out.parent.iterdir()] == [world.out.name]


def test_a_full_folder_is_refused_and_an_earlier_export_replaced_when_asked_to(
    world: World,
) -> None:
    world.export()
    (world.out / "note.txt").write_text("mine")
    error = world.refusal()
    assert "is not empty" in error.message
    assert "--overwrite" in error.hint
    world.export(overwrite=True)
    assert content(world.out) == content(world.adapter)


@pytest.mark.parametrize("what", ["home", "texts"])
def test_what_is_no_export_is_never_replaced(world: World, what: str) -> None:
    if what == "home":
        (world.out / "pictures").mkdir(parents=True)
        (world.out / "config.json").touch()
    else:
        world.out.mkdir()
    (world.out / "letter.txt").write_text("dear")
    assert "would be lost" in world.refusal(overwrite=True).message


def test_places_where_nothing_can_lie_are_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, words in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "no" / "where", "There is no folder"),
        (world.adapter, "belongs to the run itself"),
        (world.adapter / "below", "belongs to the run itself"),
    ):
        assert words in world.refusal(to=place).message
    assert content(world.adapter).keys() >= {"README.md", "tokenizer.json"}


def test_an_export_into_a_folder_takes_a_free_name(world: World) -> None:
    parent = world.out.parent
    for name in (f"{_RUN}-adapter", f"{_RUN}-adapter-2"):
        made = world.exports.export_into(
            world.run, ExportKind.ADAPTER, parent, lambda _progress: None, CancelToken()
        )
        assert made.path == parent / name
        assert content(made.path) == content(world.adapter)


def test_weights_that_changed_since_the_run_are_not_given_away(world: World) -> None:
    (world.adapter / "adapter_model.safetensors").write_bytes(safetensors(3))
    error = world.refusal()
    assert error.kind == "damaged"
    assert "have changed since" in error.message
    assert not world.out.exists()


def test_a_failure_while_replacing_leaves_the_earlier_export(world: World) -> None:
    world.export()
    before = content(world.out)
    (world.adapter / "adapter_model.safetensors").write_bytes(safetensors(3))
    world.refusal(overwrite=True)
    assert content(world.out) == before


def test_all_that_is_in_the_way_is_said_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_folder, "free_disk", lambda _path: 1_000_000)
    shutil.rmtree(world.base)
    world.base.mkdir()
    (world.base / "config.json").touch()
    world.runtime.ready = False
    world.out.mkdir()
    (world.out / "letter.txt").touch()
    error = world.refusal(kind=ExportKind.MERGED)
    for words in (
        "is not set up", "is not on this computer", "is not empty", "1 MB free", "temper doctor"
    ):  # fmt: skip
        assert words in error.message
    world.run = replace(world.run, adapter_path="")
    error = world.refusal()
    assert "has no adapter" in error.message
    assert "is not empty" in error.message
    world.run = replace(world.run, state=RunState.RUNNING)
    assert "has not ended yet" in world.refusal(to=world.out.parent / "new").message


def test_an_exported_adapter_names_its_base_model_as_this_computer_does(world: World) -> None:
    world.describe("/data/models/base")
    world.export()
    config = json.loads((world.out / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": str(world.base), "r": 8}


def test_a_merged_model_is_there_whole_and_readable_by_others(world: World) -> None:
    seen: list[Progress] = []
    made = world.export(ExportKind.MERGED, report=seen.append)
    assert content(world.out) == {"config.json": b"{}", "model.safetensors": safetensors(1)}
    assert made.sha256 == hashlib.sha256(safetensors(1)).hexdigest()
    if sys.platform != "win32":
        assert (world.out / "model.safetensors").stat().st_mode & 0o777 == 0o644
    assert seen[-1].fraction == 1.0


def test_merging_says_what_it_does_and_how_many_bytes_are_written(world: World) -> None:
    world.merger(_TELLING)
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        """The trainer that only says how it goes waits until all that it said was heard."""
        seen.append(progress)
        said = {one.message for one in seen if one.message in _SAID or "0 of 0 MB" in one.message}
        (world.out.parent / "heard").write_text("*" * len(said))

    world.export(ExportKind.MERGED, report=report)
    words = list(dict.fromkeys(progress.message for progress in seen))
    assert [one for one in words if one in _SAID] == list(_SAID)
    assert "Writing the merged model, 0 of 0 MB" in words
    assert words[-2:] == ["Checking what was written, 0 of 0 MB", "Exported"]
    measured = [progress.fraction for progress in seen if progress.fraction is not None]
    assert measured == sorted(measured)
    assert measured[-1] == 1.0


def test_a_copy_tells_its_bytes_and_is_cancelled_in_the_middle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_copy, "_PIECE", 8)
    seen: list[Progress] = []
    world.export(report=seen.append)
    assert len({progress.fraction for progress in seen}) > 10
    cancel = CancelToken()

    def report(progress: Progress) -> None:
        if (progress.fraction or 0) > 0.5:
            cancel.cancel()

    other = world.out.with_name("other")
    with pytest.raises(Cancelled):
        world.export(to=other, report=report, cancel=cancel)
    assert [path.name for path in other.parent.iterdir()] == ["tuned"]


def test_a_merge_that_fails_says_why_and_leaves_nothing(world: World) -> None:
    world.merger(_FAILING)
    error = world.refusal(kind=ExportKind.MERGED)
    assert error.message.endswith("It does not fit.")
    assert error.hint == "Do this."
    world.merger("weights = weights[:-1]")
    assert "could not be merged" in world.refusal(kind=ExportKind.MERGED).message


def test_a_merge_that_is_cancelled_leaves_nothing(world: World) -> None:
    world.merger(_SLOW)
    cancel = CancelToken()

    def report(_progress: Progress) -> None:
        if (world.out.parent / "half").exists():
            cancel.cancel()

    with pytest.raises(Cancelled):
        world.export(ExportKind.MERGED, report=report, cancel=cancel)
    assert content(world.out.parent) == {"half": b""}
    assert not list(world.out.parent.glob(".*"))


def test_a_model_of_the_hub_counts_as_here_in_the_version_it_was_trained_on(world: World) -> None:
    world.run = replace(world.run, base_model="me/base")
    world.describe("me/base")
    hub = world.data / "cache" / "huggingface" / "hub" / "models--me--base"
    trained, newer = hub / "snapshots" / ("a" * 40), hub / "snapshots" / ("b" * 40)
    newer.mkdir(parents=True)
    (newer / "model.safetensors").write_bytes(safetensors(1))
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("b" * 40)
    world.result("", base_sha256="a" * 40)
    assert "is not on this computer" in world.refusal(kind=ExportKind.MERGED).message
    trained.mkdir()
    (trained / "model.safetensors").write_bytes(safetensors(1))
    world.merger(f"weights = pathlib.Path({str(trained)!r}, 'model.safetensors').read_bytes()")
    world.export(ExportKind.MERGED)
    assert (world.out / "model.safetensors").read_bytes() == safetensors(1)


def test_a_full_fine_tune_has_a_model_and_no_adapter(world: World) -> None:
    model = world.adapter.with_name("model")
    shutil.copytree(world.base, model)
    config = with_values(TrainingConfig(), {"hp.tuning": "full"})
    world.run = replace(world.run, config=config, adapter_path=str(model))
    world.result(hashlib.sha256(safetensors(1)).hexdigest(), kind="model")
    assert "there is no adapter" in world.refusal().message
    world.runtime.ready = False  # nothing is to be merged
    world.export(ExportKind.MERGED)
    assert content(world.out) == content(model)
