"""Connects the Runs page and the queue with their controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from app.connect_onward import OnwardConnection
from controllers.compare_controller import CompareController
from controllers.export_controller import ExportController
from controllers.history_controller import HistoryController
from controllers.queue_controller import QueueController
from controllers.runs_controller import RunsController
from views.main_window import RUNS, TRAINING
from views.run_dialogs import RunDialogs

if TYPE_CHECKING:
    from pathlib import Path

    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.closing_controller import ClosingController
    from controllers.desk import Desk
    from models.domain.run import Run
    from services.progress import Progress
    from views.main_window import MainWindow
    from views.panels.run_panel import RunPanel
    from views.panels.runs_panel import RunsPanel
    from views.widgets.task_bar import TaskBar


class RunsConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self._window = window
        self._notices = desk.notices
        self._common = wiring.dialogs
        self._saved = wiring.saved
        models, training, follower = window.models, wiring.training, wiring.follower
        history = services.history
        self.controller = RunsController(desk, models, services.runs, history, training)
        self.history = HistoryController(desk, models, history, training)
        self.comparison = CompareController(desk, models.compared, history, follower)
        self.queue = QueueController(desk, models, services.queue, training, follower)
        self.exports = ExportController(desk, services.exports, self)
        self._dialogs = RunDialogs(window)
        self.onward = OnwardConnection(window, desk, services, training, self)
        self._connect_menu()
        self._connect_history()
        self._connect_panel(window.training.run_panel)
        window.when_made(RUNS, self._connect_page)

    def connect_closing(self, closing: ClosingController) -> None:
        """Start nothing from the queue while the program stops its runs in order to end."""
        closing.stopping.connect(self.queue.pause)
        closing.given_up.connect(self.queue.go_on)

    def finish(self) -> None:
        """Keep what was typed and not kept yet, and start nothing more."""
        self.queue.pause()
        self.exports.task.cancel()
        if self._window.runs is not None:
            self._window.runs.finish()

    def _connect_menu(self) -> None:
        actions = self._window.actions_
        actions.open_folder.triggered.connect(self._on_folder)
        actions.download_logs.triggered.connect(self._on_logs)
        self._common.log_path_chosen.connect(self._on_log_path)

    def _connect_panel(self, panel: RunPanel) -> None:
        panel.folder_requested.connect(self._on_folder)
        panel.logs_requested.connect(self._on_logs)

    def _connect_history(self) -> None:
        history, dialogs = self.history, self._dialogs
        history.delete_asked.connect(dialogs.ask_delete)
        history.deleted.connect(self.queue.refresh)
        history.again_asked.connect(dialogs.ask_again)
        history.queued.connect(self.queue.refresh)
        dialogs.delete_confirmed.connect(history.delete)
        dialogs.again_confirmed.connect(history.again)
        dialogs.export_folder_chosen.connect(self.exports.export)
        dialogs.metrics_path_chosen.connect(self._on_metrics_path)
        self._saved.run_setup_confirmed.connect(self.controller.use_setup)
        self._saved.run_setup_confirmed.connect(self._on_go_to_training)

    def _connect_page(self, page: RunsPanel) -> None:
        page.opened.connect(self.controller.refresh)
        page.opened.connect(self.queue.refresh)
        page.run_selected.connect(self.controller.select)
        page.runs_compared.connect(self.comparison.compare)
        page.training_requested.connect(self._on_go_to_training)
        page.run_panel.resume_requested.connect(self.controller.resume)
        self.history.began.connect(page.select)  # or nothing would seem to have happened
        page.details.renamed.connect(self.history.rename)
        page.details.notes_edited.connect(self.history.set_notes)
        page.details.tags_edited.connect(self.history.set_tags)
        self._connect_panel(page.run_panel)
        self._connect_actions(page)
        self._connect_queue(page)
        self._connect_exports(page.exporting)
        self._notices.withdrawn.connect(page.banner.withdraw)
        # What a notice offers is the same wherever it is shown.
        page.banner.action_requested.connect(self._window.training.banner.action_requested)

    def _connect_exports(self, bar: TaskBar) -> None:
        task = self.exports.task
        task.began.connect(bar.begin)
        task.progressed.connect(self._on_export_progress)
        task.ended.connect(bar.end)
        bar.cancel_requested.connect(task.cancel)

    def _connect_actions(self, page: RunsPanel) -> None:
        actions = page.actions_
        actions.use_requested.connect(self._saved.ask_use)
        actions.again_requested.connect(self.history.run_again)
        actions.resume_requested.connect(self.controller.resume_run)
        actions.folder_requested.connect(self._common.open_folder)
        actions.logs_requested.connect(self._common.ask_log_path)
        actions.metrics_requested.connect(self._dialogs.ask_metrics_path)
        actions.export_requested.connect(self._dialogs.ask_export)
        actions.delete_requested.connect(self.history.ask_delete)

    def _connect_queue(self, page: RunsPanel) -> None:
        card, queue = page.list.queue, self.queue
        card.move_requested.connect(queue.move)
        card.remove_requested.connect(queue.remove)
        card.retry_requested.connect(queue.start_next)

    @Slot(object)
    def _on_export_progress(self, progress: Progress) -> None:
        if self._window.runs is not None:
            self._window.runs.exporting.show_progress(progress.fraction, progress.message)

    @Slot()
    def _on_go_to_training(self) -> None:
        self._window.show_page(TRAINING)

    @Slot()
    def _on_folder(self) -> None:
        run = self._window.shown_run()
        if run is not None:
            self._common.open_folder(run)

    @Slot()
    def _on_logs(self) -> None:
        run = self._window.shown_run()
        if run is not None:
            self._common.ask_log_path(run)

    @Slot(object, object)
    def _on_log_path(self, run: Run, path: Path) -> None:
        self.controller.save_log(run, path)

    @Slot(object, object)
    def _on_metrics_path(self, run: Run, path: Path) -> None:
        self.history.export_metrics(run, path)
