"""Named configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from models.db.app_state_repository import LAST_CONFIG_ID, AppStateRepository
from models.db.repository import Repository, clean_name, name_key, one_line
from models.db.tables import ConfigRow
from models.domain.config_io import from_dict, to_dict
from models.domain.dataset import SavedConfig
from models.domain.errors import AppError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from models.domain.config import TrainingConfig

_WHAT = "A configuration"
# Never the data: a list must also show a configuration that cannot be read.
_LISTED = (ConfigRow.id, ConfigRow.name, ConfigRow.target, ConfigRow.updated_at)


class ConfigRepository(Repository):
    """Configurations by name; names that differ only in case are the same name."""

    def __init__(self, session: Session, clock: Callable[[], float]) -> None:
        super().__init__(session)
        self._clock = clock

    def list(self, target: str | None = None) -> builtins.list[SavedConfig]:
        """Those of one target, or all, the last saved first."""
        query = select(*_LISTED).order_by(ConfigRow.updated_at.desc(), ConfigRow.id.desc())
        if target is not None:
            query = query.where(ConfigRow.target == target)
        return [SavedConfig(*row) for row in self._session.execute(query)]

    def get(self, config_id: int) -> TrainingConfig:
        """The configuration itself.

        Raises AppError: ``not_found``; or, naming it, ``newer_version`` and ``bad_config``.
        """
        row = self._row(config_id)
        try:
            return from_dict(row.data)
        except AppError as error:
            message = f'The configuration "{row.name}" cannot be read: {error.message}'
            hint = error.hint or "Save a configuration under this name again, or delete it."
            raise AppError(error.kind, message, hint, error.details) from error

    def find(self, name: str) -> SavedConfig | None:
        """The configuration of that name in any case, or None."""
        query = select(*_LISTED).where(ConfigRow.name_key == name_key(one_line(name)))
        row = self._session.execute(query).first()
        return None if row is None else SavedConfig(*row)

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under the name, in place of an earlier configuration of the same name."""
        self._lock()
        name = clean_name(name, _WHAT)
        now = self._clock()
        row = self._session.scalar(select(ConfigRow).where(ConfigRow.name_key == name_key(name)))
        if row is None:
            row = ConfigRow(name_key=name_key(name), created_at=now)
            self._session.add(row)
        data = to_dict(config)
        row.name, row.target, row.updated_at = name, config.training.target, now
        row.version, row.data = data["version"], data
        self._session.flush()
        return _saved(row)

    def rename(self, config_id: int, name: str) -> SavedConfig:
        """Give another name; AppError("name_taken") if another configuration has it."""
        self._lock()
        name = clean_name(name, _WHAT)
        row = self._row(config_id)
        other = self.find(name)
        if other is not None and other.id != config_id:
            raise AppError(
                "name_taken",
                f'There is already a configuration named "{other.name}".',
                "Choose another name.",
            )
        row.name, row.name_key = name, name_key(name)
        self._session.flush()
        return _saved(row)

    def delete(self, config_id: int) -> None:
        """Remove it; if it was the one used last, none is from now on."""
        self._lock()
        self._session.delete(self._row(config_id))
        state = AppStateRepository(self._session)
        if state.get(LAST_CONFIG_ID) == config_id:
            state.delete(LAST_CONFIG_ID)
        self._session.flush()

    def _row(self, config_id: int) -> ConfigRow:
        row = self._session.get(ConfigRow, config_id)
        if row is None:
            raise AppError(
                "not_found",
                f"There is no configuration number {config_id}.",
                "It may have been deleted in another window.",
            )
        return row


def _saved(row: ConfigRow) -> SavedConfig:
    return SavedConfig(row.id, row.name, row.target, row.updated_at)
