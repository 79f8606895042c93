"""The random name of this installation, by which it knows its own containers from others'."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.db.database import Database

_KEY = "install_id"


class InstallId:
    """Belongs to the database: whoever opens the same one has the same containers. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> str:
        """The name, empty while nothing was ever named by it."""
        with self._database.unit_of_work() as uow:
            return str(uow.app_state.get(_KEY) or "")

    def get(self) -> str:
        """The name, made up at the first call; of two programs that do so one wins."""
        known = self.known()
        if known:
            return known
        with self._database.unit_of_work() as uow:
            uow.app_state.add(_KEY, secrets.token_hex(8))
            uow.commit()
        return self.known()
