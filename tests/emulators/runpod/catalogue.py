"""The GPUs and data centres that the emulator rents: a snapshot of Runpod's, prices partly guessed.

Ids and sizes are the documentation's of September 2026.
"""

from __future__ import annotations

from dataclasses import dataclass

SECURE, COMMUNITY = "SECURE", "COMMUNITY"


@dataclass(frozen=True)
class GpuType:
    """``memory`` in GB; prices in $ an hour, 0 where that cloud has none."""

    id: str
    name: str
    memory: int
    secure: float
    community: float
    most: int = 8
    manufacturer: str = "NVIDIA"

    def price(self, cloud: str) -> float:
        """Of one GPU in that cloud."""
        return self.secure if cloud == SECURE else self.community


_ROWS = (
    ("NVIDIA RTX A2000", "RTX A2000", 6, 0.20, 0.12),
    ("NVIDIA RTX A4000", "RTX A4000", 16, 0.25, 0.17),
    ("NVIDIA RTX A4500", "RTX A4500", 20, 0.25, 0.19),
    ("NVIDIA RTX 2000 Ada Generation", "RTX 2000 Ada", 16, 0.24, 0.0, 1),
    ("NVIDIA RTX A5000", "RTX A5000", 24, 0.27, 0.16),
    ("NVIDIA L4", "L4", 24, 0.44, 0.0),
    ("NVIDIA GeForce RTX 3090", "RTX 3090", 24, 0.46, 0.22),
    ("NVIDIA GeForce RTX 4080 SUPER", "RTX 4080 SUPER", 16, 0.50, 0.28),
    ("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.74, 0.34),
    ("NVIDIA GeForce RTX 5090", "RTX 5090", 32, 0.99, 0.69),
    ("NVIDIA A40", "A40", 48, 0.44, 0.0),
    ("NVIDIA RTX A6000", "RTX A6000", 48, 0.49, 0.33),
    ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", 48, 0.77, 0.74),
    ("NVIDIA L40", "L40", 48, 0.99, 0.69),
    ("NVIDIA L40S", "L40S", 48, 1.09, 0.79),
    ("NVIDIA A100 80GB PCIe", "A100 PCIe", 80, 1.79, 1.19),
    ("NVIDIA A100-SXM4-80GB", "A100 SXM", 80, 1.79, 1.39),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", 96, 1.89, 1.69),
    ("NVIDIA H100 PCIe", "H100 PCIe", 80, 2.89, 1.99),
    ("NVIDIA H100 NVL", "H100 NVL", 94, 3.19, 2.59),
    ("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 3.99, 2.69),
    ("NVIDIA H200", "H200 SXM", 141, 4.59, 3.59),
    ("NVIDIA B200", "B200", 180, 6.79, 5.98),
    ("NVIDIA B300 SXM6 AC", "B300", 288, 7.89, 6.94),
)
GPUS = {row[0]: GpuType(*row) for row in _ROWS} | {
    "AMD Instinct MI300X OAM": GpuType(
        "AMD Instinct MI300X OAM", "MI300X", 192, 2.39, 0.0, 8, "AMD"
    )
}
WITH_VOLUMES = (
    "EU-CZ-1", "EU-RO-1", "EUR-IS-1", "EUR-NO-1", "US-CA-2", "US-GA-2", "US-IL-1", "US-KS-2",
    "US-MD-1", "US-MO-1", "US-MO-2", "US-NC-1", "US-NC-2", "US-NE-1", "US-WA-1",
)  # fmt: skip
"""Those that have network volumes with an S3 service."""
WITHOUT_VOLUMES = ("US-TX-3", "CA-MTL-3")
DATA_CENTERS = (*WITH_VOLUMES, *WITHOUT_VOLUMES)
VCPUS, RAM = 8, 48
"""Processors, and GB of memory, that come with each GPU of any machine."""
CPU_FLAVOURS = {"cpu3c": 2, "cpu3g": 4, "cpu3m": 8, "cpu5c": 2, "cpu5g": 4, "cpu5m": 8}
"""GB of memory with each processor."""
CUDA_VERSIONS = ("12.4", "12.8", "13.0")
"""Of the machines' drivers; whoever names no least version is given the oldest."""


def region(place: str) -> str:
    """The continent of a data centre, in the catalogue's words."""
    return "NORTH_AMERICA" if place.startswith(("US-", "CA-")) else "EUROPE"


def country(place: str) -> str:
    """``RO`` of ``EU-RO-1``, ``US`` of ``US-KS-2``."""
    first, second, *_ = place.split("-")
    return first if first in {"US", "CA"} else second


def version(text: str) -> tuple[int, ...]:
    """A version as numbers, to compare."""
    return tuple(int(part) for part in text.split("."))


@dataclass
class Stock:
    """How many GPUs there are: by type, cloud and data centre."""

    free: dict[tuple[str, str, str], int]

    @classmethod
    def usual(cls) -> Stock:
        """Every type in three data centres, of which one has no volumes; few of the largest."""
        places = ("EU-RO-1", "US-KS-2", "US-TX-3")
        return cls(
            {
                (gpu.id, cloud, place): 2 if gpu.memory > 96 else 16
                for gpu in GPUS.values()
                for cloud in (SECURE, COMMUNITY)
                for place in places
                if gpu.price(cloud)
            }
        )

    def sell_out(self, gpu: str = "", cloud: str = "", place: str = "") -> None:
        """Let there be none; empty: of all types, in all clouds, in all places."""
        for at in self.free:
            if all(
                not wish or wish == one for wish, one in zip((gpu, cloud, place), at, strict=True)
            ):
                self.free[at] = 0

    def place_for(self, gpu: str, cloud: str, count: int, wanted: list[str]) -> str:
        """The fullest data centre that has so many; empty when there is none."""
        able = [
            (-free, place)
            for (one, where, place), free in self.free.items()
            if (one, where) == (gpu, cloud) and free >= count and (not wanted or place in wanted)
        ]
        return min(able)[1] if able else ""

    def level(self, gpu: str, clouds: tuple[str, ...], count: int, place: str = "") -> str:
        """The word of the catalogue."""
        free = max(
            (n for (one, where, at), n in self.free.items()
             if one == gpu and where in clouds and (not place or at == place)),
            default=0,
        )  # fmt: skip
        if free < count:
            return "NONE"
        return "LOW" if free < 4 else "MEDIUM" if free < 12 else "HIGH"
