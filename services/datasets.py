"""The dataset library: import files, list sessions, read rows, make new ones of old, delete."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.db.repository import is_variant
from models.domain.dataset import DatasetSession
from models.domain.errors import AppError
from services import dataset_export, dataset_search
from services.dataset_bin import DatasetBin
from services.dataset_import.findings import shown
from services.dataset_import.importer import Importer
from services.dataset_maker import DatasetMaker, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from models.db.database import Database
    from models.domain.dataset import MergePart
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from services.dataset_import.exporters import Exporters
    from services.dataset_store import DatasetStore, StoredRows
    from services.progress import CancelToken, Reporter

SAMPLE_NAME = "Python documentation (sample)"
SAMPLE_SOURCE = "bundled with Temper"
SAMPLE_LICENCE = "PSF-2.0"
"""As resources/samples/README.md says; the Python of its examples also under 0BSD."""


class DatasetLibrary:
    """What the program knows of datasets: the database has the facts, the store the rows.

    ``exporters`` makes the programs that read Parquet, Arrow and the Hub for an import, and that
    write Parquet. What is deleted can be restored until :meth:`close`.
    """

    def __init__(
        self,
        database: Database,
        store: DatasetStore,
        sample: Path,
        exporters: Exporters | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._sample = sample
        self._importer = Importer(store, exporters)
        self._exporters = exporters
        self._maker = DatasetMaker(store)
        self._bin = DatasetBin(database, store)

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
        return self._keep(replace(found, source=SAMPLE_SOURCE, licence=SAMPLE_LICENCE))

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
        return self._store.rows(self._whole(session_id).sha256, start, count)

    def find_row(
        self,
        session_id: int,
        text: str,
        start: int = 0,
        *,
        backwards: bool = False,
        cancel: CancelToken | None = None,
    ) -> int | None:
        """The number of the next row, from ``start`` itself on, that holds the text in any case of
        letters; None where there is none. Cancelled."""
        sha256 = self._whole(session_id).sha256
        return dataset_search.find_row(
            self._store.path(sha256),
            self._store.index_path(sha256),
            text,
            start,
            backwards=backwards,
            cancel=cancel,
        )

    def rename(self, session_id: int, name: str) -> DatasetSession:
        """Give another name; saved configurations that name this dataset follow.

        Raises AppError: ``name_taken``, ``bad_name``, ``not_found``.
        """
        with self._database.unit_of_work() as uow:
            renamed = uow.datasets.rename(session_id, name)
            uow.commit()
        return renamed

    def duplicate(self, session_id: int, name: str = "") -> DatasetSession:
        """The same rows under another number and name; nothing is copied.

        AppError("name_taken") where a name is asked for that another dataset has.
        """
        with self._database.unit_of_work() as uow:
            uow.datasets.lock()
            session = uow.datasets.get(session_id)
            chosen = name.strip() or uow.datasets.unique_name(f"{session.name} (copy)")
            copied = replace(session, name=chosen, created_at=time.time())
            added = uow.datasets.add(copied)
            uow.commit()
        return added

    def delete(self, session_id: int) -> DatasetSession:
        """Forget a session and return it, so that :meth:`restore` can bring it back.

        Its rows go when no other session has the same ones. AppError("not_found").
        """
        return self._bin.delete(session_id)

    def restore(self, session: DatasetSession) -> DatasetSession:
        """Undo a delete: the same number, and the same name unless it was taken meanwhile.

        AppError("not_found") where its rows are gone.
        """
        return self._bin.restore(session)

    def export(
        self,
        session_id: int,
        path: Path,
        format: str = "jsonl",
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Write all rows to a file, ``jsonl`` or ``parquet``: all of them, or the file stays as it
        was. Raises Cancelled, and AppError: ``runtime_missing``, ``disk_full``, ``io``."""
        session = self._whole(session_id)
        rows, watch = self._store.path(session.sha256), Watch(report, cancel)
        if format == "parquet":
            dataset_export.write_parquet(rows, path, self._exporters, watch)
        else:
            dataset_export.write_jsonl(rows, path, watch)

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
        """A new dataset of several, each as often as its weight says, mixed or one after another.

        Conversations in different formats become messages. The column ``dataset`` of each row says
        where it came from. Raises as :class:`DatasetMaker` does.
        """
        sources = [(self._whole(part.session_id), part.weight) for part in parts]
        watch = Watch(report, cancel)
        return self._keep(self._maker.merge(sources, name, watch, seed=seed, shuffle=shuffle))

    def split_off(  # noqa: PLR0913 - what may be chosen, each by name
        self,
        session_id: int,
        *,
        percent: float | None = None,
        rows: int | None = None,
        as_split: bool,
        seed: int = 0,
        name: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[DatasetSession, ...]:
        """Hold out a share or a number of rows; the dataset itself stays as it is.

        ``as_split`` makes one dataset whose column ``split`` says ``train`` or ``held_out``, else
        there are two: for training, and held out. Rows that say the same stay on one side, so there
        may be some more or less. Raises as :class:`DatasetMaker` does.
        """
        made = self._maker.split_off(
            self._whole(session_id),
            Watch(report, cancel),
            percent=percent,
            rows=rows,
            seed=seed,
            as_split=as_split,
            name=name,
        )
        return self._keep_all(made)

    def without_rows(
        self,
        session_id: int,
        rows: Collection[int],
        name: str = "",
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        """A new dataset without the rows of these numbers, which count from 0.

        Raises as :class:`DatasetMaker` does.
        """
        session, watch = self._whole(session_id), Watch(report, cancel)
        return self._keep(self._maker.without_rows(session, rows, name, watch))

    def sweep(self) -> None:
        """Remove what programs that were killed have left, also rows that no session names."""
        self._store.sweep()
        with self._database.unit_of_work() as uow:
            known = uow.datasets.row_files()
        self._store.sweep_unknown(known)

    def close(self) -> None:
        """Throw away what was deleted."""
        self._bin.empty()

    def place_into(self, session: DatasetSession, folder: Path) -> Path:
        """Make a session's rows available below a run's data root; returns the file.

        Raises AppError: ``not_found`` where they are gone, ``disk_full``, ``io``.
        """
        self._require_rows(session)
        try:
            return self._store.place_into(session.sha256, folder)
        except OSError as error:
            raise _not_placed(session, folder, error) from error

    def rows_file(self, session: DatasetSession) -> Path:
        """Where a session's rows lie, to be read only; AppError("not_found")."""
        self._require_rows(session)
        return self._store.path(session.sha256)

    def has_rows(self, session: DatasetSession) -> bool:
        """Whether rows with this hash are in the library, whoever named them."""
        return self._store.has(session.sha256)

    def take_in(self, session: DatasetSession, rows: Path | None) -> DatasetSession:
        """Keep a dataset of another library; the one that is here where it is the very same, also
        under the other name that it got as its own was taken.

        ``rows`` is its file, checked against its hash, and is moved; None where they are here
        already. AppError("bad_bundle") where the file holds something else.
        """
        if rows is not None:
            try:
                count = self._store.take_in(rows, session.sha256)
            except ValueError as error:
                raise _no_rows(session) from error
            if count != session.rows:
                self._delete_if_unused(session.sha256)
                raise _no_rows(session)
        for known in self.list():
            if known.sha256 == session.sha256 and is_variant(known.name, session.name):
                return known
        return self._keep(session)

    def _whole(self, session_id: int) -> DatasetSession:
        """A session whose rows are there; AppError("not_found")."""
        session = self.get(session_id)
        self._require_rows(session)
        return session

    def _require_rows(self, session: DatasetSession) -> None:
        if not self._store.has(session.sha256):
            raise AppError(
                "not_found",
                f'The rows of "{session.name}" are no longer on the disk.',
                "Import its file again; this dataset can be deleted.",
            )

    def _keep(self, session: DatasetSession) -> DatasetSession:
        return self._keep_all((session,))[0]

    def _keep_all(self, sessions: Sequence[DatasetSession]) -> tuple[DatasetSession, ...]:
        try:
            return self._add_all(sessions)
        except Exception:  # whatever it was: rows without a session must not stay
            for session in sessions:
                self._delete_if_unused(session.sha256)
            raise

    def _add_all(self, sessions: Sequence[DatasetSession]) -> tuple[DatasetSession, ...]:
        added: list[DatasetSession] = []
        with self._database.unit_of_work() as uow:
            uow.datasets.lock()
            for session in sessions:
                if not self._store.has(session.sha256):
                    raise _taken_away(session)
                unique = uow.datasets.unique_name(session.name)
                added.append(uow.datasets.add(replace(session, name=unique)))
            uow.commit()
        return tuple(added)

    def _delete_if_unused(self, sha256: str) -> None:
        with self._database.unit_of_work() as uow:
            uow.datasets.lock()  # nobody can come to name them between the two
            if not uow.datasets.has_rows(sha256):
                self._store.delete(sha256)


def _taken_away(session: DatasetSession) -> AppError:
    """The same rows were there, and have gone with the last dataset that had them."""
    return AppError(
        "io",
        f'The rows of "{session.name}" were deleted at the same time.',
        "Nothing was added; try again.",
    )


def _no_rows(session: DatasetSession) -> AppError:
    return AppError(
        "bad_bundle",
        f'What is said to be the rows of "{session.name}" is something else.',
        "Make the bundle again.",
    )


def _not_placed(session: DatasetSession, folder: Path, error: OSError) -> AppError:
    if error.errno == errno.ENOSPC:
        message = f'The disk is full; the rows of "{session.name}" do not fit into {folder}.'
        return AppError("disk_full", message, "Free some space there.", str(error))
    reason = error.strerror or type(error).__name__
    message = f'The rows of "{session.name}" cannot be placed in {folder}: {reason}.'
    return AppError("io", message, "Check who may write there, or choose another.", str(error))


def _session(
    source: Path | HubSource, name: str, verdict: ImportVerdict, stored: StoredRows
) -> DatasetSession:
    if isinstance(source, Path):
        whole = source.absolute()  # "." has no name of its own
        found, origin = whole.name if source.is_dir() else source.stem, whole.name
    else:
        found, origin = source.repo, str(source)
    return DatasetSession(
        id=0,
        name=name.strip() or shown(found),
        source=shown(origin),
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
