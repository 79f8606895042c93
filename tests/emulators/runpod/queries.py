"""Checks what stands behind the question mark: a known name with a bad value is refused, an unknown
name is not looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.emulators.runpod.schema import CLOUDS, EXACT_CUDA, VOLUME_TYPES, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Check = Callable[[str, str], Iterator[str]]

REGIONS = (
    "NORTH_AMERICA", "SOUTH_AMERICA", "EUROPE", "ASIA", "MIDDLE_EAST", "AFRICA", "OCEANIA",
    "ANTARCTICA", "UNKNOWN",
)  # fmt: skip
COMPLIANCE = (
    "GDPR", "ISO_IEC_27001", "ISO_14001", "PCI_DSS", "HITRUST", "SOC_1_TYPE_2", "SOC_2_TYPE_2",
    "SOC_3_TYPE_2", "ITAR", "FISMA_HIGH", "HIPAA", "RENEWABLE",
)  # fmt: skip
BUCKETS = ("hour", "day", "week", "month", "year")
SOURCES = ("container", "system")
_MOMENT = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)"
_MOMENT += r"(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"


def digits(least: int, most: int | None = None) -> Check:
    """A whole number."""

    def check(value: str, at: str) -> Iterator[str]:
        if not re.fullmatch(r"-?\d+", value):
            yield f"{at}: got string, want integer"
        elif int(value) < least:
            yield f"{at}: minimum: got {value}, want {least}"
        elif most is not None and int(value) > most:
            yield f"{at}: maximum: got {value}, want {most}"

    return check


def listed(of: Check, most: int | None = None) -> Check:
    """Several, with commas between them."""

    def check(value: str, at: str) -> Iterator[str]:
        parts = value.split(",")
        if most is not None and len(parts) > most:
            yield f"{at}: maxItems: got {len(parts)}, want {most}"
        for place, part in enumerate(parts):
            yield from of(part, f"{at}[{place}]")

    return check


def moment(value: str, at: str) -> Iterator[str]:
    """A date with a time, as of RFC 3339."""
    if not re.fullmatch(_MOMENT, value):
        yield f"{at}: '{value}' is not valid date-time"


_TRUTH = text(choices=("true", "false"))
PAGES: dict[str, Check] = {"cursor": text(1), "limit": digits(1, 1000)}
LOG: dict[str, Check] = {
    "source": text(choices=SOURCES), "tail": digits(0, 5000), "since": moment,
}  # fmt: skip
GPUS: dict[str, Check] = {
    "include": listed(text(choices=("AVAILABILITY",)), 1),
    "product": listed(text(choices=("POD", "CLUSTER", "SERVERLESS"))), "count": digits(1),
    "cloud": text(choices=CLOUDS), "countryCodes": listed(text(pattern="^[A-Z]{2}$")),
    "cudaVersions": listed(text(pattern=EXACT_CUDA)),
    "minCudaVersion": text(pattern=r"^\d+(\.\d+)?$"),
}  # fmt: skip
PLACE: dict[str, Check] = {
    "include": listed(text(choices=("GPU_AVAILABILITY", "CPU_AVAILABILITY"))),
}
PLACES = PLACE | {
    "regions": listed(text(choices=REGIONS)), "compliance": listed(text(choices=COMPLIANCE)),
    "networkVolumeTypes": listed(text(choices=VOLUME_TYPES)), "globalNetwork": _TRUTH,
}  # fmt: skip
BILLS: dict[str, Check] = {
    "startTime": moment, "endTime": moment, "bucketSize": text(choices=BUCKETS),
    "lastN": digits(1), "podId": text(),
}  # fmt: skip
_ID = "/[^/]+"
KNOWN: tuple[tuple[str, dict[str, Check]], ...] = (
    ("/pods", PAGES | {"includeClusterPods": _TRUTH}),
    (f"/pods{_ID}/logs", LOG),
    ("/templates", PAGES),
    ("/catalog/gpus", GPUS),
    (f"/catalog/gpus{_ID}", GPUS),
    ("/catalog/datacenters", PLACES),
    (f"/catalog/datacenters{_ID}", PLACE),
    ("/billing/pods", BILLS),
    ("/account/secrets", {"name": text()}),
)
"""What may be asked of a path after ``/v2``; nothing of any other."""


def known(path: str) -> dict[str, Check]:
    """The names that a path knows."""
    return next((names for pattern, names in KNOWN if re.fullmatch(pattern, path)), {})


def faults(path: str, query: Mapping[str, str]) -> list[str]:
    """What is wrong with a query; empty for a good one."""
    names = known(path)
    return [
        fault
        for name, value in query.items()
        if name in names
        for fault in names[name](value, name)
    ]
