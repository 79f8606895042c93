"""Looks for all that is no run's and may go, and keeps others from it while it is removed."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.storage import CleanKind
from services.storage.process_use import ProcessUse
from services.storage.spare_files import spare_caches, spare_rows, spare_versions
from services.storage.spare_revisions import repo_lock, spare_revisions
from services.storage.spares import Ground, holding, is_held, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

    from models.db.database import Database
    from models.domain.run import Run
    from models.domain.storage import Need, Piece, Spare
    from services.storage.inventory import Places
    from services.storage.spares import Workshop

_KINDS = (spare_rows, spare_caches, spare_versions, spare_revisions)
_PACKING = "A bundle is being made or taken in."


def find_spares(ground: Ground) -> list[Spare]:
    """Everything there, each once, with why it goes or stays. What a bundle that is being made
    reads is not known here, so all of it stays meanwhile."""
    found = {one.piece.path: one for find in _KINDS for one in find(ground)}
    if any(map(is_held, ground.workshop.bundle_locks)):
        return [replace(one, stays=_PACKING) for one in found.values()]
    return list(found.values())


class SpareFinder:
    """Blocking and thread-safe. ``now`` gives seconds since the epoch."""

    def __init__(
        self,
        database: Database,
        places: Callable[[], Places],
        workshop: Workshop,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._places = places
        self._workshop = workshop
        self._now = now

    def find(
        self,
        runs: Sequence[Run],
        roots: Sequence[Path],
        names: Collection[str],
        needs: Sequence[Need],
    ) -> list[Spare]:
        """What :func:`find_spares` finds now. ``names`` are all texts of setups."""
        with self._database.unit_of_work() as uow:
            rows = uow.datasets.row_files()
        ground = Ground(
            places=self._places(),
            roots=roots,
            runs=runs,
            rows=rows,
            names=names,
            needs=needs,
            workshop=self._workshop,
            is_used=ProcessUse().works_in,
            now=self._now(),
        )
        return find_spares(ground)

    def hold(self, piece: Piece, roots: Sequence[Path]) -> AbstractContextManager[str]:
        """Keeps others from a piece while it is removed; gives why it stays where they have it."""
        if piece.kind is CleanKind.ROWS:
            return self._holding_rows(piece)
        if piece.kind is CleanKind.REVISIONS and (lock := repo_lock(piece, roots)) is not None:
            return holding(lock, "It is being downloaded.")
        for lock in self._workshop.bundle_locks:
            if piece.path == plain(lock.parent):
                return holding(lock, _PACKING)
        runtime = self._places().runtime
        if piece.kind is CleanKind.VERSIONS and Path(piece.path).is_relative_to(runtime.resolve()):
            return holding(runtime / ".lock", "The Python environment is being set up.")
        return nullcontext("")

    @contextmanager
    def _holding_rows(self, piece: Piece) -> Iterator[str]:
        """Nobody comes to name them meanwhile."""
        with self._database.unit_of_work() as uow:
            uow.datasets.lock()
            is_named = uow.datasets.has_rows(Path(piece.path).name)
            yield "A dataset has them by now." if is_named else ""
