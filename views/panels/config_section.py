"""The Configuration section: edit a setup or run a saved one, and what can be done with those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from models.qt.config_words import changed_by_offline, empty, prompt, status
from models.qt.configs_model import MODE_EDIT, MODE_RUN
from views.widgets.buttons import IconButton, push_button
from views.widgets.card import restyle, text_label
from views.widgets.fields import CalmComboBox
from views.widgets.flow_row import FlowRow
from views.widgets.fold_card import FoldCard
from views.widgets.help_button import HelpButton
from views.widgets.mode_switch import ModeSwitch
from views.widgets.setup_summary import SetupSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.dataset import SavedConfig
    from models.qt.configs_model import ConfigsModel
    from models.qt.form_model import FormModel

_MODES = ((MODE_EDIT, "Edit setup"), (MODE_RUN, "Run a saved configuration"))
_MODE_HELP = {
    MODE_EDIT: "Change any setting, and start what the form says",
    MODE_RUN: "Start a saved setup word for word, with the form folded away",
}

_LIST_HELP = "Saved setups of this training target, the last saved first"


class ConfigSection(FoldCard):
    """In MODE_EDIT the list only selects, and Load puts the selected setup into the form; in
    MODE_RUN what is selected is loaded at once, and shown as a summary.

    Signals:
        load_requested, rename_requested, delete_requested: the selected SavedConfig (payload).
        refresh_requested, save_requested: the buttons.
        mode_chosen: the mode that the user asks for; it may be refused.
        mode_changed: the mode that is on now.
    """

    load_requested = Signal(object)
    rename_requested = Signal(object)
    delete_requested = Signal(object)
    refresh_requested = Signal()
    save_requested = Signal()
    mode_chosen = Signal(str)
    mode_changed = Signal(str)

    def __init__(
        self, form: FormModel, configs: ConfigsModel, parent: QWidget | None = None
    ) -> None:
        super().__init__("config", "Configuration", parent)
        self._form = form
        self._configs = configs
        self._ready = False
        self.mode = ModeSwitch("config.mode", _MODES)
        self.mode.setAccessibleName("Edit a setup, or run a saved one")
        self.list = CalmComboBox()
        self._refresh = IconButton("refresh", "Read the list of saved setups again (F5)")
        self._load = _button("config.load", "&Load", "Put the selected setup into the form")
        self._save = _button("config.save", "Save current setup", "Keep this setup under a name")
        rename, delete = "Give the selected setup another name", "Remove the selected setup"
        self._rename = _button("config.rename", "Rename…", rename, "link")
        self._delete = _button("config.delete", "Delete…", delete, "link")
        self._empty = text_label("", "muted", wrap=True)
        self._status = text_label("", "muted", wrap=True)
        self._note = text_label("", "warning", wrap=True)
        self.summary = SetupSummary()
        self._chooser = QWidget()
        self._actions = QWidget()
        self._build()
        self._connect()
        self._show_list()
        self._show_mode()

    def set_ready(self, ready: bool) -> None:
        """The services are there: the database can be asked."""
        self._ready = ready
        self._show_state()

    @property
    def selected(self) -> SavedConfig | None:
        """The saved setup that is selected in the list."""
        return self._configs.for_target.item(self.list.currentIndex())

    def edit_setup(self) -> None:
        """Ask for the form, where a saved setup is shown in its place."""
        if self._configs.mode != MODE_EDIT:
            self.mode_chosen.emit(MODE_EDIT)

    def show_list(self) -> None:
        """Unfold the section, and give the focus to the list."""
        self.set_open(True)
        self.list.setFocus()

    def _build(self) -> None:
        for word, text in _MODE_HELP.items():
            self.mode.button(word).setToolTip(text)
        self.list.setObjectName("config.list")
        self.list.setAccessibleName("Saved setups of this training target")
        self.list.setMaxVisibleItems(14)
        self.list.setModel(self._configs.for_target)
        self._refresh.setObjectName("config.refresh")
        named = {"empty": self._empty, "status": self._status, "note": self._note}
        for name, label in named.items():
            label.setObjectName(f"config.{name}")
        self.tools.addWidget(HelpButton("configurations", "saved configurations"))
        _row(self._chooser, (self.list, self._load, self._refresh), spacing=6)
        self._lay_actions()
        parts = (self.mode, self._chooser, self._empty, self._status, self._actions)
        for part in (*parts, self.summary, self._note):
            self.body.addWidget(part)

    def _lay_actions(self) -> None:
        row = FlowRow(self._actions, spacing=3)
        row.addWidget(self._save)
        row.add_spring()
        row.addWidget(self._rename)
        row.addWidget(self._delete)

    def _connect(self) -> None:
        configs, form = self._configs, self._form
        self.mode.chosen.connect(self._on_mode_chosen)
        self.list.activated.connect(self._on_activated)
        self._refresh.clicked.connect(self.refresh_requested)
        self._save.clicked.connect(self.save_requested)
        self._load.clicked.connect(self._on_load)
        self._rename.clicked.connect(self._on_rename)
        self._delete.clicked.connect(self._on_delete)
        configs.for_target.modelReset.connect(self._show_list)
        configs.modelReset.connect(self._show_list)
        configs.current_changed.connect(self._select_current)
        configs.mode_changed.connect(self._show_mode)
        configs.offline_changed.connect(self._show_state)
        self.folded.connect(self._show_summary)
        form.title_changed.connect(self._show_state)
        form.reset.connect(self._show_state)
        form.circumstances_changed.connect(self._show_state)

    @Slot(str)
    def _on_mode_chosen(self, mode: str) -> None:
        self.mode.show_mode(self._configs.mode)  # until it is granted
        if mode != self._configs.mode:
            self.mode_chosen.emit(mode)

    @Slot(int)
    def _on_activated(self, _row: int) -> None:
        self._show_state()
        if self._configs.mode == MODE_RUN and self.selected is not None:
            self.load_requested.emit(self.selected)

    @Slot()
    def _on_load(self) -> None:
        if self.selected is not None:
            self.load_requested.emit(self.selected)

    @Slot()
    def _on_rename(self) -> None:
        if self.selected is not None:
            self.rename_requested.emit(self.selected)

    @Slot()
    def _on_delete(self) -> None:
        if self.selected is not None:
            self.delete_requested.emit(self.selected)

    @Slot()
    def _show_list(self) -> None:
        has_any = self._configs.for_target.rowCount() > 0
        self.list.setPlaceholderText(prompt(self._configs))
        self._chooser.setVisible(self._configs.rowCount() > 0)
        self._empty.setText(empty(self._configs))
        for button in (self._rename, self._delete):
            button.setVisible(has_any)
        self._select_current()

    @Slot()
    def _select_current(self) -> None:
        current = self._configs.current
        self.list.setCurrentIndex(
            -1 if current is None else self._configs.for_target.row_of(current.id)
        )
        self._show_state()

    @Slot()
    def _show_mode(self) -> None:
        mode = self._configs.mode
        self.mode.show_mode(mode)
        self._load.setVisible(mode == MODE_EDIT)
        self._actions.setVisible(mode == MODE_EDIT)
        self.summary.setVisible(mode == MODE_RUN)
        self._show_state()
        self.mode_changed.emit(mode)

    @Slot()
    def _show_summary(self) -> None:
        if not self.is_open:
            self.set_summary(self._status.text())

    @Slot()
    def _show_state(self) -> None:
        has_any = self._configs.for_target.rowCount() > 0
        has_selected = self._ready and self.selected is not None
        for button in (self._load, self._rename, self._delete):
            button.setEnabled(has_selected)
        for widget in (self._save, self._refresh):
            widget.setEnabled(self._ready)
        self.list.setEnabled(self._ready and has_any)
        run = self.mode.button(MODE_RUN)
        run.setEnabled(self._ready and has_any)
        run.setToolTip(_MODE_HELP[MODE_RUN] if has_any else empty(self._configs))
        words = self._configs.offline_words(self.selected) if self.selected is not None else ""
        self.list.setToolTip(words or _LIST_HELP)
        text, tone = status(self._form, self._configs, self.selected)
        self._status.setText(text)
        says_state = has_any or bool(self._form.name)  # one of the two, or the page would move
        self._status.setVisible(says_state)
        self._empty.setVisible(not says_state)
        self._show_summary()
        restyle(self._status, "tone", tone)
        if self._configs.mode == MODE_RUN:
            self.summary.show_config(self._form.config)
        note = changed_by_offline(self._form) if self._configs.mode == MODE_RUN else ""
        self._note.setText(note)
        self._note.setVisible(bool(note))


def _button(name: str, text: str, help_: str, role: str = "") -> QPushButton:
    button = push_button(text, role)
    button.setObjectName(name)
    button.setToolTip(help_)
    return button


def _row(holder: QWidget, widgets: Sequence[QWidget], spacing: int) -> None:
    """Lay widgets side by side; a combo box takes the room that is left over."""
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(spacing)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, CalmComboBox) else 0)
