"""Asks where to import from: files, a folder, the database of an earlier program, the clipboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from views.dialogs.file_dialogs import DATASET_FILTER, folder_dialog, open_dialog

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtWidgets import QWidget

_DATABASE_FILTER = "Databases (*.db *.sqlite *.sqlite3);;All files (*)"


class ImportChoosers(QObject):
    """Each is opened, and its answer leaves as a signal.

    Signals:
        chosen: the Path (payload) of a file or folder; once for each.
        pasted: the text of the clipboard.
    """

    chosen = Signal(object)
    pasted = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    @Slot()
    def ask_files(self) -> None:
        """Which files?"""
        dialog = open_dialog(self._window, "import.dialog", "Import datasets", DATASET_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self._on_files)
        dialog.open()

    @Slot()
    def ask_folder(self) -> None:
        """Which folder? All that can be read in it becomes one dataset."""
        dialog = folder_dialog(self._window, "import.folder_dialog", "Import a folder", "")
        dialog.fileSelected.connect(self._on_file)
        dialog.open()

    @Slot()
    def ask_database(self) -> None:
        """Which database of the earlier program?"""
        title = "Import the earlier program's database"
        dialog = open_dialog(self._window, "import.database_dialog", title, _DATABASE_FILTER)
        dialog.fileSelected.connect(self._on_file)
        dialog.open()

    @Slot()
    def take_clipboard(self) -> None:
        """What was copied: files of a file manager, or text."""
        # For an empty clipboard some systems give nothing at all.
        data = cast("QMimeData | None", QGuiApplication.clipboard().mimeData())
        if data is None:
            self.pasted.emit("")
            return
        files = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if files:
            self._on_files(files)
        else:
            self.pasted.emit(data.text())

    @Slot(list)
    def _on_files(self, paths: list[str]) -> None:
        for path in paths:
            self._on_file(path)

    @Slot(str)
    def _on_file(self, path: str) -> None:
        self.chosen.emit(Path(path))
