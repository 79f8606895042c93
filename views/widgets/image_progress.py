"""A pull or build under way: how far, how fast, how long still, layer by layer, and Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QVBoxLayout,
)

from models.qt.docker_model import PULL
from models.qt.docker_words import transfer_words
from views.theme import current_theme
from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.fold_button import FoldButton
from views.widgets.fraction_bar import FractionBar
from views.widgets.item_table import ItemTable

if TYPE_CHECKING:
    from models.qt.docker_model import DockerModel

_LAYER_ROWS = 6


class ImageProgressView(QFrame):
    """There only while something is pulled or built.

    Signals:
        cancel_requested: the user no longer wants it.
    """

    cancel_requested = Signal()

    def __init__(self, name: str, model: DockerModel) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", "answer")
        self._model = model
        self._title = ElidedLabel("subheading")
        self._title.setObjectName(f"{name}.title")
        self._cancel = push_button("Cancel")
        self._cancel.setObjectName(f"{name}.cancel")
        self._bar = FractionBar(f"{name}.progress")
        self._message = ElidedLabel("muted")
        self._message.setObjectName(f"{name}.message")
        self._facts = text_label("", "muted", wrap=True)
        self._facts.setObjectName(f"{name}.facts")
        self._fold = FoldButton(f"{name}.details", "Layers", quiet=True)
        self._layers = ItemTable(f"{name}.layers", "Layers of the image", model.layers)
        self._build()
        self._cancel.clicked.connect(self._on_cancel)
        self._fold.toggled.connect(self._show_layers)
        model.changed.connect(self._show_task)
        model.progressed.connect(self._show_progress)
        current_theme().changed.connect(self._show_layers)
        self._show_task()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        head.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 10, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._facts)
        column.addWidget(self._message)
        column.addWidget(self._fold)
        column.addWidget(self._layers)
        header = self._layers.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self._layers.hide()

    @Slot()
    def _show_task(self) -> None:
        task = self._model.task
        begins = task is not None and self.isHidden()
        self.setVisible(task is not None)
        if task is None:
            return
        self._title.setText(task.title)
        self._bar.setAccessibleName(task.title)
        self._fold.setVisible(task.kind == PULL)
        if begins:
            self._cancel.setEnabled(True)
            self._fold.setChecked(False)
        self._show_layers()
        self._show_progress()

    @Slot()
    def _show_progress(self) -> None:
        model, task, progress = self._model, self._model.task, self._model.progress
        if task is None:
            return
        self._bar.show_fraction(progress.fraction)
        is_pull = task.kind == PULL
        facts = transfer_words(progress, model.per_second, model.seconds_left) if is_pull else ""
        if not is_pull and progress.total:
            facts = f"Step {progress.done} of {progress.total}"
        self._facts.setText(facts)
        self._facts.setVisible(bool(facts))
        if self._cancel.isEnabled():
            self._message.setText(progress.message)
            self._message.setVisible(bool(progress.message))

    @Slot()
    def _show_layers(self) -> None:
        is_open = self._fold.isChecked() and not self._fold.isHidden()
        self._layers.setVisible(is_open)
        row = self._layers.verticalHeader().defaultSectionSize()
        self._layers.setFixedHeight(row * _LAYER_ROWS + self._layers.horizontalHeader().height())

    @Slot()
    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._message.setText("Cancelling…")
        self._message.show()
        self.cancel_requested.emit()
