"""Whether to welcome a newcomer, and that it was enough once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.db.database import Database

WELCOME_DISMISSED = "welcome_dismissed"
"""Key of the application's state: the welcome is not shown by itself any more."""


class Welcome:
    """Remembers in the database. Blocking; AppError where it cannot be read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_due(self) -> bool:
        """Whether there is no dataset, no run and no saved configuration, and nobody said no."""
        with self._database.unit_of_work() as uow:
            return not (
                uow.app_state.get(WELCOME_DISMISSED, False)
                or uow.datasets.list()
                or uow.configs.list()
                or uow.runs.list(1)
            )

    def dismiss(self) -> None:
        """Do not welcome again."""
        with self._database.unit_of_work() as uow:
            uow.app_state.set(WELCOME_DISMISSED, True)
            uow.commit()
