"""What a training will take of the disk, before it starts: by its like, or by calculation."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from models.domain.config import SOURCE_SESSION, TARGET_RUNPOD
from models.domain.errors import AppError
from models.domain.processes import effective_batch
from models.domain.run import RunState
from models.domain.storage import newest_whole
from models.domain.storage_forecast import (
    CheckpointSize,
    StorageForecast,
    calculated_size,
    most_checkpoints,
    steps_of,
)
from services.run_files import host_path
from services.storage.disk import nearest
from services.storage.histories import history_of, result_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from services.datasets import DatasetLibrary
    from services.model_shapes import ModelShapes
    from services.run_records import RunRecords

_LOOKED_AT = 200
"""So many of the newest runs are asked for their checkpoints; older ones are older code's, too."""
_GIGABYTE = 1_000_000_000


class StorageForecaster:
    """Blocking: a model that is not here may be asked for at Hugging Face, up to ten seconds.

    ``data_root`` gives the data folder of a setup, ``gpus`` how many this computer has.
    """

    def __init__(
        self,
        records: RunRecords,
        shapes: ModelShapes,
        library: DatasetLibrary,
        data_root: Callable[[TrainingConfig], Path],
        gpus: Callable[[], int],
    ) -> None:
        self._records = records
        self._shapes = shapes
        self._library = library
        self._data_root = data_root
        self._gpus = gpus

    def forecast(self, config: TrainingConfig) -> StorageForecast:
        """What it takes at most, and whether there is room. AppError("unknown_size") where nothing
        is known of the model."""
        size = self._measured(config) or self._calculated(config)
        count = most_checkpoints(config.hp, self._steps(config), evaluates=_evaluates(config))
        free, place = self._room(config)
        return StorageForecast(size, count, free, place)

    def _measured(self, config: TrainingConfig) -> CheckpointSize | None:
        """The newest checkpoint of a run that made the same kind of thing."""
        for run in self._records.newest(_LOOKED_AT):
            if _makes(run.config) != _makes(config):
                continue
            newest, result = newest_whole(history_of(run)), result_bytes(run)
            if newest is not None and result and run.state is RunState.FINISHED:
                return CheckpointSize(sum(one.bytes for one in newest.files), result, run.id)
        return None

    def _calculated(self, config: TrainingConfig) -> CheckpointSize:
        answer = self._shapes.find(config.hp.base_model, config.local.host_data_dir)
        if answer.shape is None:
            raise AppError(
                "unknown_size",
                f"The size of {config.hp.base_model.strip() or 'the base model'} is not known: "
                f"{answer.reason}.",
                "Choose a base model that is here, or go online.",
            )
        return calculated_size(config, answer.shape, on_gpu=self._on_gpu(config))

    def _on_gpu(self, config: TrainingConfig) -> bool:
        is_rented = config.training.target == TARGET_RUNPOD
        return is_rented or (config.local.use_gpu and self._gpus() > 0)

    def _steps(self, config: TrainingConfig) -> int | None:
        if config.dataset.source != SOURCE_SESSION or not config.dataset.session.strip():
            return config.hp.max_steps
        try:
            rows = self._library.find(config.dataset.session).rows
        except AppError:
            return config.hp.max_steps
        return steps_of(config.hp, rows, effective_batch(config, self._gpus()))

    def _room(self, config: TrainingConfig) -> tuple[int | None, str]:
        if config.training.target == TARGET_RUNPOD:
            return config.runpod.volume_size * _GIGABYTE, "the pod's volume"
        root = self._data_root(config)
        output = nearest(host_path(root, config.output.directory)).resolve()
        if not output.is_relative_to(root.resolve()):  # a link to another disk
            return shutil.disk_usage(output).free, f"the disk of {output}"
        return shutil.disk_usage(nearest(root)).free, f"the disk of {root}"


def _makes(config: TrainingConfig) -> Sequence[object]:
    """What decides how large a checkpoint is."""
    hp = config.hp
    adapter = () if hp.tuning == "full" else (hp.lora_r, hp.lora_targets, hp.lora_variant)
    return (hp.base_model.strip(), hp.tuning, hp.optimizer, hp.precision, hp.quantization, *adapter)


def _evaluates(config: TrainingConfig) -> bool:
    return bool(config.dataset.eval_split) or config.dataset.eval_percent > 0
