"""The look at a small dataset before anybody starts a training: then the start finds it done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import SOURCE_SESSION
from models.domain.errors import AppError
from trainer_image.row_formats import DatasetFormat, misfit

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession
    from services.data_inspection import DataInspection
    from services.datasets import DatasetLibrary
    from services.environment.runtime_env import RuntimeEnvironment
    from services.learning_check import LearningCheck
    from services.models.inventory import Inventory
    from services.progress import CancelToken, Reporter

MOST_ROWS, MOST_BYTES = 5_000, 2_000_000
"""What one core has looked at in about five seconds (0.6 ms of a second a short row, 1 ms one of
400 bytes, 2.4 s a megabyte of long ones), and more bytes would be shared among processes: nobody
asked for it yet, so it may not be felt."""


class EarlyLook:
    """Asks what :meth:`LearningCheck.gate` is going to ask, so that its report is kept already.

    Only where nothing else would come of it: no container is started, nothing is fetched and no
    folder is made. Blocking; called where ``check`` is called, with the same ``inspection``.
    """

    def __init__(
        self,
        check: LearningCheck,
        inspection: DataInspection,
        library: DatasetLibrary,
        models: Inventory,
        runtime: RuntimeEnvironment,
    ) -> None:
        self._check = check
        self._inspection = inspection
        self._library = library
        self._models = models
        self._runtime = runtime

    def look(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> bool:
        """Whether the report is there now; else something of what it needs is not here, or the
        dataset is too large. Raises Cancelled, and AppError as a report does. The worker is gone
        afterwards."""
        session = self._small(config)
        if session is None:
            return False
        if self._check.known(config, session) is not None:
            return True
        if not self._is_all_here(config):
            return False
        try:
            self._check.report(config, session, report=report, cancel=cancel)
        finally:
            self._inspection.close()
        return True

    def _small(self, config: TrainingConfig) -> DatasetSession | None:
        """The chosen dataset of the library, if it is small and fits the method."""
        if config.dataset.source != SOURCE_SESSION or not config.dataset.session.strip():
            return None
        try:
            session = self._library.find(config.dataset.session)
        except AppError:  # which the start will tell
            return None
        is_small = 0 < session.rows <= MOST_ROWS and session.size <= MOST_BYTES
        fits = not misfit(DatasetFormat(session.format), config.hp.method)
        return session if is_small and fits else None

    def _is_all_here(self, config: TrainingConfig) -> bool:
        model, root = config.hp.base_model.strip(), self._check.learning(config).data_root
        if not model or not Path(root).is_dir() or not self._runtime.is_ready():
            return False
        return self._models.is_complete(model, root).is_complete
