"""A few modes side by side, of which one is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QFrame, QPushButton, QSizePolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

_EDGE = 2


class ModeSwitch(QFrame):
    """Buttons in one frame, side by side where they have room; the arrow keys go from one to the
    next.

    Signals:
        chosen: the word of the mode that the user chose.
    """

    chosen = Signal(str)

    def __init__(
        self, name: str, modes: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        """``modes`` are pairs of word and label; the first is on."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("role", "segments")
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        row.setContentsMargins(_EDGE, _EDGE, _EDGE, _EDGE)
        row.setSpacing(_EDGE)
        self._buttons: dict[str, QPushButton] = {}
        for word, label in modes:
            button = QPushButton(label)
            button.setObjectName(f"{name}.{word.replace(' ', '_')}")
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setAutoDefault(False)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(self._on_clicked)
            row.addWidget(button)
            self._buttons[word] = button
        self.show_mode(modes[0][0])

    @property
    def mode(self) -> str:
        """The mode that is on."""
        return next(word for word, button in self._buttons.items() if button.isChecked())

    def show_mode(self, mode: str) -> None:
        """Show this mode as on."""
        self._buttons[mode].setChecked(True)

    def button(self, mode: str) -> QPushButton:
        """The button of a mode, to be disabled or explained."""
        return self._buttons[mode]

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(self.mode)

    def minimumSizeHint(self) -> QSize:
        """As wide as the widest button: they may stand one over the other."""
        height = self._row.totalMinimumSize().height()
        return QSize(max(self._widths()) + 2 * (_EDGE + self.frameWidth()), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        needed = sum(self._widths()) + _EDGE * (len(self._buttons) + 1)
        is_narrow = self.contentsRect().width() < needed
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.TopToBottom if is_narrow else direction.LeftToRight)

    def _widths(self) -> list[int]:
        return [button.minimumSizeHint().width() for button in self._buttons.values()]
