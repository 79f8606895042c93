"""What this computer has, found by small probes, and what of it would stand in the way."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.environment.runtime_env import EnvironmentState
from services.environment.uv_tool import find_uv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.hardware import Hardware
    from services.environment.runtime_env import RuntimeEnvironment

_GIGABYTE = 1_000_000_000
_PROBE_SECONDS = 3.0


class CheckState(StrEnum):
    """How a check came out. ``warn``: works, with less; ``fail``: something cannot work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``doctor``: what was looked at, how it is, and what to do about it."""

    name: str
    state: CheckState
    message: str
    next_step: str = ""


def cpu_count() -> int:
    """The processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def free_disk(path: Path) -> int:
    """Free bytes on the disk of ``path``, which need not exist yet."""
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free


def docker_version() -> str | None:
    """The Docker engine's version; None when there is no engine that answers."""
    output = _output("docker", ["version", "--format", "{{.Server.Version}}"])
    return output.strip() if output and output.strip() else None


def doctor_checks(environment: RuntimeEnvironment, home: Path, hardware: Hardware) -> list[Check]:
    """Every check, in the order in which they are shown. Takes up to about three seconds."""
    return [
        Check("Python", CheckState.OK, f"{platform.python_version()} on {platform.platform()}"),
        _processor_check(cpu_count()),
        memory_check(hardware),
        disk_check(home, free_disk(home)),
        gpu_check(hardware),
        _uv_check(),
        _environment_check(environment),
        _docker_check(docker_version()),
    ]


def memory_check(found: Hardware) -> Check:
    """Small models train in 4 GB; less than that is said before the system kills the run."""
    message = (
        f"{found.ram_total / _GIGABYTE:.0f} GB, {found.ram_free / _GIGABYTE:.0f} GB of it free"
    )
    if found.ram_free >= 4 * _GIGABYTE:
        return Check("Memory", CheckState.OK, message)
    return Check("Memory", CheckState.WARN, message, "Close other programs before training.")


def gpu_check(found: Hardware) -> Check:
    """The GPUs; without one a training is slow but works."""
    if not found.gpus:
        message = "No NVIDIA GPU found: training runs on the CPU, in 32 bits, small models only"
        return Check("GPU", CheckState.OK, message, found.reason)
    shown = ", ".join(
        f"{gpu.name} ({gpu.total / _GIGABYTE:.0f} GB, driver {gpu.driver})" for gpu in found.gpus
    )
    return Check("GPU", CheckState.OK, shown)


def disk_check(home: Path, free: int) -> Check:
    """The trainer's environment wants 3 GB (12 with CUDA), and models come on top."""
    message = f"{free / _GIGABYTE:.1f} GB free at {home}"
    if free >= 15 * _GIGABYTE:
        return Check("Disk", CheckState.OK, message)
    state = CheckState.WARN if free >= 3 * _GIGABYTE else CheckState.FAIL
    advice = "Free some space, or set TEMPER_HOME to a folder on a larger disk."
    return Check("Disk", state, message, advice)


def _processor_check(count: int) -> Check:
    return Check("Processors", CheckState.OK, f"{count} ({platform.machine()})")


def _uv_check() -> Check:
    try:
        return Check("uv", CheckState.OK, str(find_uv()))
    except AppError as error:
        return Check("uv", CheckState.FAIL, error.message, error.hint)


def _environment_check(environment: RuntimeEnvironment) -> Check:
    name = "Python environment"
    state = environment.state()
    if state is EnvironmentState.READY:
        versions = environment.versions()
        shown = ", ".join(f"{package} {version}" for package, version in versions.items())
        return Check(name, CheckState.OK, f"ready at {environment.root}: {shown}")
    messages = {
        EnvironmentState.MISSING: "not set up; needed only to train without Docker",
        EnvironmentState.INCOMPLETE: "its installation was interrupted",
        EnvironmentState.OUTDATED: "made for another version of Temper, or before a GPU came",
    }
    return Check(name, CheckState.WARN, messages[state], "Set up the Python environment.")


def _docker_check(version: str | None) -> Check:
    if version is not None:
        return Check("Docker", CheckState.OK, f"engine {version}")
    if shutil.which("docker") is None:
        message, advice = "not installed; needed only to train in containers", "Install Docker."
    else:
        message, advice = "the engine does not answer", "Start Docker, or check your permissions."
    return Check("Docker", CheckState.WARN, message, advice)


def _output(program: str, arguments: Sequence[str]) -> str | None:
    """What a program prints; None when it is absent, fails, or takes too long."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        result = subprocess.run(
            [path, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout
