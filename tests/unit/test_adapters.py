"""Whether a finished run's adapter can be tried is really looked at, and said in a sentence."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.domain.config import LocalSection, TrainingConfig
from models.domain.errors import AppError
from models.domain.hyperparameters import HyperparameterSection
from models.domain.inference import TunedModel
from models.domain.run import Run, RunState
from services.adapters import tuned_model
from trainer_image.contract import OUTPUT_MARKER_FILE, OutputMarker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BASE = "org/model"


def weights(tensors: int = 2) -> bytes:
    """A safetensors file: header length, header, data."""
    entries = {
        f"layer.{n}": {"dtype": "F32", "shape": [4], "data_offsets": [16 * n, 16 * (n + 1)]}
        for n in range(tensors)
    }
    header = json.dumps({"__metadata__": {"format": "pt"}} | entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(16 * tensors)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A finished run whose adapter is whole."""
    folder = tmp_path / "outputs" / "a" / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": BASE}))
    (folder / "adapter_model.safetensors").write_bytes(weights())
    return Run(
        id="run-1",
        name="run-1",
        config=TrainingConfig(),
        state=RunState.FINISHED,
        runtime="Docker",
        data_root=str(tmp_path),
        created_at=0,
        output_directory=str(folder.parent),
        adapter_path=str(folder),
        base_model=BASE,
    )


def test_a_whole_adapter_is_loaded_as_the_run_was_trained(run: Run) -> None:
    config = TrainingConfig(
        hp=HyperparameterSection(quantization="4-bit"), local=LocalSection(use_gpu=False)
    )
    assert tuned_model(replace(run, config=config)) == TunedModel(
        BASE, run.adapter_path, run.data_root, "4-bit", LocalSection(use_gpu=False)
    )


def _adapter(run: Run) -> Path:
    from pathlib import Path

    return Path(run.adapter_path)


def _remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def _remove_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def _damage_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name')


def _remove_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def _cut_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(weights()[:-1])


def _empty_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(b"")


def _garbage_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(b"\x04\0\0\0\0\0\0\0[{}]" + bytes(20))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_remove_folder, "no longer in"),
        (_remove_config, "has no adapter_config.json"),
        (_damage_config, "damaged"),
        (_remove_weights, "has no weights"),
        (_cut_weights, "not whole"),
        (_empty_weights, "not whole"),
        (_garbage_weights, "not whole"),
    ],
)
def test_a_broken_adapter_is_named(run: Run, harm: Callable[[Path], None], words: str) -> None:
    harm(_adapter(run))
    with pytest.raises(AppError, match=words) as caught:
        tuned_model(run)
    assert caught.value.kind == "adapter_missing"
    assert run.adapter_path in caught.value.message
    assert caught.value.hint


def test_an_adapter_for_another_base_model_is_refused(run: Run) -> None:
    with pytest.raises(AppError, match="org/model") as caught:
        tuned_model(replace(run, base_model="org/other"))
    assert caught.value.kind == "adapter_mismatch"


def test_an_adapter_that_another_run_overwrote_is_not_taken_for_this_runs(run: Run) -> None:
    marker = _adapter(run).parent / OUTPUT_MARKER_FILE
    for owner in ("run-1", "run-2"):
        text = OutputMarker(run_id=owner, fingerprint="f", finished=True).model_dump_json()
        marker.write_text(text)
        if owner == "run-1":
            tuned_model(run)
            continue
        with pytest.raises(AppError, match="run-2") as caught:
            tuned_model(run)
        assert caught.value.kind == "adapter_replaced"


def test_a_base_model_of_the_data_root_is_found_under_both_of_its_names(
    run: Run, tmp_path: Path
) -> None:
    config = {"base_model_name_or_path": "/data/models/m"}
    (_adapter(run) / "adapter_config.json").write_text(json.dumps(config))
    local = replace(run, base_model=str(tmp_path / "models" / "m"))
    with pytest.raises(AppError, match="no longer in") as caught:
        tuned_model(local)
    assert caught.value.kind == "no_base_model"
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "config.json").write_text("{}")
    assert tuned_model(local).base_model == str(tmp_path / "models" / "m")


def test_a_run_without_an_adapter_says_so(run: Run) -> None:
    with pytest.raises(AppError, match="has no adapter"):
        tuned_model(replace(run, adapter_path=""))


@pytest.fixture
def full(run: Run) -> Run:
    """A finished full fine-tune whose model lies in two files."""
    folder = _adapter(run).with_name("model")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for name in names:
        (folder / name).write_bytes(weights())
    index = {"weight_map": {f"layer.{n}": name for n, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = TrainingConfig(hp=HyperparameterSection(tuning="full"))
    return replace(run, config=config, adapter_path=str(folder), base_model="/gone/base")


def test_a_whole_model_is_loaded_without_asking_for_its_base(full: Run) -> None:
    found = tuned_model(full)
    assert (found.adapter, found.is_whole, found.base_model) == (
        full.adapter_path, True, "/gone/base",
    )  # fmt: skip
    index = _adapter(full) / "model.safetensors.index.json"
    index.unlink()
    (_adapter(full) / "model.safetensors").write_bytes(weights())
    assert tuned_model(full).is_whole


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", None, "has no config.json"),
        ("model-00002-of-00002.safetensors", None, "has no weights"),
        ("model-00002-of-00002.safetensors", weights()[:-1], "not whole"),
        ("model.safetensors.index.json", b"{", "damaged"),
    ],
)
def test_a_broken_whole_model_is_named(
    full: Run, name: str, content: bytes | None, words: str
) -> None:
    path = _adapter(full) / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(AppError, match=words) as caught:
        tuned_model(full)
    assert caught.value.kind == "adapter_missing"
