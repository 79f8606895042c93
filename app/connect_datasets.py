"""Connects the Datasets page and the Training page's choice of a dataset with their controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from controllers.datasets_controller import DatasetsController
from views.main_window import DATASETS, TRAINING

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from models.domain.dataset import DatasetSession
    from services.progress import Progress
    from views.main_window import MainWindow
    from views.panels.datasets_panel import DatasetsPanel
    from views.window_dialogs import WindowDialogs


class DatasetsConnection(QObject):
    """Lives as long as the window."""

    def __init__(
        self,
        window: MainWindow,
        desk: Desk,
        services: WindowServices,
        dialogs: WindowDialogs,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._dialogs = dialogs
        self.controller = DatasetsController(desk, window.models, services.datasets, self)
        page = window.datasets
        if page is not None:
            self._connect_library(page)
            self._connect_import(page)

    def _connect_library(self, page: DatasetsPanel) -> None:
        datasets, dialogs = self.controller, self._dialogs
        field = self._window.training.setup.data.library
        field.refresh_requested.connect(datasets.refresh)
        field.preview_requested.connect(self._on_preview)
        page.use_requested.connect(datasets.use)
        page.use_requested.connect(self._on_go_to_training)
        page.delete_requested.connect(dialogs.ask_delete_dataset)
        dialogs.dataset_delete_confirmed.connect(datasets.delete)

    def _connect_import(self, page: DatasetsPanel) -> None:
        datasets, dialogs = self.controller, self._dialogs
        field = self._window.training.setup.data.library
        for signal in (field.import_requested, page.import_requested):
            signal.connect(dialogs.ask_file)
        for signal in (field.sample_requested, page.sample_requested):
            signal.connect(datasets.add_sample)
        self._window.actions_.import_dataset.triggered.connect(dialogs.ask_file)
        self._window.file_dropped.connect(datasets.import_file)
        dialogs.file_chosen.connect(datasets.import_file)
        datasets.imported.connect(page.select)
        bar = self._window.training.importing
        datasets.import_began.connect(bar.begin)
        datasets.import_progressed.connect(self._on_import_progress)
        datasets.import_ended.connect(bar.end)
        bar.cancel_requested.connect(datasets.cancel_import)

    @Slot()
    def _on_go_to_training(self) -> None:
        self._window.show_page(TRAINING)

    @Slot(object)
    def _on_preview(self, session: DatasetSession) -> None:
        self._window.show_page(DATASETS)
        if self._window.datasets is not None:
            self._window.datasets.select(session)

    @Slot(object)
    def _on_import_progress(self, progress: Progress) -> None:
        self._window.training.importing.show_progress(progress.fraction, progress.message)
