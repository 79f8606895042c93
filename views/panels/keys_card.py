"""The card of tokens and keys on the Settings page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout

from models.domain.secrets import SECRETS
from views.widgets.buttons import push_button
from views.widgets.card import Card, text_label
from views.widgets.help_button import HelpButton
from views.widgets.secret_row import SecretRow

if TYPE_CHECKING:
    from models.qt.settings_model import SettingsModel

_KEPT = "Kept in the system's keychain, and never shown again."
_NOT_KEPT = "What you set here is kept until Temper is closed; environment variables are read, too."


class KeysCard(Card):
    """A row for each secret; without a keychain a notice says so.

    Signals:
        entered: name and value to keep.
        test_requested, remove_requested: the secret's name.
        refresh_requested: look at the keychain again.
    """

    entered = Signal(str, str)
    test_requested = Signal(str)
    remove_requested = Signal(str)
    refresh_requested = Signal()

    def __init__(self, model: SettingsModel) -> None:
        super().__init__("Tokens and keys")
        self.tools.addWidget(HelpButton("settings#tokens-and-keys", "tokens and keys"))
        self._model = model
        self._caption = text_label(_KEPT, "muted", wrap=True)
        self._notice = QFrame()
        self._words = text_label("", wrap=True)
        self._again = push_button("Look again")
        self.rows = {info.name: SecretRow(info, model) for info in SECRETS.values()}
        self._build()
        for row in self.rows.values():
            row.entered.connect(self.entered)
            row.test_requested.connect(self.test_requested)
            row.remove_requested.connect(self.remove_requested)
        self._again.clicked.connect(self.refresh_requested)
        model.changed.connect(self._show)
        self._show()

    def _build(self) -> None:
        self._notice.setObjectName("settings.keychain")
        self._notice.setProperty("role", "banner")
        self._notice.setProperty("tone", "warning")
        self._words.setObjectName("settings.keychain.text")
        self._again.setObjectName("settings.keychain.again")
        self._again.setToolTip("Unlock or start the keychain first")
        line = QHBoxLayout(self._notice)
        line.setContentsMargins(12, 8, 10, 8)
        line.setSpacing(12)
        line.addWidget(self._words, 1)
        line.addWidget(self._again)
        self.body.addWidget(self._caption)
        self.body.addWidget(self._notice)
        for number, row in enumerate(self.rows.values()):
            if number:
                self.body.addSpacing(6)
            self.body.addWidget(row)

    @Slot()
    def _show(self) -> None:
        problem = self._model.keychain_problem
        self._notice.setVisible(bool(problem))
        self._caption.setVisible(not problem)
        self._words.setText(f"{problem} {_NOT_KEPT}")
