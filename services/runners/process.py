"""Runs the trainer as a detached process of this computer, in the managed environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

from models.domain.errors import AppError
from models.domain.processes import chosen_gpus, missing_gpus_problem
from models.domain.run import JobHandle, ProcessHandle
from services.environment.child_process import clean_environment
from services.hub_cache import hub_cache
from services.offline import LIBRARIES_OFFLINE
from services.runners.base import Look, Started
from trainer_image.contract import DATA_ROOT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.errors import Problem
    from services.run_files import RunFolder
    from services.runners.base import Launch

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN")
"""Under these names the trainer's libraries look for the Hub's token."""
TRAINER_VARIABLES = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONNOUSERSITE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # A model's folder in the cache holds all of the model, so it can be counted, carried, removed.
    "HF_HUB_DISABLE_SHARED_BLOBS": "1",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # Freed memory that goes back to the kernel is slow to get again on virtual machines:
    # measured 1.1 times the speed (docs/architecture.md, "Speed").
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
}
"""What the trainer's process is given wherever it runs, so that it computes the same."""
_SAME_START_SECONDS = 1.0

# Children of this process, kept so that they can be reaped and their exit codes read.
_children: dict[int, subprocess.Popen[bytes]] = {}


class ProcessRunner:
    """A :class:`~services.runners.base.Runner` over the operating system's processes.

    ``python`` gives the interpreter at the time of a start: the environment may be made later.
    ``hf_token`` gives the user's token, and is asked only for a run that is to have it;
    ``gpu_indexes`` the numbers of this computer's GPUs, where the driver tells them.
    """

    def __init__(
        self,
        python: Callable[[], Path],
        hf_token: Callable[[], str | None] = lambda: None,
        gpu_indexes: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        self._python = python
        self._hf_token = hf_token
        self._gpu_indexes = gpu_indexes

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        """Whether the chosen GPUs are there. A missing environment is no problem of a setup, and
        is offered to be made."""
        if not chosen_gpus(config.local):
            return []
        problem = missing_gpus_problem(config.local, self._gpu_indexes())
        return [] if problem is None else [problem]

    def start(self, launch: Launch) -> Started:
        """Start the job in a session of its own; its output goes to the run's log file."""
        argv = train_command(self._python(), launch.folder.job)
        environment = trainer_environment(os.environ, launch, self._token_for(launch))
        launch.folder.stop_request.unlink(missing_ok=True)
        try:
            with launch.folder.log.open("ab") as log:
                child = subprocess.Popen(
                    argv,
                    cwd=launch.folder.path,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise AppError(
                "runtime_missing",
                f"The trainer could not be started: {error}.",
                "Set up the training environment again (temper doctor).",
            ) from error
        _children[child.pid] = child
        return Started(ProcessHandle(child.pid, psutil.Process(child.pid).create_time()))

    def _token_for(self, launch: Launch) -> str | None:
        return token_to_pass(self._hf_token) if launch.passes_token else None

    def find(self, folder: RunFolder, since: float) -> JobHandle | None:
        """The process that tells of itself in the run's folder."""
        state = folder.state()
        if state is None or state.started_at < since:
            return None
        return ProcessHandle(state.pid, state.pid_created)

    def look(self, handle: JobHandle, folder: RunFolder) -> Look:
        """Alive, or ended: its code is known only to the program that started it."""
        process = _its(handle)
        is_alive = self.is_alive(process)
        return Look(is_alive, None if is_alive else self.exit_code(process))

    def is_alive(self, handle: ProcessHandle) -> bool:
        """Whether that process runs; a later process of the same number is another one."""
        child = _children.get(handle.pid)
        if child is not None:
            child.poll()  # reaps it, if it has ended
        process = _find(handle)
        try:
            return process is not None and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:  # it ended this very moment
            return False

    def exit_code(self, handle: ProcessHandle) -> int | None:
        """Known only for a process that this program started and has not been restarted since."""
        child = _children.get(handle.pid)
        if child is None or child.poll() is None:
            return None
        return child.returncode if child.returncode >= 0 else 128 - child.returncode

    def stop(self, handle: JobHandle, folder: RunFolder) -> None:
        """SIGTERM, and the stop file for systems whose processes take no signals."""
        folder.ask_to_stop()
        process = _find(_its(handle))
        if process is not None and sys.platform != "win32":
            _quietly(lambda: process.send_signal(signal.SIGTERM))

    def kill(self, handle: JobHandle) -> None:
        """Kill the process and its children (data loader workers)."""
        process = _find(_its(handle))
        if process is None:
            return
        for victim in [*_children_of(process), process]:
            _quietly(victim.kill)

    def release(self, handle: JobHandle, folder: RunFolder) -> None:
        """Nothing: a process that has ended leaves nothing behind."""

    def tidy(self, live: Collection[str]) -> None:
        """Nothing either."""


def token_to_pass(hf_token: Callable[[], str | None]) -> str:
    """The token for a run that is to have it; AppError("no_token") where there is none."""
    token = hf_token()
    if not token:
        raise AppError(
            "no_token",
            "The run is to get the Hugging Face token, but none is set.",
            "Set one under Settings, or start without passing it.",
        )
    return token


def train_command(python: Path, job: Path) -> list[str]:
    """The argument list that starts the trainer."""
    return [str(python), "-m", "trainer_image.train", "--job", str(job)]


def trainer_environment(
    own: Mapping[str, str], launch: Launch, token: str | None = None
) -> dict[str, str]:
    """The trainer's environment variables, made from this process's ``own``.

    ``token`` is the user's for the Hub, given only when the user asked for it; telemetry is
    always off.
    """
    environment = worker_environment(own, launch.code.folder, launch.folder.data_root)
    if token:
        environment |= dict.fromkeys(TOKEN_VARIABLES, token)
    if launch.offline:
        environment |= LIBRARIES_OFFLINE
    if not launch.local.use_gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    elif chosen := chosen_gpus(launch.local):
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, chosen))
        # As the driver counts them, whose numbers the user saw; CUDA's own begins with the fastest.
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return environment


def worker_environment(own: Mapping[str, str], code: Path, data_root: Path) -> dict[str, str]:
    """The environment of every process of the trainer's code, training and inference alike.

    Without the user's tokens: whoever may have them adds them.
    """
    return (
        clean_environment(own)
        | TRAINER_VARIABLES
        | {
            "PYTHONPATH": str(code),
            DATA_ROOT_VARIABLE: str(data_root),
            "HF_HOME": str(data_root / "cache" / "huggingface"),
            # Which the user may have set for other programs, and which counts before HF_HOME.
            "HF_HUB_CACHE": str(hub_cache(data_root)),
        }
    )


def _its(handle: JobHandle) -> ProcessHandle:
    if not isinstance(handle, ProcessHandle):
        raise TypeError(f"not a process: {handle}")  # a bug: the runtime chooses the runner
    return handle


def _find(handle: ProcessHandle) -> psutil.Process | None:
    try:
        process = psutil.Process(handle.pid)
        # A clock that is set changes what the system tells of the start; the command stays.
        same = (
            abs(process.create_time() - handle.created) < _SAME_START_SECONDS
            or "trainer_image.train" in process.cmdline()
        )
    except psutil.Error:
        return None
    return process if same else None


def _children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _quietly(action: Callable[[], object]) -> None:
    try:
        action()
    except psutil.Error:  # it has ended by itself meanwhile
        return
