"""The GPUs of a cloud as they are shown before one is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.gpu_offer import Stock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.domain.gpu_offer import GpuOffer

STOCK_WORDS = {
    Stock.NONE: "none in stock",
    Stock.LOW: "few in stock",
    Stock.MEDIUM: "some in stock",
    Stock.HIGH: "many in stock",
    Stock.UNKNOWN: "stock unknown",
}


@dataclass(frozen=True, slots=True)
class GpuList:
    """``offers`` of the chosen cloud, cheapest first; ``objections`` say by the GPU's id why one
    does not suit the training. ``asked`` is when Runpod said so (seconds since the epoch)."""

    offers: tuple[GpuOffer, ...] = ()
    objections: Mapping[str, str] = field(default_factory=dict)
    asked: float = 0.0

    @property
    def suiting(self) -> tuple[GpuOffer, ...]:
        """Those that the training can use."""
        return tuple(offer for offer in self.offers if offer.gpu not in self.objections)

    @property
    def data_centers(self) -> tuple[str, ...]:
        """Places that have any of them."""
        return tuple(sorted({place for offer in self.offers for place in offer.data_centers}))


def offer_words(offer: GpuOffer) -> str:
    """``RTX A5000 · 24 GB · $0.27 an hour · few in stock``."""
    words = STOCK_WORDS[offer.stock]
    return f"{offer.name} · {offer.memory} GB · ${offer.price:.2f} an hour · {words}"
