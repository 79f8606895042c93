"""DPO, ORPO and KTO: losses that compare good answers with bad ones.

The formulas are those of their papers (arxiv.org/abs/2305.18290, 2403.07691, 2402.01306) as TRL
has them; the tests compare the values with TRL's own on the same batches. What a whole step has in
common is computed at its beginning, so how a step is cut into batches changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer_image.data import NOT_TRAINED
from trainer_image.loss import token_losses
from trainer_image.objective import Measured
from trainer_image.preference_items import GOOD
from trainer_image.preference_reference import (
    answer_log_probabilities,
    by_row,
    for_model,
    reference_log_probabilities,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_SURE = -1e-7
"""The highest mean log-probability whose odds are computed: those of certainty are infinite."""


@dataclass
class Tally:
    """How the good answers stand against the bad ones since it was last read."""

    margin: Any = 0.0
    right: Any = 0.0
    count: int = 0

    def add(self, margins: Any, right: Any) -> None:
        """Margins of a batch, and which of its comparisons come out right."""
        self.margin = self.margin + margins.detach().sum()
        self.right = self.right + right.detach().sum()
        self.count += len(right)

    def take(self) -> dict[str, float]:
        """The means, and begin anew."""
        count, margin, right = self.count, float(self.margin), float(self.right)
        self.margin, self.right, self.count = 0.0, 0.0, 0
        return {"reward_margin": margin / count, "reward_accuracy": right / count} if count else {}


@dataclass
class _Comparison:
    """What the three methods share. ``beta`` is DPO's and KTO's, and what ORPO's paper calls
    lambda."""

    beta: float
    max_length: int
    _learning: Tally = field(default_factory=Tally)
    _measuring: Tally = field(default_factory=Tally)

    def begin(self, model: Any, batches: Iterable[dict[str, Any]]) -> None:
        """Nothing is shared by the batches of a step."""

    def figures(self, *, training: bool) -> dict[str, float]:
        """``reward_margin`` and ``reward_accuracy``, means since they were last asked for."""
        return (self._learning if training else self._measuring).take()

    def _tally(self, model: Any) -> Tally:
        return self._learning if model.training else self._measuring


class DpoObjective(_Comparison):
    """The chosen side is to gain on the rejected one, measured against the untrained model."""

    def measure(self, model: Any, inputs: dict[str, Any]) -> Measured:
        """The sum over the pairs of a batch."""
        from torch.nn import functional

        reference = reference_log_probabilities(model, inputs)
        gains = self.beta * (answer_log_probabilities(model, inputs) - reference)
        chosen, rejected = gains.chunk(2)
        margins = chosen - rejected
        self._tally(model).add(margins, margins > 0)
        return _measured(-functional.logsigmoid(margins).sum(), self.units(inputs), inputs)

    def units(self, inputs: dict[str, Any]) -> int:
        """The pairs."""
        return len(inputs["input_ids"]) // 2


@dataclass
class OrpoObjective(_Comparison):
    """The chosen side is learnt as by SFT, and its odds are to gain on those of the rejected one.

    With ``whole`` the prompt of the chosen side is learnt, too.
    """

    whole: bool = False
    _pairs_per_token: float = 0.0

    def begin(self, model: Any, batches: Iterable[dict[str, Any]]) -> None:
        """Count the tokens of the chosen sides, over which the first part is a mean."""
        pairs, tokens = 0, 0
        for inputs in batches:
            pairs += self.units(inputs)
            tokens += int(self._learnt(inputs)[: self.units(inputs)].sum())
        self._pairs_per_token = pairs / max(tokens, 1)

    def measure(self, model: Any, inputs: dict[str, Any]) -> Measured:
        """The sum over the pairs of a batch."""
        from torch.nn import functional

        pairs, places = self.units(inputs), self._learnt(inputs)
        labels = inputs["labels"].clone()
        labels[:, 1:][places] = inputs["input_ids"][:, 1:][places]
        losses = by_row(places, token_losses(model, for_model(inputs | {"labels": labels})))
        answers = inputs["labels"][:, 1:] != NOT_TRAINED
        means = (-(losses * answers).sum(1) / answers.sum(1)).clamp(max=_SURE)
        odds = means - _log_of_rest(means)
        margins = odds[:pairs] - odds[pairs:]
        self._tally(model).add(self.beta * margins, margins > 0)
        learnt = losses[:pairs].sum() * self._pairs_per_token
        total = learnt - self.beta * functional.logsigmoid(margins).sum()
        return _measured(total, pairs, inputs)

    def units(self, inputs: dict[str, Any]) -> int:
        """The pairs."""
        return len(inputs["input_ids"]) // 2

    def _learnt(self, inputs: dict[str, Any]) -> Any:
        """Where a token's loss is needed: answers, and of the chosen sides prompts if wanted."""
        places = inputs["labels"][:, 1:] != NOT_TRAINED
        if self.whole:
            chosen = self.units(inputs)
            places[:chosen] = inputs["attention_mask"][:chosen, 1:] == 1
        return places


