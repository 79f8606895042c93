"""Builds what looks after rented pods and their money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.secrets import S3_ACCESS_KEY, S3_SECRET_KEY
from services.remote.ensuring import PodInfrastructure
from services.remote.money import Bills
from services.remote.pods import PodService
from services.remote.quotes import PodQuotes
from services.remote.reaper import Reaper
from services.runpod.account import RunpodAccount
from services.runpod.catalogue import GpuCatalogue

if TYPE_CHECKING:
    from app.build_base import Base
    from app.build_stores import Stores
    from services.remote.driver import RemoteDriver


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


def build_pods(base: Base, stores: Stores, driver: RemoteDriver) -> PodServices:
    """Nothing is asked of Runpod yet. ``driver`` is the one of the pods' runs."""
    account = RunpodAccount(base.secrets, base.offline)
    attempts = driver.tools.store
    pods = PodService(account, attempts, base.install_id.known, wake=driver.wake)
    bills = Bills(account, attempts, base.records)
    quotes = PodQuotes(
        account,
        GpuCatalogue(),
        stores.shapes,
        stores.library,
        stores.peaks.factor,
        lambda: bool(base.hf_token()),
        lambda: all(base.secrets.get(name) for name in (S3_ACCESS_KEY, S3_SECRET_KEY)),
    )
    infrastructure = PodInfrastructure(account, quotes)
    return PodServices(
        pods, quotes, infrastructure, Reaper(pods, bills=bills, drive=driver.resume_all)
    )
