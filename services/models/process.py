"""Starts the downloading child, follows it, and ends it at once when it is cancelled."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.environment.child_process import clean_environment, own_group, stop_tree
from services.progress import Progress, time_left

if TYPE_CHECKING:
    from services.models.fetching import Order
    from services.progress import CancelToken, Reporter

WORKER_OPTION = "--model-worker"
"""With this the frozen program, which has no ``-m``, is the child."""
_POLL_SECONDS = 0.05
_ROOT = Path(__file__).parents[2]
_TAIL_BYTES = 4000
_SETTLED_SECONDS = 1.0
_WAITING = "Another program downloads this model; waiting for it"


def fetch_in_child(order: Order, report: Reporter, cancel: CancelToken) -> dict[str, Any]:
    """Let a child carry out the order; its last words. Cancelled; AppError where it was killed."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(),
            encoding="utf-8",
            **own_group(),
        )
        try:
            return _follow(child, order, _Meter(report), cancel)
        except EOFError:
            raise _killed(order.repo, child.wait(), errors) from None
        finally:
            _end(child)


def command() -> list[str]:
    """What starts the child, in a checkout and in the frozen program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_OPTION]
    # -P: a json.py in the folder that we were started in is none of our modules.
    return [sys.executable, "-P", "-m", "services.models.child"]


class _Meter:
    """Turns bytes into progress with speed and remaining time."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._began = 0.0
        self._first = 0

    def tell(self, done: int, total: int, name: str) -> None:
        now = time.monotonic()
        if not self._began:  # what was here already did not come in this time
            self._began, self._first = now, done
        words = f"{_bytes(done)} of {_bytes(total)}" + (f", {name}" if name else "")
        seconds = now - self._began
        if seconds > _SETTLED_SECONDS and done > self._first:
            speed = (done - self._first) / seconds
            words += f", {_bytes(speed)}/s, about {time_left((total - done) / speed)} left"
        self._report(Progress(min(1.0, done / total) if total else None, words))

    def wait(self) -> None:
        self._report(Progress(None, _WAITING))


def _follow(
    child: subprocess.Popen[str], order: Order, meter: _Meter, cancel: CancelToken
) -> dict[str, Any]:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
    with contextlib.suppress(OSError):  # it is gone already, which its output shows
        if child.stdin is not None:
            child.stdin.write(json.dumps(asdict(order)) + "\n")
            child.stdin.flush()
    while True:
        cancel.raise_if_cancelled()
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            raise EOFError
        document: dict[str, Any] = json.loads(line)
        if "progress" in document:
            meter.tell(*document["progress"])
        elif "waits" in document:
            meter.wait()
        else:
            return document


def _pump(stream: IO[str] | None, lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream or ():
            if line.endswith("\n"):
                lines.put(line)
    lines.put(None)


def _environment() -> dict[str, str]:
    environment = clean_environment(os.environ) | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return (
        environment if getattr(sys, "frozen", False) else environment | {"PYTHONPATH": str(_ROOT)}
    )


def _killed(repo: str, code: int, errors: IO[bytes]) -> AppError:
    errors.seek(0)
    tail = errors.read()[-_TAIL_BYTES:].decode("utf-8", "replace")
    return AppError(
        "download_ended",
        f"The download of {repo} was ended from outside (code {code}).",
        "What was fetched is kept: the next download goes on from there.",
        tail,
    )


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        stop_tree(child)
        child.wait()
    for stream in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()


def _bytes(count: float) -> str:
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
