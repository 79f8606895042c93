"""What every way of running the trainer offers: a process of this computer, a container, a pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from models.domain.config import LocalSection, TrainingConfig
    from models.domain.errors import Problem
    from models.domain.run import Failure, JobHandle
    from services.run_files import RunFolder
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class Launch:
    """All a runner needs to start a job whose folder is ready.

    ``base_model`` is the model as the job names it: a folder of this computer outside the data
    root must be given to a container.
    """

    folder: RunFolder
    code: TrainerCode
    local: LocalSection
    offline: bool = False
    base_model: str = ""

    @property
    def passes_token(self) -> bool:
        """Whether the job gets the user's Hugging Face token: offline it could do nothing with
        one."""
        return self.local.pass_hf_token and not self.offline


@dataclass(frozen=True, slots=True)
class Started:
    """A job that was started: what it is found again by, and the image it runs in."""

    handle: JobHandle
    image_digest: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """How a job is, seen from outside.

    ``exit_code`` is how it ended, signal N as 128 + N, where that can be known; ``oom_killed``
    whether the system ended it for want of memory. ``lost`` says why nothing can ever be known,
    ``trouble`` why nothing can be known just now: then the run is not judged. ``failure`` says why
    it never came to train, where no trainer could. ``takes_its_time``: it ends by itself when it
    was asked to, and is not killed for being slow.
    """

    is_alive: bool = False
    exit_code: int | None = None
    oom_killed: bool = False
    lost: str = ""
    trouble: str = ""
    failure: Failure | None = None
    takes_its_time: bool = False


class Runner(Protocol):
    """Starts a job that outlives the program, and finds it again by its handle."""

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        """All that would keep this setup from being started here; nothing is changed."""

    def start(self, launch: Launch) -> Started:
        """Start the job detached. AppError says what is missing."""

    def find(self, folder: RunFolder, since: float) -> JobHandle | None:
        """The job of this folder that was started at ``since`` or later, for a run whose handle
        was never stored. AppError where that cannot be known just now."""

    def look(self, handle: JobHandle, folder: RunFolder) -> Look:
        """How it is. Of one that has ended, all that it printed is in the log's file by then."""

    def stop(self, handle: JobHandle, folder: RunFolder) -> None:
        """Ask it to save a checkpoint and end. AppError where it cannot be asked just now."""

    def kill(self, handle: JobHandle) -> None:
        """End it and all it started, at once. AppError where that cannot be done just now."""

    def release(self, handle: JobHandle, folder: RunFolder) -> None:
        """Its end is stored: give back what was kept for reading it. Never raises."""

    def tidy(self, live: Collection[str]) -> None:
        """Remove what runs of this program other than ``live`` have left. Never raises."""


class Runners:
    """The runner of each runtime (``local.runtime``)."""

    def __init__(self, by_runtime: Mapping[str, Runner]) -> None:
        self._by_runtime = dict(by_runtime)

    def of(self, runtime: str) -> Runner:
        """The runner; AppError for a run that another version of the program made."""
        try:
            return self._by_runtime[runtime]
        except KeyError:
            message = f'This version of Temper knows no runtime "{runtime}".'
            raise AppError("newer_version", message, "Update Temper.") from None

    def all(self) -> Sequence[Runner]:
        """Every one of them."""
        return list(self._by_runtime.values())
