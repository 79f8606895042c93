"""Deleting runs with their files, so that nothing is half-done whenever the program is ended.

What is to go is written down first, then renamed aside, then the run is forgotten in one
transaction, and only then are the files removed. A program that was ended in between leaves the
note: where the run is still there its files are put back, where it is gone they are removed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.run import RunState
from models.domain.run_history import Deleted
from services.environment.folder_lock import short_lock, try_lock
from services.run_follower import run_folder
from services.run_sizes import own_outputs, why_outputs_stay
from services.storage.needs import needs_of_run
from services.storage.pins import Pins, forget_pins, refuse_pinned

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from models.db.database import Database
    from models.domain.run import Run

logger = logging.getLogger(__name__)

_NOTE = "deleting_run:"
_ALL = 100_000
"""More runs than anybody has; each list has a limit."""
_BUSY = "Another Temper is deleting runs right now."
_Move = tuple[Path, Path]


class RunDeletion:
    """Blocking and thread-safe. ``lock`` is a file that one program at a time holds for this."""

    def __init__(self, database: Database, lock: Path) -> None:
        self._database = database
        self._lock = lock
        self._pins = Pins(database)

    def delete(
        self, runs: Sequence[Run], *, with_outputs: bool, keep_pinned: bool = False
    ) -> Deleted:
        """Forget these runs and remove their files, one after the other.

        Nothing is done to any of them where one is live, where another run that has not ended needs
        what would go, or where one is pinned and would go with what is pinned; with ``keep_pinned``
        the outputs of such a run stay instead. AppError says why one cannot be removed; those
        before it are gone then, it and those after it are as they were.
        """
        for run in runs:
            if run.state.is_live:
                raise AppError("running", f"Run {run.id} is still running.", "Stop it first.")
        with short_lock(self._lock, _BUSY):
            self._recover()
            pins = self._pins.all()
            if with_outputs:
                self.refuse_outputs(runs, keep_pinned=keep_pinned)
            for run in runs:
                self._delete(run, with_outputs=with_outputs and run.id not in pins)
            left = self._recover()
        return Deleted(tuple(run.id for run in runs), left)

    def refuse_outputs(self, runs: Sequence[Run], *, keep_pinned: bool = False) -> None:
        """AppError where the outputs of one of these runs cannot go with it: "in_use", "pinned"."""
        pins = self._pins.all()
        self._refuse_needed(runs, pins)
        if not keep_pinned:
            refuse_pinned(runs, pins)

    def pinned(self, run_id: str) -> str:
        """What of a run is pinned, in words; empty where nothing is."""
        return self._pins.in_words(run_id)

    def recover(self) -> Sequence[str]:
        """Settle what an ended program began; returns folders that cannot be removed yet.

        Nothing is settled while another program deletes: it may be in the middle of it.
        """
        if not self._notes() or (descriptor := try_lock(self._lock)) is None:
            return ()
        try:
            return self._recover()
        finally:
            os.close(descriptor)

    def _delete(self, run: Run, *, with_outputs: bool) -> None:
        places = [path for path in (run_folder(run).path,) if path.exists()]
        if with_outputs and not why_outputs_stay(run):
            places += own_outputs(run)
        moves = [(path, _aside(path)) for path in places]
        self._write_note(run.id, moves)
        try:
            _move_all(moves)
            with self._database.unit_of_work() as uow:
                uow.runs.delete(run.id)
                forget_pins(uow, run.id)
                uow.commit()
        except OSError as error:
            self._undo(run.id, moves)
            raise AppError(
                "io",
                f"The files of run {run.id} cannot be removed: {error}.",
                "Close programs that use them, check who may write there, and try again.",
            ) from error
        except BaseException:  # whatever it was: all of the run is there again
            self._undo(run.id, moves)
            raise

    def _refuse_needed(self, runs: Sequence[Run], pins: Collection[str]) -> None:
        """AppError("in_use") where a run that trains or waits, or of which it is not known how it
        ended, names something of what would go: as its model, its checkpoint, what it is on top of.
        """
        going = {run.id for run in runs}
        with self._database.unit_of_work() as uow:
            others = [run for run in uow.runs.list(limit=_ALL) if run.id not in going]
        open_ones = [run for run in others if not run.state.is_over or run.state is RunState.LOST]
        needs = [(one, Path(need.path)) for one in open_ones for need in needs_of_run(one)]
        for run in runs if needs else ():
            stay = run.id in pins or why_outputs_stay(run)
            for place in () if stay else own_outputs(run):
                real = os.path.realpath(place)
                for other, path in needs:
                    if path.is_relative_to(real):
                        raise _needed(run, other, path)

    def _undo(self, run_id: str, moves: Sequence[_Move]) -> None:
        if _move_back(moves):
            self._drop_note(run_id)

    def _recover(self) -> tuple[str, ...]:
        left: list[str] = []
        for run_id, moves in self._notes().items():
            is_done = _move_back(moves) if self._exists(run_id) else _remove_all(moves)
            if is_done:
                self._drop_note(run_id)
            else:
                left += [str(aside) for _, aside in moves if _is_there(aside)]
        return tuple(left)

    def _exists(self, run_id: str) -> bool:
        with self._database.unit_of_work() as uow:
            return uow.runs.has(run_id)

    def _notes(self) -> dict[str, list[_Move]]:
        with self._database.unit_of_work() as uow:
            found = uow.app_state.starting_with(_NOTE)
        return {run_id: [(Path(a), Path(b)) for a, b in moves] for run_id, moves in found.items()}

    def _write_note(self, run_id: str, moves: Sequence[_Move]) -> None:
        with self._database.unit_of_work() as uow:
            uow.app_state.set(_NOTE + run_id, [[str(a), str(b)] for a, b in moves])
            uow.commit()

    def _drop_note(self, run_id: str) -> None:
        with self._database.unit_of_work() as uow:
            uow.app_state.delete(_NOTE + run_id)
            uow.commit()


def _needed(run: Run, other: Run, path: Path) -> AppError:
    is_lost = other.state is RunState.LOST
    how = "of which it is not known how it ended," if is_lost else "which trains or waits,"
    then = "Resume it or delete it" if is_lost else "Stop it, or wait until it has ended"
    return AppError(
        "in_use",
        f"Run {run.id} cannot be deleted with its outputs: run {other.id}, {how} needs {path}.",
        f"{then}; or delete run {run.id} and keep its outputs.",
    )


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.deleted-{secrets.token_hex(4)}")


def _move_all(moves: Sequence[_Move]) -> None:
    for place, aside in moves:
        place.rename(aside)


def _move_back(moves: Sequence[_Move]) -> bool:
    """Whether everything is where it was."""
    is_done = True
    for place, aside in reversed(moves):
        if not _is_there(aside):
            continue
        if _is_there(place):  # somebody has made it anew meanwhile
            logger.warning("%s stays: %s is there again", aside, place)
            is_done = False
            continue
        try:
            aside.rename(place)
        except OSError as error:
            logger.warning("%s cannot be put back: %s", aside, error)
            is_done = False
    return is_done


def _remove_all(moves: Sequence[_Move]) -> bool:
    """Whether nothing is left. Links are removed, never followed."""
    for _, aside in moves:
        try:
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)
            else:
                aside.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s cannot be removed yet: %s", aside, error)
    for place, _ in moves:
        with contextlib.suppress(OSError):  # an output directory in which something is left
            if place.parent.name != "runs":
                place.parent.rmdir()
    return not any(_is_there(aside) for _, aside in moves)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
