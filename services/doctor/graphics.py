"""The doctor on the GPUs: card, driver, CUDA, memory, and why there is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.doctor import GRAPHICS, Check, CheckState
from services.doctor.computer import gibibytes
from services.gpu_probe import NO_DRIVER

if TYPE_CHECKING:
    from models.domain.hardware import Gpu, Hardware

_OLDEST_CUDA = (12, 0)
"""The driver's: builds of PyTorch 2.13 are for CUDA 12 and 13, and a driver for 12.0 runs those
of any 12.x (NVIDIA's minor version compatibility)."""
_NVIDIA, _DISPLAY_CLASS = "0x10de", "0x03"
"""As PCI numbers the maker and the class of display controllers."""
_PCI = Path("/sys/bus/pci/devices")
_MEANING = "It makes minutes of hours of training."


def gpu_checks(hardware: Hardware, pci: Path = _PCI) -> list[Check]:
    """A check for each card; without any one that says why. ``pci`` lists the devices (Linux)."""
    if hardware.gpus:
        several = len(hardware.gpus) > 1
        return [_gpu_check(gpu, f"GPU {gpu.index}" if several else "GPU") for gpu in hardware.gpus]
    works = "Training runs on the CPU: small models only."
    if hardware.reason != NO_DRIVER:
        step = "See whether nvidia-smi lists the card; a restart or a new driver often helps."
        message = f"{hardware.reason} {works}"
        return [Check(GRAPHICS, "GPU", CheckState.NOTE, message, _MEANING, step)]
    if sys.platform == "linux" and has_nvidia_card(pci):
        message = f"This computer has an NVIDIA card but no driver for it. {works}"
        step = "Install NVIDIA's driver (570 or later) and restart."
        return [Check(GRAPHICS, "GPU", CheckState.NOTE, message, _MEANING, step)]
    return [Check(GRAPHICS, "GPU", CheckState.OK, f"No NVIDIA GPU. {works}", _MEANING)]


def has_nvidia_card(pci: Path = _PCI) -> bool:
    """Whether an NVIDIA display controller is plugged in, with a driver or without."""
    for device in pci.glob("*"):
        try:
            vendor = (device / "vendor").read_text().strip()
            kind = (device / "class").read_text().strip()
        except OSError:
            continue
        if vendor == _NVIDIA and kind.startswith(_DISPLAY_CLASS):
            return True
    return False


def _gpu_check(gpu: Gpu, name: str) -> Check:
    cuda = f", CUDA up to {gpu.cuda}" if gpu.cuda else ""
    memory = f"{gibibytes(gpu.free)} free of {gibibytes(gpu.total)}"
    message = f"{gpu.name}: {memory}, driver {gpu.driver}{cuda}"
    if gpu.cuda and _version(gpu.cuda) < _OLDEST_CUDA:
        oldest = ".".join(map(str, _OLDEST_CUDA))
        meaning = f"PyTorch's builds need a driver for CUDA {oldest} or later."
        step = "Install a newer NVIDIA driver (570 or later) and restart."
        return Check(GRAPHICS, name, CheckState.FAIL, message, meaning, step)
    if gpu.free < gpu.total // 4:
        meaning = "Other programs, or a training, hold most of its memory."
        step = "nvidia-smi lists them; close what you do not need before you start."
        return Check(GRAPHICS, name, CheckState.NOTE, message, meaning, step)
    return Check(GRAPHICS, name, CheckState.OK, message, _MEANING)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
