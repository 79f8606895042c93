"""What an import asks of the user: its refusal with the remedies, the columns, the division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from models.qt.import_words import asks_for_mapping, majors
from views.dialogs.import_findings import DetailsDialog, RefusalDialog
from views.dialogs.import_mapping import MappingDialog
from views.dialogs.import_split import TextSplitDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

    from controllers.import_controller import ImportController
    from models.domain.column_mapping import ColumnMapping
    from models.domain.import_job import Imported, ImportRefusal
    from models.qt.import_words import ImportDetails
    from views.main_window import MainWindow


class ImportQuestions(QObject):
    """One dialog at a time; further refusals wait until it is closed."""

    def __init__(self, window: MainWindow, controller: ImportController, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._controller = controller
        self._waiting: list[ImportRefusal] = []
        self._shown: QDialog | None = None
        self._mapped: ImportRefusal | None = None

    def ask(self, refusal: ImportRefusal) -> None:
        """Say what was refused; at once for the columns where that is all that is missing."""
        self._waiting.append(refusal)
        self._show_next()

    def show_details(self, details: ImportDetails) -> None:
        """Say all that there is to know of an import that went well."""
        dialog = DetailsDialog(details, self._window)
        dialog.divide_requested.connect(self.ask_division)
        dialog.open()

    @Slot(object)
    def ask_division(self, done: Imported | None) -> None:
        """Ask what shall be one row of a plain text."""
        if done is not None:
            dialog = TextSplitDialog(done, self._window)
            dialog.chosen.connect(self._on_divided)
            dialog.open()

    def _show_next(self) -> None:
        if self._shown is not None or not self._waiting:
            return
        refusal = self._waiting.pop(0)
        if refusal.verdict.needs_mapping and asks_for_mapping(refusal.verdict):
            self._ask_columns(refusal)
        else:
            self._show_refusal(refusal)

    def _show_refusal(self, refusal: ImportRefusal) -> None:
        dialog = RefusalDialog(refusal, self._window)
        dialog.drop_requested.connect(self._controller.import_without_bad_rows)
        dialog.again_requested.connect(self._controller.import_again)
        dialog.mapping_requested.connect(self._ask_columns)
        self._open(dialog)

    @Slot(object)
    def _ask_columns(self, refusal: ImportRefusal) -> None:
        from models.qt.mapping_model import MappingModel  # with the dialog

        self._mapped = refusal
        model = MappingModel(refusal.verdict, self._controller.try_row)
        reason = " ".join(one.message for one in majors(refusal.verdict) if one.remedy == "map")
        dialog = MappingDialog(refusal.job.label, reason, model, self._window)
        dialog.mapped.connect(self._on_mapped)
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        self._shown = dialog
        dialog.finished.connect(self._on_closed)
        dialog.open()

    @Slot()
    def _on_closed(self) -> None:
        if self.sender() is self._shown:
            self._shown = None
            self._show_next()

    @Slot(object)
    def _on_mapped(self, mapping: ColumnMapping) -> None:
        if self._mapped is not None:
            self._controller.import_mapped(self._mapped, mapping)

    @Slot(object, str)
    def _on_divided(self, done: Imported, text_split: str) -> None:
        self._controller.divide(done, text_split)
