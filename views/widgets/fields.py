"""One setting of the form: label, editor, and the message beneath that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from models.qt.wording import value_text
from views.widgets.card import SCROLL_BAR_AS_NEEDED, STRONG_FOCUS, restyle, show_if, text_label
from views.widgets.tab_order import order_tabs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent, QWheelEvent
    from PySide6.QtWidgets import QPushButton

    from models.domain.config_io import SettingInfo
    from models.domain.errors import Problem

# A combo box's own model takes an entry's flags under this role (Qt::UserRole - 1); by number,
# see card.PLAIN_TEXT.
_FLAGS_ROLE = 0xFF
_CHOICE_FLAGS = 0x21  # selectable and enabled
_TOOL_TIP_ROLE = 3
_LEAST_LETTERS = 13
"""Of a combo box at its narrowest, with the arrow and the padding."""
_CONTENT_LETTERS, _SLACK = 8, 6
"""Letters for which Qt reckons the size of a box, and pixels that it adds to them and the icon."""
_LIST_MARGIN = 20
"""Pixels of a list's border, and of the padding of its entries."""


class Field(QWidget):
    """What the fields of the form share.

    Signals:
        edited: path and value that the user chose.
        typed: path and text that the user typed.
        fix_requested: the Problem (payload) whose button was pressed.
    """

    edited = Signal(str, object)
    typed = Signal(str, str)
    fix_requested = Signal(object)

    def __init__(self, info: SettingInfo, editor: QWidget, label: str = "") -> None:
        super().__init__()
        self.info = info
        self.editor = editor
        self.is_shown = True
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(4)
        self.label = QLabel(label) if label else None
        if self.label is not None:
            self.label.setBuddy(editor)
            self.column.addWidget(self.label)
        self.column.addWidget(editor)
        self.column.addStretch(1)
        self._message: QLabel | None = None
        self._fix: QPushButton | None = None
        self._problem: Problem | None = None
        self._reason: QLabel | None = None
        self._warning: QLabel | None = None
        editor.setObjectName(info.path)
        editor.setAccessibleName(info.rule.label)
        editor.setAccessibleDescription(info.rule.help)
        editor.setToolTip(info.rule.help)

    @property
    def message(self) -> str:
        """What is shown beneath as wrong."""
        return "" if self._message is None else self._message.text()

    def add_below(self, widget: QWidget) -> None:
        """Put a widget at the field's end; room that is left over stays beneath it."""
        self.column.insertWidget(self.column.count() - 1, widget)

    def set_shown(self, shown: bool) -> None:
        """Show the field or not. Qt's own ``isHidden`` holds for all that was never on screen."""
        self.is_shown = shown
        show_if(self, shown)

    def show_value(self, value: object) -> None:
        """Show a value without reporting it as edited."""
        raise NotImplementedError

    def summary(self, value: object) -> str:
        """The value in the words of a folded card; empty where it is none to speak of."""
        words = value_text(value)
        return f"{self.info.rule.label} {words}" if words else ""

    def show_problem(self, problem: Problem | None) -> None:
        """Show what is wrong beneath the editor, or nothing."""
        text = problem_text(problem)
        restyle(self.editor, "invalid", "true" if text else "false")
        if self._message is None:
            if not text:
                return
            self._message = text_label("", "error", wrap=True)
            self._message.setObjectName(f"{self.info.path}.message")
            self.add_below(self._message)
        self._message.setText(text)
        self._message.setVisible(bool(text))
        description = text or self.info.rule.help
        self.editor.setAccessibleDescription(description)
        self._show_fix(problem)

    @property
    def reason(self) -> str:
        """Why the setting cannot be changed now, as it stands beneath."""
        return "" if self._reason is None else self._reason.text()

    def show_disabled(self, reason: str) -> None:
        """Disable the setting and say why beneath it; with an empty reason it can be used."""
        self.setEnabled(not reason)
        self._say_why(reason)

    def show_note(self, text: str) -> None:
        """Warn beneath the editor of a value that is allowed and seldom good, or of nothing."""
        if self._warning is None:
            if not text:
                return
            self._warning = text_label("", "", wrap=True)
            self._warning.setObjectName(f"{self.info.path}.note")
            restyle(self._warning, "tone", "warning")
            self.add_below(self._warning)
        self._warning.setText(text)
        self._warning.setVisible(bool(text))

    def show_disabled_choices(self, reasons: dict[str, str]) -> None:
        """Disable some of the choices; only a setting that has choices can."""

    def align_with_label(self, align: bool) -> None:
        """Stand beside a field whose label is above it; only one without such a label need."""

    def _show_fix(self, problem: Problem | None) -> None:
        """Offer beneath the message what the program can do about it."""
        fix = problem.fix if problem is not None else None
        self._problem = problem
        if self._fix is None:
            if fix is None or self._message is None:
                return
            from views.widgets.wrapped_button import WrappedButton  # seldom needed

            self._fix = WrappedButton()
            self._fix.setObjectName(f"{self.info.path}.fix")
            self._fix.clicked.connect(self._on_fix)
            self.place_below_message(self._fix)
        self._fix.setText("" if fix is None else fix.label)
        self._fix.setToolTip("" if problem is None else problem.remedy)
        self._fix.setAccessibleName("" if fix is None else f"{self.info.rule.label}: {fix.label}")
        self._fix.setVisible(fix is not None)

    def place_below_message(self, button: QPushButton) -> None:
        """Put the remedy's button where it belongs: at the left, under what is wrong."""
        from PySide6.QtCore import Qt  # which the first frame cannot afford

        place = self.column.count() - 1
        if self._message is not None:
            place = self.column.indexOf(self._message) + 1
        self.column.insertWidget(place, button, 0, Qt.AlignmentFlag.AlignLeft)
        order_tabs(self)

    @Slot()
    def _on_fix(self) -> None:
        self.fix_requested.emit(self._problem)

    def _say_why(self, reason: str) -> None:
        if self._reason is None:
            if not reason:
                return
            self._reason = text_label("", "muted", wrap=True)
            self._reason.setObjectName(f"{self.info.path}.reason")
            self.add_below(self._reason)
        self._reason.setText(reason)
        self._reason.setVisible(bool(reason))


