"""The pod of a run in a few lines: what it does, what is the matter, what it costs, its console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from views.widgets.buttons import push_button
from views.widgets.card import text_label
from views.widgets.flow_row import FlowRow

if TYPE_CHECKING:
    from models.qt.pod_model import PodModel


class PodLine(QWidget):
    """Hidden for a run of this computer. ``prefix`` begins its object names.

    Signals:
        console_requested: the address (payload) of the pod in Runpod's console.
        manage_requested: show all rented pods, where this one can be ended.
    """

    console_requested = Signal(str)
    manage_requested = Signal()

    def __init__(self, prefix: str, model: PodModel) -> None:
        super().__init__()
        self._model = model
        self._doing = text_label("", "muted", wrap=True)
        self._trouble = text_label("", "warning", wrap=True)
        self._facts = text_label("", "muted", wrap=True)
        self._cost = text_label("", wrap=True)
        self._console = push_button("Open in console")
        self._manage = push_button("Manage pods…")
        names = {
            "doing": self._doing, "trouble": self._trouble, "facts": self._facts,
            "cost": self._cost, "open_console": self._console, "manage": self._manage,
        }  # fmt: skip
        for name, widget in names.items():
            widget.setObjectName(f"{prefix}.{name}")
        self._console.setToolTip("Open this pod on Runpod's web site")
        self._manage.setToolTip("Show all rented pods, and end them")
        self._build()
        self._console.clicked.connect(self._on_console)
        self._manage.clicked.connect(self.manage_requested)
        model.changed.connect(self.show_pod)
        self.show_pod()

    def _build(self) -> None:
        links = FlowRow()
        links.setContentsMargins(0, 4, 0, 0)
        links.addWidget(self._console)
        links.addWidget(self._manage)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self._doing, self._trouble, self._facts, self._cost):
            column.addWidget(widget)
        column.addLayout(links)

    @Slot()
    def show_pod(self) -> None:
        """Show what the model knows now."""
        model = self._model
        texts = (
            (self._doing, model.doing()),
            (self._trouble, model.trouble() or model.note()),
            (self._facts, model.facts()),
            (self._cost, model.cost()),
        )
        for label, text in texts:
            label.setText(text)
            label.setVisible(bool(text))
        self._console.setVisible(bool(model.page))
        self._manage.setVisible(bool(model.page))
        self.setVisible(any(text for _, text in texts))

    @Slot()
    def _on_console(self) -> None:
        self.console_requested.emit(self._model.page)
