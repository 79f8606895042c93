"""The dataset library: import files, list sessions, read rows, delete."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.dataset import DatasetSession
from models.domain.errors import AppError
from services.dataset_formats import FormatDetector, known_formats
from services.dataset_rows import SourceRow, read_rows
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from models.db.database import Database
    from services.dataset_store import DatasetStore
    from services.progress import CancelToken, Reporter

_SHOWN_PROBLEMS = 20
_REPORT_EVERY_ROWS = 2000
SAMPLE_NAME = "Python documentation (sample)"
SAMPLE_SOURCE = "bundled with Temper"


class DatasetLibrary:
    """What the program knows of datasets: the database has the facts, the store the rows."""

    def __init__(self, database: Database, store: DatasetStore, sample: Path) -> None:
        self._database = database
        self._store = store
        self._sample = sample

    def import_file(
        self,
        path: Path,
        *,
        name: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        """Import a JSONL, JSON or CSV file as a new session; all of it, or nothing.

        Raises AppError naming up to 20 faulty lines, and Cancelled when ``cancel`` is set.
        """
        detector = FormatDetector()
        meter = _Meter(report, cancel)
        try:
            stored = self._store.write(_checked_rows(path, detector, meter))
        except UnicodeEncodeError as error:
            problem = SourceRow(meter.line, None, "holds half a character (a lone surrogate)")
            raise _bad_rows(path, [problem]) from error
        except OSError as error:
            raise _as_app_error(path, error) from error
        try:
            session = _session(path, name, detector, stored.sha256, stored.size)
            return self._add(session)
        except Exception:  # whatever it was: rows without a session must not stay
            self._delete_if_unused(stored.sha256)
            raise

    def add_sample(self) -> DatasetSession:
        """The bundled sample as a session; the same one however often it is asked for.

        A program that brings other rows than the one before adds them as a new session.
        """
        detector = FormatDetector()
        stored = self._store.write(_checked_rows(self._sample, detector, _Meter(None, None)))
        for session in self.list():
            if (session.source, session.sha256) == (SAMPLE_SOURCE, stored.sha256):
                return session
        found = _session(self._sample, SAMPLE_NAME, detector, stored.sha256, stored.size)
        return self._add(replace(found, source=SAMPLE_SOURCE))

    def list(self) -> Sequence[DatasetSession]:
        """All sessions, newest first."""
        with self._database.unit_of_work() as uow:
            return uow.datasets.list()

    def get(self, session_id: int) -> DatasetSession:
        """One session; AppError("not_found") where there is none."""
        with self._database.unit_of_work() as uow:
            return uow.datasets.get(session_id)

    def find(self, text: str) -> DatasetSession:
        """The session with this number or name."""
        with self._database.unit_of_work() as uow:
            return uow.datasets.find(text)

    def rows(self, session_id: int, start: int, count: int) -> Sequence[dict[str, Any]]:
        """``count`` rows from row ``start`` (from 0) without reading the rest."""
        return self._store.rows(self.get(session_id).sha256, start, count)

    def delete(self, session_id: int) -> None:
        """Forget a session; its rows go when no other session has the same ones."""
        sha256 = self.get(session_id).sha256
        with self._database.unit_of_work() as uow:
            uow.datasets.delete(session_id)
            uow.commit()
        self._delete_if_unused(sha256)

    def place_into(self, session: DatasetSession, folder: Path) -> Path:
        """Make a session's rows available below a run's data root; returns the file."""
        return self._store.place_into(session.sha256, folder)

    def _add(self, session: DatasetSession) -> DatasetSession:
        with self._database.unit_of_work() as uow:
            unique = uow.datasets.unique_name(session.name)
            added = uow.datasets.add(replace(session, name=unique))
            uow.commit()
        return added

    def _delete_if_unused(self, sha256: str) -> None:
        if all(session.sha256 != sha256 for session in self.list()):
            self._store.delete(sha256)


class _Meter:
    """Counts rows for progress, and is where a cancel takes effect."""

    def __init__(self, report: Reporter | None, cancel: CancelToken | None) -> None:
        self._report = report
        self._cancel = cancel
        self._rows = 0
        self.line = 0

    def tick(self, line: int) -> None:
        self.line = line
        self._rows += 1
        if self._rows % _REPORT_EVERY_ROWS:
            return
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()
        if self._report is not None:
            self._report(Progress(None, f"{self._rows:,} rows read"))


def _checked_rows(path: Path, detector: FormatDetector, meter: _Meter) -> Iterator[dict[str, Any]]:
    problems: list[SourceRow] = []
    for row in read_rows(path):
        meter.tick(row.line)
        if row.values is None:
            problems.append(row)
            if len(problems) >= _SHOWN_PROBLEMS:
                break
        elif not problems:
            detector.see(row.line, row.values)
            yield row.values
    if problems:
        raise _bad_rows(path, problems)
    if detector.rows == 0:
        raise AppError("bad_dataset", f"{path} has no rows.", "Choose a file with rows in it.")
    if detector.result() is None:
        raise AppError("bad_dataset", f"{path}: {detector.misfits()}", f"Use {known_formats()}.")


def _bad_rows(path: Path, problems: list[SourceRow]) -> AppError:
    lines = "\n".join(f"  line {problem.line} {problem.problem}" for problem in problems)
    more = " or more" if len(problems) >= _SHOWN_PROBLEMS else ""
    count = f"{len(problems)}{more} bad row{'s' if len(problems) > 1 else ''}"
    return AppError(
        "bad_dataset",
        f"{path} was not imported: {count}.\n{lines}",
        "Correct these lines and import the file again.",
    )


def _session(
    path: Path, name: str, detector: FormatDetector, sha256: str, size: int
) -> DatasetSession:
    found = detector.result()
    return DatasetSession(
        id=0,
        name=name.strip() or path.stem,
        source=path.name,
        format=str(found),
        rows=detector.rows,
        size=size,
        sha256=sha256,
        created_at=time.time(),
        splits=tuple(sorted(detector.splits.items())),
    )


def _as_app_error(path: Path, error: OSError) -> AppError:
    if error.errno == errno.ENOSPC:
        return AppError(
            "disk_full",
            f"The disk is full; {path.name} was not imported.",
            "Free some space, or move the program's data with TEMPER_HOME, and import again.",
            str(error),
        )
    return AppError("io", f"{path.name} was not imported: {error}.", "Check the disk.", str(error))
