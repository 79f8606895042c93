"""The dataset library, and the database of the earlier program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.domain.dataset import DatasetSession, MergePart
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from models.domain.earlier_program import EarlierImport
    from services.progress import CancelToken, Reporter


class DatasetPort(Protocol):
    """The dataset library."""

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
        """Import a file, a folder or a dataset of the Hub; ImportRefusedError names the faulty
        lines, ``on_verdict`` gets what is to be told of an import that goes well."""

    def list(self) -> Sequence[DatasetSession]:
        """All datasets, newest first."""

    def rows(self, session_id: int, start: int, count: int) -> Sequence[Mapping[str, object]]:
        """Some rows, without reading the others."""

    def rename(self, session_id: int, name: str) -> DatasetSession:
        """Give another name, also where a saved setup has it. AppError("name_taken")."""

    def duplicate(self, session_id: int, name: str = "") -> DatasetSession:
        """A second dataset of the same rows, which takes no room of its own."""

    def delete(self, session_id: int) -> DatasetSession:
        """Take a dataset out of the library; it can be restored until the program ends."""

    def restore(self, session: DatasetSession) -> DatasetSession:
        """Bring back what :meth:`delete` took out."""

    def export(
        self,
        session_id: int,
        path: Path,
        format: str = "jsonl",
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Write the rows to a file, ``jsonl`` or ``parquet``; all of it, or nothing. Or
        Cancelled."""

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
        """One dataset of several, each as much as its weight says. Or Cancelled."""

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
        """Hold a part out: one dataset with two splits, or two datasets. Or Cancelled."""

    def find_row(
        self,
        session_id: int,
        text: str,
        start: int = 0,
        *,
        backwards: bool = False,
        cancel: CancelToken | None = None,
    ) -> int | None:
        """The next row (from 0) from ``start`` on that has this text. Or Cancelled."""

    def add_sample(self) -> DatasetSession:
        """The bundled sample; the same one however often it is asked for."""


class EarlierPort(Protocol):
    """The database of the earlier program."""

    def is_database(self, path: Path) -> bool:
        """Whether a file is one; reads its first bytes."""

    def import_all(
        self,
        path: Path,
        *,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> EarlierImport:
        """Import its datasets and its saved configurations; all of it, or nothing."""
