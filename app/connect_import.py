"""Connects importing: the menu, drops and the clipboard, its progress, and what is to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut

from app.import_questions import ImportQuestions
from controllers.import_controller import SETUP_FOR_IMPORT, ImportController
from models.qt.import_words import (
    DIVIDE_TEXT,
    SHOW_DETAILS,
    details_of,
    details_of_earlier,
    notice_of,
    notice_of_earlier,
)
from views.dialogs.import_choosers import ImportChoosers
from views.main_window import SETTINGS

if TYPE_CHECKING:
    from app.connect_datasets import DatasetsConnection
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from controllers.environment_controller import EnvironmentController
    from models.domain.earlier_program import EarlierImport
    from models.domain.errors import AppError
    from models.domain.import_job import Imported, ImportJob, ImportRefusal
    from models.qt.import_words import ImportDetails
    from services.progress import Progress
    from views.dialogs.import_hub import HubDialog
    from views.main_window import MainWindow
    from views.panels.datasets_panel import DatasetsPanel


class ImportConnection(QObject):
    """Lives as long as the window.

    Signals:
        configs_changed: saved configurations came along.
    """

    configs_changed = Signal()

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        services: WindowServices,
        library: DatasetsConnection,
        environment: EnvironmentController,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._desk = desk
        self._library = library
        self._hub: HubDialog | None = None
        self._details: ImportDetails | None = None
        self.controller = ImportController(
            desk, services.datasets, services.earlier_program, environment, self
        )
        self.questions = ImportQuestions(window, self.controller, self)
        self.choosers = ImportChoosers(window)
        self._connect_ways()
        self._connect_outcome()
        if window.datasets is not None:
            self._connect_page(window.datasets)

    @Slot()
    def ask_hub(self) -> None:
        """Which dataset of Hugging Face?"""
        self.ask_hub_for("")

    @Slot(str, str, str)
    def ask_hub_for(self, repo: str, config: str = "", split: str = "") -> None:
        """The same, with a dataset proposed."""
        if self._hub is None:
            self._hub = self._make_hub()
        if repo:
            self._hub.fill(repo, config, split)
        self._hub.open()

    def _connect_ways(self) -> None:
        actions, choosers, controller = self._window.actions_, self.choosers, self.controller
        actions.import_dataset.triggered.connect(choosers.ask_files)
        actions.import_folder.triggered.connect(choosers.ask_folder)
        actions.import_clipboard.triggered.connect(choosers.take_clipboard)
        actions.import_hub.triggered.connect(self.ask_hub)
        actions.import_database.triggered.connect(choosers.ask_database)
        self._window.file_dropped.connect(controller.import_file)
        choosers.chosen.connect(controller.import_file)
        choosers.pasted.connect(controller.import_text)
        field = self._window.training.setup.data.library
        field.import_requested.connect(choosers.ask_files)
        field.set_import_menu(actions.import_menu)
        self._window.models.settings.changed.connect(self._show_actions)
        self._show_actions()

    def _connect_page(self, page: DatasetsPanel) -> None:
        page.import_requested.connect(self.choosers.ask_files)
        page.set_import_menu(self._window.actions_.import_menu)
        paste = QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), page)
        paste.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        paste.activated.connect(self.choosers.take_clipboard)

    def _connect_outcome(self) -> None:
        controller, bar = self.controller, self._window.training.importing
        controller.began.connect(bar.begin)
        controller.progressed.connect(self._on_progress)
        controller.ended.connect(bar.end)
        bar.cancel_requested.connect(controller.cancel)
        controller.imported.connect(self._on_imported)
        controller.earlier_imported.connect(self._on_earlier_imported)
        controller.refused.connect(self._on_refused)
        controller.failed.connect(self._on_failed)
        controller.given_up.connect(self._on_given_up)
        self._window.training.banner.action_requested.connect(self._on_action)

    @Slot()
    def _show_actions(self) -> None:
        """The Hub needs the network; the menu says why it cannot be chosen."""
        action, offline = self._window.actions_.import_hub, self._window.models.settings.is_offline
        action.setEnabled(not offline)
        why = " (Offline mode is on)" if offline else "…"
        action.setText(f"Import from &Hugging Face{why}")

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        self._window.training.importing.show_progress(progress.fraction, progress.message)
        if self._hub is not None and self._hub.source is not None:
            self._hub.show_progress(progress.fraction, progress.message)

    @Slot(object)
    def _on_imported(self, done: Imported) -> None:
        self._close_hub(done.job)
        if done.job.replaces is not None:
            self._window.models.datasets.remove(done.job.replaces.id)
        self._library.controller.take(done.session)
        self._details = details_of(done)
        notice = notice_of(done, self._details)
        if notice is not None:
            self._desk.notices.noticed.emit(notice)

    @Slot(object, object)
    def _on_earlier_imported(self, job: ImportJob, found: EarlierImport) -> None:
        for session in reversed(found.datasets):  # the first one is chosen
            self._library.controller.take(session)
        self.configs_changed.emit()
        self._details = details_of_earlier(job.label, found)
        self._desk.notices.noticed.emit(notice_of_earlier(self._details))

    @Slot(object)
    def _on_refused(self, refusal: ImportRefusal) -> None:
        self._close_hub(refusal.job)
        self.questions.ask(refusal)

    @Slot(object, object)
    def _on_failed(self, job: ImportJob, error: AppError) -> None:
        hub = self._hub_of(job)
        if hub is not None and error.kind != "runtime_missing":
            hub.show_problem(f"{error.message} {error.hint}".strip())
            return
        self._close_hub(job)
        self.controller.tell_failure(job, error)

    @Slot(object)
    def _on_given_up(self, job: ImportJob) -> None:
        hub = self._hub_of(job)
        if hub is not None:
            hub.show_problem("")

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == SETUP_FOR_IMPORT:
            self.controller.set_up_and_import()
        elif action == SHOW_DETAILS and self._details is not None:
            self.questions.show_details(self._details)
        elif action == DIVIDE_TEXT and self._details is not None:
            self.questions.ask_division(self._details.divisible)

    def _make_hub(self) -> HubDialog:
        from views.dialogs.import_hub import HubDialog  # when it is wanted

        dialog = HubDialog(self._window.models.settings, self._window)
        dialog.import_requested.connect(self.controller.import_hub)
        dialog.cancel_requested.connect(self.controller.cancel)
        dialog.settings_requested.connect(self._on_settings)
        dialog.finished.connect(self._on_hub_closed)
        return dialog

    def _hub_of(self, job: ImportJob) -> HubDialog | None:
        """The dialog that waits for the end of this import."""
        hub = self._hub
        return hub if hub is not None and hub.source == job.source else None

    def _close_hub(self, job: ImportJob) -> None:
        hub = self._hub_of(job)
        if hub is not None:
            hub.accept()

    @Slot()
    def _on_hub_closed(self) -> None:
        self._hub = None

    @Slot()
    def _on_settings(self) -> None:
        self._window.show_page(SETTINGS)
