"""What the methods need: which rows they learn from is the trainer's word, these are the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import Problem
from trainer_image import row_formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.hyperparameters import HyperparameterSection

SFT_ONLY = frozenset({"hp.packing", "hp.train_on"})
"""Settings without a meaning where answers are compared: those stay apart, each as a whole."""
PREFERENCE_ONLY = frozenset({"hp.beta"})
ANSWERS_ONLY = "hp.assistant_only_loss"
"""Has a meaning where a text is learnt, also in part, as the chosen one by ORPO."""
_LEARNS_A_TEXT = ("SFT", "ORPO")


def has_meaning(path: str, method: str) -> bool:
    """Whether a setting changes anything with this method."""
    if path in SFT_ONLY:
        return method == "SFT"
    if path in PREFERENCE_ONLY:
        return method != "SFT"
    return path != ANSWERS_ONLY or method in _LEARNS_A_TEXT


def packs(hp: HyperparameterSection) -> bool:
    """Whether rows share a sequence."""
    return hp.packing and hp.method == "SFT"


def rate_note(hp: HyperparameterSection) -> str:
    """The trainer's own warning of a learning rate that only SFT of an adapter bears."""
    if not hp.learning_rate <= 1:
        return ""  # it is refused; so is what is no number
    return row_formats.rate_note(hp.method, hp.learning_rate, hp.tuning)


def method_problems(hp: HyperparameterSection, processes: int = 1) -> Iterator[Problem]:
    """What KTO lacks: a second answer in a step of all ``processes``, or the untrained model."""
    if hp.method != "KTO":
        return
    if hp.batch_size * hp.grad_accum * processes < 2:
        yield Problem(
            "hp.grad_accum",
            str(hp.grad_accum),
            "leaves one answer in a step, and KTO compares the answers of a step.",
            "Set batch size or accumulation to 2 or more.",
        )
    if hp.tuning == "full":
        yield Problem(
            "hp.tuning",
            hp.tuning,
            "cannot be used with KTO, which compares with the untrained model.",
            "Tune with LoRA.",
        )
