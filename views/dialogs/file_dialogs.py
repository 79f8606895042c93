"""File choosers that are opened, not executed: the program goes on while they are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from models.domain.dataset import IMPORT_SUFFIXES

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_DATASETS = " ".join(f"*{suffix}" for suffix in IMPORT_SUFFIXES)
DATASET_FILTER = f"Datasets ({_DATASETS});;All files (*)"
TEXT_FILTER = "Text (*.txt);;All files (*)"
METRICS_FILTER = "Table (*.csv);;JSON lines (*.jsonl)"
LOG_FILTER = "Logs (*.log *.txt);;All files (*)"


def open_dialog(parent: QWidget, name: str, title: str, file_filter: str) -> QFileDialog:
    """A chooser for a file that exists; connect ``fileSelected`` and call ``open()``."""
    dialog = QFileDialog(parent, title)
    dialog.setObjectName(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(file_filter)
    return dialog


def save_dialog(
    parent: QWidget, name: str, title: str, file_filter: str, suggestion: str
) -> QFileDialog:
    """A chooser for a file to write; it asks before one is replaced."""
    dialog = QFileDialog(parent, title)
    dialog.setObjectName(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(file_filter)
    dialog.selectFile(suggestion)
    return dialog


def folder_dialog(parent: QWidget, name: str, title: str, start: str) -> QFileDialog:
    """A chooser for a folder, beginning at ``start``."""
    dialog = QFileDialog(parent, title, start)
    dialog.setObjectName(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return dialog
