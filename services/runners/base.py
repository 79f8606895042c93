"""What every way of running the trainer offers; Docker and Runpod bring further ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.domain.run import ProcessHandle
    from services.run_files import RunFolder
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class Launch:
    """All a runner needs to start a job whose folder is ready."""

    folder: RunFolder
    code: TrainerCode
    offline: bool = False
    pass_hf_token: bool = False
    use_gpu: bool = True


class Runner(Protocol):
    """Starts a job that outlives the program, and finds it again by its handle."""

    def start(self, launch: Launch) -> ProcessHandle:
        """Start the job detached. AppError says what is missing."""

    def is_alive(self, handle: ProcessHandle) -> bool:
        """Whether that very job still runs."""

    def exit_code(self, handle: ProcessHandle) -> int | None:
        """How it ended, where that can be known from outside; signal N as 128 + N."""

    def stop(self, handle: ProcessHandle, folder: RunFolder) -> None:
        """Ask it to save a checkpoint and end."""

    def kill(self, handle: ProcessHandle) -> None:
        """End it and all it started, at once."""
