"""Connects rented pods with the window: those nobody needs, and those that stand at its close."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.pods_controller import PodsController
from models.domain.app_settings import CLOSE_KEEP
from views.dialogs.close_with_pod import END, CloseWithPodDialog, EndingPodsDialog

if TYPE_CHECKING:
    from controllers.desk import Desk
    from controllers.ports import RemotePort
    from controllers.run_follower import RunFollower
    from models.domain.pod_rows import PodRow
    from views.main_window import MainWindow


class PodsConnection(QObject):
    """Lives as long as the window.

    Signals:
        close_settled: no pod speaks against closing any more.
    """

    close_settled = Signal()

    def __init__(
        self, window: MainWindow, desk: Desk, remote: RemotePort, follower: RunFollower
    ) -> None:
        super().__init__(window)
        self._window = window
        self._asks = self._leaves = False
        self.controller = PodsController(desk, remote, follower)
        self.controller.changed.connect(self._on_changed)
        self.controller.all_gone.connect(self._on_all_gone)
        self.controller.not_gone.connect(self._stay)

    @property
    def must_ask(self) -> bool:
        """Whether pods keep the window from being closed without another word."""
        return self._speak_against(self.controller.rows)

    def _speak_against(self, rows: tuple[PodRow, ...]) -> bool:
        """Whoever always keeps trainings is asked only about pods on which none goes on yet."""
        return any(row.awaits or not self._is_kept for row in rows)

    @Slot()
    def ask_close(self) -> None:
        """Ask about pods that may cost; ``close_settled`` where nothing speaks against closing."""
        if not self.must_ask:
            self.close_settled.emit()
            return
        self._asks = True
        self.controller.refresh()  # another program may have ended them meanwhile

    @property
    def _is_kept(self) -> bool:
        return bool(self._window.models.settings.values.on_close == CLOSE_KEEP)

    @Slot(object)
    def _on_changed(self, rows: tuple[PodRow, ...]) -> None:
        if not self._asks:
            return
        self._asks = False
        if not self._speak_against(rows):
            self.close_settled.emit()
            return
        names = {run.id: run.name for run in self._window.models.runs.items}
        dialog = CloseWithPodDialog(rows, names, time.time(), self._window)
        dialog.answered.connect(self._on_answered)
        dialog.open()

    @Slot(str)
    def _on_answered(self, answer: str) -> None:
        if answer != END:
            self.close_settled.emit()
            return
        rows = self.controller.rows
        self._leaves = True
        dialog = EndingPodsDialog(rows, self._window)
        self.controller.all_gone.connect(dialog.done_waiting)
        self.controller.not_gone.connect(dialog.done_waiting)
        dialog.rejected.connect(self._stay)
        dialog.open()
        self.controller.end(rows)

    @Slot()
    def _stay(self) -> None:
        self._leaves = False

    @Slot()
    def _on_all_gone(self) -> None:
        if self._leaves:
            self._leaves = False
            self.close_settled.emit()
