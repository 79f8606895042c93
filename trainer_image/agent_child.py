"""The trainer as the agent's child: started, found again after the agent's own death, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROC = Path("/proc")
LEADER_VARIABLE = "TEMPER_LEADER_PID"
"""In the environment of processes that train together: who started them, and is the trainer for
everybody else."""
_LEADER = f"\0{LEADER_VARIABLE}=".encode()
_FIRST_FOR_OOM = "500"
"""Of -1000 to 1000: where memory runs out the kernel ends the trainer, never the agent."""


class Child:
    """A process that leads a session of its own, and all that it starts.

    ``popen`` is None for one that an earlier agent started: then its exit code cannot be known.
    """

    def __init__(self, pid: int, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._popen = popen

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; one that only waits to be reaped does not."""
        if self._popen is not None:
            return self._popen.poll() is None
        return _state(self.pid) not in ("", "Z", "X")

    @property
    def exit_code(self) -> int | None:
        """How it ended, signal N as 128 + N."""
        code = None if self._popen is None else self._popen.poll()
        return code if code is None or code >= 0 else 128 - code

    def terminate(self) -> None:
        """Ask it, and only it, to save and end: its own children must live while it saves."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and all it started, at once."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)


def start(command: list[str], folder: Path, environ: Mapping[str, str]) -> Child:
    """Start a command in a run's folder; what it prints goes straight to the run's log."""
    with (folder / "train.log").open("ab") as log:
        popen = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with contextlib.suppress(OSError):
        (_PROC / str(popen.pid) / "oom_score_adj").write_text(_FIRST_FOR_OOM, "ascii")
    return Child(popen.pid, popen)


def find(job: Path) -> Child | None:
    """The process that was started for this job; None when there is none.

    Looked up, not remembered: an agent may be killed after it started one and before it wrote that
    down, and two trainers must never write to the same folder.
    """
    wanted = b"\0--job\0" + os.fsencode(job) + b"\0"
    for folder in _PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            leads = os.getsid(int(folder.name)) == int(folder.name)
            # Of several processes the one that watches over the others: they know its number.
            leads = leads and _LEADER not in (folder / "environ").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if wanted in command and leads and _state(int(folder.name)) not in ("Z", "X"):
            return Child(int(folder.name))
    return None


def memory_kills() -> int:
    """How often the kernel ended a process of this container for want of memory."""
    try:
        text = Path("/sys/fs/cgroup/memory.events").read_text("ascii")
        return sum(int(line.split()[1]) for line in text.splitlines() if "oom_kill " in line)
    except (OSError, ValueError, IndexError):
        return 0


def _state(pid: int) -> str:
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]
