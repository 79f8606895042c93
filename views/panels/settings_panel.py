"""The Settings page: tokens and keys on the left, everything else of the program on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from models.domain.app_settings import TEXT_SIZES, app_settings_index
from models.domain.config_io import SettingInfo
from views.panels.keys_card import KeysCard
from views.widgets.card import Card, text_label
from views.widgets.fields import Field, SwitchField, TextField
from views.widgets.folder_field import FolderField
from views.widgets.help_button import HelpButton
from views.widgets.labelled_choice import LabelledChoice
from views.widgets.page_column import ScrollColumn, TwoColumns
from views.widgets.tab_order import order_tabs

if TYPE_CHECKING:
    from models.qt.settings_model import SettingsModel

_PREFIX = "settings."
_THEMES: dict[object, str] = {"system": "Like the system", "light": "Light", "dark": "Dark"}
_LANGUAGES: dict[object, str] = {
    "English": "English",
    "System": "English, with the system's dates and times",
}
_CLOSING: dict[object, str] = {
    "ask": "Ask me",
    "keep": "Keep training",
    "stop": "Stop and save",
}
_EXPLAINED = {"offline", "proxy", "data_root", "notifications", "on_close"}
"""Their labels do not say enough; the others' tooltips do."""
_FORCED = "Temper was started offline, so it stays offline until it is closed."


class SettingsPanel(QWidget):
    """Shows the settings' model and says what the user wants changed.

    Signals:
        value_chosen: name and value (payload) of a setting.
    """

    value_chosen = Signal(str, object)

    def __init__(self, model: SettingsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._model = model
        self.keys = KeysCard(model)
        self._fields: dict[str, Field] = {
            "offline": SwitchField(_info("offline"), "&Offline mode"),
            "proxy": TextField(_info("proxy"), "Pro&xy"),
            "data_root": FolderField(_info("data_root"), "&Data folder"),
            "theme": LabelledChoice(_info("theme"), "The&me", _THEMES),
            "text_size": LabelledChoice(_info("text_size"), "Text si&ze", _sizes()),
            "notifications": SwitchField(_info("notifications"), "&Notifications"),
            "on_close": LabelledChoice(_info("on_close"), "&When I close the window", _CLOSING),
            "language": LabelledChoice(_info("language"), "Lan&guage", _LANGUAGES),
        }
        self._build()
        self._connect()
        self._show()

    def _build(self) -> None:
        left, right = ScrollColumn(), ScrollColumn()
        left.column.addWidget(self.keys)
        for title, topic, names in (
            ("Network", "offline", ("offline", "proxy")),
            ("Folders", "settings#data-folder", ("data_root",)),
            ("While training", "settings#while-training", ("on_close", "notifications")),
            ("Appearance", "settings#theme-and-text-size", ("theme", "text_size", "language")),
        ):
            card = self._card(title, names)
            card.tools.addWidget(HelpButton(topic, title.lower()))
            right.column.addWidget(card)
        for column in (left, right):
            column.column.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(20, 14, 14, 12)
        page.setSpacing(12)
        page.addWidget(text_label("Settings", "title"))
        page.addWidget(TwoColumns(left, right, (left, right), 50, 760), 1)
        order_tabs(self)

    def _card(self, title: str, names: tuple[str, ...]) -> Card:
        card = Card(title)
        for name in names:
            field = self._fields[name]
            if name in _EXPLAINED:
                hint = text_label(field.info.rule.help, "muted", wrap=True)
                hint.setObjectName(f"{_PREFIX}{name}.hint")
                field.add_below(hint)
            card.body.addWidget(field)
        return card

    def _connect(self) -> None:
        for name, field in self._fields.items():
            field.edited.connect(self._on_edited)
            if isinstance(field.editor, QLineEdit):
                field.editor.editingFinished.connect(
                    self._on_proxy_finished if name == "proxy" else self._on_folder_finished
                )
        self._model.changed.connect(self._show)

    @Slot(str, object)
    def _on_edited(self, path: str, value: object) -> None:
        self.value_chosen.emit(path.removeprefix(_PREFIX), value)

    @Slot()
    def _on_proxy_finished(self) -> None:
        self._finish("proxy")

    @Slot()
    def _on_folder_finished(self) -> None:
        self._finish("data_root")

    def _finish(self, name: str) -> None:
        """Take what was typed: at its end, not at each key, since half an address is none."""
        line = cast("QLineEdit", self._fields[name].editor)
        if line.isModified():
            line.setModified(False)
            self.value_chosen.emit(name, line.text().strip())

    @Slot()
    def _show(self) -> None:
        for name, field in self._fields.items():
            problem = self._model.problem(name)
            line = field.editor
            is_typed = isinstance(line, QLineEdit) and line.isModified()
            if problem is None and not is_typed:
                field.show_value(getattr(self._model.values, name))
            field.show_problem(problem)
            field.setEnabled(self._model.is_ready)
        offline, folder = self._fields["offline"], self._fields["data_root"]
        if self._model.is_ready:
            offline.show_disabled(_FORCED if self._model.is_forced else "")
            offline.show_value(self._model.is_offline)
        cast("FolderField", folder).set_placeholder(self._model.data_folder)


def _info(name: str) -> SettingInfo:
    """A setting as the form's fields take it; its path is its widget's name."""
    info = app_settings_index()[name]
    return SettingInfo(f"{_PREFIX}{name}", info.kind, info.rule, info.default)


def _sizes() -> dict[object, str]:
    return {size: f"{size} %" for size in TEXT_SIZES}
