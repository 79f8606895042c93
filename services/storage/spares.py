"""What is no run's and nothing may need any more: rows, caches, old copies, old revisions."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.run import RunState
from models.domain.storage import CleanKind, Piece, Spare
from services.environment.folder_lock import try_lock
from services.storage.disk import file_names
from services.storage.histories import is_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from models.domain.run import Run
    from models.domain.storage import Need
    from services.storage.inventory import Places

YOUNG_SECONDS = 3600.0
"""What came within the last hour stays: whoever made it may be about to tell of it, as a program
does that has just written the rows of an import (``dataset_store.sweep_unknown``)."""
HALF_MADE = "It was left half-made."


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the program itself works with. ``code`` is the folder of the trainer's code as it is
    now, ``is_outdated`` whether the Python environment is one of another version, ``loaded`` the
    model in memory, ``bundle_locks`` the files that are held while a bundle is made or taken in."""

    code: Callable[[], Path]
    is_outdated: Callable[[], bool]
    loaded: Callable[[], str]
    bundle_locks: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where spares are looked for, and what is known there. ``roots`` are the data folders,
    ``rows`` the hashes of the rows of all datasets, ``names`` all texts of saved and edited setups.
    ``is_used`` says whether a process works with something in a folder; ``now`` is seconds since
    the epoch."""

    places: Places
    roots: Sequence[Path]
    runs: Sequence[Run]
    rows: Collection[str]
    names: Collection[str]
    needs: Sequence[Need]
    workshop: Workshop
    is_used: Callable[[Path], bool]
    now: float

    @property
    def unsettled(self) -> Sequence[Run]:
        """The runs that train or wait, or of which is not known whether they still train."""
        return [run for run in self.runs if not run.state.is_over or run.state is RunState.LOST]

    def trains_in(self, root: Path) -> str:
        """Why what trainings read in a data folder stays; empty where none reads it. A folder may
        be shared with a program whose runs are not known here."""
        if self.unsettled:
            return f"Run {self.unsettled[0].id} may read it."
        return "A process trains in this data folder." if self.is_used(root / "runs") else ""

    def is_young(self, path: Path) -> bool:
        """Whether a file, or anything in a folder, came or changed within the last hour."""
        since = self.now - YOUNG_SECONDS
        return any(_changed(one) > since for one in (path, *_below(path)))


def piece_of(
    kind: CleanKind, path: Path, name: str = "", parts: Iterable[Path] | None = None
) -> Piece:
    """Something that may go, as the disk has it now."""
    places = [path] if parts is None else list(parts)
    files = tuple(name for place in places for name in file_names(place))
    told = () if parts is None else tuple(map(plain, places))
    return Piece(path=plain(path), kind=kind, name=name, files=files, parts=told)


def remnants(kind: CleanKind, folder: Path) -> Iterator[Spare]:
    """What an ended clean-up had put aside in a folder."""
    for path in entries(folder):
        if is_aside(path):
            yield Spare(piece_of(kind, path, path.name.lstrip(".")), HALF_MADE)


def plain(path: Path) -> str:
    """The path free of links; it may be one itself."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - as said


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where it is a link or cannot be read."""
    try:
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    except OSError:
        return []


@contextmanager
def holding(lock: Path, busy: str) -> Iterator[str]:
    """Hold a lock file; gives why something stays where another has it."""
    descriptor = try_lock(lock)
    try:
        yield busy if descriptor is None else ""
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_held(lock: Path) -> bool:
    """Whether somebody holds a lock file; makes none."""
    if not lock.exists():
        return False
    with holding(lock, "held") as why:
        return bool(why)


def _below(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _changed(path: Path) -> float:
    """Also when it got its name, which is what a second name of an old file has."""
    try:
        found = path.lstat()
    except OSError:
        return 0.0
    return max(found.st_mtime, found.st_ctime)
