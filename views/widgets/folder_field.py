"""A folder of this computer: typed, or chosen with the system's dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit

from views.widgets.buttons import push_button
from views.widgets.fields import Field

if TYPE_CHECKING:
    from models.domain.config_io import SettingInfo


class FolderField(Field):
    """A line of text with a Browse button beside it."""

    def __init__(self, info: SettingInfo, label: str) -> None:
        self._line = QLineEdit()
        super().__init__(info, self._line, "")
        self.label = QLabel(label)
        self.label.setBuddy(self._line)
        self._browse = push_button("Browse…")
        self._browse.setObjectName(f"{info.path}.browse")
        self._browse.setAccessibleName(f"Choose the folder: {info.rule.label}")
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._line, 1)
        row.addWidget(self._browse)
        self.column.insertWidget(0, self.label)
        self.column.insertLayout(1, row)
        self._line.textEdited.connect(self._on_text_edited)
        self._browse.clicked.connect(self.browse)

    def summary(self, value: object) -> str:
        return str(value)

    def show_value(self, value: object) -> None:
        if self._line.text() != str(value):
            self._line.setText(str(value))

    def set_placeholder(self, text: str) -> None:
        """What an empty line means."""
        self._line.setPlaceholderText(text)

    @Slot(str)
    def _on_text_edited(self, text: str) -> None:
        self.typed.emit(self.info.path, text)

    @Slot()
    def browse(self) -> None:
        """Let the user choose a folder with the system's dialog."""
        from views.dialogs.file_dialogs import folder_dialog

        start = self._line.text() or self._line.placeholderText()
        dialog = folder_dialog(self.window(), f"{self.info.path}.dialog", "Choose a folder", start)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    @Slot(str)
    def _on_chosen(self, path: str) -> None:
        self._line.setText(path)
        self.edited.emit(self.info.path, path)
