"""A full fine-tune: all weights of the base model learn, and a whole model is what comes out."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

from trainer_image.arguments import optimizer_of
from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError, TrainerError
from trainer_image.keeping import publish
from trainer_image.rows import file_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer_image.trainer import Training

_FLOAT32 = 4
_STATES = {"sgd": 0.0, "adafactor": 0.1, "adamw_torch": 8.0}
"""Bytes of optimiser states for each weight: none, about a row and a column of each matrix, two
float32. Those in 8 bits have two bytes (``models/domain/memory_terms.py``)."""


def all_weights_learn(model: Any, base_model: str) -> Any:
    """Have every weight learn, in float32: a step at a full fine-tune's small learning rate would
    be rounded away in 16 bits. RefusedError for a model whose weights are quantised."""
    if getattr(model, "is_quantized", False):
        raise quantised_base(base_model)
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # one for each file of a checkpoint, which fills a log
    _keep_settings_writable(model)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model.float()


def quantised_base(base_model: str) -> RefusedError:
    """Why a model that is stored quantised cannot be tuned as a whole."""
    return RefusedError(
        FailureKind.BAD_CONFIG,
        f"{base_model} is stored quantised, and quantised weights do not learn in a full "
        "fine-tune.",
        "Choose the model in 16 bits, or tune with LoRA.",
    )


def _keep_settings_writable(model: Any) -> None:
    """Some models come with sampling values that their own settings contradict; transformers reads
    those, and refuses to write them beside a checkpoint."""
    settings = getattr(model, "generation_config", None)
    if settings is None:
        return
    try:
        settings.validate(strict=True)
    except ValueError:
        settings.do_sample = True  # what the values are there for


def save_whole_model(training: Training, folder: Path) -> None:
    """Write the model beside its final name and rename it, so that it is never half there.

    Its numbers have the precision that the training computed in: those of the base on a GPU.
    """
    import torch

    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    model = training.model.to(getattr(torch, training.engine.precision))
    model.config.use_cache = True  # off in the training, where nothing is generated
    model.save_pretrained(temporary)
    training.tokenizer.save_pretrained(temporary)
    publish(temporary, folder)


def weights_sha256(folder: Path) -> str:
    """The SHA-256 of a model's or an adapter's weights; of several files, of their own hashes."""
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return file_sha256(files[0])
    lines = [f"{path.name} {file_sha256(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def checkpoint_bytes(parameters: int, optimizer: str) -> int:
    """What one checkpoint of a full fine-tune takes on disk: float32 weights and their states."""
    return int(parameters * (_FLOAT32 + _STATES.get(optimizer, 2.1)))


def check_room(training: Training) -> Iterator[str]:
    """What will not fit on the disk, a sentence each, before an hour is spent on what cannot be
    saved. TrainerError where not even one checkpoint and the model do."""
    hp, folder = training.checked.job.hp, training.checked.output.checkpoints
    weights = training.model.num_parameters()
    one = checkpoint_bytes(weights, optimizer_of(hp, training.engine))
    result = weights * (_FLOAT32 if training.engine.precision == "float32" else 2)
    free = shutil.disk_usage(folder).free
    kept = hp.save_total_limit + int(hp.load_best and bool(training.held_out))
    at_most = min(kept + 1, training.plan.total // training.plan.save_every + 1) * one + result
    print(f"disk: {_gb(one)} a checkpoint, at most {_gb(at_most)}, {_gb(free)} free", flush=True)  # noqa: T201
    if free < one + result:
        raise TrainerError(
            FailureKind.DISK_FULL,
            f"A checkpoint of this full fine-tune takes {_gb(one)} and the model {_gb(result)}, "
            f"but only {_gb(free)} are free.",
            "Free some space, or tune with LoRA.",
        )
    if free < at_most:
        yield (
            f"The checkpoints and the model may take {_gb(at_most)}, and {_gb(free)} are free. "
            "Free some space while it trains, or keep fewer checkpoints."
        )


def _gb(number: float) -> str:
    return f"{number / 1e9:.1f} GB"
