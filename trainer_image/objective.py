"""What a method minimises: the loss of a batch, in units that may be summed over batches.

A step's loss is the sum over its batches divided by the units of all of them, so that how a batch
is cut into pieces changes nothing. Answers count by their trained tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from trainer_image.data import NOT_TRAINED
from trainer_image.loss import summed_loss

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Measured:
    """The summed loss of a batch (a tensor), over how many units, and the tokens it took.

    ``processed`` tokens were computed, prompts and padding too; ``trained`` ones were learnt.
    """

    total: Any
    units: int
    trained: int
    processed: int


class Objective(Protocol):
    """One of the methods: SFT, DPO, ORPO, KTO."""

    def measure(self, model: Any, inputs: dict[str, Any]) -> Measured:
        """The loss of one batch as the collator made it."""

    def units(self, inputs: dict[str, Any]) -> int:
        """How many units a batch will be measured in, without computing it."""

    def begin(self, model: Any, batches: Iterable[dict[str, Any]]) -> None:
        """A step over these batches begins, or an evaluation: what they share is computed."""

    def figures(self, *, training: bool) -> dict[str, float]:
        """What is told beside the loss: means since they were last asked for."""


class AnswerObjective:
    """SFT: the cross entropy of each trained token."""

    def measure(self, model: Any, inputs: dict[str, Any]) -> Measured:
        """The sum over the trained tokens of a batch."""
        total, count = summed_loss(model, inputs)
        return Measured(total, count, count, inputs["input_ids"].numel())

    def units(self, inputs: dict[str, Any]) -> int:
        """The trained tokens; nothing predicts a row's first, so it never is one."""
        return int((inputs["labels"][:, 1:] != NOT_TRAINED).sum())

    def begin(self, model: Any, batches: Iterable[dict[str, Any]]) -> None:
        """Each batch stands for itself."""

    def figures(self, *, training: bool) -> dict[str, float]:
        """The loss says it all."""
        return {}
