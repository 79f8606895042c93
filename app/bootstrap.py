"""The only place that builds services and wires them together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.paths import AppPaths, code_root, resource
from models.db.database import Database
from services.configs import ConfigStore
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.sample_model import SampleModel
from services.gpu_probe import GpuProbe
from services.host_info import doctor_checks
from services.inference_engine import InferenceEngine, WorkerPlace
from services.job_builder import JobBuilder
from services.memory_records import MemoryRecords
from services.model_shapes import ModelShapes
from services.run_records import RunRecords
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.trainer_code import TrainerCode, place_trainer_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.host_info import Check
    from services.offline import OfflinePolicy


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the command line and the controllers call. :meth:`close` ends what is open."""

    paths: AppPaths
    offline: OfflinePolicy
    database: Database
    datasets: DatasetLibrary
    configs: ConfigStore
    runs: RunService
    runtime: RuntimeEnvironment
    sample_model: SampleModel
    inference: InferenceEngine
    gpus: GpuProbe
    shapes: ModelShapes
    peaks: MemoryRecords

    def doctor(self) -> Sequence[Check]:
        """Every prerequisite of a training with its state and the next step."""
        return doctor_checks(self.runtime, self.paths.home, self.gpus.probe())

    def close(self) -> None:
        """End the inference worker and close the database; runs go on."""
        self.inference.close()
        self.gpus.close()
        self.database.close()


def build_services(paths: AppPaths, offline: OfflinePolicy) -> Services:
    """Open the database and build all services. Blocking; AppError says what is wrong."""
    database = Database.open(paths.database)
    library = DatasetLibrary(
        database, DatasetStore(paths.datasets), resource("samples/python-docs.jsonl")
    )
    trainer = code_root() / "trainer_image"
    runtime = RuntimeEnvironment(
        paths.runtime, trainer / "requirements.txt", trainer / "requirements.lock"
    )
    catalogue = resource("base_models.toml")
    shapes = ModelShapes(catalogue, lambda: paths.data, offline, lambda: os.environ.get("HF_TOKEN"))
    peaks = MemoryRecords(database, shapes)
    place_code = partial(place_trainer_code, trainer, paths.trainer_code)
    return Services(
        paths=paths,
        offline=offline,
        database=database,
        datasets=library,
        configs=ConfigStore(database),
        runs=RunService(
            records=RunRecords(database),
            library=library,
            builder=JobBuilder(library, paths.data),
            runner=ProcessRunner(lambda: runtime.python),
            code=place_code,
            offline=offline,
            on_finished=peaks.record,
        ),
        runtime=runtime,
        sample_model=SampleModel(paths.data, runtime, place_code),
        inference=InferenceEngine(
            lambda: _worker_place(paths, runtime, place_code(), offline=offline.is_offline())
        ),
        gpus=GpuProbe(),
        shapes=shapes,
        peaks=peaks,
    )


def _worker_place(
    paths: AppPaths, runtime: RuntimeEnvironment, code: TrainerCode, *, offline: bool
) -> WorkerPlace:
    return WorkerPlace(runtime.python, code, paths.data, paths.logs / "inference.log", offline)
