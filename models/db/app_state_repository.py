"""Small things the program remembers between starts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from models.db.repository import Repository
from models.db.tables import UNREADABLE, AppStateRow

LAST_CONFIG_ID = "last_config_id"
"""Key of the configuration that was used last; deleting that configuration deletes it."""


class AppStateRepository(Repository):
    """JSON values by key.

    Statements rather than row objects: a list that was read, changed and set again would be the
    row's own, and its change go unnoticed.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or ``default`` where none is stored or the stored one is damaged."""
        query = select(AppStateRow.value).where(AppStateRow.key == key)
        row = self._session.execute(query).first()
        return default if row is None or row.value is UNREADABLE else row.value

    def starting_with(self, prefix: str) -> dict[str, Any]:
        """All values whose keys begin so, by what follows; damaged ones are left out."""
        query = select(AppStateRow.key, AppStateRow.value).where(
            AppStateRow.key.startswith(prefix, autoescape=True)
        )
        return {
            row.key.removeprefix(prefix): row.value
            for row in self._session.execute(query)
            if row.value is not UNREADABLE
        }

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value, in place of an earlier one."""
        new = insert(AppStateRow).values(key=key, value=value)
        replacing = new.on_conflict_do_update(
            index_elements=[AppStateRow.key], set_={"value": new.excluded.value}
        )
        self._session.execute(replacing)

    def add(self, key: str, value: Any) -> None:
        """Store a JSON value unless one is there already, whoever stored it."""
        new = insert(AppStateRow).values(key=key, value=value)
        self._session.execute(new.on_conflict_do_nothing(index_elements=[AppStateRow.key]))

    def delete(self, key: str) -> None:
        """Forget the key; one that is not there is no error."""
        self._session.execute(delete(AppStateRow).where(AppStateRow.key == key))
