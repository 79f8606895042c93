"""Starts the importing child, follows it, and ends it with all that it began."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.dataset_import.folders import files_below
from services.dataset_import.messages import request_text
from services.environment.child_process import clean_environment, own_group, stop_tree
from services.progress import Progress, time_left

if TYPE_CHECKING:
    from services.dataset_import.messages import Request
    from services.progress import CancelToken, Reporter

WORKER_OPTION = "--import-worker"
"""With this the frozen program, which has no ``-m``, is the child."""
_POLL_SECONDS = 0.05
_ROOT = Path(__file__).parents[2]
_TAIL_BYTES = 4000
_MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TOP_PAD_": str(8 << 20),
}
"""glibc keeps what a batch leaves for the next one, in place of asking the system for the same
pages 40,000 times: imports are 10 % faster so. Other systems pass over it (mallopt(3))."""


@dataclass(frozen=True, slots=True)
class ChildTask:
    """What a child is asked for: the ``document``, the ``files`` that it writes, and how much there
    is to do (``total``, in the unit of its progress; 0 where nobody knows)."""

    document: dict[str, Any]
    files: tuple[str, ...]
    total: int


def run_request(request: Request, report: Reporter | None, cancel: CancelToken) -> dict[str, Any]:
    """Let a child carry out the request; its result. Cancelled, or AppError where it was killed."""
    total = 0 if _is_stream(request) else _size(Path(request.path))
    task = ChildTask(request_text(request), (request.data, request.index), total)
    return run_task(task, report, cancel)


def run_task(task: ChildTask, report: Reporter | None, cancel: CancelToken) -> dict[str, Any]:
    """The same for any work on rows; the files go where the result names none as ``stored``."""
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
        result: dict[str, Any] = {}
        try:
            result = _follow(child, task.document, _Meter(task.total, report), cancel)
            child.wait()
        except _EndedError:
            raise _killed(child.wait(), errors) from None
        finally:
            _end(child)
            if "stored" not in result:  # one that was killed could not clean up
                for name in filter(None, task.files):
                    with contextlib.suppress(OSError):  # somebody looks at it: a sweep gets it
                        Path(name).unlink()
        return result


def command() -> list[str]:
    """What starts the child, in a checkout and in the frozen program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_OPTION]
    # -P: a json.py in the folder that we were started in is none of our modules.
    return [sys.executable, "-P", "-m", "services.dataset_import.child"]


class _EndedError(Exception):
    """The child has ended without a result."""


class _Meter:
    """Turns rows and bytes into progress with speed and remaining time."""

    def __init__(self, total: int, report: Reporter | None) -> None:
        self._report = report
        self._total = total
        self._began = time.monotonic()

    def tell(self, rows: int, consumed: int) -> None:
        if self._report is None:
            return
        seconds = max(0.001, time.monotonic() - self._began)
        words = f"{rows:,} rows read, {rows / seconds:,.0f} rows/s"
        fraction = min(1.0, consumed / self._total) if self._total else None
        if fraction and seconds > 1:
            words += f", about {time_left(seconds * (1 - fraction) / fraction)} left"
        self._report(Progress(fraction, words))


def _follow(
    child: subprocess.Popen[str], asked: dict[str, Any], meter: _Meter, cancel: CancelToken
) -> dict[str, Any]:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
    with contextlib.suppress(OSError):  # it is gone already, which its output shows
        if child.stdin is not None:
            child.stdin.write(json.dumps(asked) + "\n")
            child.stdin.flush()
    while True:
        cancel.raise_if_cancelled()
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            raise _EndedError
        document: dict[str, Any] = json.loads(line)
        if "progress" not in document:
            return document
        meter.tell(*document["progress"])


def _pump(stream: IO[str] | None, lines: queue.SimpleQueue[str | None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stream or ():
            if line.endswith("\n"):
                lines.put(line)
    lines.put(None)


def _environment() -> dict[str, str]:
    environment = clean_environment(os.environ) | _MALLOC
    return (
        environment if getattr(sys, "frozen", False) else environment | {"PYTHONPATH": str(_ROOT)}
    )


def _killed(code: int, errors: IO[bytes]) -> AppError:
    errors.seek(0)
    tail = errors.read()[-_TAIL_BYTES:].decode("utf-8", "replace")
    return AppError(
        "import_ended",
        f"The import was ended from outside (code {code}); nothing was imported.",
        "Import the file again; if it happens again, close other programs to free memory.",
        tail,
    )


def _end(child: subprocess.Popen[str]) -> None:
    """End what still runs. Its input is closed last, for that would make it drop its files."""
    if child.poll() is None:
        stop_tree(child)
        child.wait()
    for stream in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()


def _is_stream(request: Request) -> bool:
    return request.exporter is not None and request.exporter.is_source


def _size(path: Path) -> int:
    files = files_below(path) if path.is_dir() else (path,)
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in files)
    return 0
