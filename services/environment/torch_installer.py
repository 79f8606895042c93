"""Installs torch: finds a source that has the build this computer needs, and says what it does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from models.domain.errors import AppError
from services.environment.disk_space import folder_bytes, need_space
from services.environment.lock_file import is_cuda_library
from services.environment.pip_settings import find_links_folders
from services.environment.torch_source import Accelerator, local_cpu_wheels, torch_sources
from services.environment.uv_tool import planned_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from services.environment.lock_file import Pin
    from services.environment.runtime_builder import Blueprint
    from services.environment.torch_source import TorchSource

# A source is only asked what it has; one that does not answer must not cost a minute.
_ASKING = {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "20", "UV_HTTP_CONNECT_TIMEOUT": "5"}
_REPORT_SECONDS = 1.0
_MEGABYTE = 1_000_000
_CUDA_SIZE = " with CUDA (a download of about 3 GB)"


class Pip(Protocol):
    """Runs ``uv pip install`` with these arguments."""

    def __call__(
        self,
        arguments: Sequence[str],
        doing: str,
        variables: dict[str, str] | None = None,
        on_tick: Callable[[], None] | None = None,
    ) -> str:
        """Return what uv said; raise AppError when it fails."""


class TorchInstaller:
    """Finds and installs one build of torch with what it depends on."""

    def __init__(
        self, plan: Blueprint, pip: Pip, say: Callable[[str], None], variables: Mapping[str, str]
    ) -> None:
        self._plan = plan
        self._pip = pip
        self._say = say
        self._variables = variables
        self._with_cuda = plan.accelerator is Accelerator.CUDA

    def install(self, torch: Pin, pins: Iterable[Pin], python: str, chosen_backend: str) -> None:
        """Install ``torch``; ``pins`` hold its dependencies to the versions of the lock."""
        folders = find_links_folders(self._variables)
        local_wheel = python in local_cpu_wheels(torch.version, folders)
        sources = torch_sources(
            torch.version,
            self._plan.accelerator,
            local_wheel=local_wheel,
            chosen_backend=chosen_backend,
        )
        source = self._choose(sources, list(pins))
        what = f"torch {torch.version}{_CUDA_SIZE if self._with_cuda else ''}"
        self._say(f"Installing {what} from {source.label}")
        meter = _GrowthMeter(self._plan.root / "uv-cache", self._say, what)
        self._pip(self._arguments(source, list(pins)), f"installing {torch}", None, meter.tick)

    def _choose(self, sources: Sequence[TorchSource], pins: Sequence[Pin]) -> TorchSource:
        """The first source with the right build, else the first that has any build at all."""
        other: TorchSource | None = None
        failure = AppError("not_found", "There is nowhere to get torch from.")
        for source in sources:
            try:
                planned = self._planned(source, pins)
            except AppError as error:
                failure = error
                self._say(f"No torch from {source.label}: {error.message}")
                continue
            if _fits(self._plan.accelerator, planned):
                return source
            other = other or source
        if other is None:
            raise failure
        self._warn(other)
        return other

    def _planned(self, source: TorchSource, pins: Sequence[Pin]) -> dict[str, str]:
        self._say(f"Asking {source.label} for torch")
        arguments = ("--dry-run", *self._arguments(source, pins))
        return planned_versions(self._pip(arguments, "looking for torch", _ASKING))

    def _warn(self, source: TorchSource) -> None:
        if self._plan.accelerator is not Accelerator.CPU:
            self._say(f"Only a torch without CUDA can be had, from {source.label}")
            return
        need_space(self._plan.root, Accelerator.CUDA)
        self._with_cuda = True
        self._say(
            f"Only torch's CUDA build can be had, from {source.label}: it works without a GPU, but "
            "is a download of about 3 GB and takes 8 GB of disk. Cancel to avoid it"
        )

    def _arguments(self, source: TorchSource, pins: Sequence[Pin]) -> tuple[str, ...]:
        """The source's arguments, and constraints; other indexes have other CUDA libraries."""
        own = source.backend or "+" in source.requirement
        held = [
            pin for pin in pins if pin.name != "torch" and not (own and is_cuda_library(pin.name))
        ]
        path = self._plan.root / "constraints.txt"
        path.write_text("".join(f"{pin}\n" for pin in held), encoding="utf-8")
        return (*source.arguments, "--constraints", str(path))


class _GrowthMeter:
    """Reports once a second how much uv has put on disk since the beginning."""

    def __init__(self, folder: Path, say: Callable[[str], None], what: str) -> None:
        self._folder = folder
        self._say = say
        self._what = what
        self._before = folder_bytes(folder)
        self._next = time.monotonic() + _REPORT_SECONDS

    def tick(self) -> None:
        if time.monotonic() < self._next:
            return
        grown = max(0, folder_bytes(self._folder) - self._before) // _MEGABYTE
        self._say(f"Downloading and unpacking {self._what}: {grown} MB")
        self._next = time.monotonic() + _REPORT_SECONDS


def _fits(accelerator: Accelerator, planned: Mapping[str, str]) -> bool:
    if accelerator is Accelerator.CPU:
        return not any(is_cuda_library(name) for name in planned)
    return accelerator is not Accelerator.CUDA or not planned.get("torch", "").endswith("+cpu")
