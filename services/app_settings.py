"""The program's settings in the database: read, validated, stored, and told to who follows them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.app_settings import AppSettings, setting_problem, with_setting
from models.domain.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.db.database import Database

_PREFIX = "settings."


class SettingsStore:
    """One entry for each setting, so that two programs that change different ones lose nothing.

    Blocking and thread-safe. What another program stored is seen at the next :meth:`values`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: AppSettings | None = None
        self._followers: list[Callable[[AppSettings], None]] = []
        self._lock = threading.RLock()

    def follow(self, follower: Callable[[AppSettings], None]) -> None:
        """Call ``follower`` now and at every change, in the thread that makes or finds it."""
        with self._lock:
            settings = self.values()
            self._followers.append(follower)
            follower(settings)

    def values(self) -> AppSettings:
        """All settings. One that is damaged, or of a later version, counts as not set."""
        with self._lock:
            found = self._read()
            if found != self._known:
                self._known = found
                for follower in self._followers:
                    follower(found)
            return found

    def is_stored(self, name: str) -> bool:
        """Whether the user ever chose this one."""
        with self._database.unit_of_work() as uow:
            return uow.app_state.get(_PREFIX + name) is not None

    def set(self, name: str, value: object) -> AppSettings:
        """Store one setting and return them all. ConfigError says what is wrong with it."""
        if name == "data_root":
            value = _checked_folder(value)
        with_setting(AppSettings(), name, value)
        with self._lock:
            with self._database.unit_of_work() as uow:
                uow.app_state.set(_PREFIX + name, value)
                uow.commit()
            return self.values()

    def _read(self) -> AppSettings:
        with self._database.unit_of_work() as uow:
            stored = uow.app_state.starting_with(_PREFIX)
        settings = AppSettings()
        for name, value in stored.items():
            if setting_problem(name, value) is None:
                settings = with_setting(settings, name, value)
        return settings


def _checked_folder(value: object) -> object:
    """The folder's full path. Its nearest part that exists must be a folder we may write to."""
    if not isinstance(value, str) or not value.strip():
        return "" if isinstance(value, str) else value
    folder = Path(value.strip()).expanduser()
    if not folder.is_absolute():
        raise _folder_error(value, "must be a full path.")
    folder = folder.resolve()
    nearest = next((part for part in (folder, *folder.parents) if part.exists()), None)
    if nearest is None:
        raise _folder_error(value, "is on a drive that is not there.")
    if not nearest.is_dir():
        raise _folder_error(value, f"lies below {nearest}, which is a file.")
    if not os.access(nearest, os.W_OK):
        raise _folder_error(value, "cannot be written.")
    return str(folder)


def _folder_error(value: str, message: str) -> ConfigError:
    return ConfigError([Problem("data_root", value, message, "Choose a folder of yours.")])
