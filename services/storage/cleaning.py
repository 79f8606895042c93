"""Cleaning up: what was shown is looked at once more, put aside, and only then removed.

Nothing is half-done: a folder loses its name at once, so for a resume it is there whole or not at
all, and what an ended program left aside is found by the next clean-up.
"""

from __future__ import annotations

import logging
import stat
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.storage import Cleaned, newest_whole, plan_clean
from services.environment.folder_lock import short_lock
from services.storage.disk import file_name
from services.storage.histories import aside_of, is_aside, is_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from models.domain.storage import CleanPlan, Found, Piece, RetentionRules, RunHistory

    Look = Callable[[], Found]
    Hold = Callable[[Piece], AbstractContextManager[str]]

logger = logging.getLogger(__name__)

_BUSY = "Another Temper is deleting things of runs right now."


class Cleaner:
    """Blocking and thread-safe. ``look`` says what there is and who needs what, as it is now;
    ``lock`` is the file that one program at a time holds to delete things of runs. ``hold`` keeps
    others from what is being removed meanwhile, or says why it stays."""

    def __init__(self, look: Look, lock: Path, hold: Hold = lambda _piece: nullcontext("")) -> None:
        self._look = look
        self._lock = lock
        self._hold = hold

    def plan(self, rules: RetentionRules) -> CleanPlan:
        """What would go; nothing is done."""
        return plan_clean(self._look(), rules)

    def clean(self, shown: CleanPlan, rules: RetentionRules) -> Cleaned:
        """Remove what was shown as going, and of that only what may still go.

        AppError("busy") where another program deletes just now.
        """
        freed, gone, kept = 0, [], []
        with short_lock(self._lock, _BUSY):
            # Reading whole checkpoints takes minutes, in which a run may start that needs one: who
            # needs what is looked up after it.
            run_ids = {one.piece.run_id for one in shown.going} - {""}
            spoilt = _spoilt(self._look().histories, run_ids) if run_ids else {}
            why_not = _Reasons(self._look(), rules, spoilt)
            for verdict in shown.going:
                path = verdict.piece.path
                why = why_not(verdict.piece)
                if not why:
                    size, why = self._remove(verdict.piece)
                    freed += size
                if why:
                    kept.append((path, why))
                else:
                    gone.append(path)
        return Cleaned(freed, tuple(gone), tuple(kept))

    def _remove(self, piece: Piece) -> tuple[int, str]:
        with self._hold(piece) as why:
            return (0, why) if why else _remove_all(map(Path, piece.places))


class _Reasons:
    """Why something that was shown as going stays after all; empty where nothing is in the way."""

    def __init__(self, found: Found, rules: RetentionRules, spoilt: Mapping[str, str]) -> None:
        self._now = {one.piece.path: one for one in plan_clean(found, rules).verdicts}
        self._spoilt = spoilt

    def __call__(self, piece: Piece) -> str:
        now = self._now.get(piece.path)
        if now is None:
            return "It is not there any more, or somebody has it by now."
        if not now.goes:
            return now.why
        if now.piece.parts != piece.parts:
            return "It is another by now: look again."
        return self._spoilt.get(piece.run_id, "")


def _spoilt(histories: Sequence[RunHistory], run_ids: Collection[str]) -> dict[str, str]:
    """Why nothing of these runs goes, by the run."""
    return {one.run_id: _why_spoilt(one) for one in histories if one.run_id in run_ids}


def _why_spoilt(history: RunHistory) -> str:
    """A run that may have to go on keeps its older checkpoints while the newest is not sound."""
    newest = newest_whole(history)
    if history.has_result or newest is None or is_sound(Path(newest.path)):
        return ""
    return f"The newest checkpoint is damaged ({newest.path}): this one may be needed."


def _remove_all(places: Iterable[Path]) -> tuple[int, str]:
    """One after the other; what is left is found by the next clean-up."""
    freed = 0
    for place in places:
        size, why = _remove(place)
        freed += size
        if why:
            return freed, why
    return freed, ""


def _remove(place: Path) -> tuple[int, str]:
    """The bytes that the disk has back, and why something is left; the name is free in any case
    but one: where it could not even be put aside, all of it is as it was."""
    aside = place if is_aside(place) else aside_of(place)
    try:
        place.rename(aside)
    except OSError as error:
        return 0, f"It cannot be removed: {error.strerror or error}."
    try:
        return _take_apart(aside), ""
    except OSError as error:
        logger.warning("%s cannot be removed yet: %s", aside, error)
        return 0, f"Some of it cannot be removed yet: {error.strerror or error}."


def _take_apart(place: Path) -> int:
    """Remove a file or a folder; links are removed, never followed. What a file took counts where
    this was its last name."""
    if not stat.S_ISDIR(place.lstat().st_mode):
        name = file_name(place)
        place.unlink()
        return name.bytes if name.links == 1 else 0
    freed = sum(_take_apart(one) for one in place.iterdir())
    place.rmdir()
    return freed
