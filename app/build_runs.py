"""Builds what starts and follows trainings: as a process, in a container, on a rented pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.build_remote import build_remote
from models.domain.config import RUNTIME_DOCKER, RUNTIME_PYTHON, RUNTIME_RUNPOD
from services.docker.image_facts_store import ImageFactsStore
from services.docker.image_preflight import ImagePreflight
from services.gpu_count import ProcessCount
from services.job_builder import JobBuilder
from services.runners.docker import DockerRunner
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.start_needs import StartNeeds
from services.storage.forecast import StorageForecaster

if TYPE_CHECKING:
    from app.build_base import Base
    from app.build_stores import Stores
    from services.remote.runner import RemoteRunner


@dataclass(frozen=True, slots=True)
class Trainings:
    """The runs' service with its runners, and what a start is planned with."""

    runs: RunService
    builder: JobBuilder
    containers: DockerRunner
    rented: RemoteRunner
    preflight: ImagePreflight
    forecaster: StorageForecaster


def build_runs(base: Base, stores: Stores) -> Trainings:
    """Nothing is started or followed yet."""
    probe = base.gpus.probe
    preflight = ImagePreflight(
        base.engine, base.install_id, ImageFactsStore(base.database), base.trainer, probe
    )
    containers = DockerRunner(
        base.engine, base.hf_token, base.install_id, base.gpu_indexes, preflight.problems
    )
    rented = build_remote(base, stores)
    processes = ProcessCount(probe, base.engine.info)
    builder = JobBuilder(stores.library, base.data_root, base.hf_token, processes)
    runs = RunService(
        records=base.records,
        library=stores.library,
        builder=builder,
        runners={
            RUNTIME_PYTHON: ProcessRunner(
                lambda: base.runtime.python, base.hf_token, base.gpu_indexes
            ),
            RUNTIME_DOCKER: containers,
            RUNTIME_RUNPOD: rented,
        },
        code=base.place_code,
        offline=base.offline,
        on_finished=stores.peaks.record,
    )
    forecaster = StorageForecaster(
        base.records, stores.shapes, stores.library, builder.data_root, lambda: len(probe().gpus)
    )
    runs.starter.also_ask(StartNeeds(base.hf_token, forecaster.forecast))
    return Trainings(runs, builder, containers, rented, preflight, forecaster)
