"""The first minutes: the welcome, and the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from services.progress import CancelToken, Reporter


class DemoPort(Protocol):
    """The demo: everything for its run, but the trainer's environment."""

    def prepare(self, report: Reporter, cancel: CancelToken) -> tuple[SavedConfig, TrainingConfig]:
        """Make what is missing and return its setup, saved; AppError, or Cancelled."""


class WelcomePort(Protocol):
    """Whether a newcomer is to be welcomed."""

    def is_due(self) -> bool:
        """Whether nothing was done with the program yet, and nobody said no."""

    def dismiss(self) -> None:
        """Do not welcome again."""
