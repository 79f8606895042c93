"""The loss over the trained tokens only, without computing what nobody asked for.

A language model's head turns each hidden state into a number for every word of its vocabulary. On
a small model that is a third of a step, and most positions (prompts, padding) are not trained: they
never reach the head here. The sum equals that of the plain loss; the tests compare the two.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.data import NOT_TRAINED
from trainer_image.failures import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.collate import Item

_LEAK = 0.1
"""Mean difference of a token's loss, packed and separate, that is no rounding any more, not even
in bfloat16. In float32 rounding makes 1e-6."""


def token_losses(model: Any, inputs: dict[str, Any]) -> Any:
    """The cross entropy of each trained token of a batch, row after row."""
    from torch.nn import functional

    targets = functional.pad(inputs["labels"][:, 1:], (0, 1), value=NOT_TRAINED)
    trained = targets != NOT_TRAINED
    rest = {name: value for name, value in inputs.items() if name != "labels"}
    with _head_sees_only(model.get_output_embeddings(), trained):
        logits = model(**rest, use_cache=False).logits
    if logits.shape[:2] == trained.shape:  # a model that does not call its head as a module
        logits = logits[trained]
    logits = logits.reshape(-1, logits.shape[-1]).float()
    return functional.cross_entropy(logits, targets[trained], reduction="none")


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


def refuse_leaking(model: Any, packed: Item) -> None:
    """Refuse to pack for a model that lets the rows of a sequence see each other.

    Attention tells rows apart by their positions; state-space and similar layers do not, and the
    loss would look healthy all the same.
    """
    import torch

    model.eval()
    with torch.no_grad():
        together = _losses_of(model, packed)
        apart = torch.cat([_losses_of(model, row) for row in _rows_of(packed)])
    if (together - apart).abs().mean() > _LEAK:
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            "This model cannot keep packed rows apart.",
            "Switch packing off.",
        )


def _losses_of(model: Any, item: Item) -> Any:
    import torch

    inputs = {name: torch.tensor([values]).to(model.device) for name, values in item.items()}
    return token_losses(model, inputs)


def _rows_of(packed: Item) -> list[Item]:
    """The rows that a packed sequence was made of."""
    starts = [n for n, position in enumerate(packed["position_ids"]) if position == 0]
    ends = [*starts[1:], len(packed["position_ids"])]
    return [
        {name: values[start:end] for name, values in packed.items()}
        for start, end in zip(starts, ends, strict=True)
    ]
