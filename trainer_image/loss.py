"""The loss over the trained tokens only, without computing what nobody asked for.

A language model's head turns each hidden state into a number for every word of its vocabulary. On
a small model that is a third of a step, and most positions (prompts, padding) are not trained: they
never reach the head here. The sum equals that of the plain loss; the tests compare the two.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from trainer_image.attention import attends_by_rows, set_layout
from trainer_image.contract import FailureKind
from trainer_image.data import NOT_TRAINED
from trainer_image.failures import RefusedError
from trainer_image.head_loss import POSITIONS_CPU, is_plain, summed_head_loss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.collate import Item

_LEAK = 0.1
"""Mean difference of a token's loss, packed and separate, that is no rounding any more, not even
in bfloat16. In float32 rounding makes 1e-6."""
_MOST_ROWS, _LONGEST_ROW = 4, 256
"""What is looked at for that: whole sequences would take as long as the first steps."""


def token_losses(model: Any, inputs: dict[str, Any]) -> Any:
    """The cross entropy of each trained token of a batch, row after row."""
    import torch
    from torch.nn import functional

    targets, trained = _targets(inputs)
    with _head_sees_only(model.get_output_embeddings(), trained):
        logits = _run(model, inputs).logits
    if logits.shape[:2] == trained.shape:  # a model that does not call its head as a module
        logits = logits[trained]
    logits = logits.reshape(-1, logits.shape[-1])
    if not torch.is_grad_enabled():
        return _without_gradient(logits, targets[trained])
    logits = logits.float()
    return functional.cross_entropy(logits, targets[trained], reduction="none")


def _without_gradient(logits: Any, targets: Any) -> Any:
    """The same for a few positions at a time: as a whole, their copies in float32 and their
    probabilities would take more memory than a training step in slices."""
    import torch
    from torch.nn import functional

    parts = zip(logits.split(POSITIONS_CPU), targets.split(POSITIONS_CPU), strict=True)
    losses = [functional.cross_entropy(one.float(), of, reduction="none") for one, of in parts]
    return torch.cat(losses)


def summed_loss(model: Any, inputs: dict[str, Any]) -> tuple[Any, int]:
    """The sum of :func:`token_losses` and how many they are, in less memory where that is possible:
    the logits are made in slices of positions (trainer_image/head_loss.py)."""
    targets, trained = _targets(inputs)
    count = int(trained.sum())
    if model in _LONG_WAY or not is_plain(model):
        return token_losses(model, inputs).sum(), count
    head, seen = model.get_output_embeddings(), list[Any]()
    with _head_sees_nothing(head, seen):
        logits = _run(model, inputs).logits
    if not seen:  # a model that does not call its head as a module
        take_the_long_way(model)
        return _cross_entropy(logits[trained].float(), targets[trained]), count
    return summed_head_loss(seen[0][trained], head, targets[trained]), count


_LONG_WAY: WeakSet[Any] = WeakSet()
"""Models whose logits are not what their head gives."""


def take_the_long_way(model: Any) -> None:
    """From now on the loss of this model is made of its own logits."""
    _LONG_WAY.add(model)


def _cross_entropy(logits: Any, targets: Any) -> Any:
    from torch.nn import functional

    return functional.cross_entropy(logits, targets, reduction="sum")


def _targets(inputs: dict[str, Any]) -> tuple[Any, Any]:
    """What each position is to predict, and whether it is trained to."""
    from torch.nn import functional

    targets = functional.pad(inputs["labels"][:, 1:], (0, 1), value=NOT_TRAINED)
    return targets, targets != NOT_TRAINED


def _run(model: Any, inputs: dict[str, Any]) -> Any:
    """The model's forward pass; attention by rows learns where they are."""
    rest = {name: value for name, value in inputs.items() if name != "labels"}
    positions = rest.get("position_ids")
    one = attends_by_rows(_inner(model)) and positions is not None and len(positions) == 1
    set_layout(positions[0].tolist() if positions is not None and one else None)
    return model(**rest, use_cache=False)


def _inner(model: Any) -> Any:
    """The model in what spreads it over several processes."""
    return getattr(model, "module", model)


@contextmanager
def _head_sees_only(head: Any, wanted: Any) -> Iterator[None]:
    """Hand the head the hidden states at ``wanted`` alone, as one sequence."""

    def select(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0][wanted].unsqueeze(0), *inputs[1:])

    with _before(head, select):
        yield


@contextmanager
def _head_sees_nothing(head: Any, seen: list[Any]) -> Iterator[None]:
    """Keep what the head would be given; its own product is empty."""

    def keep(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        seen.append(_as_autocast_would(inputs[0]))
        return (inputs[0][:, :0], *inputs[1:])

    with _before(head, keep):
        yield


def _as_autocast_would(hidden: Any) -> Any:
    """The head's product is made outside of the model, where autocast does not reach."""
    import torch

    kind = hidden.device.type
    return hidden.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else hidden


@contextmanager
def _before(head: Any, hook: Any) -> Iterator[None]:
    handle = head.register_forward_pre_hook(hook)
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

    rows = [{name: v[:_LONGEST_ROW] for name, v in row.items()} for row in _rows_of(packed)]
    rows = [row for row in rows if any(label != NOT_TRAINED for label in row["labels"][1:])]
    rows = rows[:_MOST_ROWS]
    if len(rows) < 2:
        return  # nothing lies beside it
    model.eval()
    with torch.no_grad():
        together = _losses_of(model, _side_by_side(rows))
        apart = torch.cat([_losses_of(model, row) for row in rows])
    if (together - apart).abs().mean() > _LEAK:
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            "This model cannot keep packed rows apart.",
            "Switch packing off.",
        )


def _side_by_side(rows: list[Item]) -> Item:
    return {name: [one for row in rows for one in row[name]] for name in rows[0]}


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
