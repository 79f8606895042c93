"""Which build of torch this computer needs, and where to look for it, in order."""

from __future__ import annotations

import os
import platform as host
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Accelerator(StrEnum):
    """What torch computes on."""

    CPU = "cpu"
    CUDA = "cuda"
    METAL = "metal"


@dataclass(frozen=True, slots=True)
class TorchSource:
    """One way to get torch: a requirement, uv's --torch-backend (none: the user's index), words."""

    requirement: str
    backend: str
    label: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The requirement and the option, as uv takes them."""
        return (self.requirement, f"--torch-backend={self.backend}") if self.backend else (
            self.requirement,
        )  # fmt: skip


def detect_accelerator(
    platform: str = sys.platform,
    exists: Callable[[str], bool] = os.path.exists,
    which: Callable[[str], str | None] = shutil.which,
) -> Accelerator:
    """What this computer has, from files only: a driver that is loaded, not one that is installed.

    Containers see the host's /proc, so there a device or the driver's tool has to be there as well.
    """
    if platform == "darwin":
        return Accelerator.METAL
    if platform == "win32":
        root = os.environ.get("SystemRoot", "C:\\Windows")  # noqa: SIM112 - Windows spells it so
        found = exists(f"{root}\\System32\\nvcuda.dll")
    else:
        loaded = exists("/proc/driver/nvidia/version")
        usable = exists("/dev/nvidiactl") or which("nvidia-smi") is not None
        found = (loaded and usable) or exists("/usr/lib/wsl/lib/libcuda.so.1")
    return Accelerator.CUDA if found else Accelerator.CPU


def torch_sources(
    version: str, accelerator: Accelerator, *, local_wheel: bool, chosen_backend: str = ""
) -> list[TorchSource]:
    """Where to look, best first; ``chosen_backend`` is the user's own UV_TORCH_BACKEND.

    A CPU wheel in a folder of the user's goes first: it costs no network, and asking a server that
    cannot be reached costs seconds.
    """
    plain = TorchSource(f"torch=={version}", "", "the configured package index")
    sources = [plain]
    if accelerator is Accelerator.CPU:
        cpu = TorchSource(f"torch=={version}+cpu", "", "your own folder of wheels")
        index = TorchSource(f"torch=={version}", "cpu", "PyTorch's index of CPU builds")
        sources = [*([cpu] if local_wheel else []), index, plain]
    elif accelerator is Accelerator.CUDA:
        auto = TorchSource(f"torch=={version}", "auto", "PyTorch's index for this driver")
        sources = [auto, plain]
    if chosen_backend:
        label = f"PyTorch's index, UV_TORCH_BACKEND={chosen_backend}"
        sources.insert(0, TorchSource(f"torch=={version}", chosen_backend, label))
    return sources


def local_cpu_wheels(version: str, folders: Iterable[Path]) -> list[str]:
    """Python versions ("3.11") for which a folder holds torch's CPU build for this computer."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(_machine(), _machine())
    found: list[str] = []
    for folder in folders:
        for wheel in sorted(folder.glob(f"torch-{version}+cpu-cp3*.whl")):
            python, tags = wheel.stem.split("-")[2], wheel.stem.replace("amd64", "x86_64")
            if machine in tags and _system_tag() in tags and python[3:].isdigit():
                found.append(f"3.{python[3:]}")
    return found


def _machine() -> str:
    return host.machine().lower()


def _system_tag() -> str:
    return {"win32": "win_", "darwin": "macosx"}.get(sys.platform, "linux")
