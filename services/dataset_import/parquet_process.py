"""The trainer's program that writes Parquet: followed, and ended when nobody wants it any more."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import deque
from typing import IO, TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.environment.child_process import own_group, stop_tree
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from services.dataset_import.messages import Exporter
    from services.progress import Reporter

_POLL_SECONDS = 0.05
_TAIL_LINES = 40


def run_writer(
    writer: Exporter,
    rows: Path,
    target: Path,
    report: Reporter | None,
    cancel: CancelToken | None,
) -> None:
    """Give it the rows and take the file, both by its standard streams, so that it may as well run
    where it sees none of our folders. Cancelled, or AppError in its own words.
    """
    with rows.open("rb") as source, target.open("wb") as sink:
        child = _start(writer, source, sink)
        said = _Said(child.stderr, report)
        try:
            while child.poll() is None:
                (cancel or CancelToken()).raise_if_cancelled()
                time.sleep(_POLL_SECONDS)
        finally:
            if child.poll() is None:
                stop_tree(child)
                child.wait()
            said.close()
    if child.returncode != 0:
        raise said.failure(child.returncode)


def _start(writer: Exporter, source: IO[bytes], sink: IO[bytes]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            writer.argv,
            env=writer.env,
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            **own_group(),
        )
    except OSError as error:
        raise AppError(
            "runtime_missing",
            f"The training environment cannot be started: {error}.",
            "Set it up again (temper doctor).",
        ) from error


class _Said:
    """What the program says on its standard error: documents, among libraries' own words."""

    def __init__(self, stream: IO[str] | None, report: Reporter | None) -> None:
        self._stream = stream
        self._report = report
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._last: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._read, name="parquet-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read the rest; the program has ended."""
        self._thread.join()
        if self._stream is not None:
            self._stream.close()

    def failure(self, code: int) -> AppError:
        """Why it failed, in its own words, unless it died."""
        tail = "".join(self._tail)
        if "kind" in self._last:
            return AppError(self._last["kind"], self._last["message"], self._last["hint"], tail)
        message = f"The file could not be written: the training environment ended with code {code}."
        return AppError("io", message, "Check it with temper doctor, and try again.", tail)

    def _read(self) -> None:
        for line in self._stream or ():
            self._tail.append(line)
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict):
                self._last = document
                self._tell(document)

    def _tell(self, document: dict[str, Any]) -> None:
        if self._report is not None and "written" in document:
            words = "The columns are looked at"
            if document["written"]:
                words = f"{document['written']:,} rows written"
            self._report(Progress(document["fraction"], words))
