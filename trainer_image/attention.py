"""Attention on a processor for batches that are one sequence of rows: each row by itself.

transformers keeps rows of one sequence apart by a square mask over all of it, so a sequence of
1,000 tokens pays for 1,000 x 1,000 scores though its rows have 100 tokens each. Here the kernel is
called for each row, causal and without a mask: the same numbers, and ten times fewer of them.

Positions say where rows are. One that starts at 0 is a row of its own; one that starts at ``n``
goes on from the first ``n`` tokens of the last row that started at 0, which it shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROWS = "temper_rows"
"""The name under which transformers knows this attention."""
_WINDOWS_IN_THE_MASK = ("doge", "llama4", "llama4_text", "phimoe", "qwen2_moe")
"""Kinds of models (transformers 5.17) that tell windows of attention by the mask alone, which is
not there then: rows longer than the window would be seen as a whole."""


@dataclass(frozen=True)
class Layout:
    """Where the rows of one sequence are: how long each is by itself, how many tokens it shares,
    and with which row (its number; its own where it shares none)."""

    lengths: tuple[int, ...]
    shared: tuple[int, ...]
    roots: tuple[int, ...]

    @property
    def size(self) -> int:
        """Tokens of the sequence."""
        return sum(self.lengths)


_now: Layout | None = None
"""The layout of the batch at work. Kept until the next one: gradient checkpointing computes a
batch's attention again in its backward pass."""


def set_layout(positions: list[int] | None) -> None:
    """What follows is a batch with these positions; None for a batch that is no single sequence."""
    global _now
    _now = None if positions is None else layout_of(positions)


def layout_of(positions: list[int]) -> Layout:
    """The rows that these positions tell of."""
    starts = [n for n, p in enumerate(positions) if n == 0 or p != positions[n - 1] + 1]
    ends = [*starts[1:], len(positions)]
    shared = tuple(positions[start] for start in starts)
    roots: list[int] = []
    for number, count in enumerate(shared):
        roots.append(roots[-1] if count else number)
    return Layout(tuple(e - s for s, e in zip(starts, ends, strict=True)), shared, tuple(roots))


def attend_by_rows(model: Any) -> bool:
    """Let a model attend by rows; whether it can. Only one that uses torch's kernel as it is."""
    if getattr(model.config, "_attn_implementation", None) != "sdpa":
        return False
    if getattr(model.config, "model_type", "") in _WINDOWS_IN_THE_MASK:
        return False
    _register()
    try:
        model.set_attn_implementation(ROWS)
    except (AttributeError, ValueError, NotImplementedError):
        return False
    return attends_by_rows(model)


def attend_as_before(model: Any) -> None:
    """Undo :func:`attend_by_rows`."""
    model.set_attn_implementation("sdpa")
    set_layout(None)


def attends_by_rows(model: Any) -> bool:
    """Whether batches of one sequence are what this model takes."""
    return getattr(getattr(model, "config", None), "_attn_implementation", None) == ROWS


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ROWS, _attention)
    AttentionMaskInterface.register(ROWS, _mask)


def _mask(*arguments: Any, **named: Any) -> Any:
    """No mask where rows are attended to one by one."""
    from transformers.masking_utils import sdpa_mask

    return sdpa_mask(*arguments, **named) if _now is None else None


def _attention(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any
) -> tuple[Any, None]:
    """As transformers' ``sdpa_attention_forward``, row by row where a layout is known."""
    from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

    layout = _now
    if layout is None or query.shape[0] != 1 or query.shape[2] != layout.size:
        result: tuple[Any, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **options
        )
        return result
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    return _by_rows(layout, query, key, value, options).transpose(1, 2), None


def _by_rows(layout: Layout, query: Any, key: Any, value: Any, options: dict[str, Any]) -> Any:
    """The outputs of all rows, one after the other."""
    import torch

    parts = [tensor.split(layout.lengths, dim=2) for tensor in (query, key, value)]
    outputs = []
    for number, (shared, root) in enumerate(zip(layout.shared, layout.roots, strict=True)):
        query, key, value = (
            torch.cat([part[root][:, :, :shared], part[number]], 2) if shared else part[number]
            for part in parts
        )
        outputs.append(_one_row(query, key, value, options)[:, :, shared:])
    return torch.cat(outputs, dim=2)


def _one_row(query: Any, key: Any, value: Any, options: dict[str, Any]) -> Any:
    """Causal attention of one row, within the window if the layer has one."""
    from torch.nn import functional

    window, length = options.get("sliding_window"), query.shape[2]
    mask = _window(length, window) if window and length > window else None
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=options.get("dropout", 0.0),
        scale=options.get("scaling"), is_causal=mask is None,
    )  # fmt: skip


def _window(length: int, window: int) -> Any:
    """True where a token may look: at itself and the ``window - 1`` before it."""
    import torch

    order = torch.arange(length)
    back = order[:, None] - order[None, :]
    return (back >= 0) & (back < window)
