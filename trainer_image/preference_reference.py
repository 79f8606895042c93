"""The model as it was before the training, against which DPO and KTO measure.

With an adapter that is the same model without it, so nothing more is held in memory; an adapter
that lies below a new one stays on. Where all weights are trained it is asked once, beforehand.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image.data import NOT_TRAINED
from trainer_image.loss import token_losses
from trainer_image.preference_items import GOOD, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer_image.collate import Item

_NOT_THE_MODELS = (GOOD, REFERENCE)
_TRAINED = "default"
"""PEFT's name of the adapter that is trained; any other lies below it."""


def answer_log_probabilities(model: Any, inputs: dict[str, Any]) -> Any:
    """The log-probability of each row's answer: the sum over its learnt tokens."""
    trained = inputs["labels"][:, 1:] != NOT_TRAINED
    return -by_row(trained, token_losses(model, for_model(inputs))).sum(1)


def by_row(places: Any, values: Any) -> Any:
    """Values at their places in the rows, zero elsewhere; summed this way the order is always the
    same, also on a GPU, where adding by index is not."""
    return values.new_zeros(places.shape).masked_scatter(places, values)


def for_model(inputs: dict[str, Any]) -> dict[str, Any]:
    """A batch without what only the comparison needs."""
    return {name: value for name, value in inputs.items() if name not in _NOT_THE_MODELS}


def reference_log_probabilities(model: Any, inputs: dict[str, Any]) -> Any:
    """The same by the untrained model, without a gradient."""
    if REFERENCE in inputs:
        return inputs[REFERENCE]
    import torch

    with torch.no_grad(), _untrained(model):
        return answer_log_probabilities(model, inputs)


@contextmanager
def _untrained(model: Any) -> Iterator[None]:
    """The model without the adapter that is trained, and without dropout.

    The layers' own switches are set, not PEFT's ``disable_adapter``: that one also changes which
    weights take a gradient, in the middle of a step.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    before = [(layer, layer._disable_adapters, layer._active_adapter) for layer in layers]
    was_training = model.training
    model.eval()
    for layer in layers:
        below = [name for name in layer.active_adapters if name != _TRAINED]
        layer._active_adapter = below
        layer._disable_adapters = not below
    try:
        yield
    finally:
        for layer, is_off, active in before:
            layer._disable_adapters, layer._active_adapter = is_off, active
        model.train(was_training)


def ask_beforehand(
    model: Any, items: list[Item], collate: Callable[[list[Item]], dict[str, Any]], size: int
) -> None:
    """Put into each item what the untrained model says of its sides, ``size`` items at a time."""
    import torch

    was_training = model.training
    model.eval()
    with torch.no_grad():
        for first in range(0, len(items), size):
            batch = items[first : first + size]
            inputs = {name: value.to(model.device) for name, value in collate(batch).items()}
            sides = answer_log_probabilities(model, inputs).float().chunk(2)
            for item, *both in zip(batch, *(side.tolist() for side in sides), strict=True):
                item[REFERENCE] = both
    model.train(was_training)
