"""The demo: sample model, sample dataset and setup put together, for window and terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config_io import with_values
from services.config_files import read_config_file
from services.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.dataset import SavedConfig
    from models.domain.run import Run
    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.environment.sample_model import SampleModel
    from services.progress import CancelToken, Reporter

DEMO_CONFIG = "Demo: SmolLM2-135M on the Python documentation"
PROMISED_DROP = 0.20
"""The held-out loss must fall by this share, or the demo has failed."""


class Demo:
    """Makes everything ready for the demo's run. Blocking; knows no Qt and starts nothing.

    ``setup`` is the demo's configuration file, which lacks the dataset and the base model.
    """

    def __init__(
        self, setup: Path, sample_model: SampleModel, library: DatasetLibrary, configs: ConfigStore
    ) -> None:
        self._setup = setup
        self._sample_model = sample_model
        self._library = library
        self._configs = configs

    def prepare(self, report: Reporter, cancel: CancelToken) -> tuple[SavedConfig, TrainingConfig]:
        """Make what is missing and return the setup, saved as DEMO_CONFIG and used last.

        The trainer's environment must be there. Raises AppError with the next step, or Cancelled.
        """
        model = self._sample_model.ensure(report, cancel)
        report(Progress(None, "Adding the sample dataset"))
        cancel.raise_if_cancelled()
        session = self._library.add_sample()
        config = with_values(
            read_config_file(self._setup),
            {"dataset.session": str(session.id), "hp.base_model": f"/data/models/{model.name}"},
        )
        cancel.raise_if_cancelled()
        return self._configs.put(DEMO_CONFIG, config), config


def loss_drop(run: Run) -> float:
    """By which share the held-out loss fell; 0 where it was not measured."""
    before, after = run.eval_loss_before, run.eval_loss_after
    return 1 - after / before if before and after is not None else 0.0
