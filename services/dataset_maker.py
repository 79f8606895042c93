"""New datasets out of those of the library: merged, split off, without some rows.

A child process does the work on the rows (services/dataset_import/rework.py).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from models.domain.dataset import (
    DatasetPart,
    DatasetSession,
    held_out_rows,
    merged_format,
    merged_rows,
)
from models.domain.errors import AppError
from services.dataset_import.process import ChildTask, run_task
from services.dataset_import.rework_rows import RowFile
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from services.dataset_store import DatasetStore
    from services.progress import Reporter


@dataclass(frozen=True, slots=True)
class Watch:
    """Who follows the work, and how it is given up."""

    report: Reporter | None = None
    cancel: CancelToken | None = None


class DatasetMaker:
    """Makes row files and says what they are; the sessions have no number yet. All or nothing.

    Everything here may raise Cancelled, and AppError: ``bad_use``, ``disk_full``, ``io``,
    ``work_ended`` where the child was killed.
    """

    def __init__(self, store: DatasetStore) -> None:
        self._store = store

    def merge(
        self,
        sources: Sequence[tuple[DatasetSession, float]],
        name: str,
        watch: Watch,
        *,
        seed: int,
        shuffle: bool,
    ) -> DatasetSession:
        """The rows of all sources, each as often as its weight says.

        AppError("bad_rows") names a row that cannot be written in the common format.
        """
        if len(sources) < 2:
            raise AppError("bad_use", "A merge needs two datasets.", "Choose another one as well.")
        format_ = merged_format(session.format for session, _ in sources)
        parts = tuple(
            DatasetPart(one.name, merged_rows(one.rows, weight), weight, one.licence, one.source)
            for one, weight in sources
        )
        work = {
            "kind": "merge",
            "sources": [self._row_file(one, weight) for one, weight in sources],
            "format": format_,
            "seed": seed,
            "shuffle": shuffle,
        }
        (made,) = self._made(work, 1, sum(part.rows for part in parts), watch)
        names = ", ".join(part.name for part in parts)
        return _session(
            name.strip() or f"Merged {names}",
            f"merged from {names}",
            format_,
            made,
            parts=parts,
            licence=_joined(parts),
        )

    def split_off(
        self,
        session: DatasetSession,
        watch: Watch,
        *,
        percent: float | None,
        rows: int | None,
        seed: int,
        as_split: bool,
        name: str,
    ) -> tuple[DatasetSession, ...]:
        """The rows of both sides, in one file with the column ``split``, or in two."""
        work = {
            "kind": "split",
            "sources": [self._row_file(session)],
            "held_out": held_out_rows(session.rows, percent, rows),
            "seed": seed,
        }
        made = self._made(work, 1 if as_split else 2, 2 * session.rows, watch)
        base, origin = name.strip() or session.name, f"split off from {session.name}"
        names = [name.strip() or f"{base} (split)"]
        if not as_split:
            names = [f"{base} (train)", f"{base} (held out)"]
        return tuple(
            _of_one(session, named, origin, one) for named, one in zip(names, made, strict=True)
        )

    def without_rows(
        self, session: DatasetSession, rows: Collection[int], name: str, watch: Watch
    ) -> DatasetSession:
        """All rows but these, whose numbers count from 0."""
        left_out = sorted(set(rows))
        if left_out and not (left_out[0] >= 0 and left_out[-1] < session.rows):
            raise AppError(
                "bad_use",
                f"{session.name} has no row {left_out[-1] + 1:,}.",
                f"Its rows are 1 to {session.rows:,}.",
            )
        if not 0 < len(left_out) < session.rows:
            raise AppError(
                "bad_use",
                f"{len(left_out):,} of {session.rows:,} rows cannot be left out.",
                "Leave out at least one row, and keep one.",
            )
        work = {
            "kind": "without",
            "sources": [self._row_file(session)],
            "left_out": left_out,
        }
        (made,) = self._made(work, 1, session.rows, watch)
        origin = f"{session.name} without {len(left_out):,} of its rows"
        return _of_one(session, name.strip() or f"{session.name} (cleaned)", origin, made)

    def _row_file(self, session: DatasetSession, weight: float = 1.0) -> dict[str, Any]:
        data, index = self._store.path(session.sha256), self._store.index_path(session.sha256)
        source = RowFile(str(data), str(index), session.rows, session.format, session.name, weight)
        return asdict(source)

    def _made(
        self, work: dict[str, Any], files: int, total: int, watch: Watch
    ) -> Sequence[dict[str, Any]]:
        """Let the child write so many files and take them into the store."""
        pairs = [self._store.new_files() for _ in range(files)]
        work["outputs"] = [list(map(str, pair)) for pair in pairs]
        names = tuple(str(path) for pair in pairs for path in pair)
        try:
            task = ChildTask({"work": work}, names, total)
            stored = _result(run_task(task, watch.report, watch.cancel or CancelToken()))
            for (data, index), one in zip(pairs, stored, strict=True):
                self._store.adopt(data, index, one["sha256"])
            if watch.report is not None:  # the child tells ten times a second, not at its end
                written = sum(one["rows"] for one in stored)
                watch.report(Progress(1.0, f"{written:,} rows written"))
        except AppError as error:
            if error.kind != "import_ended":
                raise
            raise _ended(error) from error
        finally:
            for pair in pairs:
                for path in pair:
                    path.unlink(missing_ok=True)
        return stored


def _result(result: dict[str, Any]) -> Sequence[dict[str, Any]]:
    if "error" in result:
        raise AppError(**result["error"])
    if "bug" in result:
        raise RuntimeError(result["bug"])
    stored: Sequence[dict[str, Any]] = result["stored"]
    return stored


def _session(
    name: str,
    source: str,
    format_: str,
    made: dict[str, Any],
    *,
    parts: tuple[DatasetPart, ...] = (),
    licence: str = "",
) -> DatasetSession:
    return DatasetSession(
        id=0,
        name=name,
        source=source,
        format=format_,
        rows=made["rows"],
        size=made["size"],
        sha256=made["sha256"],
        created_at=time.time(),
        splits=tuple((split, count) for split, count in made["splits"]),
        licence=licence,
        columns=tuple(made["columns"]),
        parts=parts,
    )


def _of_one(
    session: DatasetSession, name: str, origin: str, made: dict[str, Any]
) -> DatasetSession:
    """Some rows of one session; where that was merged, so many are left of each part."""
    counts = made["datasets"]
    parts = tuple(replace(part, rows=counts.get(part.name, 0)) for part in session.parts)
    return _session(name, origin, session.format, made, parts=parts, licence=session.licence)


def _joined(parts: Sequence[DatasetPart]) -> str:
    """All licences, each once; empty where none is known."""
    if not any(part.licence for part in parts):
        return ""
    return " + ".join(dict.fromkeys(part.licence or "unknown" for part in parts))


def _ended(error: AppError) -> AppError:
    return AppError(
        "work_ended",
        "The work was ended from outside; nothing was changed.",
        "Try again; if it happens again, close other programs to free memory.",
        error.details or error.message,
    )
