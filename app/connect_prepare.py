"""Connects the dialog that prepares configurations for a computer without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QGuiApplication

from controllers.offline_marks_controller import OfflineMarksController
from controllers.offline_prepare_controller import OfflinePrepareController
from models.qt.offline_model import OfflineModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.service_ports import WindowServices
    from app.wiring import Wiring
    from controllers.desk import Desk
    from services.progress import Progress
    from views.dialogs.offline_dialog import OfflineDialog
    from views.main_window import MainWindow

BUNDLE_FILTER = "Bundles (*.temper);;All files (*)"


class PrepareConnection(QObject):
    """Lives as long as the window; its dialog is made when it is first wanted."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, wiring: Wiring
    ) -> None:
        super().__init__(wiring)
        self._window = window
        self._wiring = wiring
        self._dialog: OfflineDialog | None = None
        self._names: Sequence[str] = ()
        self.model = OfflineModel(self)
        self.controller = OfflinePrepareController(desk, self.model, services.bundles, self)
        self.controller.imported.connect(self._on_imported)
        self.marks = OfflineMarksController(desk, window.models.configs, services.bundles, self)
        self._follow_changes()
        window.actions_.prepare.triggered.connect(self.show_dialog)

    @Slot()
    def show_dialog(self) -> None:
        """Show it; it stands beside the window, which can be used meanwhile."""
        if self._dialog is None:
            self._dialog = self._make_dialog()
        self._dialog.show()
        self._dialog.activateWindow()
        self.controller.refresh()

    def _follow_changes(self) -> None:
        """What is ready is looked up again when something that it may need was changed here, and
        when the user comes back from wherever something may have been changed."""
        models, look = self._window.models, self.marks.refresh
        images = models.docker.images
        for changing in (models.configs, models.datasets, models.base_library, images):
            changing.modelReset.connect(look)
        for shrinking in (models.datasets, models.runs):
            shrinking.rowsRemoved.connect(look)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._on_state_changed)
        for ended in (self.controller.ended, self._wiring.environment.ended):
            ended.connect(look)

    @Slot(Qt.ApplicationState)
    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        is_back = state is Qt.ApplicationState.ApplicationActive
        if is_back and self._window.models.configs.rowCount():  # else nothing was read yet
            self.marks.refresh()

    def _make_dialog(self) -> OfflineDialog:
        from views.dialogs.offline_dialog import OfflineDialog  # when it is wanted

        dialog, controller = OfflineDialog(self.model, self._window), self.controller
        dialog.prepare_requested.connect(controller.prepare)
        dialog.refresh_requested.connect(controller.refresh)
        dialog.cancel_requested.connect(controller.cancel)
        dialog.export_requested.connect(self._on_export)
        dialog.import_requested.connect(self._on_import)
        controller.began.connect(dialog.task.begin)
        controller.progressed.connect(self._on_progress)
        controller.ended.connect(dialog.task.end)
        return dialog

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        if self._dialog is not None:
            self._dialog.task.show_progress(progress.fraction, progress.message)

    @Slot(object)
    def _on_export(self, names: Sequence[str]) -> None:
        from views.dialogs.file_dialogs import save_dialog

        self._names = names
        chooser = save_dialog(
            self._dialog or self._window,
            "offline.export_file",
            "Export a bundle",
            BUNDLE_FILTER,
            f"{names[0]}.temper",
        )
        chooser.fileSelected.connect(self._on_target)
        chooser.open()

    @Slot()
    def _on_import(self) -> None:
        from views.dialogs.file_dialogs import open_dialog

        chooser = open_dialog(
            self._dialog or self._window, "offline.import_file", "Import a bundle", BUNDLE_FILTER
        )
        chooser.fileSelected.connect(self._on_source)
        chooser.open()

    @Slot(str)
    def _on_target(self, path: str) -> None:
        self.controller.export(Path(path), self._names)

    @Slot(str)
    def _on_source(self, path: str) -> None:
        self.controller.bring_in(Path(path))

    @Slot()
    def _on_imported(self) -> None:
        """What came is to be seen everywhere."""
        self._wiring.configs.follow_stored()
        self._wiring.configs.list.refresh()
        self._wiring.datasets.refresh()
