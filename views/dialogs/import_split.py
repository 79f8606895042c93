"""Asks what shall become one row of a plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QRadioButton, QVBoxLayout, QWidget

from models.qt.import_words import TEXT_SPLITS
from views.theme import current_theme
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from models.domain.import_job import Imported

_WIDTH = 460
_INDENT = 28
"""Pixels at text of the normal size: help stands beneath the words of its choice."""


class TextSplitDialog(QDialog):
    """Three ways; the one that was used is chosen.

    Signals:
        chosen: the Imported (payload) and the word of another division.
    """

    chosen = Signal(object, str)

    def __init__(self, done: Imported, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("import.split")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Divide the text")
        self._done = done
        self._now = done.job.options.text_split
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._ok = self._buttons.addButton("&Import again", QDialogButtonBox.ButtonRole.AcceptRole)
        self._choices: dict[str, QRadioButton] = {}
        self._build()
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self._show_state()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(2)
        heading = text_label(f"What is one row of {self._done.session.name}?", "heading", wrap=True)
        heading.setMinimumWidth(round(_WIDTH * current_theme().scale))
        column.addWidget(heading)
        words = "The text is imported again and takes the place of these rows."
        column.addWidget(text_label(words, "muted", wrap=True))
        for name, (label, help_) in TEXT_SPLITS.items():
            choice = QRadioButton(label)
            choice.setObjectName(f"import.split.{name}")
            choice.setAccessibleDescription(help_)
            choice.setChecked(name == self._now)
            choice.toggled.connect(self._show_state)
            self._choices[name] = choice
            column.addSpacing(6)
            column.addWidget(choice)
            words_of_it = text_label(help_, "muted", wrap=True)
            words_of_it.setContentsMargins(round(_INDENT * current_theme().scale), 0, 0, 0)
            column.addWidget(words_of_it)
        column.addStretch(1)
        column.addSpacing(10)
        column.addWidget(self._buttons)
        self._ok.setObjectName("import.split.import")
        restyle(self._ok, "role", "primary")
        self._ok.setDefault(True)

    @property
    def _chosen(self) -> str:
        return next(name for name, choice in self._choices.items() if choice.isChecked())

    @Slot()
    def _show_state(self) -> None:
        is_whole = len(self._choices) == len(TEXT_SPLITS)
        is_other = is_whole and self._chosen != self._now
        self._ok.setEnabled(is_other)
        self._ok.setToolTip("" if is_other else "It is divided like this already")

    @Slot()
    def _on_accepted(self) -> None:
        self.accept()
        self.chosen.emit(self._done, self._chosen)
