"""Shown for a bug of ours: what happened, and a report to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from views.widgets.card import text_label

_SENTENCE = (
    "Temper ran into a fault of its own. A training that is running goes on. "
    "The report below holds no secret; copy it when you tell us about the fault."
)


class CrashDialog(QDialog):
    """A report in full, selectable, with a button that copies it."""

    def __init__(self, title: str, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("crash")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Something went wrong")
        self._report = QPlainTextEdit(report)
        self._report.setObjectName("crash.report")
        self._report.setAccessibleName("Report")
        self._report.setReadOnly(True)
        self._report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setObjectName("crash.copy")
        self.copy.clicked.connect(self._on_copy)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(text_label(title, "heading", wrap=True))
        column.addWidget(text_label(_SENTENCE, "muted", wrap=True))
        column.addWidget(self._report, 1)
        column.addWidget(buttons)
        self.resize(720, 460)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._report.toPlainText())
        self.copy.setText("Copied")
