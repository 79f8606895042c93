"""The only place that builds services and wires them together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.build_base import build_base
from app.build_models import build_models
from app.build_offline import Bundles, build_bundles
from app.build_pods import PodServices, build_pods
from app.build_runs import build_runs
from app.build_storage import build_storage
from app.build_stores import build_stores
from app.build_workers import build_workers
from app.paths import AppPaths, resource
from services.demo import Demo
from services.doctor.doctor import Doctor
from services.doctor.probes import Patient, probes_of
from services.earlier_program import EarlierProgram
from services.early_look import EarlyLook
from services.environment.installed_packages import installed_versions
from services.environment.sample_model import SampleModel
from services.memory_probe import MemoryProbe
from services.model_export import ModelExport
from services.redaction import redact_logging
from services.run_history import RunHistory
from services.run_queue import RunQueue
from services.run_record import Surroundings, site_packages
from services.secret_checks import SecretChecker
from services.welcome import Welcome

if TYPE_CHECKING:
    from app.build_base import Base
    from app.build_stores import Stores
    from models.db.database import Database
    from services.app_settings import SettingsStore
    from services.configs import ConfigStore
    from services.data_inspection import DataInspection
    from services.datasets import DatasetLibrary
    from services.docker.engine import DockerEngine
    from services.docker.image_preflight import ImagePreflight
    from services.docker.images import ImageService
    from services.environment.runtime_env import RuntimeEnvironment
    from services.gpu_probe import GpuProbe
    from services.inference_engine import InferenceEngine
    from services.learning_check import LearningCheck
    from services.memory_records import MemoryRecords
    from services.model_shapes import ModelShapes
    from services.models.library import ModelLibrary
    from services.offline import OfflinePolicy
    from services.proxy import ProxyPolicy
    from services.remote.runner import RemoteRunner
    from services.runners.docker import DockerRunner
    from services.runs import RunService
    from services.secrets import SecretStore
    from services.storage.storage import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the command line and the controllers call. :meth:`close` ends what is open."""

    paths: AppPaths
    offline: OfflinePolicy
    proxy: ProxyPolicy
    settings: SettingsStore
    secrets: SecretStore
    secret_checks: SecretChecker
    database: Database
    datasets: DatasetLibrary
    configs: ConfigStore
    earlier_program: EarlierProgram
    runs: RunService
    history: RunHistory
    exports: ModelExport
    queue: RunQueue
    runtime: RuntimeEnvironment
    demo: Demo
    welcome: Welcome
    inference: InferenceEngine
    inspection: DataInspection
    probe: MemoryProbe
    learning: LearningCheck
    early: EarlyLook
    gpus: GpuProbe
    shapes: ModelShapes
    models: ModelLibrary
    peaks: MemoryRecords
    doctor: Doctor
    docker: DockerEngine
    images: ImageService
    preflight: ImagePreflight
    containers: DockerRunner
    remote: PodServices
    rented: RemoteRunner
    storage: Storage
    bundles: Bundles

    def close(self) -> None:
        """End the workers, throw away deleted datasets, close the database; runs go on."""
        self.datasets.close()
        self.inference.close()
        self.learning.close()
        self.gpus.close()
        self.containers.close()
        self.remote.close()
        self.rented.driver.close()
        self.docker.forget()
        self.offline.end()
        self.proxy.end()
        self.database.close()


def build_services(paths: AppPaths, offline: OfflinePolicy) -> Services:
    """Open the database and build all services. Blocking; AppError says what is wrong."""
    redact_logging()
    base = build_base(paths, offline)
    stores = build_stores(base)
    trainings = build_runs(base, stores)
    workers = build_workers(base, stores, trainings.builder)
    library, configs, runs = stores.library, stores.configs, trainings.runs

    def loaded() -> str:
        return workers.inference.base_model

    models = build_models(base.data_root, offline, base.hf_token, base.records, loaded)
    return Services(
        paths=paths,
        offline=offline,
        proxy=base.proxy,
        settings=base.settings,
        secrets=base.secrets,
        secret_checks=SecretChecker(base.secrets, offline),
        database=base.database,
        datasets=library,
        configs=configs,
        earlier_program=EarlierProgram(library, configs),
        runs=runs,
        history=_history(base, library, runs),
        exports=_exports(base),
        queue=RunQueue(runs, base.records, paths.home / "queue.lock"),
        runtime=base.runtime,
        demo=_demo(base, library, configs),
        welcome=Welcome(base.database),
        inference=workers.inference,
        inspection=workers.inspection,
        probe=MemoryProbe(
            trainings.builder,
            runs.starter,
            library,
            workers.places.place,
            stores.peaks,
            offline.is_offline,
        ),
        learning=workers.learning,
        early=EarlyLook(
            workers.learning, workers.inspection, library, models.inventory, base.runtime
        ),
        gpus=base.gpus,
        shapes=stores.shapes,
        models=models,
        peaks=stores.peaks,
        doctor=Doctor(partial(probes_of, _patient(base, stores))),
        docker=base.engine,
        images=stores.images,
        preflight=trainings.preflight,
        containers=trainings.containers,
        remote=build_pods(base, stores, trainings.rented.driver),
        rented=trainings.rented,
        storage=build_storage(base, stores, trainings.forecaster, loaded),
        bundles=build_bundles(base, stores, trainings, workers.places, models),
    )


def _history(base: Base, library: DatasetLibrary, runs: RunService) -> RunHistory:
    surroundings = Surroundings(lambda: installed_versions(site_packages(base.runtime.python)))
    return RunHistory(base.database, runs, library, base.deleting_lock, surroundings)


def _exports(base: Base) -> ModelExport:
    exports = ModelExport(base.runtime, base.place_code, base.paths.home / "exports")
    exports.recover()
    return exports


def _demo(base: Base, library: DatasetLibrary, configs: ConfigStore) -> Demo:
    model = SampleModel(base.data_root, base.runtime, base.place_code, base.offline.is_offline)
    return Demo(resource("demo.yaml"), model, library, configs)


def _patient(base: Base, stores: Stores) -> Patient:
    return Patient(
        home=base.paths.home,
        database=base.paths.database,
        data_root=base.data_root,
        hardware=base.gpus.probe,
        environment=base.runtime,
        engine=base.engine,
        images=stores.images,
        secrets=base.secrets,
        is_offline=base.offline.is_offline,
        proxy=lambda: base.settings.values().proxy,
    )
