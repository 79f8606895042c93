"""The dialogs of the window: each is opened, and its answer leaves as a signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from models.domain.errors import OUTPUT_BUSY
from views.dialogs.file_dialogs import (
    LOG_FILTER,
    TEXT_FILTER,
    save_dialog,
)
from views.dialogs.question_dialog import QuestionDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from models.domain.errors import AppError
    from models.domain.run import Run
    from models.qt.run_models import RunModels

_OUTPUT_NOTE = "A new folder keeps what is there; overwriting deletes it."
_BUSY_NOTE = "Two runs cannot share a folder: a new one gets the same name with a number."
_OUTPUT_ANSWERS = (
    ("new", "Use a new folder"),
    ("resume", "Resume"),
    ("overwrite", "Overwrite"),
)


class WindowDialogs(QObject):
    """Questions to the user, none of which stops the program.

    Signals:
        output_answered: new, resume or overwrite.
        log_path_chosen: a Run and the Path (payloads) for its log.
        chat_path_chosen: the RunModels and the Path (payloads) for their chats.
    """

    output_answered = Signal(str)
    log_path_chosen = Signal(object, object)
    chat_path_chosen = Signal(object, object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._subject: object = None

    @Slot(object)
    def ask_output(self, error: AppError) -> None:
        """What to do with an output directory that holds something?"""
        busy = error.kind == OUTPUT_BUSY
        note = _BUSY_NOTE if busy else _OUTPUT_NOTE
        answers = _OUTPUT_ANSWERS[:1] if busy else _OUTPUT_ANSWERS
        text = f"{error.message}\n\n{note}"
        dialog = QuestionDialog("Use which output folder?", text, answers, self._window)
        dialog.answered.connect(self.output_answered)
        dialog.open()

    @Slot(object)
    def ask_log_path(self, run: Run) -> None:
        """Where to save a run's log?"""
        self._save("log.dialog", "Save the log", LOG_FILTER, f"{run.id}.log", run)

    @Slot(object)
    def ask_chat_path(self, shown: RunModels) -> None:
        """Where to save the chats?"""
        name = f"{shown.run_id}-chats.txt"
        self._save("chats.dialog", "Export chats", TEXT_FILTER, name, shown)

    @Slot(object)
    def open_folder(self, run: Run) -> None:
        """Show a run's output folder in the system's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(run.output_directory))

    def _save(self, name: str, title: str, file_filter: str, suggestion: str, what: object) -> None:
        self._subject = what
        dialog = save_dialog(self._window, name, title, file_filter, suggestion)
        dialog.fileSelected.connect(self._on_save_path)
        dialog.open()

    @Slot(str)
    def _on_save_path(self, path: str) -> None:
        from models.domain.run import Run

        subject, self._subject = self._subject, None
        chosen = self.log_path_chosen if isinstance(subject, Run) else self.chat_path_chosen
        chosen.emit(subject, Path(path))
