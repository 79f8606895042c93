"""What the user wants kept: pinned runs and checkpoints, and the rules of a clean-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from models.domain.storage import FURTHER_KINDS, MOST_KEPT, RetentionRules
from services.run_sizes import why_outputs_stay
from services.storage.histories import WHOLE_RUN

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from models.db.database import Database, UnitOfWork
    from models.domain.run import Run

_PIN = "pin:"
_RULES = "retention_rules"


class Pins:
    """Blocking and thread-safe; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, frozenset[str]]:
        """The pinned names by run: of checkpoints (``checkpoint-40``), ``*`` for the whole run."""
        with self._database.unit_of_work() as uow:
            found = uow.app_state.starting_with(_PIN)
        return {run_id: _names(value) for run_id, value in found.items() if _names(value)}

    def in_words(self, run_id: str) -> str:
        """What is pinned of a run; empty where nothing is."""
        return in_words(self.all().get(run_id, ()))

    def pin(self, run_id: str, name: str = WHOLE_RUN) -> None:
        """Keep a checkpoint, or all of a run, whatever the rules say."""
        self._change(run_id, add=name)

    def unpin(self, run_id: str, name: str = WHOLE_RUN) -> None:
        """Leave it to the rules again; what is not pinned is no error."""
        self._change(run_id, remove=name)

    def rules(self) -> RetentionRules:
        """The rules that were chosen last; else those of the beginning."""
        with self._database.unit_of_work() as uow:
            value = uow.app_state.get(_RULES)
        try:
            also = frozenset(kind for kind in FURTHER_KINDS if kind.value in value.get("also", ()))
            rules = RetentionRules(int(value["keep_last"]), bool(value["keep_best"]), also)
            return _checked(rules)
        except (AppError, AttributeError, LookupError, TypeError, ValueError):
            return RetentionRules()

    def set_rules(self, rules: RetentionRules) -> None:
        """Remember the rules. AppError("bad_use") for a number that is none."""
        kept = _checked(rules)
        with self._database.unit_of_work() as uow:
            also = [kind.value for kind in FURTHER_KINDS if kind in kept.also]
            value = {"keep_last": kept.keep_last, "keep_best": kept.keep_best, "also": also}
            uow.app_state.set(_RULES, value)
            uow.commit()

    def _change(self, run_id: str, *, add: str = "", remove: str = "") -> None:
        with self._database.unit_of_work() as uow:
            now = _names(uow.app_state.get(_PIN + run_id)) | ({add} if add else set())
            left = sorted(now - {remove})
            if left:
                uow.app_state.set(_PIN + run_id, left)
            else:
                uow.app_state.delete(_PIN + run_id)
            uow.commit()


def refuse_pinned(runs: Sequence[Run], pins: Mapping[str, Collection[str]]) -> None:
    """AppError("pinned") where one of these runs, or a checkpoint of it, is pinned, and deleting
    its outputs would take it."""
    for run in runs:
        names = pins.get(run.id, ())
        if names and not why_outputs_stay(run):
            raise AppError(
                "pinned",
                f"Run {run.id} cannot be deleted with its outputs: you have pinned "
                f"{in_words(names)}.",
                f"Unpin it on the Storage page or with temper storage unpin {run.id}"
                f"{'' if WHOLE_RUN in names else ' CHECKPOINT'}, or delete the run and keep its "
                "outputs.",
            )


def forget_pins(uow: UnitOfWork, run_id: str) -> None:
    """A run that is gone has none; within the transaction that forgets it."""
    uow.app_state.delete(_PIN + run_id)


def in_words(names: Collection[str]) -> str:
    """What is pinned of a run; empty where nothing is."""
    if WHOLE_RUN in names:
        return "the run"
    return ", ".join(sorted(names, key=lambda name: (len(name), name)))


def _names(value: Any) -> frozenset[str]:
    return (
        frozenset(one for one in value if isinstance(one, str))
        if isinstance(value, list)
        else frozenset()
    )


def _checked(rules: RetentionRules) -> RetentionRules:
    if not 0 <= rules.keep_last <= MOST_KEPT:
        message = f"{rules.keep_last} checkpoints of each run cannot be kept."
        raise AppError("bad_use", message, f"Choose a number from 0 to {MOST_KEPT}.")
    return rules
