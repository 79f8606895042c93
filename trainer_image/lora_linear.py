"""A linear layer with its adapter in fewer passes, on a processor in float32.

PEFT computes ``base(x) + B(A(x)) * scale`` as five operations that each read and write the whole
output, and keeps what none of them needs for its gradient. Here the adapter's part is added where
the base's lies (``addmm_``), and the base's product is oneDNN's, which is a tenth faster than the
one that ``torch.mm`` calls. The numbers are PEFT's up to rounding (1e-6), gradients too.

Only the plain case: one adapter, no dropout, no DoRA, nothing quantised. Everything else, and a
layer whose adapter is switched off, stays PEFT's.
"""

from __future__ import annotations

from functools import cache
from types import MethodType
from typing import Any

_MOST_PACKED = 1 << 30
"""Bytes of weights that are kept a second time, in the order in which oneDNN multiplies fastest:
those of a model that a processor trains in a bearable time. By the model's size alone, as a resumed
run must compute in the same way however much memory is free then."""


def quicken(model: Any) -> int:
    """Give each plain adapted layer of a model this computation; how many there were."""
    from peft.tuners.lora import Linear

    layers = [module for module in model.modules() if type(module) is Linear and _is_plain(module)]
    pack = _packing() if _bytes_of(layers) <= _MOST_PACKED else None
    for layer in layers:
        layer.temper_packed = pack(layer.get_base_layer().weight) if pack else None
        layer.forward = MethodType(_forward, layer)
    return len(layers)


def as_before(model: Any) -> None:
    """Undo :func:`quicken`."""
    for module in model.modules():
        if isinstance(vars(module).get("forward"), MethodType):
            del module.forward, module.temper_packed


def _bytes_of(layers: list[Any]) -> int:
    return sum(layer.get_base_layer().weight.nbytes for layer in layers)


def _is_plain(layer: Any) -> bool:
    """Whether the layer does nothing that this computation does not."""
    import torch

    base, names = layer.get_base_layer(), list(layer.lora_A)
    return (
        type(base) is torch.nn.Linear
        and base.weight.dtype is torch.float32
        and base.weight.device.type == "cpu"
        and not base.weight.requires_grad
        and (base.bias is None or not base.bias.requires_grad)
        and len(names) == 1
        and not layer.lora_variant
        and isinstance(layer.lora_dropout[names[0]], torch.nn.Identity)
        and layer.lora_A[names[0]].bias is None
        and layer.lora_B[names[0]].bias is None
    )


def _forward(layer: Any, x: Any, *rest: Any, **named: Any) -> Any:
    """What PEFT's layer computes."""
    import torch

    names = list(layer.active_adapters)
    usual = (
        not rest and not named and not layer.disable_adapters and not layer.merged
        and len(names) == 1 and len(layer.lora_A) == 1 and names[0] in layer.lora_A
        and x.dtype is torch.float32 and not torch.is_autocast_enabled("cpu")
    )  # fmt: skip
    if not usual:
        return type(layer).forward(layer, x, *rest, **named)
    base, name = layer.get_base_layer(), names[0]
    down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
    flat = x.reshape(-1, x.shape[-1])
    packed = layer.temper_packed if layer.temper_packed is not None else base.weight
    weights = (base.weight, packed, base.bias, down, up)
    out = _product().apply(flat, *weights, layer.scaling[name])
    return out.view(*x.shape[:-1], -1)


@cache
def linear() -> Any:
    """``(x, weight) -> x @ weight.T`` by oneDNN where torch has it, else by torch itself."""
    import torch

    try:
        kernel = torch.ops.mkldnn._linear_pointwise
        kernel(torch.zeros(2, 2), torch.zeros(2, 2), None, "none", [], "")
    except (AttributeError, RuntimeError, NotImplementedError):
        return torch.nn.functional.linear
    return lambda x, weight: kernel(x, weight, None, "none", [], "")


@cache
def _packing() -> Any:
    """``weight -> the same in oneDNN's own order``; None where torch has no such thing."""
    import torch

    try:
        pack = torch.ops.mkldnn._reorder_linear_weight
        linear()(torch.zeros(2, 16), pack(torch.zeros(16, 16), None))
    except (AttributeError, RuntimeError, NotImplementedError):
        return None
    return lambda weight: pack(weight.detach(), None)


@cache
def _product() -> Any:
    """The layer's forward and backward pass. Made in a function: torch is a heavy import."""
    import torch

    multiply = linear()

    class Product(torch.autograd.Function):  # type: ignore[misc]
        """``x W' + bias + scale (x A') B'``; gradients for ``x``, ``A`` and ``B``."""

        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, packed: Any, *rest: Any) -> Any:
            bias, down, up, scale = rest
            small = x @ down.t()
            out = multiply(x, packed)
            if bias is not None:
                out.add_(bias)
            ctx.save_for_backward(x, small, weight, down, up)
            ctx.scale = scale
            return out.addmm_(small, up.t(), alpha=scale)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            x, small, weight, down, up = ctx.saved_tensors
            passed = gradient @ up
            to_x = None
            if ctx.needs_input_grad[0]:
                to_x = multiply(gradient, weight.t()).addmm_(passed, down, alpha=ctx.scale)
            to_down = (passed.t() @ x).mul_(ctx.scale)
            to_up = (gradient.t() @ small).mul_(ctx.scale)
            return to_x, None, None, None, to_down, to_up, None

    return Product
