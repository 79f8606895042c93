"""The doctor on the computer itself: system, C library, processor, memory and disks."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from models.domain.doctor import COMPUTER, OPEN_SETTINGS, Check, CheckState
from services.host_info import cpu_count, free_disk
from services.web import program_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOME_FOLDER = "Temper's folder"
GIGABYTE = 1_000_000_000
_GIB = 1024**3
_OLDEST_GLIBC = (2, 28)
"""PyTorch's wheels for Linux are ``manylinux_2_28``."""
_LITTLE_MEMORY = 4 * _GIB
"""A small model's training takes about this much; less free is said before the system ends it."""
_ROOMY = 15 * GIGABYTE
_LEAST = 3 * GIGABYTE
"""The trainer's environment takes 3 GB (12 with CUDA), an image 10 or more, and models on top."""


def gigabytes(count: float) -> str:
    """Bytes on a disk as ``12.3 GB``."""
    return f"{count / GIGABYTE:,.1f} GB"


def gibibytes(count: float) -> str:
    """Bytes of memory as ``15.6 GB``, of 1024 to the next, as memory is sold."""
    return f"{count / _GIB:,.1f} GB"


def system_checks() -> list[Check]:
    """Program, operating system, and on Linux the C library."""
    versions = f"Temper {program_version()}, Python {platform.python_version()}"
    how = "installed" if getattr(sys, "frozen", False) else "from source"
    checks = [
        Check(
            COMPUTER, "Version", CheckState.OK, f"{versions}, {how}",
            "A report needs it.",
        ),
        Check(
            COMPUTER, "System", CheckState.OK, _system(),
            "It decides which builds of PyTorch fit.",
        ),
    ]  # fmt: skip
    return [*checks, *glibc_checks(*platform.libc_ver())] if sys.platform == "linux" else checks


def glibc_checks(name: str, version: str) -> list[Check]:
    """Whether PyTorch's wheels run with this C library (``platform.libc_ver()`` names it)."""
    wanted = ".".join(map(str, _OLDEST_GLIBC))
    meaning = f"PyTorch without Docker needs {wanted} or later."
    step = "Train in Docker, or take a newer system."
    if name != "glibc":
        message = "Another one than glibc, which PyTorch is built for."
        return [Check(COMPUTER, "C library", CheckState.NOTE, message, meaning, step)]
    if _numbers(version) < _OLDEST_GLIBC:
        message = f"glibc {version} is too old for PyTorch."
        return [Check(COMPUTER, "C library", CheckState.FAIL, message, meaning, step)]
    return [Check(COMPUTER, "C library", CheckState.OK, f"glibc {version}", meaning)]


def processor_check() -> Check:
    """The processors that this process may use."""
    count, physical = cpu_count(), psutil.cpu_count(logical=False)
    shown = "1 processor" if count == 1 else f"{count} processors"
    cores = f" on {physical} cores" if physical and physical < count else ""
    machine = platform.machine()
    return Check(
        COMPUTER, "Processor", CheckState.OK, f"{shown}{cores} ({machine})",
        "It prepares the rows; without a GPU it trains, too.",
    )  # fmt: skip


def memory_of_now() -> Check:
    """Main memory, asked of the system alone: a GPU's driver may hang."""
    memory = psutil.virtual_memory()
    return memory_check(int(memory.available), int(memory.total))


def memory_check(free: int, total: int) -> Check:
    """Main memory in bytes."""
    message = f"{gibibytes(free)} free of {gibibytes(total)}"
    meaning = "A run that uses all of it is ended (exit code 137)."
    if free >= _LITTLE_MEMORY:
        return Check(COMPUTER, "Memory", CheckState.OK, message, meaning)
    step = "Close other programs before training, or take a smaller base model."
    return Check(COMPUTER, "Memory", CheckState.NOTE, message, meaning, step)


def disk_checks(home: Path, data_root: Path) -> list[Check]:
    """The disks of what Temper keeps and of the data folder, once where it is the same place."""
    step = "Free some space, or start Temper with TEMPER_HOME set to a folder on a larger disk."
    meaning = "Datasets, Python environment and runs lie here."
    checks = [folder_check(HOME_FOLDER, home, meaning, step)]
    if not data_root.is_relative_to(home):
        meaning = "Models, runs and adapters lie here, gigabytes each."
        step = "Free some space, or choose another data folder."
        checks.append(folder_check("Data folder", data_root, meaning, step, OPEN_SETTINGS))
    return checks


def folder_check(
    name: str,
    folder: Path,
    meaning: str,
    step: str,
    remedy: str = "",
    *,
    may_write: Callable[[Path], bool] = lambda folder: os.access(folder, os.W_OK),
    free_bytes: Callable[[Path], int] = free_disk,
) -> Check:
    """Whether a folder, which need not exist yet, can be written and has room."""
    try:
        nearest = next(part for part in (folder, *folder.absolute().parents) if part.exists())
        free = free_bytes(folder)
    except OSError as error:
        message = f"{folder} cannot be read ({error.strerror or error})."
        return Check(COMPUTER, name, CheckState.FAIL, message, meaning, step, remedy)
    if not nearest.is_dir() or not may_write(nearest):
        message = f"{folder} cannot be written by this user."
        step = f"Give this user the right to write to {nearest}, or choose another folder."
        return Check(COMPUTER, name, CheckState.FAIL, message, meaning, step, remedy)
    message = f"{gigabytes(free)} free at {folder}"
    if free >= _ROOMY:
        return Check(COMPUTER, name, CheckState.OK, message, meaning)
    state = CheckState.NOTE if free >= _LEAST else CheckState.FAIL
    return Check(COMPUTER, name, state, message, meaning, step, remedy)


def engine_disk_check(group: str, data_root: str) -> Sequence[Check]:
    """The disk where an engine keeps its images; nothing where this computer does not show it."""
    folder = Path(data_root)
    try:
        if not data_root or not folder.exists():
            return ()
        free = shutil.disk_usage(folder).free
    except OSError:  # an engine's folder is its own
        return ()
    message = f"{gigabytes(free)} free at {folder}"
    meaning = "Images lie here, 10 GB and more each."
    if free >= _ROOMY:
        return (Check(group, "Docker's disk", CheckState.OK, message, meaning),)
    step = "Remove images that are no longer used, or give Docker a larger disk."
    return (Check(group, "Docker's disk", CheckState.NOTE, message, meaning, step),)


def _system() -> str:
    machine = platform.machine()
    if sys.platform != "linux":
        return f"{platform.system()} {platform.release()} ({machine})"
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:  # no such file on this system
        name = "Linux"
    release = platform.release()
    where = ", in WSL" if "microsoft" in release.lower() else ""
    return f"{name}, kernel {release} ({machine}){where}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
