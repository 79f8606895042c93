"""The GPUs that can be rented now, with their prices and what is in stock; kept for a minute."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.domain.pod import COMMUNITY, SECURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.gpu_offer import GpuOffer

FRESH_SECONDS = 60.0
"""Stock changes by the minute, and an account may ask 60 times a minute in all."""


class OfferSource(Protocol):
    """Whoever can be asked for the GPUs of a cloud."""

    def offers(self, cloud: str, count: int = 1, min_cuda: str = "") -> tuple[GpuOffer, ...]:
        """The GPU types of one cloud."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The offers of both clouds, cheapest first, and when they were asked for (Unix seconds)."""

    offers: tuple[GpuOffer, ...]
    asked: float


class GpuCatalogue:
    """Asks once a minute at most, for each number of GPUs, unless told to. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[tuple[int, str], Catalogue] = {}
        self._lock = threading.Lock()

    def load(
        self, source: OfferSource, *, count: int = 1, min_cuda: str = "", refresh: bool = False
    ) -> Catalogue:
        """What is known if it is fresh, else what Runpod says now. Raises what ``source`` does."""
        wanted = (count, min_cuda)
        with self._lock:
            known = self._known.get(wanted)
        if known is not None and not refresh and self._age(known) < FRESH_SECONDS:
            return known
        found = [
            offer
            for cloud in (SECURE, COMMUNITY)
            for offer in source.offers(cloud, count, min_cuda)
        ]
        found.sort(key=lambda offer: (offer.price, offer.name, offer.cloud))
        new = Catalogue(tuple(found), self._clock())
        with self._lock:
            self._known[wanted] = new
        return new

    def _age(self, known: Catalogue) -> float:
        """Seconds; a clock that was set back makes nothing fresh for ever."""
        age = self._clock() - known.asked
        return age if age >= 0 else FRESH_SECONDS
