"""Rented pods, and what they would cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.gpu_list import GpuList
from models.domain.pod_rows import PodEnd, PodRow, Swept
from services.remote.quotes import RemoteQuote

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig
    from models.domain.errors import AppError
    from models.domain.rented import RentedRun
from tests.qt.fakes.values import NOW


@dataclass
class FakePods:
    """Rented pods; ``stubborn`` ones are not gone however often they are ended."""

    there: tuple[PodRow, ...] = ()
    stubborn: set[str] = field(default_factory=set)
    fails: AppError | None = None
    calls: list[str] = field(default_factory=list)
    failing: dict[str, AppError] = field(default_factory=dict)
    """Why some of them cannot be ended, by their ids."""
    refuses: AppError | None = None
    """Why Runpod cannot be asked for a list."""

    def known(self) -> tuple[PodRow, ...]:
        return self.there

    def rows(self) -> tuple[PodRow, ...]:
        if self.refuses is not None:
            raise self.refuses
        return self.there

    def page(self, pod_id: str) -> str:
        return f"https://console.example/pods?id={pod_id}"

    def end(self, pod_id: str) -> PodEnd:
        self.calls.append(pod_id)
        if (error := self.failing.get(pod_id, self.fails)) is not None:
            raise error
        row = next(one for one in self.there if one.id == pod_id)
        if pod_id in self.stubborn:
            return PodEnd(row, gone=False, trouble="Runpod still lists it.")
        self.there = tuple(one for one in self.there if one.id != pod_id)
        return PodEnd(row, gone=True)


@dataclass
class FakeRented:
    """Pods of runs, by the runs' ids."""

    known: dict[str, RentedRun] = field(default_factory=dict)

    def seen(self, run_id: str) -> RentedRun | None:
        return self.known.get(run_id)


@dataclass
class FakeQuotes:
    """GPUs to rent and what they cost; ``asked`` are the setups, True where it was to be anew."""

    gpus: GpuList = field(default_factory=GpuList)
    quote: RemoteQuote = field(
        default_factory=lambda: RemoteQuote((), None, None, NOW, reason="Nothing is in stock.")
    )
    fails: AppError | None = None
    asked: list[tuple[TrainingConfig, bool]] = field(default_factory=list)

    def offers(self, config: TrainingConfig, *, refresh: bool = False) -> GpuList:
        self.asked.append((config, refresh))
        if self.fails is not None:
            raise self.fails
        return self.gpus

    def ask(self, config: TrainingConfig, *, refresh: bool = False) -> RemoteQuote:
        return self.quote


@dataclass
class FakeInfrastructure:
    """Network volume and template."""

    lines: tuple[str, ...] = ("Using the network volume.", "Using the template.")
    fails: AppError | None = None
    ensured: list[TrainingConfig] = field(default_factory=list)

    def ensure(self, config: TrainingConfig) -> tuple[str, ...]:
        self.ensured.append(config)
        if self.fails is not None:
            raise self.fails
        return self.lines


@dataclass
class FakeReaper:
    """Does nothing by itself; ``told`` is who would hear of a sweep."""

    told: Callable[[Swept], None] | None = None

    def start(self, told: Callable[[Swept], None] | None = None) -> None:
        self.told = told


@dataclass
class FakeRemote:
    """All about rented pods."""

    pods: FakePods = field(default_factory=FakePods)
    quotes: FakeQuotes = field(default_factory=FakeQuotes)
    infrastructure: FakeInfrastructure = field(default_factory=FakeInfrastructure)
    reaper: FakeReaper = field(default_factory=FakeReaper)
