"""Connects the Datasets page and the Training page's choice of a dataset with their controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.datasets_controller import DatasetsController
from controllers.library_controller import SETUP_FOR_EXPORT, UNDO, LibraryController
from controllers.rows_controller import RowsController
from views.dataset_dialogs import DatasetDialogs
from views.main_window import DATASETS, TRAINING

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from controllers.environment_controller import EnvironmentController
    from controllers.import_controller import ImportController
    from models.domain.dataset import DatasetSession
    from services.progress import Progress
    from views.main_window import MainWindow
    from views.panels.datasets_panel import DatasetsPanel


class DatasetsConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        services: WindowServices,
        environment: EnvironmentController,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._window = window
        models = window.models
        self.controller = DatasetsController(desk, models, services.datasets, self)
        self.library = LibraryController(desk, models, services.datasets, environment, self)
        self.rows = RowsController(desk, models, services.datasets, self)
        self.dialogs = DatasetDialogs(models.datasets, window)
        if window.datasets is not None:
            self._connect_choice(window.datasets)
            self._connect_actions(window.datasets)
            self._connect_rows(window.datasets)
            self._connect_banner(window.datasets, desk)
            self._connect_environment(window.datasets, environment)

    def stop_work(self) -> None:
        """Give up what would keep the program from ending."""
        self.library.task.cancel()
        self.rows.cancel_find()

    def follow_import(self, importing: ImportController) -> None:
        """Show on the page how far an import is, as the Training page does."""
        if self._window.datasets is not None:
            bar = self._window.datasets.importing
            importing.began.connect(bar.begin)
            importing.progressed.connect(self._on_import_progress)
            importing.ended.connect(bar.end)
            bar.cancel_requested.connect(importing.cancel)

    def _connect_choice(self, page: DatasetsPanel) -> None:
        datasets = self.controller
        field = self._window.training.setup.data.library
        for signal in (field.sample_requested, page.sample_requested):
            signal.connect(datasets.add_sample)
        datasets.imported.connect(page.select)
        field.refresh_requested.connect(datasets.refresh)
        field.preview_requested.connect(self._on_preview)
        page.actions_.use_requested.connect(datasets.use)
        page.actions_.use_requested.connect(self._on_go_to_training)

    def _connect_actions(self, page: DatasetsPanel) -> None:
        actions, library, dialogs = page.actions_, self.library, self.dialogs
        actions.rename_requested.connect(dialogs.ask_name)
        actions.duplicate_requested.connect(library.duplicate)
        actions.export_requested.connect(dialogs.ask_export_path)
        actions.merge_requested.connect(dialogs.ask_merge)
        actions.split_requested.connect(dialogs.ask_split)
        actions.delete_requested.connect(library.delete)
        actions.undo_requested.connect(library.undo)
        dialogs.renamed.connect(library.rename)
        dialogs.export_path_chosen.connect(library.export)
        dialogs.merge_confirmed.connect(library.merge)
        dialogs.split_confirmed.connect(library.split)
        library.undo_changed.connect(actions.show_undo)
        library.made.connect(page.select)
        library.task.began.connect(page.task.begin)
        library.task.progressed.connect(self._on_progress)
        library.task.ended.connect(page.task.end)
        page.task.cancel_requested.connect(library.task.cancel)

    def _connect_rows(self, page: DatasetsPanel) -> None:
        rows, view = self.rows, page.rows
        view.find_requested.connect(rows.find)
        view.find_cancelled.connect(rows.cancel_find)
        rows.find_began.connect(view.show_finding)
        rows.find_ended.connect(view.show_find_end)
        rows.found.connect(view.show_found)

    def _connect_banner(self, page: DatasetsPanel, desk: Desk) -> None:
        desk.notices.withdrawn.connect(page.banner.withdraw)
        # What a notice offers is the same wherever it is shown.
        page.banner.action_requested.connect(self._window.training.banner.action_requested)
        self._window.training.banner.action_requested.connect(self._on_action)

    def _connect_environment(self, page: DatasetsPanel, environment: EnvironmentController) -> None:
        bar = page.environment
        environment.began.connect(bar.begin)
        environment.progressed.connect(self._on_environment_progress)
        environment.ended.connect(bar.end)
        bar.cancel_requested.connect(environment.cancel)

    @Slot()
    def _on_go_to_training(self) -> None:
        self._window.show_page(TRAINING)

    @Slot(object)
    def _on_preview(self, session: DatasetSession) -> None:
        self._window.show_page(DATASETS)
        if self._window.datasets is not None:
            self._window.datasets.select(session)

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == UNDO:
            self.library.undo()
        elif action == SETUP_FOR_EXPORT:
            self.library.set_up_and_export()

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        if self._window.datasets is not None:
            self._window.datasets.task.show_progress(progress.fraction, progress.message)

    @Slot(object)
    def _on_import_progress(self, progress: Progress) -> None:
        if self._window.datasets is not None:
            self._window.datasets.importing.show_progress(progress.fraction, progress.message)

    @Slot(object)
    def _on_environment_progress(self, progress: Progress) -> None:
        if self._window.datasets is not None:
            self._window.datasets.environment.show_progress(progress.fraction, progress.message)
