"""What the methods need: which rows they learn from is the trainer's word, these are the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.hyperparameters import HyperparameterSection

SFT_ONLY = frozenset({"hp.packing", "hp.train_on"})
"""Settings without a meaning where answers are compared: those stay apart, each as a whole."""
PREFERENCE_ONLY = frozenset({"hp.beta"})
ANSWERS_ONLY = "hp.assistant_only_loss"
"""Has a meaning where a text is learnt, also in part, as the chosen one by ORPO."""
_LEARNS_A_TEXT = ("SFT", "ORPO")
_HIGHEST_RATE = 1e-4
"""As in the trainer, which warns in its log as well (trainer_image/contract.py, rate_note)."""


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
    """A sentence where a learning rate that suits SFT with an adapter is too high: to compare
    answers by, or for the whole model."""
    is_usual = hp.method == "SFT" and hp.tuning == "LoRA"
    if is_usual or not _HIGHEST_RATE < hp.learning_rate <= 1:  # more is refused anyhow
        return ""
    digits, _, power = f"{hp.learning_rate:.2e}".partition("e")
    rate = f"{float(digits):g}e{int(power)}"
    if hp.method == "SFT":
        return f"A learning rate of {rate} is high for a full fine-tune: 1e-5 to 5e-5 is usual."
    return f"A learning rate of {rate} is high for {hp.method}: 5e-6 to 5e-5 is usual."


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
