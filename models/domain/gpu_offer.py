"""GPUs to rent: what there is, what fits a training, and in which order to try them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.auto_set import FREE_SHARE, gigabytes
from models.domain.gpu_speed import peak_tflops
from models.domain.pod import CLOUD_WORDS, SECURE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NVIDIA = "NVIDIA"
_DRIVER_SHARE = 0.93
"""What is left of the nominal size, taken as 2^30 bytes to the GB: cards whose error correction
takes a part of the memory show 45 of 48 GB and 22.5 of 24 GB, others 98 % and more."""


class Stock(StrEnum):
    """How many there are at the moment, as Runpod says it."""

    NONE = "NONE"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    UNKNOWN = "UNKNOWN"

    @property
    def rank(self) -> int:
        """Higher is more; what is not known is tried before what is low."""
        order = (Stock.NONE, Stock.LOW, Stock.UNKNOWN, Stock.MEDIUM, Stock.HIGH)
        return order.index(self)


class Fit(StrEnum):
    """Whether a training's predicted memory fits a GPU; ``tight`` as the memory bar says it."""

    GOOD = "good"
    TIGHT = "tight"
    OVER = "over"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GpuOffer:
    """A GPU type in one of the clouds. ``memory`` in GB and ``price`` in $ an hour are of one GPU.

    ``stock`` is for the number of GPUs that was asked for, ``data_centers`` the same by place.
    ``cuda`` are versions of CUDA that machines with it have at the moment; empty: not said.
    """

    gpu: str
    name: str
    memory: int
    cloud: str
    price: float
    most: int
    stock: Stock = Stock.UNKNOWN
    data_centers: Mapping[str, Stock] = field(default_factory=dict)
    cuda: tuple[str, ...] = ()
    manufacturer: str = NVIDIA

    @property
    def usable(self) -> int:
        """Bytes that a program finds on it, at least."""
        return round(self.memory * _DRIVER_SHARE * 2**30)

    def fit(self, need: int | None) -> Fit:
        """Whether a predicted peak of ``need`` bytes fits **one** of them.

        More GPUs share the rows, not the model: each holds all of it.
        """
        if need is None:
            return Fit.UNKNOWN
        if need > self.usable:
            return Fit.OVER
        return Fit.TIGHT if need > FREE_SHARE * self.usable else Fit.GOOD

    def words(self) -> str:
        """``RTX 4090, 24 GB, Secure Cloud, $0.74 an hour``."""
        cloud = CLOUD_WORDS.get(self.cloud, self.cloud)
        return f"{self.name}, {self.memory} GB, {cloud}, ${self.price:.2f} an hour"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a configuration asks for. Empty texts: any. ``need`` is the predicted peak in bytes.

    ``data_center`` is also set by a network volume, which pods reach only from its own place and
    only in the Secure Cloud.
    """

    gpu: str = ""
    count: int = 1
    cloud: str = SECURE
    data_center: str = ""
    need: int | None = None
    with_volume: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """One attempt to rent; ``data_center`` may be empty: wherever there is one."""

    offer: GpuOffer
    data_center: str = ""

    def words(self) -> str:
        """``RTX 4090 (Secure Cloud, EU-RO-1)``."""
        place = f", {self.data_center}" if self.data_center else ""
        return f"{self.offer.name} ({CLOUD_WORDS.get(self.offer.cloud, self.offer.cloud)}{place})"


def suiting(offers: Iterable[GpuOffer], wanted: Wanted) -> tuple[GpuOffer, ...]:
    """The offers that a training can use, in stock or not; "fits this job" of the catalogue."""
    return tuple(offer for offer in offers if not objection(offer, wanted))


def objection(offer: GpuOffer, wanted: Wanted) -> str:
    """Why this offer does not suit, in a sentence; empty where it does."""
    if offer.manufacturer.upper() != NVIDIA:
        return "The trainer needs an NVIDIA GPU."
    if wanted.gpu and offer.gpu != wanted.gpu:
        return "Another GPU is chosen."
    if wanted.with_volume and offer.cloud != SECURE:
        return "Only the Secure Cloud has network volumes."
    if offer.cloud != wanted.cloud:
        return f"The {CLOUD_WORDS.get(wanted.cloud, wanted.cloud)} is chosen."
    if offer.most < wanted.count:
        return f"One pod has {offer.most} of them at most, {wanted.count} are wanted."
    if offer.fit(wanted.need) is Fit.OVER:
        need = gigabytes(wanted.need or 0)
        return f"The training needs {need} on each GPU, it has {gigabytes(offer.usable)}."
    return ""


def in_stock(offer: GpuOffer, data_center: str = "") -> Stock:
    """What there is of it in a data centre; where nothing is said of the place, overall."""
    if data_center and offer.data_centers:
        return offer.data_centers.get(data_center, Stock.NONE)
    return offer.stock


def candidates(
    offers: Iterable[GpuOffer], wanted: Wanted, *, fastest: bool
) -> tuple[Candidate, ...]:
    """What to try to rent, best first: strongest or cheapest; of equals the fuller stock.

    Left out is what does not suit and what is said to be sold out. Where no place is wanted, each
    offer is tried place by place, and at last without naming one.
    """
    found: list[Candidate] = []
    for offer in sorted(suiting(offers, wanted), key=lambda one: _order(one, fastest=fastest)):
        places = [wanted.data_center] if wanted.data_center else [*_places(offer), ""]
        found += [Candidate(offer, place) for place in places if in_stock(offer, place).rank]
    return tuple(found)


def _places(offer: GpuOffer) -> list[str]:
    """Data centres that have it, the fullest stock first."""
    return sorted(offer.data_centers, key=lambda place: (-offer.data_centers[place].rank, place))


def _order(offer: GpuOffer, *, fastest: bool) -> tuple[float, ...]:
    if fastest:
        return (-peak_tflops(offer.gpu), -offer.memory, offer.price, -offer.stock.rank)
    return (offer.price, -offer.stock.rank, -peak_tflops(offer.gpu), -offer.memory)
