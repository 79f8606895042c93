"""All the models of one shown run, kept together: a page has one set, and a controller fills it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from models.qt.autopsy_model import AutopsyModel
from models.qt.inference_model import InferenceModel
from models.qt.log_model import LogModel
from models.qt.metrics_model import MetricsModel
from models.qt.pod_model import PodModel
from models.qt.run_status import RunStatusModel

if TYPE_CHECKING:
    from models.domain.run import Run, RunUpdate


class RunModels(QObject):
    """Status, curves, log, answers, its pod and, where it failed, the autopsy of the run that a
    page shows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.status = RunStatusModel(self)
        self.metrics = MetricsModel(self)
        self.pod = PodModel(self)
        self.log = LogModel(self)
        self.inference = InferenceModel(self)
        self.autopsy = AutopsyModel(self.status, self.log, self)

    @property
    def run_id(self) -> str:
        """The id of the run that is shown, or the empty string."""
        run = self.status.run
        return "" if run is None else run.id

    def clear(self) -> None:
        """Show no run."""
        self.metrics.clear()
        self.log.clear()
        self.inference.clear()
        self.autopsy.begin()
        self.status.clear()

    def begin(self, run: Run) -> None:
        """Show another run, from its start."""
        self.metrics.clear()
        self.log.clear()
        self.inference.clear()
        self.autopsy.begin()
        self.status.set_run(run)

    def fill(self, update: RunUpdate) -> None:
        """Show a run with all that is stored of it."""
        self.begin(update.run)
        self.take(update)

    def take(self, update: RunUpdate) -> None:
        """Add what following the run brought."""
        self.metrics.add(update.events)
        self.log.feed(update.log)
        if update.run.state.is_over:
            self.log.finish()
        self.autopsy.take(update.events)
        self.status.take(update)
