"""Builds what nearly every other service is made with: settings, secrets, the trainer's places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.paths import code_root
from models.db.database import Database
from models.domain.secrets import HF_TOKEN
from services.app_settings import SettingsStore
from services.docker.engine import DockerEngine
from services.environment.runtime_env import RuntimeEnvironment
from services.gpu_probe import GpuProbe
from services.install_id import InstallId
from services.keychain import SystemKeychain
from services.proxy import ProxyPolicy
from services.run_records import RunRecords
from services.secrets import SecretStore
from services.trainer_code import place_trainer_code

if TYPE_CHECKING:
    from app.paths import AppPaths
    from services.offline import OfflinePolicy
    from services.trainer_code import TrainerCode


@dataclass(frozen=True, slots=True)
class Base:
    """One of each. Its methods are what services are told to ask, for the answers may change."""

    paths: AppPaths
    offline: OfflinePolicy
    proxy: ProxyPolicy
    database: Database
    settings: SettingsStore
    keychain: SystemKeychain
    secrets: SecretStore
    install_id: InstallId
    runtime: RuntimeEnvironment
    gpus: GpuProbe
    engine: DockerEngine

    @property
    def trainer(self) -> Path:
        """The trainer's code, as it lies beside the program's."""
        return code_root() / "trainer_image"

    @property
    def records(self) -> RunRecords:
        """The runs in the database."""
        return RunRecords(self.database)

    @property
    def scratch(self) -> Path:
        """Where bundles are made and taken in, on the disk of the home."""
        return self.paths.home / "offline"

    @property
    def deleting_lock(self) -> Path:
        """Held by whoever deletes runs or cleans the disk."""
        return self.paths.home / "deleting.lock"

    def data_root(self) -> Path:
        """The data folder of setups that name none."""
        return Path(self.settings.values().data_root or self.paths.data)

    def hf_token(self) -> str | None:
        """The token of Hugging Face, if there is one."""
        return self.secrets.get(HF_TOKEN)

    def place_code(self) -> TrainerCode:
        """The trainer's code where runs find it, also after an update of the program."""
        return place_trainer_code(self.trainer, self.paths.trainer_code)

    def gpu_indexes(self) -> list[int]:
        """The GPUs of this computer, by their numbers."""
        return [gpu.index for gpu in self.gpus.probe().gpus]


def build_base(paths: AppPaths, offline: OfflinePolicy) -> Base:
    """Open the database; from now on Offline mode and the proxy are those of the settings."""
    database = Database.open(paths.database)
    settings, proxy = SettingsStore(database), ProxyPolicy()
    offline.start(settings)
    proxy.start(settings)
    keychain = SystemKeychain()
    return Base(
        paths=paths,
        offline=offline,
        proxy=proxy,
        database=database,
        settings=settings,
        keychain=keychain,
        secrets=SecretStore(keychain),
        install_id=InstallId(database),
        runtime=build_runtime(paths, offline),
        gpus=GpuProbe(),
        engine=DockerEngine(is_offline=offline.is_offline),
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
