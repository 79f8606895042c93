"""Measured peaks of memory: stored when a run finishes, and what they say of the estimate."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from models.domain.memory import CONTEXT, estimate_memory
from models.domain.memory_peak import NEWEST, MemoryPeak, calibration

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from models.domain.run import Run
    from services.model_shapes import ModelShapes
    from trainer_image.contract import Result

logger = logging.getLogger(__name__)

CPU = "cpu"
"""The device of a result that was trained without a GPU."""


class MemoryRecords:
    """Blocking, thread-safe; knows no Qt. Window and command line both record through it."""

    def __init__(
        self, database: Database, shapes: ModelShapes, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._shapes = shapes
        self._clock = clock

    def record(self, run: Run, result: Result) -> None:
        """Store what a finished run measured; twice is once.

        Nothing is stored where the trainer did not say on which device it was, or where nothing
        can be predicted because the model's size is unknown. AppError as the database raises it.
        """
        if not result.device or result.peak_memory_bytes <= 0:
            return
        self._record(run.id, run.config, run.data_root, result.device, result.peak_memory_bytes)

    def record_probe(
        self, name: str, config: TrainingConfig, data_root: str, device: str, peak: int
    ) -> None:
        """Store what a probe of a setup measured, under a ``name`` that no run has."""
        if device and peak > 0:
            self._record(name, config, data_root, device, peak)

    def _record(
        self, run_id: str, config: TrainingConfig, data_root: str, device: str, measured: int
    ) -> None:
        predicted = self._predicted(config, data_root, device)
        if predicted <= 0:
            return
        peak = MemoryPeak(
            run_id=run_id,
            base_model=config.hp.base_model.strip(),
            device=device,
            measured_bytes=measured,
            predicted_bytes=predicted,
            created_at=self._clock(),
        )
        with self._database.unit_of_work() as uow:
            uow.memory_peaks.add(peak)
            uow.commit()
        logger.info("%s: peak %.2f of the predicted on %s", run_id, measured / predicted, device)

    def factor(self, base_model: str, device: str) -> float:
        """What to multiply the estimate by, from the newest runs of this model on this device.

        ``device`` is the GPU's name or ``cpu``; 1.0 where nothing was measured yet.
        """
        with self._database.unit_of_work() as uow:
            return calibration(uow.memory_peaks.newest(base_model.strip(), device, NEWEST))

    def _predicted(self, config: TrainingConfig, data_root: str, device: str) -> int:
        """What the estimate says of all that is measured: PyTorch does not see the driver's."""
        shape = self._shapes.find_here(config.hp.base_model, data_root).shape
        if shape is None:
            return 0
        estimate = estimate_memory(config, shape, on_gpu=device != CPU)
        return sum(part.bytes for part in estimate.parts if part.key != CONTEXT)
