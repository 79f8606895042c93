"""Asks for the name of a saved configuration: to save under, to rename to, to duplicate as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from models.qt.configs_model import ConfigsModel


@dataclass(frozen=True, slots=True)
class NameUse:
    """What a name is asked for: the window's title, the button, and whether it may be one that
    exists, which is replaced then.
    """

    title: str
    button: str
    may_replace: bool = False


SAVE = NameUse("Save configuration", "Save", may_replace=True)
RENAME = NameUse("Rename configuration", "Rename")
DUPLICATE = NameUse("Duplicate configuration", "Duplicate")


class NameDialog(QDialog):
    """A name, with a warning where there is a configuration of that name already.

    Signals:
        named: the name that was confirmed.
    """

    named = Signal(str)

    def __init__(
        self,
        configs: ConfigsModel,
        name: str,
        parent: QWidget | None = None,
        *,
        use: NameUse = SAVE,
        renamed: str = "",
    ) -> None:
        """``renamed`` is the present name of what gets another one, and so no obstacle."""
        super().__init__(parent)
        self.setObjectName("config.name_dialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(use.title)
        self._configs = configs
        self._use = use
        self._renamed = renamed
        self.line = QLineEdit(name)
        self.line.setObjectName("config.name_dialog.name")
        self.line.setAccessibleName("Name of the configuration")
        self.line.setPlaceholderText("For example: Llama 8B, support answers")
        self.line.setMaxLength(120)
        self.line.selectAll()
        self._warning = text_label("", "warning", wrap=True)
        self._warning.setObjectName("config.name_dialog.warning")
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
        same = bool(self._renamed) and name == self._renamed
        known = self._configs.by_name(name) if name else None
        taken = known is not None and known.name != self._renamed
        self._warning.setText(self._warn(name) if taken else "")
        replaces = taken and self._use.may_replace
        self._save.setText("Replace" if replaces else self._use.button)
        self._save.setEnabled(bool(name) and not same and (self._use.may_replace or not taken))

    @Slot()
    def _on_accepted(self) -> None:
        self.named.emit(self.line.text().strip())

    def _warn(self, name: str) -> str:
        if self._use.may_replace:
            return f"“{name}” exists already and is replaced."
        return f"“{name}” exists already. Choose another name."

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
