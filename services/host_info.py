"""What this computer has, found by small probes."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path


def cpu_count() -> int:
    """The processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def free_disk(path: Path) -> int:
    """Free bytes on the disk of ``path``, which need not exist yet."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free


def cpu_name() -> str:
    """The processor's name, as the trainer records it (``trainer_image/record.py``)."""
    if sys.platform.startswith("linux"):
        try:
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        for line in text.splitlines():
            if line.startswith(("model name", "Hardware")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
