"""Log lines for a view: a bounded ring, level and text filter, and one insert per flush."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
    Slot,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = ("All sources", "Container", "System")
CONTAINER, SYSTEM = 1, 2
"""Indexes of SOURCES: what the trainer prints, and what the machine of its pod says."""
SYSTEM_MARK = "[system] "
LEVELS = ("Everything", "Warnings and errors", "Errors")
LEVEL_ROLE = Qt.ItemDataRole.UserRole + 1
TEXT_ROLE = Qt.ItemDataRole.UserRole + 2
MAX_ROWS = 10_000
SHOWN_CHARACTERS = 500
FLUSH_MS = 50
_FLUSH_LINES = 500
# Looked for first: finding a few letters is ten times faster than an expression.
_HINTS = ("err", "warn", "crit", "fatal", "trace", "exception")
_ERROR = re.compile(r"\b(error|critical|fatal|traceback|exception)\b|[a-z]error:")
_WARNING = re.compile(r"\bwarn(ing)?\b|[a-z]warning:")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_Index = QModelIndex | QPersistentModelIndex


class LogLine(NamedTuple):
    """One line: its number since the log began, its text, and who said it."""

    number: int
    text: str
    source: int = CONTAINER


def level_of(text: str) -> int:
    """How serious a line of any program's output looks: an index of LEVELS."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return 0
    if _ERROR.search(lower):
        return 2
    return 1 if _WARNING.search(lower) else 0


