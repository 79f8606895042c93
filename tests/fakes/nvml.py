"""A small stand-in for the module ``pynvml``: cards that a test can take away."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

GIB = 1024**3


class NVMLError(Exception):
    """As the real one: a number, and words for it."""

    value = 999

    def __init__(self, value: int | None = None) -> None:
        super().__init__()
        self.value = self.value if value is None else value

    def __str__(self) -> str:
        return f"error {self.value}"


class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818 - pynvml's own names
    value = 3


class NVMLError_GpuIsLost(NVMLError):  # noqa: N801, N818
    value = 15


@dataclass
class Card:
    """One card; ``error`` is raised when its memory is asked for."""

    name: str = "NVIDIA GeForce RTX 4090"
    total: int = 24 * GIB
    free: int = 22 * GIB
    error: Exception | None = None


@dataclass
class FakeNvml:
    """The functions that the probe calls; ``error`` is what the driver answers to everything."""

    cards: list[Card] = field(default_factory=list)
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    NVMLError = NVMLError
    NVMLError_NotSupported = NVMLError_NotSupported
    NVMLError_GpuIsLost = NVMLError_GpuIsLost
    NVML_ERROR_NO_PERMISSION = 4
    NVML_ERROR_DRIVER_NOT_LOADED = 9
    NVML_ERROR_LIBRARY_NOT_FOUND = 12
    NVML_ERROR_GPU_IS_LOST = 15
    NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18

    def nvmlInit(self) -> None:  # noqa: N802
        self._called("init")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self._called("shutdown")

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        self._called("driver")
        return "570.86.15"

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:  # noqa: N802
        self._called("cuda")
        return 12080

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        self._called("count")
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        card = self.cards[handle]
        if card.error is not None:
            raise card.error
        return SimpleNamespace(total=card.total, free=card.free)

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return self.cards[handle].name

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}a1b2c3"

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.error is not None:
            raise self.error
