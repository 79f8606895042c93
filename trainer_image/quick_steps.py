"""Steps on a processor made faster, where the model at hand computes the same with it.

Each means is tried on a few short rows before the first step, beside what the libraries do by
themselves; one whose loss is another is left out. docs/speed.md says what each of them gives.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer_image import lora_linear
from trainer_image.attention import attend_as_before, attend_by_rows
from trainer_image.collate import PaddedCollator
from trainer_image.data import NOT_TRAINED
from trainer_image.joined import JoinedCollator, rows_of
from trainer_image.loss import summed_loss, take_the_long_way, token_losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer_image.collate import Item
    from trainer_image.contract import Hyperparameters
    from trainer_image.engine import Engine

_ROWS, _TOKENS = 3, 48
"""Size of the trial: a fraction of a second for a small model."""
_DIFFERENCE = {"torch.float32": 1e-3}
_DIFFERENCE_16_BIT = 0.05
"""Mean difference of a token's loss that is no rounding: a row that sees another makes 0.1 and
more (trainer_image/loss.py)."""


_STRENGTH = 0.02
"""Of the numbers that a tried adapter has: about those of a model's own weights."""


def quicken(model: Any, items: Sequence[Item], hp: Hyperparameters, engine: Engine) -> None:
    """Let a model compute its steps by what is faster and the same. ``items`` are the training's.

    On a GPU that is the loss in slices alone: its kernels are another matter.
    """
    import torch

    if hp.method != "SFT":
        if not engine.on_gpu:
            lora_linear.quicken(model)
        return
    rows = _trial(items)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        _try_all(model, rows, on_gpu=engine.on_gpu)
    model.train(was_training)


def _try_all(model: Any, rows: list[Item], *, on_gpu: bool) -> None:
    padded = JoinedCollator()(rows[:1]) if on_gpu else PaddedCollator(0)(rows)
    padded = {name: value.to(model.device) for name, value in padded.items()}
    losses = token_losses(model, padded)
    expected, count = losses.sum().item(), max(len(losses), 1)
    limit = _DIFFERENCE.get(str(model.dtype), _DIFFERENCE_16_BIT)

    def same(batch: dict[str, Any]) -> bool:
        return bool(abs(summed_loss(model, batch)[0].item() - expected) / count <= limit)

    if not same(padded):
        take_the_long_way(model)
    if on_gpu:
        return
    if attend_by_rows(model) and not same(JoinedCollator()(rows)):
        attend_as_before(model)
    with _adapters_that_act(model):
        expected = token_losses(model, padded).sum().item()
        if lora_linear.quicken(model) and not same(padded):
            lora_linear.as_before(model)


@contextmanager
def _adapters_that_act(model: Any) -> Iterator[None]:
    """A new adapter begins with nothing to add, so a layer that left it out would not be seen."""
    import torch

    chance = torch.Generator().manual_seed(0)
    weights = [part for name, part in model.named_parameters() if ".lora_B." in name]
    before = [part.data for part in weights]
    for part in weights:
        part.data = torch.randn(part.shape, generator=chance).mul_(_STRENGTH).to(part.dtype)
    try:
        yield
    finally:
        for part, value in zip(weights, before, strict=True):
            part.data = value


def _trial(items: Sequence[Item]) -> list[Item]:
    """A few rows, short, whose second halves are learnt: their beginnings can be shared."""
    rows = [row for number in range(min(_ROWS, len(items))) for row in rows_of(items[number])]
    short = [row["input_ids"][:_TOKENS] for row in rows[:_ROWS]]
    return [
        {"input_ids": ids, "labels": [NOT_TRAINED] * (len(ids) // 2) + ids[len(ids) // 2 :]}
        for ids in short
    ]


def joined_collator(model: Any) -> JoinedCollator:
    """Beginnings are shared unless chance is to treat each row for itself."""
    import torch

    layers = (one.p for one in model.modules() if isinstance(one, torch.nn.Dropout))
    kernels = getattr(model.config, "attention_dropout", 0)
    return JoinedCollator(share=not (kernels or any(layers)))
