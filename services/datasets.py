"""The dataset library: import files, list sessions, read rows, delete."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.dataset import DatasetSession
from services.dataset_import.importer import Importer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.db.database import Database
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from services.dataset_import.messages import Exporter
    from services.dataset_store import DatasetStore, StoredRows
    from services.progress import CancelToken, Reporter

SAMPLE_NAME = "Python documentation (sample)"
SAMPLE_SOURCE = "bundled with Temper"


class DatasetLibrary:
    """What the program knows of datasets: the database has the facts, the store the rows.

    ``exporters`` makes the programs that read Parquet, Arrow and the Hub for an import.
    """

    def __init__(
        self,
        database: Database,
        store: DatasetStore,
        sample: Path,
        exporters: Callable[[HubSource | None], Exporter] | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._sample = sample
        self._importer = Importer(store, exporters)

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
        """Import a file, a folder or a dataset of the Hub as a new session; all of it, or nothing.

        ``on_verdict`` gets what is to be told of rows that are imported all the same. Raises
        ImportRefusedError with all that is wrong, and Cancelled when ``cancel`` is set.
        """
        verdict, stored = self._importer.read(path, options, report, cancel)
        if on_verdict is not None:
            on_verdict(verdict)
        return self._keep(_session(path, name, verdict, stored))

    def check_file(
        self,
        path: Path | HubSource,
        options: ImportOptions | None = None,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> ImportVerdict:
        """What an import would say of a file, with nothing imported."""
        return self._importer.check(path, options, report, cancel)

    def importer_into(self, store: DatasetStore) -> Importer:
        """An importer like the library's, into a store beside it."""
        return self._importer.into(store)

    def add_sample(self) -> DatasetSession:
        """The bundled sample as a session; the same one however often it is asked for.

        A program that brings other rows than the one before adds them as a new session.
        """
        verdict, stored = self._importer.read_here(self._sample)
        for session in self.list():
            if (session.source, session.sha256) == (SAMPLE_SOURCE, stored.sha256):
                return session
        found = _session(self._sample, SAMPLE_NAME, verdict, stored)
        return self._keep(replace(found, source=SAMPLE_SOURCE))

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

    def _keep(self, session: DatasetSession) -> DatasetSession:
        try:
            return self._add(session)
        except Exception:  # whatever it was: rows without a session must not stay
            self._delete_if_unused(session.sha256)
            raise

    def _add(self, session: DatasetSession) -> DatasetSession:
        with self._database.unit_of_work() as uow:
            unique = uow.datasets.unique_name(session.name)
            added = uow.datasets.add(replace(session, name=unique))
            uow.commit()
        return added

    def _delete_if_unused(self, sha256: str) -> None:
        if all(session.sha256 != sha256 for session in self.list()):
            self._store.delete(sha256)


def _session(
    source: Path | HubSource, name: str, verdict: ImportVerdict, stored: StoredRows
) -> DatasetSession:
    if isinstance(source, Path):
        found, origin = source.name if source.is_dir() else source.stem, source.name
    else:
        found, origin = source.repo, str(source)
    return DatasetSession(
        id=0,
        name=name.strip() or found,
        source=origin,
        format=verdict.format,
        rows=stored.rows,
        size=stored.size,
        sha256=stored.sha256,
        created_at=time.time(),
        splits=verdict.splits,
        licence=verdict.licence,
        mapping=verdict.mapping.as_text() if verdict.mapping else "",
        columns=verdict.columns,
    )