@dataclass
class KtoObjective(_Comparison):
    """A good answer is to gain on the untrained model, a bad one to lose, both beyond what any
    answer gained: that is estimated by giving each prompt of the step another one's answer."""

    _gained: Any = 0.0

    def begin(self, model: Any, batches: Iterable[dict[str, Any]]) -> None:
        """Estimate what any answer gained, over the step as a whole. TRL does it for each batch."""
        import torch

        total, count = 0.0, 0
        was_training = model.training
        model.eval()
        with torch.no_grad():
            for inputs in self._exchanged(list(batches)):
                gains = answer_log_probabilities(model, inputs)
                gains = gains - reference_log_probabilities(model, inputs)
                total, count = total + float(gains.sum()), count + len(gains)
        model.train(was_training)
        self._gained = max(total / count, 0.0) if count else 0.0

    def measure(self, model: Any, inputs: dict[str, Any]) -> Measured:
        """The sum over the answers of a batch."""
        import torch

        good = inputs[GOOD]
        reference = reference_log_probabilities(model, inputs)
        gains = answer_log_probabilities(model, inputs) - reference
        signed = torch.where(good, gains - self._gained, self._gained - gains) * self.beta
        self._tally(model).add(signed, signed > 0)
        return _measured((1 - signed.sigmoid()).sum(), len(good), inputs)

    def units(self, inputs: dict[str, Any]) -> int:
        """The answers."""
        return len(inputs["input_ids"])

    def _exchanged(self, batches: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        """Each prompt with the answer of the one before it, in batches of the same sizes; nothing
        of a single answer, which has no other."""
        from trainer_image.collate import PaddedCollator

        parts = [part for inputs in batches for part in _parts(inputs)]
        if len(parts) < 2:
            return
        mixed = [
            _joined(prompt, answer, self.max_length)
            for (prompt, _), (_, answer) in zip(parts, [parts[-1], *parts[:-1]], strict=True)
        ]
        first = 0
        for inputs in batches:
            rows = mixed[first : first + len(inputs["input_ids"])]
            first += len(rows)
            device = inputs["input_ids"].device
            # What fills up a row is masked, so it may be any token.
            yield {name: value.to(device) for name, value in PaddedCollator(0)(rows).items()}


def _parts(inputs: dict[str, Any]) -> Iterable[tuple[list[int], list[int]]]:
    """The tokens before each row's first learnt one, and those from it on."""
    learnt = inputs["labels"] != NOT_TRAINED
    begins = learnt.int().argmax(1).tolist()
    lengths = inputs["attention_mask"].sum(1).tolist()
    for ids, begin, length in zip(inputs["input_ids"].tolist(), begins, lengths, strict=True):
        yield ids[:begin], ids[begin:length]


def _joined(prompt: list[int], answer: list[int], limit: int) -> dict[str, list[int]]:
    labels = [NOT_TRAINED] * len(prompt) + answer
    return {"input_ids": [*prompt, *answer][:limit], "labels": labels[:limit]}


def _log_of_rest(means: Any) -> Any:
    """log(1 - exp(x)) of log-probabilities, in the form that keeps its digits near 0
    (cran.r-project.org, package Rmpfr, "log1mexp")."""
    import torch

    near = means > -0.6931471805599453
    return torch.where(near, (-means.expm1()).log(), (-means.exp()).log1p())


def _measured(total: Any, units: int, inputs: dict[str, Any]) -> Measured:
    trained = int((inputs["labels"][:, 1:] != NOT_TRAINED).sum())
    return Measured(total, units, trained, inputs["input_ids"].numel())
