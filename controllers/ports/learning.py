"""What a model would learn of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport, TokenView
    from models.domain.dataset import DatasetSession
    from services.progress import CancelToken, Reporter


class LearningPort(Protocol):
    """What a setup's model would learn of a dataset, and whether a training may start with that.

    Called in the lane ``inspection``, but for what says otherwise. AppError says why nobody can
    look: no environment, no model, no engine.
    """

    def row(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        number: int,
        *,
        template: str | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[TokenView, ...]:
        """The texts that a row becomes. AppError("bad_dataset") says why it becomes none. In the
        lane ``rows``: a worker of its own answers while another looks at all rows."""

    def report(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport:
        """Look at every row; at once where that was done before. Or Cancelled."""

    def known(
        self, config: TrainingConfig, session: DatasetSession, *, template: str | None = None
    ) -> DataReport | None:
        """The report where it was made before; in any lane."""

    def faulty_rows(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        """All rows with findings of these codes. Or Cancelled."""

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
        """A new dataset without the rows of these codes. Or Cancelled."""

    def gate(
        self,
        config: TrainingConfig,
        *,
        sha256: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport | None:
        """Asked before every start; DataRefusedError where the data refuses it. Or Cancelled.
        ``sha256`` are the rows where the setup's name for them is not to be looked up."""

    def close(self) -> None:
        """Give the memory back that looking took; from any thread."""


class EarlyPort(Protocol):
    """What a start is going to ask of its data, asked before it. In the lane ``inspection``."""

    def look(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> bool:
        """Whether the gate finds its answer now; False where what is needed is not here. AppError,
        Cancelled."""
