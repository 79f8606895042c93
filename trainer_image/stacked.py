"""A new adapter on top of another run's: both take part, the new one alone learns, and what is
saved is both in one, which works wherever an adapter does.

Two LoRA adapters add up: s1·B1·A1 + s2·B2·A2 is one of rank r1 + r2, [s1·B1 s2·B2]·[A1; A2]. What
adds up to no LoRA (DoRA scales the base's own weights) is refused before the start.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError
from trainer_image.rows import file_sha256
from trainer_image.run_folder import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer_image.contract import Job

TOP, BELOW = "default", "below"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_HINT = "Choose LoRA or rsLoRA, or merge the adapter into its model and train on that."


def problems(job: Job) -> Iterator[RefusedError]:
    """What is in the way of training on top of the adapter that the job names."""
    if not job.on_top_of:
        return
    if job.hp.tuning != "LoRA":
        yield _bad("A full fine-tune cannot lie on top of an adapter: it changes the base itself.")
    if job.hp.lora_variant == "DoRA":
        yield _bad("DoRA cannot lie on top of another adapter: the two add up to no one adapter.")
    folder = resolve(job.on_top_of)
    missing = next((name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()), "")
    if missing:
        message = f"The adapter to train on top of has no {missing}: {folder}"
        yield RefusedError(FailureKind.NOT_FOUND, message, "Put it back, or choose another run.")
        return
    if job.on_top_of_sha256 and file_sha256(folder / WEIGHTS) != job.on_top_of_sha256:
        yield _bad(f"The adapter in {folder} is not the one that this job was made for.")
    yield from _unfit(folder)


def _unfit(folder: Path) -> Iterator[RefusedError]:
    try:
        config = dict(json.loads((folder / CONFIG).read_bytes()))
    except (ValueError, TypeError):
        yield _bad(f"{folder / CONFIG} does not describe an adapter.")
        return
    kinds = {
        "DoRA": config.get("use_dora"),
        "trained biases": config.get("bias", "none") not in ("none", None),
        "layers saved as a whole": config.get("modules_to_save"),
        "single trained tokens": config.get("trainable_token_indices"),
        str(config.get("peft_type")): config.get("peft_type") != "LORA",
    }
    for kind in (name for name, found in kinds.items() if found):
        yield _bad(f"The adapter in {folder} has {kind}, and adds up to no one adapter with ours.")


def put_below(model: Any, folder: Path) -> None:
    """Load the adapter of ``folder`` beside the fresh one, frozen and without its dropout."""
    import torch

    model.load_adapter(str(folder), BELOW, is_trainable=False)
    _both(model)
    for layer in _layers(model).values():
        if BELOW in layer.lora_dropout:
            layer.lora_dropout[BELOW] = torch.nn.Identity()
    # Checkpoints hold what is learnt, and the frozen one stays where it is.
    model.save_pretrained = partial(model.save_pretrained, selected_adapters=[TOP])


def save_joined(model: Any, folder: Path) -> None:
    """Write both adapters as one.

    Each layer has rank r1 + r2, filled up with zeros where only one of them has it: readers that
    know no ranks by layer can use it, too.
    """
    import torch
    from safetensors.torch import save_file

    layers = _layers(model)
    rank = max(sum(_ranks(layer)) for layer in layers.values())
    state: dict[str, Any] = {}
    for name, layer in layers.items():
        down, up = _joined(layer)
        missing = rank - down.shape[0]
        state[f"{name}.lora_A.weight"] = torch.nn.functional.pad(down, (0, 0, 0, missing))
        state[f"{name}.lora_B.weight"] = torch.nn.functional.pad(up, (0, missing))
    config = replace(
        model.peft_config[TOP],
        r=rank,
        lora_alpha=rank,
        use_rslora=False,
        lora_dropout=0.0,
        target_modules=_targets(model, layers),
        rank_pattern={},
        alpha_pattern={},
        inference_mode=True,
    )
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(str(folder))
    save_file(
        {name: tensor.contiguous().cpu() for name, tensor in state.items()},
        folder / WEIGHTS,
        metadata={"format": "pt"},
    )


def _joined(layer: Any) -> tuple[Any, Any]:
    """A and B of both in float32, each one's scale in its B: then the scale of the sum is 1."""
    import torch

    present = [name for name in (BELOW, TOP) if name in layer.lora_A]
    downs = [layer.lora_A[name].weight.detach().float() for name in present]
    ups = [layer.lora_B[name].weight.detach().float() * layer.scaling[name] for name in present]
    return torch.cat(downs, dim=0), torch.cat(ups, dim=1)


def _ranks(layer: Any) -> list[int]:
    return [layer.r[name] for name in (BELOW, TOP) if name in layer.lora_A]


def _layers(model: Any) -> dict[str, Any]:
    from peft.tuners.lora import LoraLayer

    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, LoraLayer) and len(module.lora_A)
    }


def _targets(model: Any, layers: dict[str, Any]) -> list[str]:
    """The ends of names that both have, or every name where an adapter is not told by such."""
    named = [model.peft_config[adapter].target_modules for adapter in (BELOW, TOP)]
    if all(isinstance(one, (set, list)) for one in named):
        return sorted({*named[0], *named[1]})
    return sorted(name.removeprefix("base_model.model.") for name in layers)


def _both(model: Any) -> None:
    model.base_model.set_adapter([TOP, BELOW])
    for name, parameter in model.named_parameters():
        if f".{BELOW}." in name:
            parameter.requires_grad = False


def _bad(message: str) -> RefusedError:
    return RefusedError(FailureKind.BAD_CONFIG, message, _HINT)
