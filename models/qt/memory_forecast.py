"""Whether a setup is expected to fit the memory, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.auto_set import FREE_SHARE
from models.domain.config import TARGET_RUNPOD
from models.domain.memory import estimate_memory
from models.qt.wording import memory

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.hardware import Hardware
    from models.domain.memory import MemoryEstimate, MemoryPart
    from models.qt.hardware_model import HardwareModel


class Fit(StrEnum):
    """How the prediction compares.

    ``tight``: above the share that Auto Set keeps to. ``plain``: there is nothing to compare with.
    """

    GOOD = "good"
    TIGHT = "tight"
    OVER = "over"
    PLAIN = "plain"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Room:
    """The memory that a setup has to fit, in bytes, and how it is called; all of it may be empty.

    ``free`` is what counts, of ``total``.
    """

    total: int = 0
    free: int = 0
    words: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MemoryForecast:
    """What the memory bar shows. ``parts`` are calibrated and add up to ``peak`` bytes."""

    fit: Fit
    sentence: str
    room: Room = Room()
    peak: int = 0
    parts: tuple[MemoryPart, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether there is a prediction at all."""
        return self.fit is not Fit.UNKNOWN


def forecast_memory(config: TrainingConfig, hardware: HardwareModel) -> MemoryForecast:
    """The prediction for this setup on what it would be trained on; quick, and it never fails."""
    room = _room(config, hardware)
    reason = _unknown_because(config, hardware)
    shape = hardware.shape(config.hp.base_model)
    if reason or shape is None:
        return MemoryForecast(Fit.UNKNOWN, f"Memory not predicted: {reason}.", room)
    gpu = hardware.gpu_for(config)
    estimate = estimate_memory(
        config,
        shape,
        on_gpu=gpu is not None or config.training.target == TARGET_RUNPOD,
        factor=hardware.factor(config.hp.base_model, hardware.device_for(config)),
    )
    fit = _fit(estimate.total, room)
    return MemoryForecast(
        fit,
        _sentence(estimate.total, room, fit),
        room,
        estimate.total,
        estimate.calibrated,
        _notes(estimate, room),
    )


def _unknown_because(config: TrainingConfig, hardware: HardwareModel) -> str:
    hp, model = config.hp, config.hp.base_model.strip()
    if min(hp.batch_size, hp.max_seq_length, hp.lora_r, hp.grad_accum) < 1:
        return "a setting is out of its range"
    if not model:
        return "no base model is chosen"
    if not hardware.is_asked(model):
        return f"looking up the size of {model}"
    return hardware.reason(model)


def _room(config: TrainingConfig, hardware: HardwareModel) -> Room:
    if config.training.target == TARGET_RUNPOD:
        gpu = hardware.remote_gpu
        return Room() if gpu is None else Room(gpu.total, gpu.total, _short(gpu.name))
    found, gpu = hardware.hardware, hardware.gpu_for(config)
    if not found.probed:
        return Room()
    if gpu is None:
        room = _main_memory(found, wants_gpu=config.local.use_gpu)
    elif len(found.gpus) > 1:
        words = f"{_short(gpu.name)}, fullest of {len(found.gpus)}"
        room = Room(gpu.total, gpu.free, words, "The GPU with the least free memory decides.")
    else:
        room = Room(gpu.total, gpu.free, _short(gpu.name))
    # What the running training takes is free again before the next one starts.
    return replace(room, free=room.total) if hardware.is_training else room


def _short(name: str) -> str:
    return name.removeprefix("NVIDIA ").removeprefix("GeForce ")


def _main_memory(found: Hardware, *, wants_gpu: bool) -> Room:
    if wants_gpu:
        return Room(found.ram_total, found.ram_free, "No GPU: main memory", found.reason)
    return Room(found.ram_total, found.ram_free, "GPU not used: main memory")


def _fit(peak: int, room: Room) -> Fit:
    if not room.total:
        return Fit.PLAIN
    if peak > room.free:
        return Fit.OVER
    return Fit.TIGHT if peak > FREE_SHARE * room.free else Fit.GOOD


def _sentence(peak: int, room: Room, fit: Fit) -> str:
    if not room.total:
        return f"Predicted peak {memory(peak)}"
    free = "" if room.free == room.total else " free"
    said = {Fit.TIGHT: ": tight", Fit.OVER: ": does not fit"}.get(fit, "")
    return f"Predicted peak {memory(peak)} of {memory(room.free)}{free}{said}"


def _notes(estimate: MemoryEstimate, room: Room) -> tuple[str, ...]:
    notes = [room.note, *estimate.notes]
    if estimate.factor != 1.0:
        percent = round((estimate.factor - 1) * 100)
        notes.append(f"Corrected by {percent:+d} % from your earlier runs of this model.")
    return tuple(note for note in notes if note)
