"""Buttons and boxes whose words go on in another line where there is no room for them in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QCheckBox, QPushButton, QSizePolicy, QToolButton

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QAbstractButton

_UNLIMITED = 16_777_215


class _Wrapping:
    """Stands before a button's class: Qt's buttons draw several lines, but never break one.

    ``text()`` stays as it was set; only what is drawn has breaks. At its own size a button is as
    wide as all its words.
    """

    _broken = ""
    """The text with its breaks, where there are any."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        policy = QSizePolicy.Policy
        _button(self).setSizePolicy(policy.Preferred, policy.Fixed)  # it may be narrower, too
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802
        super().setText(text)  # type: ignore[misc]
        self._fit_lines()

    def minimumSizeHint(self) -> QSize:
        """As wide as the longest word, and as high as the lines of now."""
        button = _button(self)
        hint = super().minimumSizeHint()  # type: ignore[misc]
        words = [button.fontMetrics().horizontalAdvance(_plain(word)) for word in self._words()]
        return QSize(min(hint.width(), self._around() + max(words, default=0)), hint.height())

    def initStyleOption(self, option: Any) -> None:  # noqa: N802
        super().initStyleOption(option)  # type: ignore[misc]
        if self._broken:  # reckoned before: this is called for the size, too
            option.text = self._broken

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)  # type: ignore[misc]
        self._fit_lines()

    def _fit_lines(self) -> None:
        """Be as high as the lines are; one line is as high as the style has it."""
        button, lines = _button(self), self._lines()
        more = len(lines) - 1
        self._broken = "\n".join(lines) if more else ""
        if more:
            height = button.sizeHint().height() + more * button.fontMetrics().lineSpacing()
            button.setFixedHeight(height)
        elif button.minimumHeight():
            button.setMinimumHeight(0)
            button.setMaximumHeight(_UNLIMITED)

    def _words(self) -> list[str]:
        return _button(self).text().split(" ")

    def _around(self) -> int:
        """Pixels of a button beside its words: padding, borders, box or arrow."""
        button = _button(self)
        text = button.fontMetrics().horizontalAdvance(_plain(button.text()))
        return max(0, button.sizeHint().width() - text)

    def _lines(self) -> list[str]:
        button, lines = _button(self), [""]
        room = button.width() - self._around()
        for word in self._words():
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            fits = button.fontMetrics().horizontalAdvance(_plain(longer)) <= room
            if fits or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines


class WrappedButton(_Wrapping, QPushButton):
    """A push button with a long label."""


class WrappedCheckBox(_Wrapping, QCheckBox):
    """A box with a long label."""


class WrappedToolButton(_Wrapping, QToolButton):
    """A tool button with a long label."""


def _button(one: object) -> QAbstractButton:
    return cast("QAbstractButton", one)


def _plain(text: str) -> str:
    """Without the marks of the letters that are underlined."""
    return text.replace("&", "")
