"""Named configurations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sqlalchemy import String, case, func, select, type_coerce

from models.db.app_state_repository import LAST_CONFIG_ID, AppStateRepository
from models.db.repository import Repository, clean_name, name_key, one_line
from models.db.tables import UNREADABLE, ConfigRow
from models.domain.config_io import choice_problems, from_dict, to_dict
from models.domain.dataset import SavedConfig
from models.domain.errors import AppError, ConfigError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from models.domain.config import TrainingConfig

_WHAT = "A configuration"
_ELSEWHERE = "in another window or by a command"
_LOOK_AGAIN = "Read the list again, and look before you go on."
# Never the data: a list must also show a configuration that cannot be read.
_LISTED = (ConfigRow.id, ConfigRow.name, ConfigRow.target, ConfigRow.updated_at)


class ConfigRepository(Repository):
    """Configurations by name; names that differ only in case are the same name.

    ``updated_at`` grows with every change of a configuration's content, whatever the clock does:
    by it a change is told from one that was made elsewhere since the configuration was read.
    """

    def __init__(self, session: Session, clock: Callable[[], float]) -> None:
        super().__init__(session)
        self._clock = clock

    def list(self, target: str | None = None) -> builtins.list[SavedConfig]:
        """Those of one target, or all, the last saved first."""
        query = select(*_LISTED).order_by(ConfigRow.updated_at.desc(), ConfigRow.id.desc())
        if target is not None:
            query = query.where(ConfigRow.target == target)
        return [SavedConfig(*row) for row in self._session.execute(query)]

    def some(self, config_ids: Sequence[int]) -> builtins.list[SavedConfig]:
        """Those of these numbers that there are, in the same order."""
        query = select(*_LISTED).where(ConfigRow.id.in_(config_ids))
        found = {row.id: SavedConfig(*row) for row in self._session.execute(query)}
        return [found[number] for number in config_ids if number in found]

    def images(self) -> set[str]:
        """The Docker images that configurations of this computer name."""
        text = type_coerce(ConfigRow.data, String)
        image = func.json_extract(text, "$.local.image")
        query = select(case((func.json_valid(text) == 1, image))).distinct()
        return {name for name in self._session.scalars(query) if isinstance(name, str)}

    def contents(self) -> builtins.list[tuple[str, object]]:
        """Name and content of every one as it is stored, also of those that only a later version
        can use; None for a damaged one."""
        rows = self._session.execute(select(ConfigRow.name, ConfigRow.data))
        return [(row.name, None if row.data is UNREADABLE else row.data) for row in rows]

    def has(self, config_id: int) -> bool:
        """Whether there is a configuration of this number."""
        return self._session.get(ConfigRow, config_id) is not None

    def read(self, config_id: int) -> tuple[SavedConfig, TrainingConfig]:
        """The configuration with its row in lists, as they were at one moment.

        Raises AppError: ``not_found``; or, naming it, ``newer_version`` and ``bad_config``.
        """
        row = self._row(config_id)
        try:
            config = from_dict(row.data)
            problems = choice_problems(config)
            if problems:
                raise ConfigError(problems)
        except AppError as error:
            message = f'The configuration "{row.name}" cannot be read: {error.message}'
            hint = error.hint or "Save a configuration under this name again, or delete it."
            raise AppError(error.kind, message, hint, error.details) from error
        return _saved(row), config

    def get(self, config_id: int) -> TrainingConfig:
        """The configuration itself; raises as :meth:`read`."""
        return self.read(config_id)[1]

    def find(self, name: str) -> SavedConfig | None:
        """The configuration of that name in any case, or None."""
        query = select(*_LISTED).where(ConfigRow.name_key == name_key(one_line(name)))
        row = self._session.execute(query).first()
        return None if row is None else SavedConfig(*row)

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under the name, in place of an earlier configuration of the same name."""
        self._lock()
        name = clean_name(name, _WHAT)
        row = self._session.scalar(select(ConfigRow).where(ConfigRow.name_key == name_key(name)))
        return self._write(row, name, config)

    def create(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under a name that is free; AppError("name_taken")."""
        self._lock()
        return self._write(None, self._free_name(name), config)

    def replace(
        self, seen: SavedConfig, config: TrainingConfig, *, anyway: bool = False
    ) -> SavedConfig:
        """Store in place of the one that was ``seen``, under whatever name it has by now.

        Raises AppError: ``changed_elsewhere`` unless ``anyway``, ``deleted_elsewhere``.
        """
        self._lock()
        row = self._seen(seen)
        if not anyway:
            _refuse_changed(row, seen, "Reload it, replace it, or use another name.")
        return self._write(row, row.name, config)

    def copy(self, config_id: int, name: str) -> SavedConfig:
        """Store what it holds under another name; AppError("name_taken"), and as :meth:`get`."""
        self._lock()
        return self._write(None, self._free_name(name), self.get(config_id))

    def rename(self, config_id: int, name: str) -> SavedConfig:
        """Give another name; AppError("name_taken") if another configuration has it."""
        self._lock()
        row = self._row(config_id)
        row.name = self._free_name(name, config_id)
        row.name_key = name_key(row.name)
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

    def check_name(self, seen: SavedConfig) -> None:
        """Become the only writer, and make sure that it is still called as it was ``seen``.

        Raises AppError: ``changed_elsewhere``, ``deleted_elsewhere``.
        """
        self._lock()
        row = self._seen(seen)
        if row.name != seen.name:
            message = f'"{seen.name}" was renamed to "{row.name}" {_ELSEWHERE}.'
            raise AppError("changed_elsewhere", message, _LOOK_AGAIN)

    def check_unchanged(self, seen: SavedConfig) -> None:
        """As :meth:`check_name`, and make sure that it still holds the same."""
        self.check_name(seen)
        _refuse_changed(self._seen(seen), seen, _LOOK_AGAIN)

    def unique_name(self, name: str) -> str:
        """``name``, or ``name (2)`` and so on where that is taken."""
        self._lock()
        name = clean_name(name, _WHAT)
        taken = set(self._session.scalars(select(ConfigRow.name_key)))
        number, free = 1, name
        while name_key(free) in taken:
            number += 1
            free = f"{name} ({number})"
        return free

    def _write(self, row: ConfigRow | None, name: str, config: TrainingConfig) -> SavedConfig:
        now = self._clock()
        if row is None:
            row = ConfigRow(name_key=name_key(name), created_at=now, updated_at=-math.inf)
            self._session.add(row)
        data = to_dict(config)
        row.name, row.target = name, config.training.target
        row.updated_at = max(now, math.nextafter(row.updated_at, math.inf))
        row.version, row.data = data["version"], data
        self._session.flush()
        return _saved(row)

    def _free_name(self, name: str, of_id: int | None = None) -> str:
        name = clean_name(name, _WHAT)
        other = self.find(name)
        if other is not None and other.id != of_id:
            raise AppError(
                "name_taken",
                f'There is already a configuration named "{other.name}".',
                "Choose another name.",
            )
        return name

    def _seen(self, seen: SavedConfig) -> ConfigRow:
        row = self._session.get(ConfigRow, seen.id)
        if row is None:
            raise AppError(
                "deleted_elsewhere",
                f'"{seen.name}" was deleted {_ELSEWHERE}.',
                "Save the setup again to keep it.",
            )
        return row

    def _row(self, config_id: int) -> ConfigRow:
        row = self._session.get(ConfigRow, config_id)
        if row is None:
            raise AppError(
                "not_found",
                f"There is no configuration number {config_id}.",
                f"It may have been deleted {_ELSEWHERE}.",
            )
        return row


def _refuse_changed(row: ConfigRow, seen: SavedConfig, hint: str) -> None:
    if row.updated_at != seen.updated_at:
        message = f'"{row.name}" was changed {_ELSEWHERE} since it was read here.'
        raise AppError("changed_elsewhere", message, hint)


def _saved(row: ConfigRow) -> SavedConfig:
    return SavedConfig(row.id, row.name, row.target, row.updated_at)
