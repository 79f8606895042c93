"""What Runpod rents and keeps: pods, network volumes, templates. Plain values, no calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SECURE, COMMUNITY = "SECURE", "COMMUNITY"
"""Runpod's two clouds: its data centres, and other people's computers (no network volumes)."""
CLOUD_WORDS = {SECURE: "Secure Cloud", COMMUNITY: "Community Cloud"}
DATA_PATH = "/data"
"""Where a network volume is mounted: the same place as in a local container."""
SMALLEST_VOLUME, LARGEST_VOLUME = 10, 4096
"""Of a network volume, in GB."""


class PodStatus(StrEnum):
    """Runpod's words. RUNNING also while an image is still pulled and while a container fails."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"
    UNKNOWN = "UNKNOWN"
    """A word that this program does not know."""


@dataclass(frozen=True, slots=True)
class NewPod:
    """What to rent: one kind of GPU, in one cloud, in one of the data centres (empty: anywhere).

    ``disk`` is the container's in GB. ``args`` in its JSON form (``{"entrypoint": [], "cmd": []}``)
    replaces what the image would start. ``env`` can be read by every key of the account, so nothing
    secret goes there. ``registry`` is the id of a login kept at Runpod.
    """

    name: str
    image: str
    gpu: str
    gpu_count: int = 1
    cloud: str = SECURE
    disk: int = 40
    data_centers: tuple[str, ...] = ()
    min_cuda: str = ""
    volume_id: str = ""
    volume_path: str = DATA_PATH
    ports: tuple[str, ...] = ()
    args: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    registry: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """A rented machine. ``cost`` is in dollars an hour for all of it, 0 when it is stopped.

    ``uptime`` counts seconds since the container's last start; None while no container runs,
    whatever the status says, and where its host did not tell of it in time. It goes backwards when
    a container is restarted.
    """

    id: str
    name: str
    status: PodStatus
    cost: float
    image: str = ""
    gpu: str = ""
    gpu_count: int = 0
    cloud: str = SECURE
    data_center: str = ""
    volume_id: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    uptime: int | None = None
    gpu_use: tuple[int, ...] = ()
    """Percent, of each GPU."""
    ssh_command: str = ""
    created: datetime | None = None
    started: datetime | None = None


@dataclass(frozen=True, slots=True)
class NetworkVolume:
    """A disk that outlives pods, in one data centre; ``size`` in GB."""

    id: str
    name: str
    size: int
    data_center: str


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """What a template holds. It can hold no GPU, region or network volume: a configuration does."""

    name: str
    image: str
    disk: int = 40
    ports: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    args: str = ""
    registry: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One of Runpod's places; ``stock`` by GPU type; ``has_volumes``: network volumes are there."""

    id: str
    name: str
    region: str
    has_volumes: bool
    stock: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Balance:
    """The account's money in dollars: what is left, what is spent an hour now, and its limit."""

    left: float
    spend_per_hour: float
    spend_limit: float | None = None


@dataclass(frozen=True, slots=True)
class PodLogLine:
    """One line of a pod's log. ``source`` is ``system`` (the machine) or ``container``."""

    id: str
    time: str
    source: str
    text: str
