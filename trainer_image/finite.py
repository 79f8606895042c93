"""Numbers that are none any more: found before a checkpoint of lost weights is written."""

from __future__ import annotations

import math
from typing import Any

from trainer_image.contract import FailureKind
from trainer_image.failures import TrainerError

_HINT = "Lower the learning rate and resume from an earlier checkpoint, or start anew."


def refuse_lost_loss(logs: dict[str, Any], step: int, *, is_scaled: bool) -> None:
    """TrainerError where the loss, or the gradient's norm, is not a number.

    With half precision the loss ``is_scaled``: there a norm that is none now and then is how the
    scale is found, and the step is left out.
    """
    names = ("loss",) if is_scaled else ("loss", "grad_norm")
    if not all(math.isfinite(logs.get(name) or 0.0) for name in names):
        raise TrainerError(
            FailureKind.NAN_LOSS, f"The loss is not a number any more at step {step}.", _HINT
        )


def refuse_lost_weights(model: Any, step: int) -> None:
    """TrainerError where a trained weight is not a number; the loss may be logged more seldom than
    checkpoints are written."""
    import torch

    with torch.no_grad():
        trained = (weight for weight in model.parameters() if weight.requires_grad)
        if all(bool(torch.isfinite(weight.sum())) for weight in trained):
            return
    raise TrainerError(
        FailureKind.NAN_LOSS, f"The weights are not numbers any more at step {step}.", _HINT
    )
