"""The most memory that was in use, and how much there is."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CGROUP_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""A container's limit and use of memory (docs.kernel.org, cgroup v2 and v1)."""


_of_others = 0


def note_peak_of_others(peak: int) -> None:
    """Remember the peak of another process that trains with this one."""
    global _of_others
    _of_others = max(_of_others, peak)


def peak_memory(on_gpu: bool) -> int:
    """The most memory in bytes that was in use: the GPU's, else the process's.

    Of several GPUs or processes that train together, of the one that needed most.
    """
    if not on_gpu:
        return max(_of_others, process_peak_memory())
    import torch

    return max(_of_others, int(torch.cuda.max_memory_reserved()))


def process_peak_memory() -> int:
    """The most main memory in bytes that this process held."""
    # Not getrusage: on Linux its number survives exec, and is that of whoever started us if larger.
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        windows: Any = psutil.Process().memory_info()
        return int(windows.peak_wset)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_memory(on_gpu: bool) -> int:
    """How much in bytes may still be taken: of the GPU, else of main memory, a container's limit
    counted."""
    if on_gpu:
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    rooms = [int(psutil.virtual_memory().available)]
    for limit, used in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # ValueError: "max", no limit
            rooms.append(int(limit.read_text()) - int(used.read_text()))
    return max(0, min(rooms))
