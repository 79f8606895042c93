"""The methods by their names: what each minimises, and how its batches are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer_image.collate import PackedCollator, PaddedCollator
from trainer_image.objective import AnswerObjective
from trainer_image.preference_items import LabelledCollator, PairCollator, imbalance
from trainer_image.preference_objective import DpoObjective, KtoObjective, OrpoObjective
from trainer_image.preference_reference import ask_beforehand
from trainer_image.row_formats import rate_note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer_image.collate import Item
    from trainer_image.contract import Hyperparameters
    from trainer_image.engine import Engine
    from trainer_image.objective import Objective
    from trainer_image.prepare import Prepared
    from trainer_image.trainer import Training


def objective_of(hp: Hyperparameters) -> Objective:
    """The loss of the job's method."""
    match hp.method:
        case "DPO":
            return DpoObjective(hp.beta, hp.max_seq_length)
        case "ORPO":
            whole = not hp.assistant_only_loss
            return OrpoObjective(hp.beta, hp.max_seq_length, whole=whole)
        case "KTO":
            return KtoObjective(hp.beta, hp.max_seq_length)
    return AnswerObjective()


def collator_of(hp: Hyperparameters, pad_id: int) -> Any:
    """What makes a batch of items."""
    match hp.method:
        case "DPO" | "ORPO":
            return PairCollator(pad_id)
        case "KTO":
            return LabelledCollator(pad_id)
    return PackedCollator(pad_id) if hp.packs else PaddedCollator(pad_id)


def take_reference(
    model: Any, prepared: Prepared, hp: Hyperparameters, pad_id: int, engine: Engine
) -> None:
    """Ask the untrained model beforehand where it will not be there any more: DPO of all
    weights. An adapter can be switched off instead."""
    if hp.method == "DPO" and hp.tuning == "full":
        items = [*prepared.train, *prepared.held_out]
        with engine.autocast():  # in the training's precision: rounding would be a difference
            ask_beforehand(model, items, collator_of(hp, pad_id), hp.batch_size)


def kind_of_item(hp: Hyperparameters) -> str:
    """What a batch consists of, for people."""
    match hp.method:
        case "DPO" | "ORPO":
            return "pairs, which are never packed,"
        case "KTO":
            return "answers, which are never packed,"
    return "packed sequences" if hp.packs else "rows"


def notes(hp: Hyperparameters, items: Sequence[Item]) -> list[str]:
    """What is worth knowing about a training that compares answers, or trains the whole model,
    before it starts."""
    found = [rate_note(hp.method, hp.learning_rate, hp.tuning)]
    if hp.method != "SFT":
        found.append(imbalance(items))
    return [note for note in found if note]


class Figures:
    """The part of a trainer that logs what a method tells beside the loss."""

    _training: Training

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        """Write one entry of the trainer's log."""
        if "loss" in logs:
            logs = logs | self._training.objective.figures(training=True)
        super().log(logs, *rest)  # type: ignore[misc]
