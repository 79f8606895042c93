"""Builds what looks after rented pods and their money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.secrets import HF_TOKEN
from services.remote.ensuring import PodInfrastructure
from services.remote.money import Bills
from services.remote.pods import PodService
from services.remote.quotes import PodQuotes
from services.remote.reaper import Reaper
from services.remote.store import AttemptStore
from services.run_records import RunRecords
from services.runpod.account import RunpodAccount
from services.runpod.catalogue import GpuCatalogue

if TYPE_CHECKING:
    from models.db.database import Database
    from services.datasets import DatasetLibrary
    from services.install_id import InstallId
    from services.memory_records import MemoryRecords
    from services.model_shapes import ModelShapes
    from services.offline import OfflinePolicy
    from services.remote.driver import RemoteDriver
    from services.secrets import SecretStore


@dataclass(frozen=True, slots=True)
class PodServices:
    """``reaper`` does nothing before it is started, which the window does."""

    pods: PodService
    quotes: PodQuotes
    infrastructure: PodInfrastructure
    reaper: Reaper

    def close(self) -> None:
        """End what works in the background; pods go on."""
        self.reaper.close()


@dataclass(frozen=True, slots=True)
class PodParts:
    """What pods are looked after with, and who drives their runs."""

    database: Database
    secrets: SecretStore
    offline: OfflinePolicy
    install_id: InstallId
    shapes: ModelShapes
    library: DatasetLibrary
    peaks: MemoryRecords
    driver: RemoteDriver


def build_pods(parts: PodParts) -> PodServices:
    """Nothing is asked of Runpod yet."""
    account = RunpodAccount(parts.secrets, parts.offline)
    attempts = AttemptStore(parts.database)
    pods = PodService(account, attempts, parts.install_id.known, wake=parts.driver.wake)
    bills = Bills(account, attempts, RunRecords(parts.database))
    quotes = PodQuotes(
        account,
        GpuCatalogue(),
        parts.shapes,
        parts.library,
        parts.peaks.factor,
        lambda: bool(parts.secrets.get(HF_TOKEN)),
    )
    infrastructure = PodInfrastructure(account, quotes)
    return PodServices(
        pods, quotes, infrastructure, Reaper(pods, bills=bills, drive=parts.driver.resume_all)
    )
