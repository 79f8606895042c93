"""Who counts on a base model of this computer, so that nobody takes it away below him."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


@dataclass(frozen=True, slots=True)
class ModelUsers:
    """The base models, by whatever name somebody gives them, of runs that train on this computer,
    of runs that wait or train elsewhere, of runs of which is not known how they ended and which may
    train still, and of the model that is tried just now."""

    training: Collection[str] = ()
    waiting: Collection[str] = ()
    lost: Collection[str] = ()
    loaded: Collection[str] = ()


def refuse_used(
    name: str, users: ModelUsers, is_it: Callable[[str], bool], *, to_read: bool = False
) -> None:
    """AppError("in_use") where one of them uses the model ``name``; ``is_it`` says which names mean
    it. ``to_read``: only trainings count that read its files at this moment."""
    if any(map(is_it, (*users.training, *(() if to_read else users.waiting)))):
        raise AppError(
            "in_use",
            f"A run that trains or waits needs {name}.",
            "Stop it, or wait until it has ended.",
        )
    if to_read:
        return
    if any(map(is_it, users.lost)):
        raise AppError(
            "in_use",
            f"A run of which is not known how it ended may still train and needs {name}.",
            "Resume it, or delete it on the page Runs.",
        )
    if any(map(is_it, users.loaded)):
        raise AppError(
            "in_use",
            f"{name} is in memory to be tried.",
            "Try another model, or start Temper anew, then remove it.",
        )
