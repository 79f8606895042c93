"""The container engine in a line or two: what it is, or what is the matter and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel

from models.qt.docker_model import EngineState
from models.qt.docker_words import engine_words, gpu_words
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.field_grid import GridRow
from views.widgets.help_button import ask_help

if TYPE_CHECKING:
    from models.qt.docker_model import DockerModel
    from models.qt.hardware_model import HardwareModel

_LOOKING = "Looking for a container engine…"
_UNKNOWN = "Nobody has looked for a container engine yet."
_PARTS = ("state", "step", "gpu", "note")
_INSET, _LINK = 4, 8
_TOPICS = {
    "docker_missing": "docker#installing-docker",
    "docker_stopped": "docker#docker-is-not-running",
    "docker_denied": "docker#permission",
}


class EngineRow(GridRow):
    """Engine, GPU, and buttons to look again and to read how it is set up.

    Signals:
        check_requested: ask the engine again.
    """

    check_requested = Signal()

    def __init__(self, name: str, model: DockerModel, hardware: HardwareModel) -> None:
        super().__init__()
        self.setObjectName(name)
        self._model = model
        self._hardware = hardware
        self._wants_gpu = True
        self._grid = QGridLayout(self)
        self._links = QHBoxLayout()
        self._is_beside: bool | None = None
        self._icon = QLabel()
        self._words = text_label("", wrap=True)
        self._step = text_label("", "muted", wrap=True)
        self._gpu = text_label("", "muted", wrap=True)
        self._note = text_label("", "muted", wrap=True)
        for part, label in zip(_PARTS, self._labels(), strict=True):
            label.setObjectName(f"{name}.{part}")
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._check = push_button("Check again", "link")
        self._check.setObjectName(f"{name}.check")
        self._check.setToolTip("Ask the container engine again (F5)")
        self._help = push_button("How to set it up", "link")
        self._help.setObjectName(f"{name}.help")
        self._help.setToolTip("Open the guide")
        self._build()
        self.set_note("")
        self._check.clicked.connect(self.check_requested)
        self._help.clicked.connect(self._on_help)
        model.changed.connect(self.show_state)
        hardware.changed.connect(self.show_state)
        current_theme().changed.connect(self.show_state)
        self.show_state()

    def set_wants_gpu(self, wanted: bool) -> None:
        """Whether a word about GPUs is of interest."""
        if wanted != self._wants_gpu:
            self._wants_gpu = wanted
            self.show_state()

    def set_note(self, text: str) -> None:
        """A sentence to add, such as why Docker was chosen."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def _labels(self) -> tuple[QLabel, ...]:
        return (self._words, self._step, self._gpu, self._note)

    def _build(self) -> None:
        self._icon.setContentsMargins(0, _INSET, 0, 0)
        self._words.setContentsMargins(0, _INSET, 0, 0)  # in line with the words of the button
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(self._icon, 0, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(self._words, 0, 1)
        for row, label in enumerate(self._labels()[1:], start=1):
            self._grid.addWidget(label, row, 1, 1, 2)
        self._links.setSpacing(8)
        self._links.setContentsMargins(-_LINK, 0, 0, 0)  # in line with the words above
        self._links.addWidget(self._help)
        self._links.addStretch(1)
        self._grid.addLayout(self._links, len(_PARTS), 1, 1, 2)
        self._place_check(beside=True)

    def _place_check(self, *, beside: bool) -> None:
        """Beside a short line, beneath a long one."""
        if self._is_beside is beside:
            return
        self._is_beside = beside
        if beside:
            self._links.removeWidget(self._check)
            self._grid.addWidget(self._check, 0, 2, Qt.AlignmentFlag.AlignTop)
        else:
            self._grid.removeWidget(self._check)
            self._links.insertWidget(1, self._check)

    @Slot()
    def show_state(self) -> None:
        """Show what the model knows now."""
        model, state = self._model, self._model.engine_state
        problem = model.problem
        words, tone = {EngineState.LOOKING: _LOOKING}.get(state, _UNKNOWN), ""
        if model.engine is not None:
            words, tone = engine_words(model.engine), "good"
        elif state is EngineState.PROBLEM and problem is not None:
            words, tone = problem.message, "bad"
        self._words.setText(words)
        restyle(self._words, "tone", "bad" if tone == "bad" else "")
        self._step.setText(problem.hint if tone == "bad" and problem is not None else "")
        self._step.setVisible(bool(self._step.text()))
        self._show_gpu()
        self._help.setVisible(tone == "bad")
        self._place_check(beside=tone != "bad")
        self._check.setEnabled(not model.is_looking)
        self._show_icon(tone)

    def _show_gpu(self) -> None:
        engine, hardware = self._model.engine, self._hardware.hardware
        words, tone = "", ""
        if engine is not None and hardware.probed and self._wants_gpu:
            words, tone = gpu_words(engine, hardware.gpus)
        self._gpu.setText(words)
        self._gpu.setVisible(bool(words))
        restyle(self._gpu, "tone", tone if tone == "warning" else "")

    def _show_icon(self, tone: str) -> None:
        theme = current_theme()
        size = theme.icon_size(-2)
        self._icon.setFixedWidth(size.width())
        self._icon.setVisible(bool(tone))
        if tone and theme.is_started:
            icon = theme.icon(tone, getattr(theme.tokens, tone))
            self._icon.setPixmap(icon.pixmap(size))

    @Slot()
    def _on_help(self) -> None:
        kind = self._model.problem.kind if self._model.problem else ""
        ask_help(self, _TOPICS.get(kind, "docker"))