class LogModel(QAbstractTableModel):
    """The newest lines of a log; the whole log is a file on disk.

    Signals:
        system_came: the machine of a pod has said something, or all of it was cleared.

    Text comes in through :meth:`feed` at any pace and in any pieces. A timer takes what has come
    and shows it with one insert, so a burst costs no more than its lines.
    """

    system_came = Signal()

    def __init__(self, parent: QObject | None = None, max_rows: int = MAX_ROWS) -> None:
        super().__init__(parent)
        self._source = 0
        self._system = 0
        self._max_rows = max_rows
        self._waiting: deque[str] = deque(maxlen=max_rows)
        self._partial = ""
        self._ring: deque[LogLine] = deque()
        self._rows: list[LogLine] = []
        self._count = 0
        self._level = 0
        self._needle = ""
        self._longest = 0
        self._timer = QTimer(self)
        self._timer.setInterval(FLUSH_MS)
        self._timer.timeout.connect(self.flush)

    @property
    def longest(self) -> int:
        """Characters of the longest line shown so far, for the column's width."""
        return self._longest

    @property
    def total(self) -> int:
        """Lines that have come in since the log was cleared."""
        return self._count

    @property
    def system_lines(self) -> int:
        """How many lines of a pod's machine have come in since the log was cleared."""
        return self._system

    def last_lines(self, most: int = 400) -> list[str]:
        """The trainer's newest lines, whatever the filters hide, with those that still wait."""
        waiting = [*self._waiting][-most:]
        newest = [*self._ring][-(most - len(waiting)) :]
        shown = [line.text for line in newest if line.source == CONTAINER]
        return [*shown, *waiting] if len(waiting) < most else waiting

    def feed_system(self, lines: Sequence[str]) -> None:
        """Take lines of the machine of a pod. The first ones come before all that was printed:
        a machine speaks before its container does."""
        if not lines:
            return
        self.flush_all()
        new = [
            self._line(f"{SYSTEM_MARK}{text}")._replace(source=SYSTEM)
            for text in lines[-self._max_rows :]
        ]
        is_first, self._system = self._system == 0, self._system + len(lines)
        if is_first and self._ring:
            self._put_first(new)
        else:
            self._drop_oldest(len(self._ring) + len(new) - self._max_rows)
            self._ring.extend(new)
            self._insert([line for line in new if self._is_shown(line)])
        self.system_came.emit()

    def _put_first(self, new: list[LogLine]) -> None:
        kept = [*new, *self._ring][-self._max_rows :]
        first = self._count - len(kept)
        self._ring = deque(line._replace(number=first + n) for n, line in enumerate(kept))
        self._longest = max(self._longest, _longest(new))
        self._filter_again()

    def feed(self, text: str) -> None:
        """Take a piece of the log; it may end within a line."""
        if not text:
            return
        lines = (self._partial + text).split("\n")
        self._partial = lines.pop()
        self._waiting.extend(lines)
        if not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """Show an unfinished last line too: the log has ended."""
        if self._partial:
            self._waiting.append(self._partial)
            self._partial = ""
        self.flush_all()

    def flush_all(self) -> None:
        """Show everything that has come, at once."""
        while self._waiting:
            self.flush()

    @Slot()
    def flush(self) -> None:
        """Move what has come into the rows: one removal at the front, one insert at the end."""
        if not self._waiting:
            self._timer.stop()
            return
        take = min(len(self._waiting), _FLUSH_LINES)
        new = [self._line(self._waiting.popleft()) for _ in range(take)]
        self._drop_oldest(len(self._ring) + take - self._max_rows)
        self._ring.extend(new)
        self._insert([line for line in new if self._is_shown(line)])

    def clear(self) -> None:
        """Begin another log."""
        self.beginResetModel()
        self._waiting.clear()
        self._ring.clear()
        self._rows.clear()
        self._partial = ""
        self._count = self._longest = self._system = 0
        self.endResetModel()
        self.system_came.emit()

    @Slot(int)
    def set_level(self, level: int) -> None:
        """Show only lines at least as serious as LEVELS[level]."""
        self._level = level
        self._filter_again()

    @Slot(int)
    def set_source(self, source: int) -> None:
        """Show only lines of SOURCES[source]; 0 is all."""
        self._source = source
        self._filter_again()

    @Slot(str)
    def set_needle(self, text: str) -> None:
        """Show only lines that contain ``text``, whatever the case."""
        self._needle = text.lower()
        self._filter_again()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else 1

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            text = self._rows[index.row()].text
            if len(text) <= SHOWN_CHARACTERS:
                return text
            return f"{text[:SHOWN_CHARACTERS]} … (+{len(text) - SHOWN_CHARACTERS} characters)"
        if role == LEVEL_ROLE:
            return level_of(self._rows[index.row()].text)
        if role == TEXT_ROLE:
            return self._rows[index.row()].text
        return None

    def _line(self, text: str) -> LogLine:
        if not text.isprintable():
            text = _CONTROL.sub("", text.rstrip("\r").rsplit("\r", 1)[-1])
        number = self._count
        self._count += 1
        return LogLine(number, text)

    def _is_shown(self, line: LogLine) -> bool:
        if self._source and line.source != self._source:
            return False
        if self._needle and self._needle not in line.text.lower():
            return False
        return not self._level or level_of(line.text) >= self._level

    def _drop_oldest(self, count: int) -> None:
        if count <= 0:
            return
        for _ in range(min(count, len(self._ring))):
            self._ring.popleft()
        first = self._ring[0].number if self._ring else self._count
        gone = next((i for i, line in enumerate(self._rows) if line.number >= first), None)
        gone = len(self._rows) if gone is None else gone
        if gone:
            self.beginRemoveRows(QModelIndex(), 0, gone - 1)
            del self._rows[:gone]
            self.endRemoveRows()

    def _insert(self, lines: list[LogLine]) -> None:
        if not lines:
            return
        self._longest = max(self._longest, _longest(lines))
        self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(lines) - 1)
        self._rows.extend(lines)
        self.endInsertRows()

    def _filter_again(self) -> None:
        self.beginResetModel()
        self._rows = [line for line in self._ring if self._is_shown(line)]
        self.endResetModel()


def _longest(lines: Sequence[LogLine]) -> int:
    """Characters of the longest of some lines, as they are shown."""
    return min(max(len(line.text) for line in lines), SHOWN_CHARACTERS + 24)
