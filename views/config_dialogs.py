"""The dialogs about saved configurations: each is opened, and its answer leaves as a signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from models.domain.foreign_config import Program
from views.dialogs.file_dialogs import open_dialog, save_dialog
from views.dialogs.foreign_dialog import ForeignDialog
from views.dialogs.name_dialog import DUPLICATE, RENAME, NameDialog
from views.dialogs.question_dialog import QuestionDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QFileDialog, QWidget

    from models.domain.dataset import SavedConfig
    from models.qt.app_models import AppModels
    from models.qt.config_questions import (
        DiscardQuestion,
        ForeignExport,
        ForeignImport,
        SaveConflict,
    )

OPEN_FILTER = "Configurations (*.yaml *.yml *.json);;All files (*)"
_FOR_OTHERS = {f"{program.label} (*.yaml *.yml)": program for program in Program}
SAVE_FILTER = ";;".join(("Configurations (*.yaml *.yml)", *_FOR_OTHERS, "All files (*)"))
_LONGEST_FILE_NAME = 80


class ConfigDialogs(QObject):
    """Questions to the user, none of which stops the program.

    Signals:
        named: the name to save the setup under.
        renamed: a SavedConfig and its new name.
        duplicated: a SavedConfig and the name of the copy.
        delete_confirmed: the SavedConfig (payload) to delete.
        discard_confirmed: the DiscardQuestion (payload) that was answered with yes.
        save_chosen: the DiscardQuestion (payload) that is to wait until the setup is saved.
        conflict_answered: a SaveConflict and one of the words of its answers.
        import_chosen, export_chosen: the Path (payload) of a file.
        foreign_export_chosen: the Path of a file, and the Program that is to read it.
        foreign_confirmed: the ForeignImport (payload) that is to be imported.
        close_answered: save or discard.
        given_up: a question about saving was cancelled.
    """

    named = Signal(str)
    renamed = Signal(object, str)
    duplicated = Signal(object, str)
    delete_confirmed = Signal(object)
    discard_confirmed = Signal(object)
    save_chosen = Signal(object)
    conflict_answered = Signal(object, str)
    import_chosen = Signal(object)
    export_chosen = Signal(object)
    foreign_export_chosen = Signal(object, object)
    foreign_confirmed = Signal(object)
    close_answered = Signal(str)
    given_up = Signal()

    def __init__(self, models: AppModels, window: QWidget) -> None:
        super().__init__(window)
        self._models = models
        self._window = window
        self._saved: SavedConfig | None = None
        self._question: DiscardQuestion | None = None
        self._conflict: SaveConflict | None = None
        self._export: QFileDialog | None = None
        self._is_closing = False

    @Slot(str)
    def ask_name(self, suggestion: str = "") -> None:
        """Under which name to save the setup?"""
        name = suggestion or self._models.form.name
        dialog = NameDialog(self._models.configs, name, self._window)
        dialog.named.connect(self.named)
        dialog.rejected.connect(self.given_up)
        dialog.open()

    @Slot()
    def ask_save_as(self) -> None:
        """Under which other name to save the setup?"""
        self.ask_name()

    @Slot(object)
    def ask_rename(self, saved: SavedConfig) -> None:
        """Which other name for a configuration?"""
        self._saved = saved
        dialog = NameDialog(
            self._models.configs, saved.name, self._window, use=RENAME, renamed=saved.name
        )
        dialog.named.connect(self._on_renamed)
        dialog.open()

    @Slot(object)
    def ask_duplicate(self, saved: SavedConfig) -> None:
        """Which name for the copy?"""
        self._saved = saved
        name = self._models.configs.free_name(f"{saved.name} copy")
        dialog = NameDialog(self._models.configs, name, self._window, use=DUPLICATE)
        dialog.named.connect(self._on_duplicated)
        dialog.open()

    @Slot(object)
    def ask_delete(self, saved: SavedConfig) -> None:
        """Delete a configuration?"""
        self._saved = saved
        text = "It cannot be brought back. Runs that used it keep their copy of the settings."
        answers = (("yes", "Delete"),)
        title = f"Delete “{saved.name}”?"
        dialog = QuestionDialog(title, text, answers, self._window, risky=True)
        dialog.answered.connect(self._on_delete)
        dialog.open()

    @Slot(object)
    def ask_discard(self, question: DiscardQuestion) -> None:
        """Give up changes that are not saved?"""
        self._question = question
        answers = (("save", "Save"), ("yes", "Discard changes"))
        dialog = QuestionDialog(question.title, question.text, answers, self._window)
        dialog.answered.connect(self._on_discard)
        dialog.open()

    @Slot(object)
    def ask_conflict(self, conflict: SaveConflict) -> None:
        """What about a configuration that somebody else has changed?"""
        self._conflict = conflict
        text = f"{conflict.error.message} Nothing is lost yet: what should happen?"
        dialog = QuestionDialog("Not saved yet", text, conflict.answers, self._window)
        dialog.answered.connect(self._on_conflict)
        dialog.rejected.connect(self.given_up)
        dialog.open()

    @Slot()
    def ask_close(self) -> None:
        """Save before the window is closed?"""
        if self._is_closing:
            return
        name = self._models.form.name
        text = f"The changes to {name} are not saved." if name else "The setup is not saved."
        answers = (("save", "Save"), ("discard", "Discard"))
        dialog = QuestionDialog("Save before closing?", text, answers, self._window)
        self._is_closing = True
        dialog.finished.connect(self._on_close_finished)
        dialog.answered.connect(self.close_answered)
        dialog.open()

    @Slot()
    def ask_import(self) -> None:
        """Which file to import?"""
        title = "Import a configuration"
        dialog = open_dialog(self._window, "config.import_dialog", title, OPEN_FILTER)
        dialog.fileSelected.connect(self._on_import)
        dialog.open()

    @Slot()
    def ask_export(self) -> None:
        """Where to write the setup?"""
        name = f"{_file_name(self._models.form.name) or 'setup'}.yaml"
        title = "Export the setup"
        dialog = save_dialog(self._window, "config.export_dialog", title, SAVE_FILTER, name)
        dialog.setDefaultSuffix("yaml")
        self._export = dialog
        dialog.fileSelected.connect(self._on_export)
        dialog.open()

    @Slot(object)
    def ask_foreign(self, found: ForeignImport) -> None:
        """Import the configuration of another program, of which not all has a counterpart?"""
        dialog = ForeignDialog(found, self._window)
        dialog.import_confirmed.connect(self.foreign_confirmed)
        dialog.open()

    @Slot(object)
    def show_foreign(self, written: ForeignExport) -> None:
        """Say what another program could not be told."""
        ForeignDialog(written, self._window).open()

    @Slot(str)
    def _on_renamed(self, name: str) -> None:
        self.renamed.emit(self._saved, name)

    @Slot(str)
    def _on_duplicated(self, name: str) -> None:
        self.duplicated.emit(self._saved, name)

    @Slot(str)
    def _on_delete(self, _word: str) -> None:
        self.delete_confirmed.emit(self._saved)

    @Slot(str)
    def _on_discard(self, word: str) -> None:
        (self.save_chosen if word == "save" else self.discard_confirmed).emit(self._question)

    @Slot(str)
    def _on_conflict(self, word: str) -> None:
        self.conflict_answered.emit(self._conflict, word)

    @Slot()
    def _on_close_finished(self) -> None:
        self._is_closing = False

    @Slot(str)
    def _on_import(self, path: str) -> None:
        self.import_chosen.emit(Path(path))

    @Slot(str)
    def _on_export(self, path: str) -> None:
        dialog, self._export = self._export, None
        program = _FOR_OTHERS.get(dialog.selectedNameFilter()) if dialog is not None else None
        if program is None:
            self.export_chosen.emit(Path(path))
        else:
            self.foreign_export_chosen.emit(Path(path), program)


def _file_name(name: str) -> str:
    """``name`` without what file systems do not take."""
    kept = "".join(char if char.isalnum() or char in " -_.,()" else "-" for char in name)
    return kept.strip(" .")[:_LONGEST_FILE_NAME]
