"""Asks what the columns of a file are, and shows at once what the rows become by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from models.qt.datasets_model import FORMAT_WORDS
from views.dialogs.dialog_size import fit_to_screen
from views.widgets.card import restyle, text_label
from views.widgets.fields import CalmComboBox
from views.widgets.page_column import ScrollColumn, TwoColumns
from views.widgets.tab_order import order_tabs
from views.widgets.turns_view import RowPreview

if TYPE_CHECKING:
    from models.qt.mapping_model import MappingModel, Role

_SIZE = QSize(900, 640)
_NARROW = 600
"""Pixels at text of the normal size, below which the preview stands beneath the choices."""
_NONE_NEEDED = "Choose a column"
_NONE = "None"


class MappingDialog(QDialog):
    """Import is possible once every needed part has a column.

    Signals:
        mapped: the ColumnMapping (payload) that was confirmed.
    """

    mapped = Signal(object)

    def __init__(
        self, name: str, reason: str, model: MappingModel, parent: QWidget | None = None
    ) -> None:
        """``name`` is the file's, ``reason`` says why it is asked."""
        super().__init__(parent)
        self.setObjectName("import.mapping")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("What are the columns?")
        self._model = model
        model.setParent(self)
        self._format = CalmComboBox()
        self._combos: dict[CalmComboBox, Role] = {}
        self._roles = QGridLayout()
        self._preview = ScrollColumn()
        self._missing = text_label("", "warning", wrap=True)
        self._missing.setObjectName("import.mapping.missing")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._import = self._buttons.addButton("&Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self._build(name, reason)
        self._show_roles()
        self._show_preview()
        self._connect()
        fit_to_screen(self, _SIZE)

    def _build(self, name: str, reason: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 14, 16)
        column.setSpacing(10)
        column.addWidget(text_label(f"What are the columns of {name}?", "heading", wrap=True))
        column.addWidget(text_label(reason, "muted", wrap=True))
        left, right = self._choices(), self._shown_rows()
        columns = TwoColumns(left, right, [left, self._preview], left_share=42, narrow=_NARROW)
        column.addWidget(columns, 1)
        column.addWidget(self._missing)
        column.addWidget(self._buttons)
        self._import.setObjectName("import.mapping.import")
        restyle(self._import, "role", "primary")
        self._import.setDefault(True)

    def _choices(self) -> ScrollColumn:
        left = ScrollColumn()
        label = QLabel("&Format")
        label.setBuddy(self._format)
        self._format.setObjectName("import.mapping.format")
        self._format.setAccessibleName("Format of the rows")
        self._format.setToolTip("What kind of rows these are")
        for name in self._model.formats:
            self._format.addItem(FORMAT_WORDS[name], name)
        self._format.setCurrentIndex(self._format.findData(self._model.format))
        self._roles.setColumnStretch(0, 1)
        self._roles.setVerticalSpacing(4)
        left.column.setSpacing(4)
        left.column.addWidget(label)
        left.column.addWidget(self._format)
        left.column.addSpacing(10)
        left.column.addLayout(self._roles)
        left.column.addStretch(1)
        return left

    def _shown_rows(self) -> QWidget:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(text_label("How the rows are read then"))
        self._preview.setObjectName("import.mapping.preview")
        self._preview.setAccessibleName("Preview of some rows")
        self._preview.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._preview.setProperty("role", "history")
        self._preview.column.setSpacing(8)
        column.addWidget(self._preview, 1)
        return right

    def _connect(self) -> None:
        self._format.activated.connect(self._on_format)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self._model.format_changed.connect(self._show_roles)
        self._model.changed.connect(self._show_preview)

    @Slot()
    def _show_roles(self) -> None:
        _empty(self._roles)
        self._combos.clear()
        for role in self._model.roles():
            words = f"{role.words}{'' if role.is_needed else ' (optional)'}"
            label, combo = QLabel(words), self._combo(role)
            label.setBuddy(combo)
            self._roles.addWidget(label)
            self._roles.addWidget(combo)
            if role.help:
                self._roles.addWidget(text_label(role.help, "caption", wrap=True))
            spacer = QWidget()
            spacer.setFixedHeight(4)
            self._roles.addWidget(spacer)
        order_tabs(self)

    def _combo(self, role: Role) -> CalmComboBox:
        combo = CalmComboBox()
        combo.setObjectName(f"import.mapping.{role.name}")
        combo.setAccessibleName(f"Column for: {role.words}")
        combo.setPlaceholderText(_NONE_NEEDED)
        if not role.is_needed:
            combo.addItem(_NONE, "")
        for column in self._model.columns:
            combo.addItem(column, column)
            example = self._model.example(column)
            tip = f"For example: {example}" if example else "Empty in the first rows"
            combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        combo.setCurrentIndex(combo.findData(self._model.column_of(role.name)))
        combo.activated.connect(self._on_column)
        self._combos[combo] = role
        return combo

    @Slot()
    def _show_preview(self) -> None:
        _empty(self._preview.column)
        rows = self._model.preview()
        for row in rows:
            self._preview.column.addWidget(RowPreview(row))
        if not rows:
            words = "There is no row to show it on."
            self._preview.column.addWidget(text_label(words, "muted", wrap=True))
        self._preview.column.addStretch(1)
        missing = self._model.missing()
        self._missing.setText(missing)
        self._import.setEnabled(not missing)
        self._import.setToolTip(missing)

    @Slot(int)
    def _on_format(self, place: int) -> None:
        self._model.set_format(self._format.itemData(place))

    @Slot(int)
    def _on_column(self, place: int) -> None:
        combo = self.sender()
        if isinstance(combo, CalmComboBox):
            self._model.set_column(self._combos[combo].name, combo.itemData(place))

    @Slot()
    def _on_accepted(self) -> None:
        mapping = self._model.mapping()
        if mapping is not None:
            self.accept()
            self.mapped.emit(mapping)


def _empty(layout: QGridLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()  # at once: it is deleted only when the loop turns
            widget.deleteLater()
