"""Asks for the name under which a setup is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from models.qt.configs_model import ConfigsModel


class NameDialog(QDialog):
    """A name, with a warning where it would replace what is saved already.

    Signals:
        named: the name that was confirmed.
    """

    named = Signal(str)

    def __init__(self, configs: ConfigsModel, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("config.name_dialog")
        self.setWindowTitle("Save configuration")
        self._configs = configs
        self.line = QLineEdit(name)
        self.line.setObjectName("config.name_dialog.name")
        self.line.setAccessibleName("Name of the configuration")
        self.line.setPlaceholderText("For example: Llama 8B, support answers")
        self.line.setMaxLength(120)
        self.line.selectAll()
        self._warning = text_label("", "muted", wrap=True)
        self._warning.setMinimumHeight(self._warning.fontMetrics().height())
        self.buttons = QDialogButtonBox()
        self._save = self.buttons.addButton(QDialogButtonBox.StandardButton.Save)
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self._build()
        self.line.textChanged.connect(self._on_text_changed)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(self._on_accepted)
        self._on_text_changed(name)

    @Slot(str)
    def _on_text_changed(self, text: str) -> None:
        name = text.strip()
        replaces = bool(name) and self._configs.has_name(name)
        self._warning.setText(f"“{name}” exists already and is replaced." if replaces else "")
        self._save.setText("Replace" if replaces else "Save")
        self._save.setEnabled(bool(name))

    @Slot()
    def _on_accepted(self) -> None:
        self.named.emit(self.line.text().strip())

    def _build(self) -> None:
        label = QLabel("&Name")
        label.setBuddy(self.line)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(label)
        column.addWidget(self.line)
        column.addWidget(self._warning)
        column.addSpacing(6)
        column.addWidget(self.buttons)
        self.setMinimumWidth(420)
        restyle(self._save, "role", "primary")
        self._save.setDefault(True)
