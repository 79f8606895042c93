"""Welcomes a newcomer once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.errors import AppError

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import WelcomePort


class WelcomeController(QObject):
    """Knows whether the welcome is due.

    Signals:
        wanted: show the welcome.
    """

    wanted = Signal()

    def __init__(self, desk: Desk, welcome: WelcomePort, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._welcome = welcome

    async def greet(self) -> None:
        """Ask for the welcome where nothing was done with the program yet."""
        try:
            is_due = await self._desk.lanes.database.run(self._welcome.is_due)
        except AppError:  # whatever is wrong with the database is told where data is read
            return
        if is_due:
            self.wanted.emit()

    @Slot()
    def dismiss(self) -> None:
        """It was seen: do not show it by itself again."""
        self._desk.tasks.start(self._dismiss())

    async def _dismiss(self) -> None:
        try:
            await self._desk.lanes.database.run(self._welcome.dismiss)
        except AppError as error:
            self._desk.notices.said.emit(str(error))
