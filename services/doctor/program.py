"""The doctor on what Temper itself stands on: its database, the keychain, uv, the environment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from models.domain.doctor import (
    OPEN_SETTINGS,
    PROGRAM,
    PYTHON,
    SET_UP_PYTHON,
    Check,
    CheckState,
)
from models.domain.errors import AppError
from services.environment.runtime_env import EnvironmentState
from services.environment.uv_tool import find_uv

if TYPE_CHECKING:
    from pathlib import Path

_BUSY_SECONDS = 2.0
"""How long another program may hold the database before that is worth a note."""
_MEGABYTE = 1_000_000
_DATABASE_MEANING = "It records setups, datasets and runs."
_KEYCHAIN_MEANING = "It keeps tokens and keys; no file of Temper does."
_PYTHON_MEANING = "Training without Docker runs in it."
_UV_MEANING = "It installs the Python environment."


class Environment(Protocol):
    """What the doctor asks of the managed environment."""

    @property
    def root(self) -> Path:
        """Its folder."""

    def state(self) -> EnvironmentState:
        """How far it is."""

    def versions(self) -> dict[str, str]:
        """What is in it."""


class Secrets(Protocol):
    """What the doctor asks of the secrets' store."""

    def keychain_problem(self) -> str:
        """Why secrets cannot be kept beyond this session; empty where they can."""

    def get(self, name: str) -> str | None:
        """The secret itself, for a call that tries it out."""


def database_check(path: Path, *, busy_seconds: float = _BUSY_SECONDS) -> Check:
    """Whether the database can be written: its one write lock is taken and given back at once."""
    try:
        size = path.stat().st_size
        with closing(
            sqlite3.connect(
                f"{path.as_uri()}?mode=rw",
                uri=True,
                timeout=busy_seconds,
                isolation_level=None,
            )
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return _database_problem(path, error)
    except (OSError, sqlite3.Error) as error:
        message = f"{path} cannot be read ({error})."
        step = "Quit Temper and put back a copy; copies lie beside it."
        return Check(PROGRAM, "Database", CheckState.FAIL, message, _DATABASE_MEANING, step)
    message = f"{path}, {size / _MEGABYTE:,.1f} MB, can be written"
    return Check(PROGRAM, "Database", CheckState.OK, message, _DATABASE_MEANING)


def unopened_database_check(error: AppError) -> Check:
    """What a database means that the program could not open at its start."""
    return Check(
        PROGRAM, "Database", CheckState.FAIL, error.message, _DATABASE_MEANING, error.hint
    )  # fmt: skip


def keychain_check(secrets: Secrets) -> Check:
    """Whether there is a keychain that answers."""
    problem = secrets.keychain_problem()
    if not problem:
        message = "The system's keychain answers."
        return Check(PROGRAM, "Keychain", CheckState.OK, message, _KEYCHAIN_MEANING)
    step = (
        "Start or unlock one (GNOME Keyring, KWallet), or set HF_TOKEN and RUNPOD_API_KEY in the "
        "environment before Temper starts."
    )
    return Check(
        PROGRAM, "Keychain", CheckState.NOTE, problem, _KEYCHAIN_MEANING, step, OPEN_SETTINGS
    )  # fmt: skip


def python_checks(environment: Environment) -> list[Check]:
    """uv, and how far the managed environment is."""
    return [_environment_check(environment), _uv_check()]


def _environment_check(environment: Environment) -> Check:
    name, state = "Python environment", environment.state()
    if state is EnvironmentState.READY:
        versions = environment.versions()
        shown = ", ".join(f"{package} {version}" for package, version in versions.items())
        message = f"Ready at {environment.root}: {shown}"
        return Check(PYTHON, name, CheckState.OK, message, _PYTHON_MEANING)
    message = {
        EnvironmentState.MISSING: "Not set up yet; needed only to train without Docker.",
        EnvironmentState.INCOMPLETE: "Its installation was interrupted.",
        EnvironmentState.OUTDATED: "Made for another version of Temper, or before a GPU came.",
    }[state]
    step = "Set it up now (1 GB to fetch, more with a GPU), or let the first training do it."
    return Check(PYTHON, name, CheckState.NOTE, message, _PYTHON_MEANING, step, SET_UP_PYTHON)


def _uv_check() -> Check:
    try:
        return Check(PYTHON, "uv", CheckState.OK, str(find_uv()), _UV_MEANING)
    except AppError as error:
        return Check(PYTHON, "uv", CheckState.FAIL, error.message, _UV_MEANING, error.hint)


def _database_problem(path: Path, error: sqlite3.OperationalError) -> Check:
    code = (error.sqlite_errorcode or 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        message = f"{path} is held by another program just now."
        step = "Close other windows and commands of Temper, then check again."
        return Check(PROGRAM, "Database", CheckState.NOTE, message, _DATABASE_MEANING, step)
    message = f"{path} cannot be written ({error})."
    step = f"Give this user the right to write to {path.parent}, or free some space there."
    return Check(PROGRAM, "Database", CheckState.FAIL, message, _DATABASE_MEANING, step)
