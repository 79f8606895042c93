"""A dataset library in memory, and the database of the earlier program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.earlier_program import EarlierImport
from services.progress import CancelToken, Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.dataset import DatasetSession, MergePart
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from models.domain.errors import AppError
from tests.qt.fakes.values import make_session


@dataclass
class FakeDatasets:
    """A library in memory; an import reports once and takes what ``error`` says. ``on_import`` is
    called at its begin; ``verdict`` is told of one that goes well."""

    sessions: list[DatasetSession] = field(default_factory=list)
    error: AppError | None = None
    imported: list[Path | HubSource] = field(default_factory=list)
    options: list[ImportOptions | None] = field(default_factory=list)
    verdict: ImportVerdict | None = None
    format_of_imports: str = "messages"
    on_import: Callable[[Path | HubSource], None] | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def import_file(
        self,
        path: Path | HubSource,
        *,
        name: str = "",
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
        on_verdict: Callable[[ImportVerdict], None] | None = None,
    ) -> DatasetSession:
        self.imported.append(path)
        self.options.append(options)
        if self.on_import is not None:
            self.on_import(path)
        if report is not None:
            report(Progress(0.5, "200 rows"))
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        if on_verdict is not None and self.verdict is not None:
            on_verdict(self.verdict)
        session = self._add(name or (path.stem if isinstance(path, Path) else path.repo))
        self.sessions[0] = replace(session, format=self.format_of_imports)
        return self.sessions[0]

    def list(self) -> list[DatasetSession]:
        return list(self.sessions)

    def rows(self, session_id: int, start: int, count: int) -> list[dict[str, object]]:
        self.asked.append((start, count))
        return [
            {"prompt": f"Question {n}", "messages": [{"role": "user", "content": f"Row {n}"}]}
            for n in range(start, start + count)
        ]

    def rename(self, session_id: int, name: str) -> DatasetSession:
        return self._change("rename", session_id, name=name)

    def duplicate(self, session_id: int, name: str = "") -> DatasetSession:
        return self._add(name or f"{self._get(session_id).name} (copy)")

    def delete(self, session_id: int) -> DatasetSession:
        session = self._get(session_id)
        self.sessions.remove(session)
        return session

    def restore(self, session: DatasetSession) -> DatasetSession:
        if self.error is not None:
            raise self.error
        self.sessions = sorted([*self.sessions, session], key=lambda one: -one.id)
        return session

    def export(
        self,
        session_id: int,
        path: Path,
        format: str = "jsonl",
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self._work("export", (session_id, path, format), report, cancel)

    def merge(
        self,
        parts: Sequence[MergePart],
        name: str,
        *,
        seed: int = 0,
        shuffle: bool = True,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        self._work("merge", (tuple(parts), name, seed, shuffle), report, cancel)
        return self._add(name)

    def split_off(
        self,
        session_id: int,
        *,
        percent: float | None = None,
        rows: int | None = None,
        seed: int = 0,
        as_split: bool,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[DatasetSession, ...]:
        self._work("split_off", (session_id, percent, rows, seed, as_split), report, cancel)
        name = self._get(session_id).name
        if as_split:
            return (self._add(f"{name} (split)"),)
        return self._add(f"{name} (rest)"), self._add(f"{name} (held out)")

    def find_row(
        self,
        session_id: int,
        text: str,
        start: int = 0,
        *,
        backwards: bool = False,
        cancel: CancelToken | None = None,
    ) -> int | None:
        self.calls.append(("find_row", (text, start, backwards)))
        if self.error is not None:
            raise self.error
        step = -1 if backwards else 1
        end = -1 if backwards else self._get(session_id).rows
        found = (n for n in range(start, end, step) if text.casefold() in f"question {n}")
        return next(found, None)

    def add_sample(self) -> DatasetSession:
        return self._add("Sample")

    def _work(
        self, name: str, what: Any, report: Reporter | None, cancel: CancelToken | None
    ) -> None:
        self.calls.append((name, what))
        if report is not None:
            report(Progress(0.5, "200 rows"))
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error

    def _change(self, called: str, session_id: int, **changes: Any) -> DatasetSession:
        self.calls.append((called, (session_id, *changes.values())))
        if self.error is not None:
            raise self.error
        changed = replace(self._get(session_id), **changes)
        self.sessions[self.sessions.index(self._get(session_id))] = changed
        return changed

    def _get(self, session_id: int) -> DatasetSession:
        return next(session for session in self.sessions if session.id == session_id)

    def _add(self, name: str) -> DatasetSession:
        session = make_session(max((one.id for one in self.sessions), default=0) + 1, name)
        self.sessions.insert(0, session)
        return session


@dataclass
class FakeEarlier:
    """The database of the earlier program is any file that ends with ``.db``."""

    found: EarlierImport = field(default_factory=EarlierImport)
    error: AppError | None = None
    imported: list[Path] = field(default_factory=list)

    def is_database(self, path: Path) -> bool:
        return path.suffix == ".db"

    def import_all(
        self,
        path: Path,
        *,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> EarlierImport:
        self.imported.append(path)
        if self.error is not None:
            raise self.error
        return self.found
