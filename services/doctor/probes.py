"""Everything that the doctor looks at, with the limit of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.doctor import (
    COMPUTER,
    CONTAINERS,
    GRAPHICS,
    NETWORK,
    PROGRAM,
    PYTHON,
    Check,
)
from services.doctor import computer, containers, graphics, network, program
from services.doctor.containers import ContainerProbe
from services.doctor.doctor import Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.domain.errors import AppError
    from models.domain.hardware import Hardware
    from services.doctor.containers import Engine, Images
    from services.doctor.program import Environment, Secrets

_ENGINE_SECONDS = 12.0
"""The engine's own calls give up after ten seconds."""
_TRY_SECONDS = 25.0
"""A container that gets a GPU is started and removed; the first one wakes the driver up."""
_NETWORK_SECONDS = 10.0
_SILENT_NETWORK = (
    "Check the network connection, the proxy and the keychain, or turn Offline mode on."
)
_SILENT_ENGINE = "Restart Docker if it goes on."
_SILENT_DISK = "See whether a network drive is disconnected."
_SILENT_KEYCHAIN = "Unlock the keychain if it asks for that, then check again."


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. ``unopened`` is why the database could not be opened, if it could not."""

    home: Path
    database: Path
    data_root: Callable[[], Path]
    hardware: Callable[[], Hardware]
    environment: Environment
    engine: Engine
    images: Images
    secrets: Secrets
    is_offline: Callable[[], bool]
    proxy: Callable[[], str]
    is_engine_far: Callable[[], bool] = containers.is_engine_far
    unopened: AppError | None = None


def probes_of(patient: Patient) -> Sequence[Probe]:
    """The probes of now: nothing beyond this computer while the program is offline."""
    here = [*_computer(patient), *_docker(patient), *_program(patient)]
    return [*here, *_network(patient, is_offline=patient.is_offline())]


def _computer(patient: Patient) -> list[Probe]:
    def disks() -> list[Check]:
        return computer.disk_checks(patient.home, patient.data_root())

    def gpus() -> list[Check]:
        return graphics.gpu_checks(patient.hardware())

    return [
        Probe(COMPUTER, ("Version", "System"), computer.system_checks),
        Probe(COMPUTER, ("Processor",), _one(computer.processor_check)),
        Probe(COMPUTER, ("Memory",), _one(computer.memory_of_now)),
        Probe(COMPUTER, (computer.HOME_FOLDER,), disks, late=_SILENT_DISK),
        Probe(GRAPHICS, ("GPU",), gpus, late="Restart the computer if the driver goes on hanging."),
    ]


def _docker(patient: Patient) -> list[Probe]:
    def is_barred() -> bool:
        return patient.is_offline() and patient.is_engine_far()

    probe = ContainerProbe(patient.engine, patient.images, is_barred)

    def gpus() -> list[Check]:
        return probe.gpu_checks(patient.hardware())

    return [
        Probe(
            CONTAINERS, (containers.ENGINE,), probe.engine_checks, _ENGINE_SECONDS, _SILENT_ENGINE
        ),
        Probe(CONTAINERS, (containers.GPU_IN_CONTAINERS,), gpus, _TRY_SECONDS, _SILENT_ENGINE),
    ]  # fmt: skip


def _program(patient: Patient) -> list[Probe]:
    def python() -> list[Check]:
        return program.python_checks(patient.environment)

    def database() -> list[Check]:
        if patient.unopened is not None:
            return [program.unopened_database_check(patient.unopened)]
        return [program.database_check(patient.database)]

    def keychain() -> list[Check]:
        return [program.keychain_check(patient.secrets)]

    return [
        Probe(PYTHON, ("Python environment", "uv"), python),
        Probe(PROGRAM, ("Database",), database),
        Probe(PROGRAM, ("Keychain",), keychain, late=_SILENT_KEYCHAIN),
    ]


def _network(patient: Patient, *, is_offline: bool) -> list[Probe]:
    def use() -> list[Check]:
        return [network.offline_check(patient.is_offline(), is_known=patient.unopened is None)]

    def proxy() -> list[Check]:
        return [network.proxy_check(patient.proxy())]

    def hub() -> list[Check]:
        return network.hub_checks(patient.secrets, patient.is_offline)

    def runpod() -> list[Check]:
        return network.runpod_checks(patient.secrets, patient.is_offline)

    here = [Probe(NETWORK, ("Offline mode",), use), Probe(NETWORK, ("Proxy",), proxy)]
    if is_offline:
        return here
    limits = (_NETWORK_SECONDS, _SILENT_NETWORK)
    return [
        *here,
        Probe(NETWORK, (network.HUB, network.HUB_TOKEN), hub, *limits),
        Probe(NETWORK, (network.RUNPOD,), runpod, *limits),
    ]


def _one(look: Callable[[], Check]) -> Callable[[], list[Check]]:
    def checks() -> list[Check]:
        return [look()]

    return checks
