"""An estimate of the most memory that a training needs at once, and of what it consists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain import memory_terms as terms
from models.domain.methods import packs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.config import TrainingConfig
    from models.domain.hyperparameters import HyperparameterSection
    from models.domain.model_shape import ModelShape

ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_FUSED = {"qkv_proj": ALL_LINEAR[:3], "gate_up_proj": ALL_LINEAR[4:6]}
"""Phi-3 has one matrix for what others have three and two."""
CONTEXT = "context"
"""The part that PyTorch's own counters do not see, and that a calibration does not concern."""


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """One part of the memory at the peak; ``key`` is stable, ``label`` is for people."""

    key: str
    label: str
    bytes: int


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The parts at the peak, in bytes.

    ``factor`` is what earlier runs of the same model on the same device measured, divided by what
    was predicted for them; ``notes`` say what the estimate does not know.
    """

    parts: tuple[MemoryPart, ...]
    factor: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def calibrated(self) -> tuple[MemoryPart, ...]:
        """The parts corrected by the factor, all but the driver's: they add up to the total."""
        return tuple(
            part if part.key == CONTEXT else replace(part, bytes=round(part.bytes * self.factor))
            for part in self.parts
        )

    @property
    def total(self) -> int:
        """The predicted peak in bytes, corrected by the factor."""
        return sum(part.bytes for part in self.calibrated)


def estimate_memory(
    config: TrainingConfig, shape: ModelShape, *, on_gpu: bool, factor: float = 1.0
) -> MemoryEstimate:
    """Predict the most that training ``config`` on a model of ``shape`` takes, in bytes.

    On a GPU that is what PyTorch takes from the device (``torch.cuda.max_memory_reserved``) and
    the CUDA context; on a processor the process's memory.
    """
    plan = plan_of(config.hp, on_gpu=on_gpu)
    parts = (
        MemoryPart("weights", "Model weights", terms.weight_bytes(shape, plan)),
        MemoryPart(
            "adapter",
            "Gradients" if plan.is_full else "Adapter and gradients",
            terms.adapter_bytes(shape, plan) + terms.gradient_bytes(shape, plan),
        ),
        MemoryPart("optimizer", "Optimiser", terms.optimizer_bytes(shape, plan)),
        MemoryPart("activations", "Activations", terms.activation_bytes(shape, plan)),
        MemoryPart("logits", "Logits", terms.head_bytes(shape, plan)),
        MemoryPart(CONTEXT, "CUDA and its kernels", terms.CONTEXT_BYTES)
        if on_gpu
        else MemoryPart("process", "Python and libraries", terms.PROCESS_BYTES),
    )
    return MemoryEstimate(parts, factor, tuple(_notes(config.hp, shape, factor, on_gpu=on_gpu)))


def plan_of(hp: HyperparameterSection, *, on_gpu: bool) -> terms.Plan:
    """The settings with every "auto" settled as the trainer settles it.

    A change there is one here: ``choose_engine`` of trainer_image/engine.py, ``optimizer_of`` and
    ``_checkpointing`` of trainer_image/arguments.py.
    """
    is_full = hp.tuning == "full"
    quantization = hp.quantization
    if quantization == "auto":
        quantization = "4-bit" if on_gpu else "none"
    optimizer = hp.optimizer
    if optimizer == "auto":
        optimizer = "adamw_8bit" if on_gpu else "adamw_torch"
    is_float32 = hp.precision == "float32" or (hp.precision == "auto" and not on_gpu)
    checkpointing = hp.gradient_checkpointing
    return terms.Plan(
        batch=hp.batch_size * (2 if hp.method in ("DPO", "ORPO") else 1),
        length=hp.max_seq_length,
        quantization="none" if is_full else quantization,
        width=4 if is_float32 else 2,
        targets=() if is_full else _targets(hp.lora_targets) or ALL_LINEAR,
        rank=hp.lora_r,
        is_dora=hp.lora_variant == "DoRA" and not is_full,
        checkpoints=on_gpu if checkpointing == "auto" else checkpointing == "on",
        optimizer=optimizer,
        on_gpu=on_gpu,
        sliced=hp.method == "SFT",
        reorders=not on_gpu and not is_full and hp.lora_variant != "DoRA" and not hp.lora_dropout,
    )


def _targets(names: str) -> tuple[str, ...]:
    """The linear layers that a setting names; none where it names none that is known."""
    if names.strip() == "all-linear":
        return ALL_LINEAR
    given = [name.strip().rpartition(".")[2] for name in names.split(",")]
    chosen = {layer for name in given for layer in _FUSED.get(name, (name,))}
    return tuple(layer for layer in ALL_LINEAR if layer in chosen)


def _notes(
    hp: HyperparameterSection, shape: ModelShape, factor: float, *, on_gpu: bool
) -> Iterator[str]:
    """What the estimate does not know, a sentence each."""
    if not packs(hp):
        yield "Every row is taken as long as the sequence length; shorter rows need less."
    if hp.assistant_only_loss:
        yield "Every token is taken as trained; where only answers are, the logits need less."
    if factor == 1.0:
        yield "No finished run of this model on this device has corrected it yet."
    if not shape.exact:
        yield "The model's architecture is not one that was checked; its size is approximate."
    if hp.tuning == "LoRA" and not _targets(hp.lora_targets):
        yield "The LoRA targets are not known layers; an adapter on all linear layers is assumed."
    if hp.method in ("DPO", "ORPO"):
        yield f"A pair of {hp.method} is counted as two rows of the whole sequence length."
    if not on_gpu:
        yield "On a processor the heap decides, which differs between systems; measured on Linux."
    if hp.tuning == "full":
        plan = plan_of(hp, on_gpu=on_gpu)
        one = 4 * terms.trained_parameters(shape, plan) + terms.optimizer_bytes(shape, plan)
        yield (
            f"On disk each checkpoint takes about {one / 1e9:.1f} GB (weights and optimiser), and "
            f"{hp.save_total_limit} to {hp.save_total_limit + 1} are kept."
        )
    if hp.tuning == "full" or hp.quantization == "8-bit" or hp.lora_variant == "DoRA":
        yield "This kind of training was compared with few measurements or none."
