"""A look at datasets that finds what a test says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.domain.data_gate import DataRefusedError
from models.domain.data_report import DataReport, Finding, Histogram, TokenView
from services.progress import Cancelled, CancelToken, Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession
    from models.domain.errors import AppError

GOOD = DataReport(
    rows=12_000,
    format="messages",
    findings=(),
    lengths=Histogram((0, 50, 100), (4_000, 8_000)),
    trained_share=0.4,
    texts=12_000,
    tokens=600_000,
    trained_tokens=240_000,
    truncated=0,
    without_answer=0,
    refused=0,
    divided=0,
    end_of_turn_trained=12_000,
    max_length=2048,
    model="tiny",
    template_sha256="0" * 64,
    seconds=1.0,
    longest=90,
    model_length=8192,
)
NO_END = Finding("major", "no_end_of_turn", "The end of the turn is not learnt.", 3, (4, 7, 9))
NO_ANSWER = Finding("major", "no_answer", "No answer.", 2, (1, 2), (2, 3), "drop")


def refused(
    *findings: Finding, session: DatasetSession | None = None, name: str = "Talks"
) -> DataRefusedError:
    """What the gate raises for these findings."""
    return DataRefusedError(name, replace(GOOD, findings=findings), session)


@dataclass
class FakeLearning:
    """Refuses with ``error``; ``asked`` are the setups that the gate was asked about and the rows.
    ``on_gate`` is called in the middle of a check."""

    error: AppError | None = None
    found: DataReport = GOOD
    is_known: bool = True
    asked: list[tuple[TrainingConfig, str]] = field(default_factory=list)
    dropped: list[tuple[str, ...]] = field(default_factory=list)
    dropped_with: list[str | None] = field(default_factory=list)
    closed: int = 0
    on_gate: Callable[[], None] | None = None
    row_error: AppError | None = None
    rows_ended: int = 0
    report_error: AppError | None = None
    drop_error: AppError | None = None
    rows_read: list[tuple[int, str | None]] = field(default_factory=list)
    counted: list[TrainingConfig] = field(default_factory=list)
    on_count: Callable[[], None] | None = None

    def row(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        number: int,
        *,
        template: str | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[TokenView, ...]:
        self.rows_read.append((number, template))
        if self.rows_ended:
            self.rows_ended -= 1
            raise Cancelled
        if self.row_error is not None:
            raise self.row_error
        pieces = ((f"Row {number}?", False), ("Yes.", True))
        text = "".join(text for text, _ in pieces)
        return (TokenView(text, (5, 6), (-100, 6), pieces, 2, 2048, (1, 1), ()),)

    def report(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport:
        self.counted.append(config)
        if report is not None:
            report(Progress(0.5, "Looking at the rows: 6,000"))
        if self.on_count is not None:
            self.on_count()
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.report_error is not None:
            raise self.report_error
        return self.found

    def known(
        self, config: TrainingConfig, session: DatasetSession, *, template: str | None = None
    ) -> DataReport | None:
        return self.found if self.is_known else None

    def faulty_rows(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        found = (one for one in self.found.findings if one.code in codes)
        return tuple(sorted({row for one in found for row in one.rows}))

    def drop(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        self.dropped.append(tuple(codes))
        self.dropped_with.append(template)
        if self.drop_error is not None:
            raise self.drop_error
        return replace(session, id=session.id + 100, name=f"{session.name} (cleaned)")

    def gate(
        self,
        config: TrainingConfig,
        *,
        sha256: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport | None:
        self.asked.append((config, sha256))
        if report is not None and not self.is_known:
            report(Progress(0.5, "Looking at the rows: 6,000"))
        if self.on_gate is not None:
            self.on_gate()
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        return self.found

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeEarly:
    """Looks at nothing; ``asked`` are the setups. ``on_look`` is called in the middle of a look."""

    is_here: bool = True
    error: Exception | None = None
    asked: list[TrainingConfig] = field(default_factory=list)
    on_look: Callable[[Reporter, CancelToken], None] | None = None

    def look(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> bool:
        self.asked.append(config)
        if self.on_look is not None and report is not None and cancel is not None:
            self.on_look(report, cancel)
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        return self.is_here
