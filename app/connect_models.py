"""Connects the Models page with its controller, and with the training that uses a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from controllers.models_controller import REPAIR, ModelsController
from models.qt.wording import size
from views.dialogs.file_dialogs import folder_dialog
from views.dialogs.question_dialog import QuestionDialog
from views.main_window import TRAINING

if TYPE_CHECKING:
    from app.service_ports import WindowServices
    from controllers.desk import Desk
    from models.domain.cached_model import CachedModel
    from services.progress import Progress
    from views.main_window import MainWindow
    from views.panels.models_panel import ModelsPanel


class ModelsConnection(QObject):
    """Lives as long as the window. A download goes on whatever is shown."""

    def __init__(
        self, window: MainWindow, desk: Desk, services: WindowServices, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._window = window
        self._form = window.models.form
        self._to_remove: CachedModel | None = None
        self.controller = ModelsController(desk, window.models, services.models, self)
        if window.base_models is not None:
            self._connect_page(window.base_models, desk)

    def stop_work(self) -> None:
        """Give up what would keep the program from ending; what was fetched is kept."""
        self.controller.task.cancel()

    def _connect_page(self, page: ModelsPanel, desk: Desk) -> None:
        controller, actions = self.controller, page.actions_
        page.opened.connect(controller.refresh)
        actions.download_requested.connect(controller.download)
        actions.verify_requested.connect(controller.verify)
        actions.use_requested.connect(self._on_use)
        actions.remove_requested.connect(controller.ask_remove)
        controller.remove_asked.connect(self._on_remove)
        actions.open_requested.connect(self._on_open)
        actions.add_requested.connect(self._on_add)
        controller.made.connect(page.select)
        task = controller.task
        task.began.connect(self._on_began)
        task.progressed.connect(self._on_progress)
        task.ended.connect(self._on_ended)
        page.task.cancel_requested.connect(task.cancel)
        desk.notices.withdrawn.connect(page.banner.withdraw)
        # What a notice offers is the same wherever it is shown.
        page.banner.action_requested.connect(self._window.training.banner.action_requested)
        self._window.training.banner.action_requested.connect(self._on_action)
        self._form.circumstances_changed.connect(self._show_offline)
        self._show_offline()

    @Slot(object)
    def _on_use(self, model: CachedModel) -> None:
        self.controller.use(model)
        self._window.show_page(TRAINING)

    @Slot(object)
    def _on_open(self, model: CachedModel) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(model.place))

    @Slot()
    def _on_add(self) -> None:
        dialog = folder_dialog(
            self._window, "models.choose_folder", "Choose a model's folder", str(Path.home())
        )
        dialog.fileSelected.connect(self._on_folder)
        dialog.open()

    @Slot(str)
    def _on_folder(self, folder: str) -> None:
        self.controller.add(Path(folder))

    @Slot(object, str)
    def _on_remove(self, model: CachedModel, kept: str) -> None:
        self._to_remove = model
        if model.is_added:
            title, label = f"List {model.label} no longer?", "Remove from the list"
            text = "The folder and its files stay as they are."
        else:
            title, label = f"Remove {model.label}?", "Remove"
            again = "To have it again it must be downloaded." if model.is_repo else ""
            text = f"It takes {size(model.bytes_on_disk)} of this computer's disk. {again}".strip()
        dialog = QuestionDialog(
            title, text, (("yes", label),), self._window, risky=not model.is_added
        )
        if kept:
            dialog.refuse(kept)
        dialog.answered.connect(self._on_remove_confirmed)
        dialog.open()

    @Slot(str)
    def _on_remove_confirmed(self, _word: str) -> None:
        if self._to_remove is not None:
            self.controller.remove(self._to_remove)

    @Slot(str)
    def _on_action(self, action: str) -> None:
        if action == REPAIR:
            self.controller.repair()

    @Slot(str)
    def _on_began(self, title: str) -> None:
        if self._window.base_models is not None:
            self._window.base_models.task.begin(title)
            self._window.base_models.set_busy(True)

    @Slot(object)
    def _on_progress(self, progress: Progress) -> None:
        if self._window.base_models is not None:
            self._window.base_models.task.show_progress(progress.fraction, progress.message)

    @Slot()
    def _on_ended(self) -> None:
        if self._window.base_models is not None:
            self._window.base_models.task.end()
            self._window.base_models.set_busy(False)

    @Slot()
    def _show_offline(self) -> None:
        if self._window.base_models is not None:
            self._window.base_models.set_offline(self._form.circumstances.offline)
