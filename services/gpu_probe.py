"""What this computer has to train with, asked of NVIDIA's driver and the operating system."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil

from models.domain.hardware import Gpu, Hardware

if TYPE_CHECKING:
    from collections.abc import Sequence

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
NO_DRIVER = "No NVIDIA driver is installed."
_NO_LIBRARY = "The library that asks NVIDIA's driver (nvidia-ml-py) is missing."
_NO_GPU = "NVIDIA's driver runs, but it finds no GPU."
_HIDDEN = f"{VISIBLE_VARIABLE} hides every GPU from this program."


class GpuProbe:
    """Asks for the GPUs and their memory. Blocking, quick and thread-safe; it never raises.

    The driver's library is opened at the first question and stays open until :meth:`close`. A
    driver that goes away in between, as at an update, is asked anew at the next question.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nvml: Any = None

    def probe(self) -> Hardware:
        """GPUs and main memory as they are now."""
        memory = psutil.virtual_memory()
        ram = Hardware((), int(memory.total), int(memory.available), probed=True)
        with self._lock:
            gpus, reason = self._gpus(ram)
        return replace(ram, gpus=gpus, reason=reason)

    def close(self) -> None:
        """Let the driver's library go; another question opens it again."""
        with self._lock:
            self._shut_down()

    def _gpus(self, ram: Hardware) -> tuple[tuple[Gpu, ...], str]:
        try:
            import pynvml  # after the first frame; opens no library yet
        except ImportError:
            return (), _NO_LIBRARY
        try:
            nvml = self._opened(pynvml)
            found = _read_gpus(nvml, ram)
        except pynvml.NVMLError as error:
            self._shut_down()
            return (), _reason(pynvml, error)
        shown = visible_gpus(found, os.environ.get(VISIBLE_VARIABLE))
        if shown:
            return shown, ""
        return (), _HIDDEN if found else _NO_GPU

    def _opened(self, pynvml: Any) -> Any:
        if self._nvml is None:
            pynvml.nvmlInit()
            self._nvml = pynvml
        return self._nvml

    def _shut_down(self) -> None:
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with contextlib.suppress(nvml.NVMLError):  # it may have gone away by itself
                nvml.nvmlShutdown()


def visible_gpus(found: Sequence[Gpu], visible: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA shows to programs started from here (``CUDA_VISIBLE_DEVICES``).

    As CUDA reads it: numbers or the beginnings of UUIDs, up to the first that names no device.
    Numbers are taken in the order of the bus, which for equal cards is CUDA's own.
    """
    if visible is None:
        return tuple(found)
    shown: list[Gpu] = []
    for name in (part.strip() for part in visible.split(",")):
        gpu = next((gpu for gpu in found if _is_named(gpu, name)), None)
        if gpu is None or gpu in shown:
            break
        shown.append(gpu)
    return tuple(shown)


def _is_named(gpu: Gpu, name: str) -> bool:
    if name.isdecimal():
        return gpu.index == int(name)
    return name.startswith("GPU-") and gpu.uuid.startswith(name)


def _read_gpus(nvml: Any, ram: Hardware) -> tuple[Gpu, ...]:
    found: list[Gpu] = []
    lost: Exception | None = None
    driver, cuda = nvml.nvmlSystemGetDriverVersion(), _cuda_version(nvml)
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            gpu = _read_gpu(nvml, index, ram)
            found.append(replace(gpu, driver=driver, cuda=cuda))
        except nvml.NVMLError_GpuIsLost as error:  # the others still work
            lost = error
    if lost is not None and not found:
        raise lost
    return tuple(found)


def _cuda_version(nvml: Any) -> str:
    """The latest CUDA that the driver supports ("12.8"); the empty string where it does not say."""
    try:
        number = int(nvml.nvmlSystemGetCudaDriverVersion_v2())
    except nvml.NVMLError:
        return ""
    return f"{number // 1000}.{number % 1000 // 10}"  # 12080 is 12.8


def _read_gpu(nvml: Any, index: int, ram: Hardware) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        total, free = int(memory.total), int(memory.free)
    except nvml.NVMLError_NotSupported:  # it shares the main memory and has none of its own
        total, free = ram.ram_total, ram.ram_free
    name, uuid = nvml.nvmlDeviceGetName(handle), nvml.nvmlDeviceGetUUID(handle)
    return Gpu(index, name, total, free, uuid)


def _reason(pynvml: Any, error: Exception) -> str:
    words = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: NO_DRIVER,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "NVIDIA's driver is installed but not running.",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
            "NVIDIA's driver was updated: restart the computer to use the GPU."
        ),
        pynvml.NVML_ERROR_NO_PERMISSION: "This user may not ask NVIDIA's driver.",
        pynvml.NVML_ERROR_GPU_IS_LOST: (
            "A GPU no longer answers: restart the computer to use it again."
        ),
    }
    known = words.get(getattr(error, "value", None))
    return known or f"NVIDIA's driver does not answer ({error})."
