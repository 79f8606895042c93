"""What is known of the selected dataset, over its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from models.qt.dataset_facts import facts, made_of
from models.qt.datasets_model import describe
from views.widgets.card import text_label
from views.widgets.elided_label import ElidedLabel
from views.widgets.flow_row import FlowRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from models.domain.dataset import DatasetSession

_GAP = 22


class DatasetStrip(QFrame):
    """Its name, the facts beside each other, and what it was made of; where the page is low, one
    line of them, and all in the tooltip.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setObjectName("datasets.details")
        self._name = ElidedLabel("heading")
        self._name.setObjectName("datasets.name")
        self._brief = ElidedLabel("muted")
        self._facts = QWidget()
        self._row = FlowRow(self._facts, spacing=4)
        self._parts = text_label("", "muted", wrap=True)
        self._parts.setObjectName("datasets.parts")
        self._pairs: list[_Fact] = []
        self._sessions: tuple[DatasetSession, ...] = ()
        self._is_brief = False
        self._build()
        self.show_sessions(())

    def show_sessions(self, sessions: Sequence[DatasetSession]) -> None:
        """Show one dataset; of several only how many they are."""
        self._sessions = tuple(sessions)
        session = sessions[0] if len(sessions) == 1 else None
        rows = sum(one.rows for one in sessions)
        several = f"{len(sessions)} datasets, {rows:,} rows" if sessions else ""
        pairs = () if session is None else facts(session)
        parts = "" if session is None else made_of(session)
        lines = [f"{label}: {words}" for label, words in pairs] + ([parts] if parts else [])
        self._name.setText(several if session is None else session.name)
        self._show_facts(pairs)
        self._brief.setText("" if session is None else describe(session))
        self._parts.setText(parts)
        self.setToolTip("\n".join(lines))
        self.setVisible(bool(sessions))
        self._show_parts()

    def set_brief(self, brief: bool) -> None:
        """Take one line only, or all that is needed."""
        if brief != self._is_brief:
            self._is_brief = brief
            self._show_parts()

    @Slot()
    def _show_parts(self) -> None:
        has_facts = len(self._sessions) == 1
        self._brief.setVisible(self._is_brief and has_facts)
        self._facts.setVisible(not self._is_brief and has_facts)
        self._parts.setVisible(not self._is_brief and bool(self._parts.text()))
        self._fit()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(4)
        for widget in (self._name, self._brief, self._facts, self._parts):
            column.addWidget(widget)

    def _show_facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        while len(self._pairs) < len(pairs):
            self._pairs.append(_Fact())
            self._row.addWidget(self._pairs[-1])
        for place, fact in enumerate(self._pairs):
            fact.setVisible(place < len(pairs))
            if place < len(pairs):
                fact.show_pair(*pairs[place])

    def _fit(self) -> None:
        """A splitter knows of no height that follows from a width."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            wraps = layout.hasHeightForWidth()
            height = layout.totalHeightForWidth(self.width()) if wraps else 0
            self.setFixedHeight(height or layout.totalSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:  # only now the facts know their new widths
            self._fit()
        return done


class _Fact(QWidget):
    """A label and its words, close together; what is too long for the page is cut."""

    def __init__(self) -> None:
        super().__init__()
        self._label = text_label("", "muted")
        self._words = text_label()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, _GAP, 0)
        row.setSpacing(6)
        row.addWidget(self._label)
        row.addWidget(self._words, 1)

    def show_pair(self, label: str, words: str) -> None:
        """Show this."""
        self._label.setText(label)
        self._words.setText(words)
        self._words.setAccessibleName(f"{label}: {words}")
