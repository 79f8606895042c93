"""The SQLite database: opening, upgrading, and units of work that store all or nothing."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from models.db import schema
from models.db.app_state_repository import AppStateRepository
from models.db.config_repository import ConfigRepository
from models.db.curve_repository import CurveRepository
from models.db.dataset_repository import DatasetRepository
from models.db.memory_peak_repository import MemoryPeakRepository
from models.db.metric_repository import MetricRepository
from models.db.remote_attempt_repository import RemoteAttemptRepository
from models.db.run_repository import RunRepository
from models.db.sqlite_errors import translate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import ExceptionContext

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's write; ours take milliseconds."""
_RETRY_AFTER = 0.01


class UnitOfWork:
    """One thread's changes that belong together: leaving without :meth:`commit` undoes them.

    Reading takes no lock. The first change takes the only write lock, until commit or the end.
    """

    def __init__(self, session: Session, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self.app_state = AppStateRepository(session)
        self.configs = ConfigRepository(session, clock)
        self.datasets = DatasetRepository(session)
        self.runs = RunRepository(session)
        self.metrics = MetricRepository(session)
        self.curves = CurveRepository(session)
        self.memory_peaks = MemoryPeakRepository(session)
        self.remote_attempts = RemoteAttemptRepository(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def commit(self) -> None:
        """Store everything done so far."""
        self._session.commit()


class Database:
    """An opened, upgraded database file. May be used from several threads."""

    def __init__(self, path: Path, engine: Engine, clock: Callable[[], float]) -> None:
        self.path = path
        self._engine = engine
        self._clock = clock

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        busy_timeout: float = BUSY_TIMEOUT,
        clock: Callable[[], float] = time.time,
        migrations: schema.Migrations = schema.MIGRATIONS,
    ) -> Database:
        """Open the file, made or upgraded as needed; an older one is copied first.

        Raises AppError: ``newer_version``, ``database_damaged``, ``database_locked``,
        ``disk_full``, ``no_permission`` or ``disk_error``. Later units of work raise all but the
        first of them, too.
        """
        revision = schema.prepare(path, busy_timeout)
        schema.check_known(path, revision, migrations)
        if revision != migrations.head:
            _upgrade(path, busy_timeout, migrations)
        engine = _make_engine(path, busy_timeout)
        try:
            engine.connect().close()
        except BaseException:  # re-raised: only the pool must not stay open
            engine.dispose()
            raise
        return cls(path, engine, clock)

    def unit_of_work(self) -> UnitOfWork:
        """A new unit of work, for ``with``."""
        # Once closed it stays so: a repository kept by mistake raises instead of holding a lock.
        return UnitOfWork(Session(self._engine, close_resets_only=False), self._clock)

    def close(self) -> None:
        """Close every connection that is not inside a unit of work."""
        self._engine.dispose()


def _upgrade(path: Path, busy_timeout: float, migrations: schema.Migrations) -> None:
    engine = _make_engine(path, busy_timeout, poolclass=NullPool, foreign_keys=False)
    try:
        schema.upgrade(engine, path, migrations)
    finally:
        engine.dispose()


def _make_engine(
    path: Path, busy_timeout: float, *, foreign_keys: bool = True, **options: Any
) -> Engine:
    # sqlite3 begins a transaction at the first change only, so reading holds no old snapshot;
    # what reads before it changes calls Repository._lock.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout},
        **options,
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")
        _use_wal(connection, time.monotonic() + busy_timeout)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @event.listens_for(engine, "handle_error")
    def _on_error(context: ExceptionContext) -> BaseException | None:
        return translate(path, context.original_exception)

    return engine


def _use_wal(connection: sqlite3.Connection, deadline: float) -> None:
    # SQLite does not wait its busy timeout here: of two programs that open a new file at the same
    # moment one is told at once that it is locked.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_AFTER)
        else:
            return
