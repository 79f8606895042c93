"""Has a child read rows, follows it, and ends it with all that it began."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.dataset_import.folders import files_below
from services.dataset_import.messages import request_text
from services.environment.json_child import ChildEndedError, json_child
from services.environment.own_module import OwnModule
from services.progress import Progress, time_left

if TYPE_CHECKING:
    from services.dataset_import.messages import Request
    from services.progress import CancelToken, Reporter

CHILD = OwnModule("services.dataset_import.child", "--import-worker")
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
    result: dict[str, Any] = {}
    try:
        with json_child(CHILD, _MALLOC) as child:
            result = child.ask(task.document, _Meter(task.total, report).hear, cancel)
            child.wait()
    except ChildEndedError as ended:
        raise _killed(ended) from None
    finally:
        if "stored" not in result:  # one that was killed could not clean up
            for name in filter(None, task.files):
                with contextlib.suppress(OSError):  # somebody looks at it: a sweep gets it
                    Path(name).unlink()
    return result


class _Meter:
    """Turns rows and bytes into progress with speed and remaining time."""

    def __init__(self, total: int, report: Reporter | None) -> None:
        self._report = report
        self._total = total
        self._began = time.monotonic()

    def hear(self, document: dict[str, Any]) -> bool:
        """Report what the child says; False where it is its answer."""
        if "progress" not in document:
            return False
        self._tell(*document["progress"])
        return True

    def _tell(self, rows: int, consumed: int) -> None:
        if self._report is None:
            return
        seconds = max(0.001, time.monotonic() - self._began)
        words = f"{rows:,} rows read, {rows / seconds:,.0f} rows/s"
        fraction = min(1.0, consumed / self._total) if self._total else None
        if fraction and seconds > 1:
            words += f", about {time_left(seconds * (1 - fraction) / fraction)} left"
        self._report(Progress(fraction, words))


def _killed(ended: ChildEndedError) -> AppError:
    return AppError(
        "import_ended",
        f"The import was ended from outside (code {ended.code}); nothing was imported.",
        "Import the file again; if it happens again, close other programs to free memory.",
        ended.tail,
    )


def _is_stream(request: Request) -> bool:
    return request.exporter is not None and request.exporter.is_source


def _size(path: Path) -> int:
    files = files_below(path) if path.is_dir() else (path,)
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in files)
    return 0
