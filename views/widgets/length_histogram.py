"""How long the texts of a dataset are, and where they would be cut."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QPainter,
    QPainterPath,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from models.qt.wording import counted
from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from models.domain.data_report import DataReport, Histogram

_HEIGHT = 116
"""Pixels at text of the normal size, with the line of numbers beneath."""
_GAP = 1.0
_LEAST_BAR = 2.0
"""Pixels: one text among a million is still seen."""
_SMALL = 0.92


class LengthHistogram(QWidget):
    """Bars over the length in tokens; what lies behind the line of the maximum length is hatched.

    It is said in words, too: beneath the bars, and to screen readers.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("How long the texts are, in tokens")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._lengths: Histogram | None = None
        self._limit = 0
        current_theme().changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def show_report(self, report: DataReport) -> None:
        """Show the lengths of a report's texts."""
        self._lengths, self._limit = report.lengths, report.max_length
        self.setAccessibleDescription(length_words(report))
        self.update()

    @property
    def limit_x(self) -> float | None:
        """Where the line of the maximum length stands, in pixels from the left; if in sight."""
        longest = self._longest()
        return self.width() * self._limit / longest if 0 < self._limit < longest else None

    def bars(self) -> list[QRectF]:
        """Where each bar is, in the order of the bins."""
        if self._lengths is None:
            return []
        scale, floor = self.width() / max(1, self._longest()), self._floor()
        highest = max(self._lengths.counts, default=0)
        places = []
        for (left, right), count in zip(
            pairwise(self._lengths.edges), self._lengths.counts, strict=True
        ):
            height = max(_LEAST_BAR, floor * count / max(1, highest)) if count else 0.0
            width = max(1.0, (right - left) * scale - _GAP)
            places.append(QRectF(left * scale, floor - height, width, height))
        return places

    def sizeHint(self) -> QSize:
        return QSize(260, round(_HEIGHT * current_theme().scale))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, round(_HEIGHT * current_theme().scale))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._lengths is None:
            return
        tokens, limit = current_theme().tokens, self.limit_x
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        floor = self._floor()
        for bar in self.bars():
            self._paint_bar(painter, bar, limit)
        painter.setPen(QPen(QColor(tokens.field_border), 1))
        painter.drawLine(QLineF(0, floor + 0.5, self.width(), floor + 0.5))
        if limit is not None:
            painter.setPen(QPen(QColor(tokens.warning), 2, Qt.PenStyle.DashLine))
            painter.drawLine(QLineF(limit, 0, limit, floor))
        self._paint_numbers(painter, limit)
        painter.end()

    def _paint_bar(self, painter: QPainter, bar: QRectF, limit: float | None) -> None:
        tokens = current_theme().tokens
        if bar.isEmpty():
            return
        path = QPainterPath()
        path.addRoundedRect(bar, min(2.0, bar.width() / 2), 2.0)
        is_beyond = limit is not None and bar.center().x() > limit
        painter.fillPath(path, QColor(tokens.warning_soft if is_beyond else tokens.accent))
        if is_beyond:
            painter.fillPath(path, _hatch(tokens.warning))

    def _paint_numbers(self, painter: QPainter, limit: float | None) -> None:
        """Both ends, and the limit between them where there is room."""
        tokens = current_theme().tokens
        font = self._font()
        measure = QFontMetricsF(font)
        painter.setFont(font)
        line = self._floor() + 3 + measure.ascent()
        first, last = "0", f"{self._longest():,} tokens"
        painter.setPen(QColor(tokens.muted))
        painter.drawText(QPointF(0, line), first)
        right = self.width() - measure.horizontalAdvance(last)
        painter.drawText(QPointF(right, line), last)
        if limit is None:
            return
        words = f"cut at {self._limit:,}"
        wide = measure.horizontalAdvance(words)
        left = min(max(limit - wide / 2, measure.horizontalAdvance(first) + 8), right - wide - 12)
        if left > measure.horizontalAdvance(first):
            painter.setPen(QColor(tokens.warning))
            painter.drawText(QPointF(left, line), words)

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(max(1.0, font.pointSizeF() * _SMALL))
        return font

    def _floor(self) -> float:
        """Where the bars stand, in pixels from the top."""
        return self.height() - QFontMetricsF(self._font()).height() - 4

    def _longest(self) -> int:
        return self._lengths.edges[-1] if self._lengths and self._lengths.edges else 0

    @Slot()
    def _on_theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self._words_at(event.pos().x())
            if words:
                QToolTip.showText(event.globalPos(), words, self)
                return True
        return super().event(event)

    def _words_at(self, x: float) -> str:
        if self._lengths is None:
            return ""
        for place, bar in enumerate(self.bars()):
            if bar.left() <= x <= bar.right() + _GAP:
                first, after = self._lengths.edges[place], self._lengths.edges[place + 1]
                where = f"{first:,}" if after == first + 1 else f"{first:,} to {after - 1:,}"
                return f"{where} tokens: {counted(self._lengths.counts[place], 'text')}"
        return ""


def length_words(report: DataReport) -> str:
    """The histogram in a sentence: how long most texts are, and how many rows are cut."""
    edges, counts = report.lengths.edges, report.lengths.counts
    total = sum(counts)
    if not total:
        return "There is no text."
    half = nine_tenths = 0
    seen = 0
    for place, count in enumerate(counts):
        seen += count
        half = half or (edges[place + 1] - 1 if seen * 2 >= total else 0)
        nine_tenths = nine_tenths or (edges[place + 1] - 1 if seen * 10 >= total * 9 else 0)
    sentence = (
        f"Half of the texts have at most {half:,} tokens, nine of ten at most {nine_tenths:,}."
    )
    if report.truncated:
        rows = counted(report.truncated, "row")
        verb = "is" if report.truncated == 1 else "are"
        return f"{sentence} {rows} {verb} longer than {report.max_length:,} and cut."
    return f"{sentence} None is longer than {report.max_length:,}, so nothing is cut."


def _hatch(color: str) -> QBrush:
    return QBrush(QColor(color), Qt.BrushStyle.BDiagPattern)
