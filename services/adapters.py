"""Whether what a finished run made can be tried: it is there, whole, and of that run.

That is an adapter, or the whole model of a full fine-tune.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.docker import CONTAINER_MODEL
from models.domain.errors import AppError
from models.domain.inference import TunedModel
from services.job_builder import is_local_model, local_model
from services.run_files import output_marker

if TYPE_CHECKING:
    from models.domain.run import Run

_CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_MODEL_CONFIG, _MODEL_WEIGHTS = "config.json", "model.safetensors"
_MODEL_INDEX = "model.safetensors.index.json"
"""Lists the files of a model whose weights do not lie in one."""
_AGAIN = "Put it back where it was, or train again."


def tuned_model(run: Run) -> TunedModel:
    """What to load to try a run; AppError says why there is nothing to try."""
    if not run.adapter_path:
        raise AppError("no_adapter", f"Run {run.id} has no adapter.", "Let it finish first.")
    folder = Path(run.adapter_path)
    base_model = run.base_model or run.config.hp.base_model
    is_whole = run.config.hp.tuning == "full"
    if is_whole:
        _check_whole_model(folder)
    else:
        _check_files(folder)
    _check_owner(folder, run)
    if not is_whole:  # a whole model answers without its base
        _check_base_model(folder, base_model, Path(run.data_root))
    return TunedModel(
        base_model=base_model,
        adapter=str(folder),
        data_root=run.data_root,
        quantization=run.config.hp.quantization,
        local=run.config.local,
        is_whole=is_whole,
    )


def is_usable(folder: Path) -> bool:
    """Whether what a training made lies there whole: an adapter, or a model with its weights."""
    check = _check_files if (folder / _CONFIG).exists() else _check_whole_model
    try:
        check(folder)
    except AppError:
        return False
    return True


def _check_whole_model(folder: Path) -> None:
    if not folder.is_dir():
        raise _broken(f"The model of this run is no longer in {folder}.")
    if not (folder / _MODEL_CONFIG).is_file():
        raise _broken(f"The model in {folder} has no {_MODEL_CONFIG}.")
    for weights in _model_weights(folder):
        if not weights.is_file():
            raise _broken(f"The model in {folder} has no weights ({weights.name}).")
        if not _is_whole(weights):
            raise _broken(f"The model's weights are damaged: {weights} is not whole.")


def _model_weights(folder: Path) -> list[Path]:
    """The files that the weights should lie in."""
    index = folder / _MODEL_INDEX
    if not index.is_file():
        return [folder / _MODEL_WEIGHTS]
    try:
        names = {str(name) for name in json.loads(index.read_bytes())["weight_map"].values()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _broken(f"{index} cannot be read: it is damaged.") from error
    return [folder / name for name in sorted(names)]


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        raise _broken(f"The adapter of this run is no longer in {folder}.")
    if not (folder / _CONFIG).is_file():
        raise _broken(f"The adapter in {folder} has no {_CONFIG}.")
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise _broken(f"The adapter in {folder} has no weights ({_WEIGHTS[0]}).")
    if not _is_whole(weights):
        raise _broken(f"The adapter's weights are damaged: {weights} is not whole.")


def _check_owner(folder: Path, run: Run) -> None:
    """Another run may have been told to overwrite the output directory."""
    marker = output_marker(folder.parent)
    if marker is not None and marker.run_id != run.id:
        raise AppError(
            "adapter_replaced",
            f"The adapter of this run was overwritten: {folder} belongs to run {marker.run_id} "
            "now.",
            "Try that run instead.",
        )


def _check_base_model(folder: Path, base_model: str, data_root: Path) -> None:
    made_for = _made_for(folder)
    is_named = made_for not in {"", CONTAINER_MODEL}
    if is_named and local_model(made_for, data_root) != base_model:
        raise AppError(
            "adapter_mismatch",
            f"The adapter in {folder} was made for the base model {made_for}, not for "
            f"{base_model}.",
            _AGAIN,
        )
    if is_local_model(base_model) and not (Path(base_model) / "config.json").is_file():
        raise AppError(
            "no_base_model",
            f"The base model of this run is no longer in {base_model}.",
            "Put it back where it was.",
        )


def _made_for(folder: Path) -> str:
    path = folder / _CONFIG
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _broken(f"{path} cannot be read: it is damaged.") from error
    if not isinstance(config, dict):
        raise _broken(f"{path} does not describe an adapter.")
    return str(config.get("base_model_name_or_path") or "")


def _is_whole(weights: Path) -> bool:
    """Whether a safetensors file is as long as its own header says (its format: 8 bytes with the
    header's length, the header, the tensors). Of other files only that they hold something."""
    try:
        size = weights.stat().st_size
        if weights.suffix != ".safetensors":
            return size > 0
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if 0 < length < size else {}
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        ends = [int(tensor["data_offsets"][1]) for tensor in tensors]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
    return bool(ends) and size == 8 + length + max(ends)


def _broken(message: str) -> AppError:
    return AppError("adapter_missing", message, _AGAIN)
