"""One token or key: whether it is set and where, with a masked line to set it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from models.domain.secrets import ENVIRONMENT
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QKeyEvent
    from PySide6.QtWidgets import QPushButton

    from models.domain.secrets import SecretInfo, SecretState
    from models.qt.settings_model import SettingsModel


class SecretRow(QWidget):
    """What is set is never shown again. The masked line is there only while a value is entered.

    Signals:
        entered: name and value to keep.
        test_requested, remove_requested: the secret's name.
    """

    entered = Signal(str, str)
    test_requested = Signal(str)
    remove_requested = Signal(str)

    def __init__(self, info: SecretInfo, model: SettingsModel) -> None:
        super().__init__()
        self._info = info
        self._model = model
        self._path = f"settings.{info.name}"
        self.setObjectName(self._path)
        self.setAccessibleName(info.label)
        self._state = text_label("", "muted", wrap=True)
        self._state.setObjectName(f"{self._path}.state")
        self._outcome = text_label("", wrap=True)
        self._outcome.setObjectName(f"{self._path}.outcome")
        self._outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._set = self._button("set", "Set…")
        self._test = self._button("test", "Test")
        self._remove = self._button("remove", "Remove")
        self._page = self._button("page", "Get one", "link")
        self._page.setToolTip(info.page)
        self._line = QLineEdit()
        self._save = self._button("save", "Save", "primary")
        self._cancel = self._button("cancel", "Cancel")
        self._buttons = _row(self._set, self._test, self._remove, self._page)
        self._entry = _row(self._line, self._save, self._cancel)
        self._build()
        self._connect()
        self._end_entry()
        self._show()

    def _button(self, name: str, text: str, role: str = "") -> QPushButton:
        button = push_button(text, role)
        button.setObjectName(f"{self._path}.{name}")
        button.setAccessibleName(f"{text.rstrip('…')}: {self._info.label}")
        return button

    def _build(self) -> None:
        self._line.setObjectName(f"{self._path}.value")
        self._line.setAccessibleName(self._info.label)
        self._line.setEchoMode(QLineEdit.EchoMode.Password)
        self._line.setPlaceholderText("Paste it here")
        self._line.setToolTip("It is hidden while you enter it, and never shown again.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(text_label(self._info.label, "subheading"))
        column.addWidget(text_label(self._info.purpose, "muted", wrap=True))
        column.addWidget(self._state)
        column.addSpacing(2)
        column.addWidget(self._buttons)
        column.addWidget(self._entry)
        column.addWidget(self._outcome)

    def _connect(self) -> None:
        self._set.clicked.connect(self._begin_entry)
        self._test.clicked.connect(self._on_test)
        self._remove.clicked.connect(self._on_remove)
        self._page.clicked.connect(self._on_page)
        self._line.textChanged.connect(self._on_text_changed)
        self._line.returnPressed.connect(self._on_save)
        self._save.clicked.connect(self._on_save)
        self._cancel.clicked.connect(self._on_cancel)
        self._model.changed.connect(self._show)

    @Slot()
    def _begin_entry(self) -> None:
        self._buttons.hide()
        self._entry.show()
        self._save.setEnabled(False)
        self._line.setFocus()

    def _end_entry(self) -> None:
        """Nothing of what was entered stays in the window."""
        self._line.setText("")  # which clear() would leave to be undone
        self._entry.hide()
        self._buttons.show()

    @Slot(str)
    def _on_text_changed(self, text: str) -> None:
        self._save.setEnabled(bool(text.strip()))

    @Slot()
    def _on_save(self) -> None:
        value = self._line.text().strip()
        if value:
            self._on_cancel()
            self.entered.emit(self._info.name, value)

    @Slot()
    def _on_cancel(self) -> None:
        self._end_entry()
        self._set.setFocus()

    @Slot()
    def _on_test(self) -> None:
        self.test_requested.emit(self._info.name)

    @Slot()
    def _on_remove(self) -> None:
        self.remove_requested.emit(self._info.name)

    @Slot()
    def _on_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._info.page))

    @Slot()
    def _show(self) -> None:
        view = self._model.secret(self._info.name)
        state = view.state
        is_set = state is not None and state.is_set
        can_act = self._model.is_ready and state is not None and not view.busy
        self._state.setText(view.busy or _state_text(state))
        restyle(self._state, "tone", "good" if is_set and not view.busy else "")
        self._set.setText("Replace…" if is_set else "Set…")
        self._set.setEnabled(can_act)
        self._test.setEnabled(can_act and is_set)
        self._remove.setEnabled(can_act and state is not None and is_set and _is_ours(state))
        self._show_hints(state)
        self._page.setVisible(state is not None and not is_set)
        self._page.setEnabled(not self._model.is_offline)
        self._outcome.setText(view.outcome)
        self._outcome.setVisible(bool(view.outcome))
        restyle(self._outcome, "tone", view.tone)

    def _show_hints(self, state: SecretState | None) -> None:
        label, is_set = self._info.label, state is not None and state.is_set
        nothing = "" if is_set else f"No {label} is set."
        by_variable = f"{self._info.variables[0]} was set outside of Temper; unset it there."
        foreign = state is not None and is_set and not _is_ours(state)
        self._set.setToolTip(f"Enter a {label} to keep")
        self._test.setToolTip(nothing or f"Try the {label} out with a call that Temper makes")
        self._remove.setToolTip(nothing or (by_variable if foreign else f"Forget the {label}"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._entry.isVisible():
            self._on_cancel()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self._end_entry()
        super().hideEvent(event)


def _row(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, QLineEdit) else 0)
    if not any(isinstance(widget, QLineEdit) for widget in widgets):
        row.addStretch(1)
    return holder


def _state_text(state: SecretState | None) -> str:
    if state is None:
        return "Looking…"
    if state.is_set:
        return f"Set, kept in {state.where}"
    return f"Not known. {state.problem}" if state.problem else "Not set"


def _is_ours(state: SecretState) -> bool:
    return state.where != ENVIRONMENT