class TextField(Field):
    """Words or a number, typed; a number may also be stepped with the arrow keys."""

    def __init__(self, info: SettingInfo, label: str) -> None:
        editor = StepLineEdit(is_whole=info.kind is int)
        super().__init__(info, editor, _with_unit(label, info.rule.unit))
        self._line = editor
        editor.setPlaceholderText(info.rule.none_means)
        editor.textEdited.connect(self._on_text_edited)

    def show_value(self, value: object) -> None:
        text = value_text(value)
        if self._line.text() != text:
            self._line.setText(text)

    @Slot(str)
    def _on_text_edited(self, text: str) -> None:
        self.typed.emit(self.info.path, text)


class ChoiceField(Field):
    """One of a few words."""

    def __init__(self, info: SettingInfo, label: str) -> None:
        editor = CalmComboBox(whole=True)
        editor.addItems(info.rule.choices)
        super().__init__(info, editor, label)
        self._combo = editor
        editor.textActivated.connect(self._on_activated)

    def show_value(self, value: object) -> None:
        # What is not among them, as the other target's preset in a file, shows as nothing chosen.
        self._combo.setCurrentIndex(self._combo.findText(str(value)))

    def summary(self, value: object) -> str:
        """A choice with a name of its own ("Local") needs no label; "auto" does."""
        words = value_text(value)
        return words if words[:1].isupper() else super().summary(value)

    def set_choices(self, choices: Sequence[str]) -> None:
        """Offer these choices instead, and keep the one that is shown where it is among them."""
        shown = self._combo.currentText()
        self._combo.clear()
        self._combo.addItems(list(choices))
        self._combo.setCurrentIndex(self._combo.findText(shown))

    def show_disabled_choices(self, reasons: dict[str, str]) -> None:
        model = self._combo.model()
        for row in range(self._combo.count()):
            reason = reasons.get(self._combo.itemText(row), "")
            flags = _CHOICE_FLAGS if not reason else 0
            model.setData(model.index(row, 0), flags, _FLAGS_ROLE)
            model.setData(model.index(row, 0), reason, _TOOL_TIP_ROLE)
        self._say_why(next(iter(reasons.values()), ""))

    @Slot(str)
    def _on_activated(self, text: str) -> None:
        self.edited.emit(self.info.path, text)


