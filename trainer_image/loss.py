"""The loss over the trained tokens only, without computing what nobody asked for.

A language model's head turns each hidden state into a number for every word of its vocabulary. On
a small model that is a third of a step, and most positions (prompts, padding) are not trained: they
never reach the head here. The sum equals that of the plain loss; the tests compare the two.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image.data import NOT_TRAINED

if TYPE_CHECKING:
    from collections.abc import Iterator


def summed_loss(model: Any, inputs: dict[str, Any]) -> tuple[Any, int]:
    """The summed cross entropy of a batch, and over how many tokens."""
    from torch.nn import functional

    targets = functional.pad(inputs["labels"][:, 1:], (0, 1), value=NOT_TRAINED)
    trained = targets != NOT_TRAINED
    rest = {name: value for name, value in inputs.items() if name != "labels"}
    with _head_sees_only(model.get_output_embeddings(), trained):
        logits = model(**rest, use_cache=False).logits
    if logits.shape[:2] == trained.shape:  # a model that does not call its head as a module
        logits = logits[trained]
    wanted = targets[trained]
    logits = logits.reshape(-1, logits.shape[-1]).float()
    return functional.cross_entropy(logits, wanted, reduction="sum"), len(wanted)


@contextmanager
def _head_sees_only(head: Any, wanted: Any) -> Iterator[None]:
    """Hand the head the hidden states at ``wanted`` alone, as one sequence."""

    def select(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0][wanted].unsqueeze(0), *inputs[1:])

    handle = head.register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()
