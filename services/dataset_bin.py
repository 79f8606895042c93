"""Datasets that were deleted: their rows are kept until the program ends, so it can be undone."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from pathlib import Path

    from models.db.database import Database
    from models.domain.dataset import DatasetSession
    from services.dataset_store import DatasetStore


class DatasetBin:
    """Blocking and thread-safe. A program that is killed leaves files that a sweep removes."""

    def __init__(self, database: Database, store: DatasetStore) -> None:
        self._database = database
        self._store = store
        self._aside: dict[str, tuple[Path, Path]] = {}
        self._alone = threading.Lock()

    def delete(self, session_id: int) -> DatasetSession:
        """Forget a session and return it as it was; AppError("not_found").

        Its rows are put aside when no other session has the same ones.
        """
        with self._alone:
            with self._database.unit_of_work() as uow:
                session = uow.datasets.get(session_id)
                uow.datasets.delete(session_id)
                uow.commit()
            # Only now: rows that a program put aside and was killed over are swept away.
            with contextlib.suppress(OSError):  # somebody reads them; a sweep gets them later
                self._put_aside(session.sha256)
        return session

    def restore(self, session: DatasetSession) -> DatasetSession:
        """Bring back what was deleted, under its number and its name, or the next free name.

        AppError("not_found") where its rows are gone.
        """
        with self._alone, self._database.unit_of_work() as uow:
            uow.datasets.lock()
            self._bring_rows(session)
            restored = uow.datasets.put_back(session)
            uow.commit()
        return restored

    def empty(self) -> None:
        """Throw away what was deleted."""
        with self._alone:
            for sha256 in list(self._aside):
                self._remove(sha256)

    def _put_aside(self, sha256: str) -> None:
        """Out of the library, unless another dataset has these rows, or has got them just now."""
        with self._database.unit_of_work() as uow:
            uow.datasets.lock()
            if self._store.has(sha256) and not uow.datasets.has_rows(sha256):
                aside = self._store.put_aside(sha256)
                self._remove(sha256)
                self._aside[sha256] = aside

    def _bring_rows(self, session: DatasetSession) -> None:
        if self._store.has(session.sha256):  # another session has them, or they came anew
            return
        aside = self._aside.pop(session.sha256, None)
        if aside is None:
            raise AppError(
                "not_found",
                f'The rows of "{session.name}" are no longer there.',
                "Import the file again.",
            )
        self._store.put_back(aside, session.sha256)

    def _remove(self, sha256: str) -> None:
        for path in self._aside.pop(sha256, ()):
            with contextlib.suppress(OSError):  # held by another program: the next sweep gets it
                path.unlink(missing_ok=True)
