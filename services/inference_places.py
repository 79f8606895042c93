"""Where a worker runs: as a process of this computer; containers are beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.domain.errors import AppError
from services.environment.child_process import own_group
from services.offline import LIBRARIES_OFFLINE
from services.runners.process import worker_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from services.trainer_code import TrainerCode


INFER = "trainer_image.infer"
INSPECT = "trainer_image.inspect"
"""The workers: what answers, and what tells of datasets."""


class WorkerLink(Protocol):
    """A worker that was started, as far as lines are spoken with it."""

    def write(self, line: str) -> None:
        """Send one line, its end included. OSError or ValueError where nobody reads any more."""

    def lines(self) -> Iterator[str]:
        """What it says, line by line, until it has ended."""

    def exit_code(self) -> int | None:
        """How it ended, signal N as -N; None while it runs. Never blocks for long."""

    def close_input(self) -> None:
        """Say that nothing more will be asked: an idle worker then ends by itself."""

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, so long at most; returns whether it has."""

    def kill(self) -> None:
        """End it at once and wait until it is gone, and its memory with it."""


class WorkerPlace(Protocol):
    """Where and how a worker runs. One that was started at another place is not used any more:
    places are compared."""

    @property
    def log(self) -> Path:
        """What the worker prints that is no reply."""

    def seen(self, path: str) -> str:
        """A base model as the worker names it; ``path`` is a repo id, or as a job names a place."""

    def start(self) -> WorkerLink:
        """Start a worker there; AppError says what is missing."""


@dataclass(frozen=True, slots=True)
class ProcessPlace:
    """In the managed environment of this computer."""

    python: Path
    code: TrainerCode
    data_root: Path
    log: Path
    offline: bool = False
    use_gpu: bool = True
    module: str = INFER
    """Which worker: the module of the trainer's code that is run."""

    def seen(self, path: str) -> str:
        """As it is."""
        return path

    def start(self) -> WorkerLink:
        """A process in a group of its own: Ctrl+C in a terminal ends an answer, not the model."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("wb") as log:
                return ProcessLink(
                    subprocess.Popen(
                        [str(self.python), "-m", self.module],
                        # A Hub repository's name must not match a folder by chance.
                        cwd=self.log.parent,
                        env=inference_environment(os.environ, self),
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=log,
                        text=True,
                        encoding="utf-8",
                        **own_group(),
                    )
                )
        except OSError as error:
            raise AppError(
                "runtime_missing",
                "The training environment is not set up, so no model can be run.",
                "Set it up: start a training, or run temper doctor.",
                str(error),
            ) from error


class ProcessLink:
    """A :class:`WorkerLink` over the pipes of a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def write(self, line: str) -> None:
        """Write into its standard input."""
        if self._process.stdin is None:
            raise ValueError("no standard input")
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def lines(self) -> Iterator[str]:
        """Its standard output; a line torn by its death is left out."""
        stdout = self._process.stdout
        if stdout is not None:
            with stdout, contextlib.suppress(OSError, ValueError):
                yield from (line for line in stdout if line.endswith("\n"))

    def exit_code(self) -> int | None:
        """Asked of the system."""
        return self._process.poll()

    def close_input(self) -> None:
        """Close its standard input."""
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def wait(self, seconds: float) -> bool:
        """Wait for the process."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill the process and reap it; what was still to be written to it is dropped."""
        self._process.kill()
        self._process.wait()
        self.close_input()


def inference_environment(own: Mapping[str, str], place: ProcessPlace) -> dict[str, str]:
    """The worker's environment variables: like a training's, so that it finds the same models."""
    environment = worker_environment(own, place.code.folder, place.data_root)
    if place.offline:
        environment |= LIBRARIES_OFFLINE
    if not place.use_gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def is_killed(code: int | None) -> bool:
    """Whether a worker with this exit code was ended by the system: most often for memory."""
    kill = getattr(signal, "SIGKILL", None)
    return kill is not None and code in {-kill, 128 + kill}
