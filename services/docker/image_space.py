"""Whether the disk with the engine's images has room, as far as it can be seen from here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import VARIANT_CPU
from models.domain.errors import AppError
from services.docker.pull_progress import size_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.docker import EngineInfo

UNPACKED = 3.0
"""A layer lies packed beside what it unpacks to, about twice its size for CUDA's libraries."""
_GIGABYTE = 1_000_000_000
_DEFAULT_NEEDS = 25 * _GIGABYTE
_UNKNOWN_NEEDS = 2 * _GIGABYTE
"""Where no registry says a size: the default image holds CUDA, torch and Unsloth."""
_BUILD_NEEDS = {VARIANT_CPU: 5 * _GIGABYTE}
_CUDA_BUILD_NEEDS = 25 * _GIGABYTE
"""The CPU variant takes 1.8 GB, CUDA's libraries of torch alone 7; wheels lie beside them."""


class ImageSpace:
    """Asks for the free bytes of a folder's disk; tests ask something else."""

    def __init__(self, free: Callable[[Path], int] | None = None) -> None:
        self._free = free or _free_bytes

    def check_pull(self, engine: EngineInfo, image: str, packed: int | None) -> None:
        """AppError("disk_full") where an image of this packed size cannot fit."""
        if packed is None:
            needed = _DEFAULT_NEEDS if image == DEFAULT_IMAGE else _UNKNOWN_NEEDS
        else:
            needed = int(packed * UNPACKED)
        self._check(engine, needed, f"pull {image}")

    def check_build(self, engine: EngineInfo, variant: str) -> None:
        """AppError("disk_full") where a variant of ours cannot be built."""
        self._check(engine, _BUILD_NEEDS.get(variant, _CUDA_BUILD_NEEDS), "build the image")

    def _check(self, engine: EngineInfo, needed: int, what: str) -> None:
        folder = images_folder(engine)
        if folder is None:
            return
        free = self._free(folder)
        if free < needed:
            raise AppError(
                "disk_full",
                f"There is not enough room to {what}: the disk of {folder} has "
                f"{size_text(free)} free, and about {size_text(needed)} are needed.",
                "Free some space there; docker system prune removes what Docker no longer needs.",
            )


def images_folder(engine: EngineInfo) -> Path | None:
    """A folder on the disk on which images lie; None where that cannot be told.

    Docker Desktop keeps them in a file in the user's own folders, which grows.
    """
    if not engine.is_local:
        return None
    if engine.kind == "Docker Desktop":
        return Path.home()
    root = Path(engine.data_root)
    try:
        return root if engine.data_root and root.is_dir() else None
    except OSError:
        return None


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free
