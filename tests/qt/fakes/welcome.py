"""The welcome, and the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import SavedConfig
from services.progress import CancelToken, Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.errors import AppError
from tests.qt.fakes.values import NOW


@dataclass
class FakeDemo:
    """A demo that is made ready at once; ``on_prepare`` happens meanwhile."""

    error: AppError | None = None
    prepared: int = 0
    on_prepare: Callable[[], None] | None = None

    def prepare(self, report: Reporter, cancel: CancelToken) -> tuple[SavedConfig, TrainingConfig]:
        report(Progress(0.4, "Reading the model file"))
        if self.on_prepare is not None:
            self.on_prepare()
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        self.prepared += 1
        values = {"dataset.session": "1", "hp.base_model": "/data/models/tiny", "hp.max_steps": 60}
        return SavedConfig(99, "Demo", "Local", NOW), with_values(TrainingConfig(), values)


@dataclass
class FakeWelcome:
    """By default somebody said no already."""

    due: bool = False
    error: AppError | None = None
    dismissed: int = 0

    def is_due(self) -> bool:
        if self.error is not None:
            raise self.error
        return self.due

    def dismiss(self) -> None:
        self.dismissed += 1
