"""About the program."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from views.theme import current_theme
from views.widgets.card import text_label


class AboutDialog(QDialog):
    """What this program is."""

    def __init__(self, version: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About Temper")
        mark = QLabel()
        mark.setPixmap(current_theme().program_icon().pixmap(QSize(64, 64)))
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(text_label("Temper", "title"))
        words.addWidget(text_label(f"Version {version}", "muted"))
        sentence = "Fine-tunes language models on your own data, on your own computer."
        words.addWidget(text_label(sentence, "", wrap=True))
        words.addWidget(text_label("Apache License 2.0", "muted"))
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(16)
        column.addLayout(row)
        column.addWidget(_close_box(self))
        self.setMinimumWidth(420)


def _close_box(dialog: QDialog) -> QDialogButtonBox:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    box.rejected.connect(dialog.reject)
    return box
