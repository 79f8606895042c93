"""The doctor for when the database cannot be opened: then most of all one is needed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.build_base import build_runtime
from app.paths import code_root
from services.docker.docker_logins import DockerLogins
from services.docker.engine import DockerEngine
from services.docker.images import ImageService
from services.docker.logins import LoginStore
from services.doctor.doctor import Doctor
from services.doctor.probes import Patient, probes_of
from services.gpu_probe import GpuProbe
from services.keychain import SystemKeychain
from services.secrets import SecretStore

if TYPE_CHECKING:
    from app.paths import AppPaths
    from models.domain.errors import AppError
    from services.offline import OfflinePolicy


def emergency_doctor(paths: AppPaths, offline: OfflinePolicy, unopened: AppError) -> Doctor:
    """A doctor that knows no settings: those in force are the environment's and the defaults.

    Offline mode may have been chosen in the settings that nobody can read, so it keeps off the
    network. ``unopened`` is why there are none.
    """
    engine, keychain = DockerEngine(), SystemKeychain()
    logins = LoginStore(keychain, DockerLogins(os.environ, Path.home()))
    patient = Patient(
        home=paths.home,
        database=paths.database,
        data_root=lambda: paths.data,
        hardware=GpuProbe().probe,
        environment=build_runtime(paths, offline),
        engine=engine,
        images=ImageService(engine, offline, logins, code_root() / "trainer_image"),
        secrets=SecretStore(keychain),
        is_offline=lambda: True,
        proxy=lambda: "",
        unopened=unopened,
    )
    return Doctor(partial(probes_of, patient))
