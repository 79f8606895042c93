"""What is known of this computer's memory and of the base models' sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.config import TARGET_RUNPOD
from models.domain.hardware import Gpu, Hardware

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.model_shape import ModelShape

CPU_DEVICE = "cpu"
"""How a result names the processor, where a GPU has its name."""
_NOTICEABLE = 32 * 1024**2
"""Free memory is never still; less than what is shown (0.1 GB) is no change."""


class HardwareModel(QObject):
    """Filled by the hardware controller, read by the memory bar and the presets.

    Signals:
        changed: memory, a model's size, its calibration or the rented GPU is another now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hardware = Hardware()
        self._shapes: dict[str, ModelShape | None] = {}
        self._reasons: dict[str, str] = {}
        self._factors: dict[tuple[str, str], float] = {}
        self._remote_gpu: Gpu | None = None
        self._is_training = False

    @property
    def hardware(self) -> Hardware:
        """GPUs and main memory as last seen; not probed at first."""
        return self._hardware

    @property
    def remote_gpu(self) -> Gpu | None:
        """The GPU that a Runpod target would rent, once its size is known."""
        return self._remote_gpu

    @property
    def is_training(self) -> bool:
        """Whether a training on this computer takes some of its memory just now."""
        return self._is_training

    def is_asked(self, model: str) -> bool:
        """Whether somebody has looked for this model's size."""
        return model.strip() in self._shapes

    def shape(self, model: str) -> ModelShape | None:
        """The size of a base model, or None while or because it is not known."""
        return self._shapes.get(model.strip())

    def reason(self, model: str) -> str:
        """Why a model's size is not known, in words; empty where it is, or before an answer."""
        return self._reasons.get(model.strip(), "")

    def factor(self, model: str, device: str) -> float:
        """What runs of this model on this device measured, by what was predicted for them."""
        return self._factors.get((model.strip(), device), 1.0)

    def gpu_for(self, config: TrainingConfig) -> Gpu | None:
        """The GPU that a setup has to fit; None for the processor or an unknown rented one."""
        if config.training.target == TARGET_RUNPOD:
            return self._remote_gpu
        return self._hardware.deciding_gpu if config.local.use_gpu else None

    def device_for(self, config: TrainingConfig) -> str:
        """The name of what a setup would be trained on, as :meth:`factor` takes it."""
        gpu = self.gpu_for(config)
        if gpu is not None:
            return gpu.name
        return "" if config.training.target == TARGET_RUNPOD else CPU_DEVICE

    def set_hardware(self, hardware: Hardware) -> None:
        """Take what a probe found."""
        if not _is_same(self._hardware, hardware):
            self._hardware = hardware
            self.changed.emit()

    def set_shape(self, model: str, shape: ModelShape | None, reason: str = "") -> None:
        """Take a model's size, or why it is unknown."""
        key = model.strip()
        before = (self.is_asked(key), self.shape(key), self.reason(key))
        self._shapes[key] = shape
        self._reasons[key] = reason
        if before != (True, shape, reason):
            self.changed.emit()

    def set_factor(self, model: str, device: str, factor: float) -> None:
        """Take the calibration of a model on a device."""
        if self.factor(model, device) != factor:
            self._factors[model.strip(), device] = factor
            self.changed.emit()

    def set_remote_gpu(self, name: str, total: int) -> None:
        """Take name and memory (bytes) of the GPU to be rented; no memory means not known."""
        gpu = Gpu(0, name, total, total) if total else None
        if gpu != self._remote_gpu:
            self._remote_gpu = gpu
            self.changed.emit()

    def set_training(self, training: bool) -> None:
        """Take whether a training runs on this computer."""
        if training != self._is_training:
            self._is_training = training
            self.changed.emit()


def _is_same(old: Hardware, new: Hardware) -> bool:
    """Whether nobody could see a difference. Compared with what was last taken: no creeping."""
    if abs(old.ram_free - new.ram_free) >= _NOTICEABLE or len(old.gpus) != len(new.gpus):
        return False
    pairs = zip(old.gpus, new.gpus, strict=True)
    if any(abs(one.free - other.free) >= _NOTICEABLE for one, other in pairs):
        return False
    return _without_free(old) == _without_free(new)


def _without_free(hardware: Hardware) -> Hardware:
    gpus = tuple(replace(gpu, free=0) for gpu in hardware.gpus)
    return replace(hardware, gpus=gpus, ram_free=0)