class SwitchField(Field):
    """On or off."""

    def __init__(self, info: SettingInfo, label: str) -> None:
        editor = QCheckBox(label)
        super().__init__(info, editor)
        self._box = editor
        self._above = QLabel()
        self._above.hide()
        self.column.insertWidget(0, self._above)
        editor.clicked.connect(self._on_clicked)

    def show_value(self, value: object) -> None:
        self._box.setChecked(bool(value))

    def summary(self, value: object) -> str:
        return self.info.rule.label if value else ""

    def align_with_label(self, align: bool) -> None:
        self._above.setVisible(align)

    @Slot(bool)
    def _on_clicked(self, checked: bool) -> None:
        self.edited.emit(self.info.path, checked)


class CalmComboBox(QComboBox):
    """A combo box that leaves the wheel to the page unless it has the focus; its list is as wide
    as its entries need, within the window.
    """

    def __init__(self, parent: QWidget | None = None, *, whole: bool = False) -> None:
        """``whole``: never so narrow that an entry is cut, for a few words that are ours."""
        super().__init__(parent)
        self._whole = whole
        self.setProperty("focusPolicy", STRONG_FOCUS)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_CONTENT_LETTERS)

    def minimumSizeHint(self) -> QSize:
        """Eight letters and the arrow: a longer placeholder is cut, as a long entry is."""
        hint, letters = super().minimumSizeHint(), self.fontMetrics()
        least = min(hint.width(), _LEAST_LETTERS * letters.horizontalAdvance("X"))
        if self._whole:
            texts = (self.itemText(row) for row in range(self.count()))
            widest = max(map(letters.horizontalAdvance, texts), default=0)
            content = _CONTENT_LETTERS * letters.horizontalAdvance("X") + self.iconSize().width()
            least = max(least, widest + self.sizeHint().width() - content - _SLACK)
        return QSize(least, hint.height())

    def showPopup(self) -> None:  # noqa: N802
        view = self.view()
        # A list that was made before its window was dressed would have none, as a menu has none.
        view.setProperty("verticalScrollBarPolicy", SCROLL_BAR_AS_NEEDED)
        beside = view.verticalScrollBar().sizeHint().width() + _LIST_MARGIN
        view.setMinimumWidth(min(view.sizeHintForColumn(0) + beside, self.window().width()))
        super().showPopup()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class StepLineEdit(QLineEdit):
    """A line of text in which Up and Down step a whole number by one."""

    def __init__(self, *, is_whole: bool) -> None:
        super().__init__()
        self._is_whole = is_whole

    def keyPressEvent(self, event: QKeyEvent) -> None:
        from PySide6.QtCore import Qt  # see card.PLAIN_TEXT

        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        text = self.text().strip()
        if not (self._is_whole and steps and text.lstrip("-").isdecimal()):
            super().keyPressEvent(event)
            return
        self.setText(str(int(text) + steps))
        self.textEdited.emit(self.text())


def make_field(info: SettingInfo, label: str = "") -> Field:
    """The field that suits a setting's type."""
    shown = label or info.rule.label
    if info.kind is bool:
        return SwitchField(info, shown)
    if info.rule.choices:
        return ChoiceField(info, shown)
    return TextField(info, shown)


def problem_text(problem: Problem | None) -> str:
    """A problem as the sentence beneath its field: "Empty", where a list says "hp.x is empty"."""
    if problem is None:
        return ""
    message = problem.message.removeprefix("is ")
    return f"{message[:1].upper()}{message[1:]} {problem.remedy}".strip()


def _with_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label
