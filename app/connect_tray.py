"""What is told of runs where the user may look: tray, notifications, title, notice at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtWidgets import QApplication

from models.domain.run import RunState
from models.qt.run_endings import SHOW_RUNS, ending_text, ending_title
from models.qt.run_status import headline
from views.dialogs.question_dialog import QuestionDialog
from views.main_window import RUNS, TRAINING
from views.tray import Tray

if TYPE_CHECKING:
    from controllers.run_follower import RunFollower
    from controllers.runs_controller import RunsController
    from controllers.training_controller import TrainingController
    from models.domain.run import Run, RunUpdate
    from views.main_window import MainWindow
    from views.tray import TrayPort


class TrayConnection(QObject):
    """Lives as long as the window. The tray is shown while a run lives, and with its end's message
    until the window is looked at.
    """

    def __init__(
        self,
        window: MainWindow,
        training: TrainingController,
        runs: RunsController,
        follower: RunFollower,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._training = training
        self._runs = runs
        self._status = window.models.run.status
        self._told: Run | None = None
        self._is_shown = False
        self._words = ""
        self.use(Tray(window))
        self._status.changed.connect(self._show_state)
        follower.updated.connect(self._on_updated)
        window.training.banner.action_requested.connect(self._on_action)
        window.installEventFilter(self)
        window.closed.connect(self._on_closed)

    def use(self, tray: TrayPort) -> None:
        """Show everything in this tray."""
        self._tray = tray
        tray.open_requested.connect(self._on_open)
        tray.stop_requested.connect(self._on_stop)
        tray.quit_requested.connect(self._on_quit)
        tray.message_clicked.connect(self._on_message_clicked)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.WindowActivate and not self._is_live():
            self._hide()
        return super().eventFilter(watched, event)

    def _is_live(self) -> bool:
        run = self._status.run
        return run is not None and run.state.is_live

    @Slot()
    def _show_state(self) -> None:
        run, fraction = self._status.run, self._status.fraction()
        is_live = self._is_live()
        share = "" if fraction is None or not is_live else f"{int(fraction * 100)} %"
        training = is_live and self._status.is_training
        self._window.set_progress(share if training else "")
        if not is_live or run is None:
            self._words = ""
            return
        left = self._status.time_left()
        parts = (headline(run), share if training else "", left)
        words = f"Temper – {run.name or run.id}: {', '.join(part for part in parts if part)}"
        if words != self._words:
            self._words, self._is_shown = words, True
            self._tray.show_state(words, can_stop=run.state is not RunState.STOPPING)

    @Slot(object)
    def _on_updated(self, update: RunUpdate) -> None:
        run = update.run
        if not run.state.is_over:
            return
        if self._wants_message():
            self._told, self._is_shown = run, True
            is_bad = run.state in {RunState.FAILED, RunState.LOST}
            self._tray.show_state(ending_title(run), can_stop=False)
            self._tray.notify(ending_title(run), ending_text(run), is_bad=is_bad)
        elif not self._is_live():
            self._hide()

    def _wants_message(self) -> bool:
        wanted = self._window.models.settings.values.notifications
        return wanted and QApplication.activeWindow() is None

    def _hide(self) -> None:
        if self._is_shown:
            self._is_shown = False
            self._tray.hide()

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == SHOW_RUNS:
            self._window.show_page(RUNS)

    @Slot()
    def _on_open(self) -> None:
        window = self._window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()

    @Slot()
    def _on_message_clicked(self) -> None:
        self._on_open()
        run, self._told = self._told, None
        if run is None or run.id == self._window.models.run.run_id:
            self._window.show_page(TRAINING)
        else:
            self._window.show_page(RUNS)
            if self._window.runs is not None:
                self._window.runs.select(run)
            self._runs.select(run)  # a filter may hide its row

    @Slot()
    def _on_stop(self) -> None:
        """Stopping from afar is asked about: a tray's menu is easily hit."""
        self._on_open()
        run = self._status.run
        if QApplication.activeModalWidget() is not None or run is None or not run.state.is_live:
            return
        title = f"Stop “{run.name or run.id}”?"
        text = "It saves a checkpoint first, from which it can be resumed."
        dialog = QuestionDialog(title, text, (("stop", "Stop training"),), self._window)
        dialog.answered.connect(self._on_stop_confirmed)
        dialog.open()

    @Slot(str)
    def _on_stop_confirmed(self, _answer: str) -> None:
        self._training.stop()

    @Slot()
    def _on_quit(self) -> None:
        self._on_open()  # it may ask
        self._window.close()

    @Slot()
    def _on_closed(self) -> None:
        """While the window is taken apart it is still told of events, and half of it is gone."""
        self._window.removeEventFilter(self)
        self._hide()
