"""The only place that builds services and wires them together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.build_models import build_models
from app.build_offline import BundleParts, Bundles, build_bundles
from app.build_pods import PodParts, PodServices, build_pods
from app.build_remote import RemoteParts, build_remote
from app.build_storage import StorageParts, build_storage
from app.paths import AppPaths, code_root, resource
from models.db.database import Database
from models.domain.config import RUNTIME_DOCKER, RUNTIME_PYTHON, RUNTIME_RUNPOD
from models.domain.secrets import HF_TOKEN
from services.app_settings import SettingsStore
from services.configs import ConfigStore
from services.data_inspection import DataInspection
from services.dataset_import.container_exporting import ContainerExporters
from services.dataset_import.exporting import TrainerExporters
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.demo import Demo
from services.docker.docker_logins import DockerLogins
from services.docker.engine import DockerEngine
from services.docker.image_facts_store import ImageFactsStore
from services.docker.image_preflight import ImagePreflight
from services.docker.images import ImageService
from services.docker.logins import LoginStore
from services.doctor.doctor import Doctor
from services.doctor.probes import Patient, probes_of
from services.earlier_program import EarlierProgram
from services.early_look import EarlyLook
from services.environment.installed_packages import installed_versions
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.sample_model import SampleModel
from services.gpu_count import ProcessCount
from services.gpu_probe import GpuProbe
from services.hub_check import HubCheck
from services.inference_engine import InferenceEngine
from services.install_id import InstallId
from services.job_builder import JobBuilder
from services.keychain import SystemKeychain
from services.learning_check import LearningCheck
from services.memory_probe import MemoryProbe
from services.memory_records import MemoryRecords
from services.model_export import ModelExport
from services.model_shapes import ModelShapes
from services.proxy import ProxyPolicy
from services.redaction import redact_logging
from services.run_history import RunHistory
from services.run_queue import RunQueue
from services.run_record import Surroundings, site_packages
from services.run_records import RunRecords
from services.runners.docker import DockerRunner
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.secret_checks import SecretChecker
from services.secrets import SecretStore
from services.start_needs import StartNeeds
from services.storage.forecast import StorageForecaster
from services.trainer_code import place_trainer_code
from services.welcome import Welcome
from services.worker_places import WorkerPlaces

if TYPE_CHECKING:
    from services.models.library import ModelLibrary
    from services.offline import OfflinePolicy
    from services.remote.runner import RemoteRunner
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
    database = Database.open(paths.database)
    settings, proxy = SettingsStore(database), ProxyPolicy()
    offline.start(settings)
    proxy.start(settings)
    keychain = SystemKeychain()
    secrets = SecretStore(keychain)
    hf_token = partial(secrets.get, HF_TOKEN)

    def data_root() -> Path:
        return Path(settings.values().data_root or paths.data)

    store = DatasetStore(paths.datasets)
    configs = ConfigStore(database)
    trainer = code_root() / "trainer_image"
    place_code = partial(place_trainer_code, trainer, paths.trainer_code)
    runtime, gpus, engine = (
        build_runtime(paths, offline),
        GpuProbe(),
        DockerEngine(is_offline=offline.is_offline),
    )
    install_id = InstallId(database)
    images = ImageService(
        engine,
        offline,
        LoginStore(keychain, DockerLogins(os.environ, Path.home())),
        trainer,
        wanted=configs.images,
    )
    exporters = TrainerExporters(
        runtime,
        place_code,
        data_root,
        offline,
        hf_token,
        ContainerExporters(engine, images, install_id, place_code, data_root),
    )
    sample = resource("samples/python-docs.jsonl")
    library = DatasetLibrary(database, store, sample, exporters)
    library.sweep()
    catalogue = resource("base_models.toml")
    shapes = ModelShapes(catalogue, data_root, offline, hf_token)
    peaks = MemoryRecords(database, shapes)

    def gpu_indexes() -> list[int]:
        return [gpu.index for gpu in gpus.probe().gpus]

    preflight = ImagePreflight(engine, install_id, ImageFactsStore(database), trainer, gpus.probe)
    containers = DockerRunner(engine, hf_token, install_id, gpu_indexes, preflight.problems)
    patient = Patient(
        home=paths.home,
        database=paths.database,
        data_root=data_root,
        hardware=gpus.probe,
        environment=runtime,
        engine=engine,
        images=images,
        secrets=secrets,
        is_offline=offline.is_offline,
        proxy=lambda: settings.values().proxy,
    )
    rented = build_remote(
        RemoteParts(
            database,
            secrets,
            keychain,
            offline,
            install_id,
            place_code,
            shapes,
            peaks,
            library,
            trainer,
        )
    )
    processes = ProcessCount(gpus.probe, engine.info)
    builder = JobBuilder(library, data_root, hf_token, processes)
    runs = RunService(
        records=RunRecords(database),
        library=library,
        builder=builder,
        runners={
            RUNTIME_PYTHON: ProcessRunner(lambda: runtime.python, hf_token, gpu_indexes),
            RUNTIME_DOCKER: containers,
            RUNTIME_RUNPOD: rented,
        },
        code=place_code,
        offline=offline,
        on_finished=peaks.record,
    )
    forecaster = StorageForecaster(
        RunRecords(database), shapes, library, builder.data_root, lambda: len(gpus.probe().gpus)
    )
    runs.starter.also_ask(StartNeeds(hf_token, forecaster.forecast))
    places = WorkerPlaces(
        runtime=runtime,
        engine=engine,
        images=images,
        install_id=install_id,
        code=place_code,
        log=paths.logs / "inference.log",
        offline=offline,
    )
    looks = paths.home / "inspections"
    inspection = DataInspection(places.inspection, looks, lambda: place_code().sha256)
    rows = DataInspection(places.inspection, looks, lambda: place_code().sha256)
    hub = HubCheck(library, inspection, hf_token, looks)
    learning = LearningCheck(library, inspection, rows, builder, hub, offline.is_offline)
    inference = InferenceEngine(places.place)
    models = build_models(
        data_root, offline, hf_token, RunRecords(database), lambda: inference.base_model
    )
    return Services(
        paths=paths,
        offline=offline,
        proxy=proxy,
        settings=settings,
        secrets=secrets,
        secret_checks=SecretChecker(secrets, offline),
        database=database,
        datasets=library,
        configs=configs,
        earlier_program=EarlierProgram(library, configs),
        runs=runs,
        history=RunHistory(
            database,
            runs,
            library,
            paths.home / "deleting.lock",
            Surroundings(lambda: installed_versions(site_packages(runtime.python))),
        ),
        exports=ModelExport(runtime, place_code),
        queue=RunQueue(runs, RunRecords(database), paths.home / "queue.lock"),
        runtime=runtime,
        demo=Demo(
            resource("demo.yaml"),
            SampleModel(data_root, runtime, place_code, offline.is_offline),
            library,
            configs,
        ),
        welcome=Welcome(database),
        inference=inference,
        inspection=inspection,
        probe=MemoryProbe(builder, runs.starter, library, places.place, peaks, offline.is_offline),
        learning=learning,
        early=EarlyLook(learning, inspection, library, models.inventory, runtime),
        gpus=gpus,
        shapes=shapes,
        models=models,
        peaks=peaks,
        doctor=Doctor(partial(probes_of, patient)),
        docker=engine,
        images=images,
        preflight=preflight,
        containers=containers,
        remote=build_pods(
            PodParts(database, secrets, offline, install_id, shapes, library, peaks, rented.driver)
        ),
        rented=rented,
        storage=build_storage(
            StorageParts(
                paths=paths,
                database=database,
                library=library,
                images=images.list,
                data_root=data_root,
                forecaster=forecaster,
                runtime=runtime,
                code=place_code,
                loaded=lambda: inference.base_model,
                scratch=paths.home / "offline",
            )
        ),
        bundles=build_bundles(
            BundleParts(
                database=database,
                images=images,
                models=models,
                starter=runs.starter,
                places=places,
                peaks=peaks,
                configs=configs,
                library=library,
                builder=builder,
                runtime=runtime,
                data_root=data_root,
                scratch=paths.home / "offline",
            )
        ),
    )


def build_runtime(paths: AppPaths, offline: OfflinePolicy) -> RuntimeEnvironment:
    """The trainer's managed environment."""
    trainer = code_root() / "trainer_image"
    return RuntimeEnvironment(
        paths.runtime,
        trainer / "requirements.txt",
        trainer / "requirements.lock",
        is_offline=offline.is_offline,
    )
