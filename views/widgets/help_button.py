"""The small "?" of a section, and where help is asked for from any widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QToolButton, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

HELP = "help"
"""The property that names a widget's topic, for widgets that are no setting and have no button."""


class HelpButton(QToolButton):
    """Opens the guide at a topic: a page, ``page#anchor``, a setting or a control.

    ``about`` ends "Help on …"; without it the topic's own words do.
    """

    def __init__(self, topic: str, about: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.topic = topic
        words = about or topic.rpartition("#")[2].rpartition(".")[2].replace("-", " ")
        self.setText("?")
        self.setProperty("role", "help")
        self.setObjectName(f"help.{topic}")
        self.setAccessibleName(f"Help on {words}")
        self.setToolTip(f"Help on {words} (F1)")
        self.clicked.connect(self._on_clicked)

    @Slot()
    def _on_clicked(self) -> None:
        ask_help(self, self.topic)


def ask_help(widget: QWidget, topic: str) -> None:
    """Emit ``help_requested`` of the nearest window around ``widget`` that has this signal."""
    around = widget.parentWidget()
    while around is not None:
        signal = getattr(around, "help_requested", None)
        if signal is not None:
            signal.emit(topic)
            return
        around = around.parentWidget()


def help_topics(widget: QWidget | None) -> Iterator[str]:
    """The topics of a widget and of all around it, the nearest first; not all need be known."""
    while widget is not None:
        if widget.property(HELP):
            yield str(widget.property(HELP))
        if "." in widget.objectName():
            yield widget.objectName()
        for button in widget.children():
            if isinstance(button, HelpButton):
                yield button.topic
        widget = widget.parentWidget()
