"""Runs one child process that can be followed line by line and stopped with all it started."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import psutil

from models.domain.secrets import SECRET_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from services.progress import CancelToken

_POLL_SECONDS = 0.1
_TERM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. ``pass_fds`` stay open in the child (POSIX): a lock held so outlives us."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path | None = None
    pass_fds: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a child ended and what it wrote."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class ChildHooks:
    """What to call meanwhile: for each line of its output, and about ten times a second."""

    on_line: Callable[[str], None] | None = None
    on_tick: Callable[[], None] | None = None


def run_child(
    command: Command, cancel: CancelToken, hooks: ChildHooks | None = None
) -> ChildResult:
    """Run to the end. Cancelling, or a hook that raises, kills the child and all it started."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            list(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=dict(command.env),
            cwd=command.cwd,
            encoding="utf-8",
            errors="replace",
            **own_group(command.pass_fds),
        )
        with process:
            stdout = _follow(process, cancel, hooks or ChildHooks())
        errors.seek(0)
        stderr = errors.read().decode("utf-8", "replace")
    return ChildResult(process.returncode, stdout, stderr)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for another Python: nothing of the one that runs this program leaks in.

    Neither does a token or key of the user's: whoever may have one adds it.
    """
    kept_back = _OF_THIS_PYTHON.union(SECRET_VARIABLES, _TOKEN_FILES)
    return {name: value for name, value in environ.items() if name not in kept_back}


# PYTHONDONTWRITEBYTECODE: without bytecode each start of the trainer compiles its libraries anew,
# which was measured at 11 of 14 seconds.
_OF_THIS_PYTHON = frozenset(
    {
        "PYTHONDONTWRITEBYTECODE",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONWARNINGS",
    }
)

_TOKEN_FILES = ("HF_TOKEN_PATH",)
"""Where to find a token; as good as the token itself."""


def own_group(pass_fds: Sequence[int] = ()) -> dict[str, Any]:
    """Popen's options for a child that a Ctrl+C in our terminal does not reach."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True, "pass_fds": tuple(pass_fds)}


def _follow(process: subprocess.Popen[str], cancel: CancelToken, hooks: ChildHooks) -> str:
    """Read the output to its end, in a thread: on Windows nothing else can wait for a pipe."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True)
    reader.start()
    seen: list[str] = []
    try:
        while (line := _next_line(lines, cancel, hooks)) is not None:
            seen.append(line)
            if hooks.on_line is not None:
                hooks.on_line(line)
        _await_exit(process, cancel)
    except BaseException:  # re-raised: a cancel, too, must leave no child behind
        stop_tree(process)
        raise
    finally:
        reader.join()
    return "\n".join(seen)


def _pump(stream: IO[str] | None, lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream or ():
        lines.put(line.rstrip("\r\n"))
    lines.put(None)


def _next_line(
    lines: queue.SimpleQueue[str | None], cancel: CancelToken, hooks: ChildHooks
) -> str | None:
    while True:
        cancel.raise_if_cancelled()
        if hooks.on_tick is not None:
            hooks.on_tick()
        with suppress(queue.Empty):
            return lines.get(timeout=_POLL_SECONDS)


def _await_exit(process: subprocess.Popen[str], cancel: CancelToken) -> None:
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            return
        cancel.raise_if_cancelled()


def stop_tree(process: subprocess.Popen[str]) -> None:
    """End a child started by run_child and everything it started: politely, then for good."""
    if sys.platform == "win32":
        _kill_descendants(process)
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_TERM_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _kill_descendants(process: subprocess.Popen[str]) -> None:
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
