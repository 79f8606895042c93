"""Asks for a name, of a saved configuration or a dataset: to save under, to rename to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from views.widgets.card import restyle, text_label


class Named(Protocol):
    """Something that has a name."""

    @property
    def name(self) -> str:
        """What it is called."""


class KnownNames(Protocol):
    """The names that are taken already."""

    def by_name(self, name: str) -> Named | None:
        """What has this name, whatever its case."""


@dataclass(frozen=True, slots=True)
class NameUse:
    """What a name is asked for: the window's title, the button, whether it may be one that exists,
    which is replaced then; what is named, and an example.
    """

    title: str
    button: str
    may_replace: bool = False
    kind: str = "config"
    label: str = "Name of the configuration"
    example: str = "For example: Llama 8B, support answers"


SAVE = NameUse("Save configuration", "Save", may_replace=True)
RENAME = NameUse("Rename configuration", "Rename")
DUPLICATE = NameUse("Duplicate configuration", "Duplicate")
RENAME_DATASET = NameUse(
    "Rename dataset",
    "Rename",
    kind="dataset",
    label="Name of the dataset",
    example="For example: Support answers, 2025",
)


class NameDialog(QDialog):
    """A name, with a warning where it is taken already.

    Signals:
        named: the name that was confirmed.
    """

    named = Signal(str)

    def __init__(
        self,
        known: KnownNames,
        name: str,
        parent: QWidget | None = None,
        *,
        use: NameUse = SAVE,
        renamed: str = "",
    ) -> None:
        """``renamed`` is the present name of what gets another one, and so no obstacle."""
        super().__init__(parent)
        self.setObjectName(f"{use.kind}.name_dialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(use.title)
        self._known = known
        self._use = use
        self._renamed = renamed
        self.line = QLineEdit(name)
        self.line.setObjectName(f"{use.kind}.name_dialog.name")
        self.line.setAccessibleName(use.label)
        self.line.setPlaceholderText(use.example)
        self.line.setMaxLength(120)
        self.line.selectAll()
        self._warning = text_label("", "warning", wrap=True)
        self._warning.setObjectName(f"{use.kind}.name_dialog.warning")
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
        known = self._known.by_name(name) if name else None
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
