"""Connects the window's close: unsaved changes, live runs, then pods, one question at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication

from controllers.closing_controller import ClosingController
from models.domain.app_settings import CLOSE_STOP
from models.qt.closing_words import question_text, question_title
from views.dialogs.question_dialog import QuestionDialog
from views.dialogs.stopping_dialog import StoppingDialog

if TYPE_CHECKING:
    from app.connect_configs import ConfigsConnection
    from app.connect_pods import PodsConnection
    from controllers.desk import Desk
    from controllers.ports import RunPort
    from controllers.run_follower import RunFollower
    from views.main_window import MainWindow

_ANSWERS = (("keep", "Keep training"), ("stop", "Stop and save"))


class ClosingConnection(QObject):
    """Lives as long as the window, and decides when that ends."""

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        runs: RunPort,
        follower: RunFollower,
        saved: ConfigsConnection,
        pods: PodsConnection,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._saved = saved
        self._pods = pods
        self._status = window.models.run.status
        self._may_go = False
        self._waits_for_start = False
        self.controller = ClosingController(desk, window.models, runs, follower)
        self.controller.settled.connect(pods.ask_close)
        pods.close_settled.connect(self._go)
        window.may_close = self.may_close
        window.close_asked.connect(self.ask)
        saved.close_settled.connect(self._ask_about_runs)
        self._status.changed.connect(self._on_status_changed)

    def may_close(self) -> bool:
        """Whether the window may go without a question."""
        if self._may_go:
            return True
        is_starting = self._status.is_starting
        asks = self.controller.must_ask or self._pods.must_ask
        return not (self._saved.has_changes or asks or is_starting)

    @Slot()
    def ask(self) -> None:
        """Ask what speaks against closing; a question that stands already is enough."""
        modal = QApplication.activeModalWidget()
        if modal is not None:
            modal.activateWindow()
        elif self._saved.has_changes:
            self._saved.ask_close()
        else:
            self._ask_about_runs()

    @Slot()
    def _ask_about_runs(self) -> None:
        if self._status.is_starting:  # in a moment there is a run to ask about, or none
            self._waits_for_start = True
            return
        runs = self.controller.live
        if not (runs and self.controller.must_ask):
            self._pods.ask_close()
        elif self._window.models.settings.values.on_close == CLOSE_STOP:
            self._stop()
        else:
            text = question_text(runs, self._status.time_left(), self.controller.waiting)
            dialog = QuestionDialog(question_title(runs), text, _ANSWERS, self._window)
            dialog.answered.connect(self._on_answered)
            dialog.open()

    @Slot(str)
    def _on_answered(self, answer: str) -> None:
        if answer == "stop":
            self._stop()
        else:
            self._pods.ask_close()

    def _stop(self) -> None:
        dialog = StoppingDialog(self.controller.live, self._window)
        controller = self.controller
        controller.stopping.connect(dialog.show_runs)
        controller.settled.connect(dialog.done_waiting)
        controller.given_up.connect(dialog.done_waiting)
        dialog.end_now_requested.connect(controller.end_now)
        dialog.rejected.connect(controller.stay)
        dialog.open()
        controller.stop_all()

    @Slot()
    def _on_status_changed(self) -> None:
        if self._waits_for_start and not self._status.is_starting:
            self._waits_for_start = False
            self._ask_about_runs()

    @Slot()
    def _go(self) -> None:
        self._may_go = True
        self._window.close()
