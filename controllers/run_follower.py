"""Follows live runs: asks the service in turns, and tells what is new."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import RunPort
    from models.domain.run import RunUpdate

POLL_SECONDS = 0.15
"""A line that a trainer prints is on the screen within 300 ms in 95 of 100 cases (measured: 201 ms,
tests/benchmarks/bench_docker_log.py), for 1.5 % of one processor while it is silent."""
_RETRY_SECONDS = 2.0
_LASTING_FAILURES = 10
_TROUBLE = "The run cannot be followed"


class RunFollower(QObject):
    """One polling coroutine per followed run, until it is over.

    Signals:
        updated: a RunUpdate (payload).
    """

    updated = Signal(object)

    def __init__(
        self,
        desk: Desk,
        runs: RunPort,
        parent: QObject | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._runs = runs
        self._seconds = poll_seconds
        self._followed: set[str] = set()

    def is_following(self, run_id: str) -> bool:
        """Whether this run is being polled."""
        return run_id in self._followed

    def follow(self, run_id: str) -> None:
        """Follow a run until it is over; following it already changes nothing."""
        if run_id not in self._followed:
            self._followed.add(run_id)
            self._desk.tasks.start(self._follow(run_id))

    async def _follow(self, run_id: str) -> None:
        try:
            update = await self._poll(run_id)
            while not update.run.state.is_over:
                await asyncio.sleep(self._seconds)
                update = await self._poll(run_id)
        except AppError as error:
            self._desk.notices.show_error(_TROUBLE, error)
        finally:
            self._followed.discard(run_id)

    async def _poll(self, run_id: str) -> RunUpdate:
        """One poll. Trouble (a full disk, a locked database) is waited out; told, if it lasts."""
        failures = 0
        while True:
            try:
                update = await self._desk.lanes.runs.run(self._runs.poll, run_id)
            except AppError as error:
                failures += 1
                if error.kind == "not_found":  # deleted
                    raise
                if failures == _LASTING_FAILURES:
                    self._desk.notices.show_error(_TROUBLE, error)
                await asyncio.sleep(min(_RETRY_SECONDS, self._seconds * failures))
            else:
                self.updated.emit(update)
                return update
