"""Asks which dataset of Hugging Face to import, and stays until it is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from models.domain.dataset_import import HubSource
from models.domain.secrets import HF_TOKEN
from models.qt.import_words import hub_choices
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.flow_row import FlowRow
from views.widgets.fraction_bar import FractionBar

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from models.qt.settings_model import SettingsModel

_WIDTH = 460
_ADDRESS = re.compile(r"https?://huggingface\.co/datasets/([^/?#\s]+(?:/[^/?#\s]+)?).*")
_REPO = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
_WORDS = {"config": "configuration", "split": "split"}
OFFLINE = "Offline mode is on. Switch it off under Tools, or import a file."
_HAS_ONE = "Your token from Settings is used where the dataset asks for one."
_HAS_NONE = "Public datasets need no token. For private and gated ones set yours in Settings."


class HubDialog(QDialog):
    """Closing it does not end an import; Cancel does, while there is one.

    Signals:
        import_requested: the HubSource (payload).
        cancel_requested: give up the import that goes on.
        settings_requested: show where the token is set.
    """

    import_requested = Signal(object)
    cancel_requested = Signal()
    settings_requested = Signal()

    def __init__(self, settings: SettingsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("import.hub")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Import from Hugging Face")
        self.source: HubSource | None = None
        """What is imported now."""
        self._settings = settings
        self._repo = self._line("repo", "Dataset", "user/name, or its address")
        self._config = self._line("config", "Configuration", "The default one")
        self._split = self._line("split", "Split", "For example train, or train[:1000]")
        self._split.setText("train")
        self._token = text_label("", "muted", wrap=True)
        self._set_token = push_button("Open Settings", "link")
        self._problem = text_label("", "error", wrap=True)
        self._problem.setObjectName("import.hub.problem")
        self._problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._choices = FlowRow(spacing=2)
        self._progress = FractionBar(words="Import from Hugging Face")
        self._words = text_label("", "muted", wrap=True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._import = self._buttons.addButton("&Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self._build()
        self._connect()
        self._show_state()

    def fill(self, repo: str, config: str = "", split: str = "") -> None:
        """Propose a dataset."""
        self._repo.setText(repo)
        self._config.setText(config)
        self._split.setText(split or "train")

    def show_progress(self, fraction: float | None, message: str) -> None:
        """How far the import is: from 0 to 1, or None where the end is not known."""
        self._progress.show_fraction(fraction)
        self._words.setText(message)

    def show_problem(self, words: str) -> None:
        """The import has failed; everything can be changed and tried again."""
        self.source = None
        self._problem.setText(words)
        self._offer(*hub_choices(words))
        self._show_state()

    def _line(self, name: str, words: str, placeholder: str) -> QLineEdit:
        line = QLineEdit()
        line.setObjectName(f"import.hub.{name}")
        line.setAccessibleName(words)
        line.setPlaceholderText(placeholder)
        return line

    def _offer(self, field: str, names: tuple[str, ...]) -> None:
        """A button for each name that the dataset has in place of the one that was typed."""
        while (item := self._choices.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()  # at once: it is deleted only when the loop turns
                widget.deleteLater()
        for name in names:
            button = push_button(name, "link")
            button.setObjectName(f"import.hub.{field}.choice")
            button.setToolTip(f"Take this {_WORDS[field]}")
            button.clicked.connect(self._on_choice)
            self._choices.addWidget(button)
            button.show()  # at once, for the height that the dialog takes
        self._choices.invalidate()

    @Slot()
    def _on_choice(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            is_config = button.objectName() == "import.hub.config.choice"
            (self._config if is_config else self._split).setText(button.text())
            self._import.setFocus()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(text_label("Import from Hugging Face", "heading"))
        column.addLayout(self._fields())
        column.addWidget(self._token)
        column.addWidget(self._set_token, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._problem)
        column.addLayout(self._choices)
        column.addWidget(self._progress)
        column.addWidget(self._words)
        column.addStretch(1)
        column.addSpacing(6)
        column.addWidget(self._buttons)
        self._set_token.setObjectName("import.hub.settings")
        self._import.setObjectName("import.hub.import")
        cancel = self._buttons.button(QDialogButtonBox.StandardButton.Cancel)
        cancel.setObjectName("import.hub.cancel")
        restyle(self._import, "role", "primary")
        self._import.setDefault(True)
        self.setMinimumWidth(round(_WIDTH * current_theme().scale))
        self._repo.setFocus()

    def _fields(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for place, (words, line) in enumerate(
            (
                ("&Dataset", self._repo),
                ("&Configuration", self._config),
                ("&Split", self._split),
            )
        ):
            label = QLabel(words)
            label.setBuddy(line)
            row, span = (0, 2) if place == 0 else (2, 1)
            at = max(0, place - 1)
            grid.addWidget(label, row, at, 1, span)
            grid.addWidget(line, row + 1, at, 1, span)
        return grid

    def _connect(self) -> None:
        for line in (self._repo, self._config, self._split):
            line.textChanged.connect(self._on_typed)
        self._settings.changed.connect(self._show_state)
        self._set_token.clicked.connect(self._on_settings)
        self._buttons.accepted.connect(self._on_import)
        self._buttons.rejected.connect(self._on_cancel)

    @Slot()
    def _show_state(self) -> None:
        is_busy, offline = self.source is not None, self._settings.is_offline
        has_token = self._settings.has_secret(HF_TOKEN)
        self._token.setText(_HAS_ONE if has_token else _HAS_NONE)
        self._token.setVisible(not offline and not is_busy)
        self._set_token.setVisible(not (has_token or offline or is_busy))
        words = OFFLINE if offline and not is_busy else self._problem.text()
        self._problem.setText(words)
        self._problem.setVisible(bool(words) and not is_busy)
        for widget in (self._progress, self._words):
            widget.setVisible(is_busy)
        for line in (self._repo, self._config, self._split):
            line.setEnabled(not is_busy and not offline)
        self._import.setEnabled(not is_busy and not offline and bool(self._typed_repo()))
        self._fit()

    def _fit(self) -> None:
        """As high as its words are now; a dialog does not grow by itself."""
        layout = self.layout()
        if layout is not None and self.isVisible():
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

    def _typed_repo(self) -> str:
        """The repo id; empty where none is typed."""
        text = self._repo.text().strip().rstrip("/")
        address = _ADDRESS.fullmatch(text)
        repo = address[1] if address is not None else text
        return repo if _REPO.fullmatch(repo) else ""

    @Slot()
    def _on_typed(self) -> None:
        if self.source is None:
            self._forget_problem()
            self._show_state()

    def _forget_problem(self) -> None:
        self._problem.setText("")
        self._offer("", ())

    @Slot()
    def _on_import(self) -> None:
        repo = self._typed_repo()
        if not repo or self.source is not None:
            return
        split = self._split.text().strip() or "train"
        self.source = HubSource(repo, self._config.text().strip(), split)
        self._forget_problem()
        self._progress.show_fraction(None)
        self._words.setText("Asking Hugging Face…")
        self._show_state()
        self.import_requested.emit(self.source)

    @Slot()
    def _on_cancel(self) -> None:
        if self.source is None:
            self.reject()
        else:
            self.cancel_requested.emit()

    @Slot()
    def _on_settings(self) -> None:
        self.reject()
        self.settings_requested.emit()
