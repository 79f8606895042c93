"""What a model would learn from a dataset, as the dialog shows it: one row, and all rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport, Finding, TokenView
    from models.domain.dataset import DatasetSession
    from models.domain.errors import AppError


class Looking(Enum):
    """How far a look is."""

    NONE = auto()
    BUSY = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at. ``template`` is the text of a chat template in place of the model's own,
    ``template_name`` the file that it was read from."""

    session: DatasetSession
    config: TrainingConfig
    template: str | None = None
    template_name: str = ""


@dataclass(frozen=True, slots=True)
class RowLook:
    """A row, counted from 0, and the texts that the model would see; or why there are none, and
    the row as it stands in the dataset."""

    number: int = 0
    state: Looking = Looking.NONE
    texts: tuple[TokenView, ...] = ()
    error: AppError | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class ReportLook:
    """What was found in all rows. ``is_kept`` says that it was known from an earlier look."""

    state: Looking = Looking.NONE
    report: DataReport | None = None
    fraction: float | None = None
    message: str = ""
    error: AppError | None = None
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A start that the findings refused; ``may_start`` says that it can be had all the same.

    ``is_past`` says that something was done about it since.
    """

    message: str = ""
    may_start: bool = False
    is_past: bool = False


@dataclass(slots=True)
class _Shown:
    subject: Subject | None = None
    row: RowLook = field(default_factory=RowLook)
    report: ReportLook = field(default_factory=ReportLook)
    refusal: Refusal | None = None
    stale: str = ""


class LearningModel(QObject):
    """What the dialog shows. The controller fills it.

    Signals:
        subject_changed: another dataset, model or template is looked at, or it is out of date now.
        row_changed: another row, or how far the look at it is.
        report_changed: another report, or how far it is.
    """

    subject_changed = Signal()
    row_changed = Signal()
    report_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown = _Shown()

    @property
    def subject(self) -> Subject | None:
        """What is looked at, once something is."""
        return self._shown.subject

    @property
    def row(self) -> RowLook:
        """The row that is shown."""
        return self._shown.row

    @property
    def report(self) -> ReportLook:
        """What is known of all rows."""
        return self._shown.report

    @property
    def refusal(self) -> Refusal | None:
        """The start that was refused, where that is why the dialog is open."""
        return self._shown.refusal

    @property
    def stale(self) -> str:
        """Why what is shown is out of date, in a sentence; empty where it is not."""
        return self._shown.stale

    @property
    def rows(self) -> int:
        """How many rows the dataset has."""
        return self._shown.subject.session.rows if self._shown.subject else 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, the major ones first."""
        report = self._shown.report.report
        return report.findings if report is not None else ()

    def begin(self, subject: Subject, refusal: Refusal | None = None) -> None:
        """Look at something else; nothing is known of it."""
        self._shown = _Shown(subject, refusal=refusal)
        self.subject_changed.emit()
        self.row_changed.emit()
        self.report_changed.emit()

    def set_stale(self, reason: str) -> None:
        """Say that what is shown is out of date, or that it is not."""
        if reason != self._shown.stale:
            self._shown.stale = reason
            self.subject_changed.emit()

    def set_row(self, row: RowLook) -> None:
        """Show a row, or how far the look at it is."""
        self._shown.row = row
        self.row_changed.emit()

    def set_report(self, report: ReportLook) -> None:
        """Show a report, or how far it is."""
        self._shown.report = report
        self.report_changed.emit()

    def clear(self) -> None:
        """Forget everything: the dialog is closed."""
        self._shown = _Shown()

    def troubled_rows(self) -> Sequence[int]:
        """The rows that findings name, in order."""
        return sorted({row for one in self.findings for row in one.rows})

    def troubled_after(self, number: int) -> int | None:
        """The next row that a finding names, from the first on again after the last."""
        rows = self.troubled_rows()
        return next((row for row in rows if row > number), rows[0] if rows else None)

    def findings_of(self, number: int) -> tuple[Finding, ...]:
        """What was found in a row."""
        return tuple(one for one in self.findings if number in one.rows)
