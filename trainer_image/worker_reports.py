"""How each of a run's processes ended, told to the one that started them.

Which of several failures is the cause can only be told when all have ended: the first process may
see no more than that another went away. So none of them writes the run's end itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_image import world
from trainer_image.contract import ExitCode, Phase
from trainer_image.reporter import Reporter
from trainer_image.run_folder import write_atomic
from trainer_image.secrecy import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer_image.run_folder import EventWriter, StateWriter

FOLDER = "workers"
"""In the run's folder, for as long as it lives: one file for each process that has ended."""
_SIGNS_OF_ANOTHERS_END = (
    "gloo/transport", "Connection closed by peer", "Connection reset by peer", "ProcessGroupNCCL",
    "DistBackendError", "NCCL error", "DistNetworkError", "DistStoreError",
)  # fmt: skip
"""What torch.distributed says where a process that it waits for is gone."""


class WorkerReporter(Reporter):
    """The first process's: everything as ever, but how it ended is told to the starter."""

    def __init__(self, run: Path, events: EventWriter, state: StateWriter) -> None:
        super().__init__(events, state)
        self._run_folder = run

    def end(self, phase: Phase, exit_code: int, type_: str, /, **fields: Any) -> None:
        """A success is the first process's to tell, and all else the starter's."""
        if phase is Phase.FINISHED:
            super().end(phase, exit_code, type_, **fields)
            write(self._run_folder, exit_code, {})
        else:
            write(self._run_folder, exit_code, fields)


class _Silent:
    """Stands for the run's files in the processes that do not write them."""

    def emit(self, type_: str, /, **fields: Any) -> None:
        """Nothing."""

    def write(self, phase: Phase, exit_code: int | None = None) -> None:
        """Nothing either."""


class SilentReporter(WorkerReporter):
    """The other processes': they count, and say nothing but how they ended."""

    def __init__(self, run: Path) -> None:
        silent: Any = _Silent()
        super().__init__(run, silent, silent)


def reporter_of(run: Path, events: EventWriter, state: StateWriter) -> Reporter:
    """The first process's, or that of a process alone."""
    return Reporter(events, state) if world.size() == 1 else WorkerReporter(run, events, state)


def told(code: int) -> int:
    """The exit code of a process: for one of several, only failures are any to torchrun, which
    ends the others at once, and after a stop they may still be saving."""
    return 0 if code == ExitCode.CANCELLED and world.size() > 1 else code


def write(run: Path, exit_code: int, fields: dict[str, Any]) -> None:
    """Say how this process ended. Where the disk is full, its exit code alone tells."""
    report = {"rank": world.rank(), "time": time.time(), "code": int(exit_code), "fields": fields}
    report["follows"] = any(
        sign in str(fields.get("details", "")) for sign in _SIGNS_OF_ANOTHERS_END
    )
    with contextlib.suppress(OSError):
        folder = run / FOLDER
        folder.mkdir(exist_ok=True)
        text = without_secrets(json.dumps(report, ensure_ascii=False))
        write_atomic(folder / f"rank-{world.rank()}.json", text)


def read(run: Path) -> list[dict[str, Any]]:
    """The reports that are there, the earliest first."""
    reports = []
    for path in (run / FOLDER).glob("rank-*.json"):
        with contextlib.suppress(OSError, ValueError):
            reports.append(json.loads(path.read_bytes()))
    return sorted(reports, key=lambda report: float(report["time"]))


def clear(run: Path) -> None:
    """Forget the reports of an earlier boot."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)


def cause(reports: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The report of the failure that came first and follows from no other; None without any."""
    failed = [
        report
        for report in reports
        if report["code"] not in (ExitCode.FINISHED, ExitCode.CANCELLED) and not report["follows"]
    ]
    return failed[0] if failed else None


def say_nothing() -> None:
    """What the first process prints is enough; errors of the others still reach the log."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
