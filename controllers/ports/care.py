"""The Doctor and the Storage page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.doctor import Check
    from models.domain.storage import Cleaned, CleanPlan, RetentionRules, StorageReport
    from models.domain.storage_forecast import StorageForecast
    from services.progress import CancelToken


class DoctorPort(Protocol):
    """A look at everything that a training stands on."""

    def checks(
        self,
        report: Callable[[tuple[Check, ...]], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> Sequence[Check]:
        """Look; ``report`` gets what is known so far, in the calling thread. Or Cancelled."""

    def report(self, checks: Sequence[Check]) -> str:
        """What was found as text to pass on, without secrets and names."""


class StoragePort(Protocol):
    """The disk: what takes room, and what of it can go. All of it reads many folders."""

    def report(self) -> StorageReport:
        """Everything that takes room."""

    def rules(self) -> RetentionRules:
        """The rules that were chosen last."""

    def set_rules(self, rules: RetentionRules) -> None:
        """Remember them; AppError("bad_use")."""

    def plan(self, rules: RetentionRules, setup: TrainingConfig | None = None) -> CleanPlan:
        """What a clean-up would remove; nothing is done. ``setup`` is one that is not saved."""

    def clean(
        self, shown: CleanPlan, rules: RetentionRules, setup: TrainingConfig | None = None
    ) -> Cleaned:
        """Remove what was shown and may still go; AppError("busy")."""

    def pin(self, run_id: str, checkpoint: str = "", *, pinned: bool = True) -> None:
        """Keep a run, or one checkpoint of it, or leave it to the rules; AppError("not_found")."""

    def forecast(self, config: TrainingConfig) -> StorageForecast:
        """What a training takes at most; AppError("unknown_size")."""
