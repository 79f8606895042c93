"""The summed cross entropy of an output head, without the whole vocabulary's numbers in memory.

Head, loss and the gradient of the hidden states are computed for a few positions at a time, so
that of the logits, the largest tensor of a training by far, only a slice ever exists. The gradient
is made on the way, while a slice is there: nothing is computed twice.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from trainer_image.lora_linear import linear

POSITIONS_GPU = 1024
"""Positions of a slice on a GPU: enough to be busy; their logits are 0.5 GB in float32 for 128,000
words."""
POSITIONS_CPU = 128
"""On a processor: 25 MB for SmolLM2's 49,152 words, about what its caches hold."""
_CHANGED_LATER = (
    "final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier",
    "logits_soft_cap",
)  # fmt: skip
"""Settings of models that change what comes out of the head; they take the long way."""


def is_plain(model: Any) -> bool:
    """Whether the head is one matrix whose products are the logits."""
    import torch

    head, config = model.get_output_embeddings(), getattr(model, "config", None)
    return (
        type(head) is torch.nn.Linear
        and not head._forward_hooks
        and head.weight.shape == (head.out_features, head.in_features)  # not a shard of it
        and type(head.weight) is torch.nn.Parameter
        and not any(getattr(config, name, None) for name in _CHANGED_LATER)
    )


def summed_head_loss(hidden: Any, head: Any, targets: Any) -> Any:
    """The sum over positions: ``hidden`` is (positions, width), ``targets`` a word for each."""
    return _head_loss().apply(hidden, head.weight, head.bias, targets)


@cache
def _head_loss() -> Any:
    """The computation. Made in a function: torch is a heavy import."""
    import torch

    class HeadLoss(torch.autograd.Function):  # type: ignore[misc]
        """Sum of the cross entropies; gradients for the hidden states and for the head."""

        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any) -> Any:
            wanted = ctx.needs_input_grad[:3]
            grads = [
                torch.zeros_like(part) if need and part is not None else None
                for part, need in zip((hidden, weight, bias), wanted, strict=True)
            ]
            total, narrow = torch.zeros((), device=hidden.device), weight.to(hidden.dtype)
            step = POSITIONS_CPU if hidden.device.type == "cpu" else POSITIONS_GPU
            for first in range(0, len(hidden), step):
                part = slice(first, first + step)
                logits = _logits(hidden[part], narrow, bias)
                total += _probabilities(logits, targets[part, None])
                if any(wanted):
                    _add_gradients(grads, part, logits, hidden, narrow)
                del logits  # before the next slice's are made
            ctx.save_for_backward(*grads)
            return total

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            scaled = [None if g is None else g * gradient.to(g.dtype) for g in ctx.saved_tensors]
            return (*scaled, None)

    return HeadLoss


def _logits(hidden: Any, weight: Any, bias: Any) -> Any:
    """What the head gives, in float32."""
    import torch

    if bias is None and hidden.device.type == "cpu" and hidden.dtype is torch.float32:
        return linear()(hidden, weight)
    bias = None if bias is None else bias.to(hidden.dtype)
    return torch.nn.functional.linear(hidden, weight, bias).float()


def _probabilities(logits: Any, targets: Any) -> Any:
    """Turn logits into the loss's gradient where they lie, and return the sum of their losses."""
    logits.sub_(logits.amax(1, keepdim=True))
    right = logits.gather(1, targets)
    sums = logits.exp_().sum(1, keepdim=True)
    logits.div_(sums)
    logits.scatter_add_(1, targets, logits.new_full((), -1.0).expand_as(targets))
    return (sums.log() - right).sum()


def _add_gradients(grads: list[Any], part: slice, errors: Any, hidden: Any, weight: Any) -> None:
    """What a slice adds to the gradients that are wanted."""
    to_hidden, to_weight, to_bias = grads
    narrow = errors.to(hidden.dtype)
    if to_hidden is not None:
        to_hidden[part] = narrow @ weight
    if to_weight is not None:
        to_weight += (narrow.t() @ hidden[part]).to(to_weight.dtype)
    if to_bias is not None:
        to_bias += errors.sum(0)
