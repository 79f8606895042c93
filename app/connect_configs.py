"""Connects saved configurations: section, menu, dialogs and the window's close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from controllers.configs_controller import ConfigsController
from models.domain.run import Run
from views.config_dialogs import ConfigDialogs
from views.main_window import TRAINING
from views.panels.config_section import ConfigSection

if TYPE_CHECKING:
    from pathlib import Path

    from controllers.desk import Desk
    from controllers.ports import ConfigPort
    from views.main_window import MainWindow


class ConfigsConnection(QObject):
    """The controller of saved configurations with everything of the window that uses it.

    Signals:
        run_setup_confirmed: the Run (payload) whose setup may take the place of the form's.
        close_settled: the changes are saved, or may be lost with the window.
    """

    run_setup_confirmed = Signal(object)
    close_settled = Signal()

    def __init__(self, window: MainWindow, desk: Desk, store: ConfigPort, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self.controller = ConfigsController(desk, window.models, store, self)
        self.dialogs = ConfigDialogs(window.models, window)
        self.section = window.findChild(ConfigSection)
        self._connect_menu()
        self._connect_dialogs()
        if self.section is not None:
            self._connect_section(self.section)
        window.training.save_requested.connect(self.controller.save)
        self.controller.loaded.connect(self._on_loaded)
        self.controller.setup_confirmed.connect(self._on_setup_confirmed)

    @Slot(object)
    def ask_use(self, run: Run) -> None:
        """Use the setup of a run, unless changes would be lost that the user wants to keep."""
        self.controller.use(run)

    @property
    def has_changes(self) -> bool:
        """Whether something would be lost with the window."""
        return self.controller.has_changes

    def ask_close(self) -> None:
        """Ask about the changes before the window goes; ``close_settled`` unless it is to stay."""
        self.dialogs.ask_close()

    def _connect_menu(self) -> None:
        actions, menu, controller = self._window.actions_, self._window.config_menu, self.controller
        actions.new.triggered.connect(controller.new)
        actions.save.triggered.connect(controller.save)
        actions.save_as.triggered.connect(self.dialogs.ask_save_as)
        actions.import_config.triggered.connect(self.dialogs.ask_import)
        actions.export_config.triggered.connect(self.dialogs.ask_export)
        actions.refresh_configs.triggered.connect(controller.list.refresh)
        menu.load_requested.connect(controller.load)
        menu.rename_requested.connect(self.dialogs.ask_rename)
        menu.delete_requested.connect(self.dialogs.ask_delete)
        menu.duplicate_requested.connect(self.dialogs.ask_duplicate)
        menu.list_requested.connect(self._on_list_requested)

    def _connect_section(self, section: ConfigSection) -> None:
        controller = self.controller
        section.load_requested.connect(controller.load)
        section.rename_requested.connect(self.dialogs.ask_rename)
        section.delete_requested.connect(self.dialogs.ask_delete)
        section.refresh_requested.connect(controller.list.refresh)
        section.save_requested.connect(controller.save)
        section.mode_chosen.connect(controller.set_mode)

    def _connect_dialogs(self) -> None:
        dialogs, controller = self.dialogs, self.controller
        controller.name_wanted.connect(dialogs.ask_name)
        controller.discard_asked.connect(dialogs.ask_discard)
        controller.conflict_found.connect(dialogs.ask_conflict)
        controller.close_confirmed.connect(self.close_settled)
        dialogs.named.connect(controller.save_as)
        dialogs.renamed.connect(controller.list.rename)
        dialogs.duplicated.connect(controller.list.duplicate)
        dialogs.delete_confirmed.connect(controller.list.delete)
        dialogs.discard_confirmed.connect(controller.go_on)
        dialogs.save_chosen.connect(controller.save_and_go_on)
        dialogs.conflict_answered.connect(controller.settle)
        dialogs.given_up.connect(controller.stay)
        dialogs.import_chosen.connect(self._on_import)
        dialogs.export_chosen.connect(self._on_export)
        dialogs.close_answered.connect(self._on_close_answered)
        dialogs.foreign_confirmed.connect(controller.files.take)
        dialogs.foreign_export_chosen.connect(controller.files.write_foreign)
        controller.files.foreign_found.connect(dialogs.ask_foreign)
        controller.files.foreign_written.connect(dialogs.show_foreign)

    @Slot(object)
    def _on_setup_confirmed(self, setup: object) -> None:
        if isinstance(setup, Run):  # the demo's is its own controller's
            self.run_setup_confirmed.emit(setup)

    @Slot()
    def _on_loaded(self) -> None:
        self._window.show_page(TRAINING)

    @Slot()
    def _on_list_requested(self) -> None:
        self._window.show_page(TRAINING)
        if self.section is not None:
            self.section.show_list()
            self._window.training.setup.ensureWidgetVisible(self.section.list)

    @Slot(object)
    def _on_import(self, path: Path) -> None:
        self.controller.import_file(path)

    @Slot(object)
    def _on_export(self, path: Path) -> None:
        self.controller.export_file(path)

    @Slot(str)
    def _on_close_answered(self, answer: str) -> None:
        if answer == "save":
            self.controller.save_and_close()
        else:
            self.close_settled.emit()
