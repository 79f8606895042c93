"""What a model would learn from all rows: numbers, lengths, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from models.domain.data_gate import remedies_for
from models.qt.learning_model import Looking
from models.qt.learning_words import facts_of, report_source_words, share_words
from views.widgets.buttons import push_button
from views.widgets.card import Card, restyle, text_label
from views.widgets.finding_card import FindingCard
from views.widgets.fraction_bar import FractionBar
from views.widgets.length_histogram import LengthHistogram, length_words
from views.widgets.page_column import ScrollColumn

if TYPE_CHECKING:
    from models.domain.data_report import DataReport
    from models.qt.learning_model import LearningModel, ReportLook


class LearningReport(ScrollColumn):
    """Two cards; while the rows are looked at, how far that is.

    Signals:
        row_requested: the number of a row, from 0 (payload).
        remedy_requested: a Finding and what to do about it (payloads).
        count_requested, stop_requested: look at all rows; give that up.
    """

    row_requested = Signal(object)
    remedy_requested = Signal(object, object)
    count_requested = Signal()
    stop_requested = Signal()

    def __init__(self, model: LearningModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._shown: DataReport | None = None
        self._progress = Card("All rows")
        self._message = text_label("", "muted", wrap=True)
        self._bar = FractionBar(words="How many of the rows are looked at")
        self._stop = push_button("Stop")
        self._count = push_button("Look at all rows")
        self._numbers = Card("All rows")
        self._facts = QGridLayout()
        self._share = text_label("", wrap=True)
        self._share_bar = FractionBar(words="Share of the tokens that are learnt")
        self.histogram = LengthHistogram()
        self._lengths = text_label("", "muted", wrap=True)
        self._source = text_label("", "caption", wrap=True)
        self._found = Card("What was found")
        self._nothing = text_label("", wrap=True)
        self._list = QVBoxLayout()
        self.cards: list[FindingCard] = []
        self._name_parts()
        self._build()
        self._connect()
        self.show_report()

    def _name_parts(self) -> None:
        for name, part in (
            ("progress", self._bar), ("message", self._message), ("stop", self._stop),
            ("count", self._count), ("share", self._share), ("share_bar", self._share_bar),
            ("lengths", self.histogram), ("lengths.words", self._lengths),
            ("source", self._source), ("nothing", self._nothing),
        ):  # fmt: skip
            part.setObjectName(f"learning.{name}")

    def _build(self) -> None:
        for part in (self._message, self._bar):
            self._progress.body.addWidget(part)
        for button in (self._stop, self._count):
            self._progress.body.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self._facts.setHorizontalSpacing(10)
        self._facts.setVerticalSpacing(4)
        self._facts.setColumnStretch(1, 1)
        body = self._numbers.body
        body.addLayout(self._facts)
        for part in (self._share, self._share_bar):
            body.addWidget(part)
        body.addSpacing(4)
        body.addWidget(text_label("Length of the texts", "subheading"))
        body.addWidget(self.histogram)
        for words in (self._lengths, self._source):
            body.addWidget(words)
        self._list.setSpacing(8)
        self._found.body.addWidget(self._nothing)
        self._found.body.addLayout(self._list)
        for card in (self._progress, self._numbers, self._found):
            self.column.addWidget(card)
        self.column.addStretch(1)

    def _connect(self) -> None:
        self._stop.clicked.connect(self.stop_requested)
        self._count.clicked.connect(self.count_requested)
        self._model.report_changed.connect(self.show_report)

    @Slot()
    def show_report(self) -> None:
        """Show what the model holds now."""
        look = self._model.report
        has_report = look.report is not None
        self._progress.setVisible(not has_report)
        self._numbers.setVisible(has_report)
        self._found.setVisible(has_report)
        if look.report is None:
            self._shown = None
            self._show_progress(look)
        elif look.report is not self._shown:
            self._shown = look.report
            self._show_numbers(look.report, is_kept=look.is_kept)
            self._show_findings(look.report)
            self._order(look.report)

    def _order(self, report: DataReport) -> None:
        """What has to be solved comes before the numbers."""
        place = 1 if report.has_major else 2
        if self.column.indexOf(self._found) != place:
            self.column.removeWidget(self._found)
            self.column.insertWidget(place, self._found)

    def _show_progress(self, look: ReportLook) -> None:
        is_busy = look.state is Looking.BUSY
        self._bar.setVisible(is_busy)
        self._stop.setVisible(is_busy)
        self._count.setVisible(look.state in (Looking.CANCELLED, Looking.FAILED))
        if is_busy:
            self._bar.show_fraction(look.fraction)
        self._message.setText(self._words(look))
        restyle(self._message, "tone", "bad" if look.state is Looking.FAILED else "")

    def _words(self, look: ReportLook) -> str:
        if look.state is Looking.BUSY:
            return look.message or "Looking at the rows…"
        if look.state is Looking.CANCELLED:
            return "Stopped: what all rows would teach is not known."
        if look.state is Looking.FAILED:
            return str(look.error)
        return "All rows follow as soon as the first is read."

    def _show_numbers(self, report: DataReport, *, is_kept: bool) -> None:
        _clear(self._facts)
        for line, fact in enumerate(facts_of(report)):
            value = text_label(fact.value, "number")
            value.setProperty("tone", fact.tone if fact.tone != "good" else "")
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBaseline
            self._facts.addWidget(value, line, 0, right)
            words = text_label(fact.words, "muted", wrap=True)
            self._facts.addWidget(words, line, 1, Qt.AlignmentFlag.AlignBaseline)
        self._share.setText(share_words(report))
        self._share_bar.show_fraction(report.trained_share)
        self.histogram.show_report(report)
        self._lengths.setText(length_words(report))
        self._source.setText(report_source_words(report, is_kept=is_kept))

    def _show_findings(self, report: DataReport) -> None:
        _clear(self._list)
        subject = self._model.subject
        self.cards = []
        if subject is None:
            return
        is_own = subject.template is None  # what another template breaks needs no remedy
        for finding in report.findings:
            remedies = remedies_for(finding, subject.config, report) if is_own else ()
            card = FindingCard(finding, remedies)
            card.row_requested.connect(self.row_requested)
            card.remedy_requested.connect(self.remedy_requested)
            self._list.addWidget(card)
            self.cards.append(card)
        self._nothing.setText("Nothing. Every row can be learnt as it is.")
        self._nothing.setVisible(not self.cards)


def _clear(layout: QGridLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if isinstance(widget, QLabel | FindingCard):
            widget.hide()
            widget.deleteLater()
