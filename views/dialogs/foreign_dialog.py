"""What became of a configuration on its way from or to another program, setting by setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from models.domain.foreign_config import grouped
from models.qt.config_questions import label_of
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import text_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.foreign_config import ForeignNote
    from models.qt.config_questions import ForeignExport, ForeignImport

_SIZE = (560, 520)
"""Pixels at 100 %: a dozen notes without a line that is hard to follow."""


class ForeignDialog(QDialog):
    """Shows the notes; of an import it is asked whether to go on.

    Signals:
        import_confirmed: the ForeignImport (payload) that was shown.
    """

    import_confirmed = Signal(object)

    def __init__(
        self, subject: ForeignImport | ForeignExport, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("config.foreign_dialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(subject.title)
        self._subject = subject
        self._buttons = QDialogButtonBox()
        self._build()
        if subject.is_question:
            self._ask()
        else:
            close = self._buttons.addButton(QDialogButtonBox.StandardButton.Close)
            close.setDefault(True)
            close.setFocus()
        self._buttons.rejected.connect(self.reject)
        scale, rows = current_theme().scale, len(subject.notes)
        height = round(min(_SIZE[1], 210 + 58 * rows) * scale)
        space = self.screen().availableGeometry()
        self.resize(min(round(_SIZE[0] * scale), space.width()), min(height, space.height() - 60))

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(text_label(self._subject.title, "heading", wrap=True))
        text = text_label(self._subject.text, "", wrap=True)
        text.setObjectName("config.foreign_dialog.text")
        column.addWidget(text)
        if self._subject.notes:
            column.addWidget(self._list(), 1)
        else:
            column.addStretch(1)
        column.addLayout(self._answers())

    def _answers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        if self._subject.notes:
            copy = push_button("Copy the list")
            copy.setObjectName("config.foreign_dialog.copy")
            copy.setToolTip("Puts the whole list on the clipboard")
            copy.setAutoDefault(False)
            copy.clicked.connect(self._on_copy)
            row.addWidget(copy)
        row.addStretch(1)
        row.addWidget(self._buttons)
        return row

    def _ask(self) -> None:
        take = push_button("Import", "primary")
        take.setObjectName("config.foreign_dialog.import")
        take.setDefault(True)
        take.clicked.connect(self._on_import)
        self._buttons.addButton(take, QDialogButtonBox.ButtonRole.ActionRole)
        self._buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        take.setFocus()

    def _list(self) -> QScrollArea:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(2)
        for place, (heading, notes) in enumerate(grouped(self._subject.notes)):
            if place:
                column.addSpacing(12)
            column.addWidget(text_label(f"{heading} ({len(notes)})", "subheading"))
            for note in notes:
                column.addSpacing(8)
                _add_note(column, note)
        column.addStretch(1)
        area = QScrollArea()
        area.setObjectName("config.foreign_dialog.list")
        area.setAccessibleName("Settings that were not simply taken over")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setProperty("role", "history")
        area.setWidget(inside)
        return area

    @Slot()
    def _on_import(self) -> None:
        self.accept()
        self.import_confirmed.emit(self._subject)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(list_text(self._subject.notes))


def list_text(notes: Sequence[ForeignNote]) -> str:
    """The notes as text, group by group."""
    groups = (
        "\n".join([f"{heading}:", *(f"  {note}" for note in found)])
        for heading, found in grouped(notes)
    )
    return "\n".join(groups) + "\n"


def _add_note(column: QVBoxLayout, note: ForeignNote) -> None:
    value = f" = {note.value}" if note.value else ""
    place = f"   line {note.line}" if note.line else ""
    name = text_label(f"{label_of(note)}{value}{place}", wrap=True)
    name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    column.addWidget(name)
    column.addWidget(text_label(note.text, "muted", wrap=True))
