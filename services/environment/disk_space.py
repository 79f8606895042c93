"""How much a folder holds, and whether its disk has room for the environment."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from services.environment.torch_source import Accelerator
from services.environment.uv_errors import disk_full

if TYPE_CHECKING:
    from pathlib import Path

_GIGABYTE = 1_000_000_000
_NEEDED = {
    Accelerator.CPU: 3 * _GIGABYTE,
    Accelerator.METAL: 3 * _GIGABYTE,
    Accelerator.CUDA: 12 * _GIGABYTE,
}
_AT_LEAST = _GIGABYTE // 5
"""Also with everything downloaded: unpacking, byte code, small files."""


def folder_bytes(folder: Path) -> int:
    """The bytes of all files below ``folder``; what vanishes meanwhile does not count."""
    total = 0
    pending = [str(folder)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def need_space(root: Path, accelerator: Accelerator | None, *, at_least: int = _AT_LEAST) -> None:
    """Raise AppError when the disk of ``root`` lacks room; what is there already counts as room.

    ``accelerator`` None: an environment without torch, which needs next to nothing.
    """
    wanted = _NEEDED[accelerator] if accelerator is not None else 0
    need = max(at_least, wanted - folder_bytes(root / "uv-cache"))
    free = shutil.disk_usage(root).free
    if free < need:
        raise disk_full(need, free, str(root))
