"""What a remote training will cost, said before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.pod import Balance

DISK_PRICE = 0.10
"""Dollars a month for a GB of a pod's own disk (Runpod's price list, September 2026)."""
VOLUME_PRICE, LARGE_VOLUME_PRICE, LARGE_VOLUME = 0.07, 0.05, 1000
"""Dollars a month for a GB of a network volume, and for one above so many GB."""
HOURS_A_MONTH = 730.0
SETUP_SECONDS = 600.0
"""Allowed for renting, pulling the image, uploading and bringing the adapter home: 8.5 GB of image
take three and a half minutes where they were measured."""
LEAST_HOURS = 1.0
"""Runpod rents nothing to an account that cannot pay for an hour."""


@dataclass(frozen=True, slots=True)
class PodPrice:
    """What is rented: dollars an hour for all GPUs, disks in GB, and the user's two limits."""

    per_hour: float
    disk: int
    volume: int
    max_hours: float
    max_cost: float


@dataclass(frozen=True, slots=True)
class PodQuote:
    """Dollars, and seconds. What is expected is None where the time cannot be told.

    ``most_seconds`` is when the pod is ended whatever happens, ``most_cost`` what it has then cost;
    ``volume_a_month`` goes on for as long as the network volume is kept.
    """

    per_hour: float
    expected_seconds: float | None
    expected_cost: float | None
    most_seconds: float
    most_cost: float
    volume_a_month: float
    warnings: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        """Lines for a person: price, what is expected, the limit, then warnings."""
        expected = "How long it takes is not known for this GPU."
        if self.expected_seconds is not None and self.expected_cost is not None:
            time, cost = hours(self.expected_seconds), dollars(self.expected_cost)
            expected = f"Expected: about {time} and {cost}, with setting up."
        limit = f"At most {dollars(self.most_cost)}: ended after {hours(self.most_seconds)}."
        lines = [f"{dollars(self.per_hour)} an hour.", expected, limit]
        if self.volume_a_month:
            kept = dollars(self.volume_a_month)
            lines.append(f"The network volume costs {kept} a month for as long as it is kept.")
        return (*lines, *self.warnings)


def quote(
    price: PodPrice, training_seconds: float | None, balance: Balance | None = None
) -> PodQuote:
    """The costs of a run that trains for so long; None where that is not known.

    Whichever of the two limits comes first is the limit.
    """
    rate = price.per_hour + price.disk * DISK_PRICE / HOURS_A_MONTH
    most = min(price.max_hours * 3600, price.max_cost / rate * 3600 if rate else float("inf"))
    expected = None if training_seconds is None else training_seconds + SETUP_SECONDS
    cost = None if expected is None else expected / 3600 * rate
    return PodQuote(
        rate,
        expected,
        cost,
        most,
        most / 3600 * rate,
        volume_price(price.volume),
        tuple(_warnings(rate, expected, most, balance)),
    )


def volume_price(size: int) -> float:
    """Dollars a month for a network volume of so many GB."""
    return size * (LARGE_VOLUME_PRICE if size > LARGE_VOLUME else VOLUME_PRICE)


def _warnings(
    rate: float, expected: float | None, most: float, balance: Balance | None
) -> list[str]:
    found = []
    if expected is not None and expected > most:
        found.append(
            "The limit ends it before it is expected to be done: its last checkpoint is kept."
        )
    if balance is None:
        return found
    if balance.left < rate * LEAST_HOURS:
        left, need = dollars(balance.left), dollars(rate * LEAST_HOURS)
        found.append(f"The balance of {left} is too low: Runpod wants {need}, one hour, to start.")
    elif balance.left < rate * most / 3600:
        found.append(
            f"The balance of {dollars(balance.left)} ends before the limit does:"
            " Runpod then ends the pod."
        )
    limit = balance.spend_limit
    if limit is not None and balance.spend_per_hour + rate > limit:
        found.append(f"The account's limit of {dollars(limit)} an hour would be passed.")
    return found


def dollars(amount: float) -> str:
    """``$1,234.50``; what is less than half a cent but not nothing is ``under $0.01``."""
    return "under $0.01" if 0 < amount < 0.005 else f"${amount:,.2f}"


def hours(seconds: float) -> str:
    """``45 minutes``, ``2 h 10 min``."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} minute" + ("" if minutes == 1 else "s")
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes % 60 else f"{minutes // 60} h"
