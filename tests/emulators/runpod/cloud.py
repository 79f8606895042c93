"""One account with all that it has: keys, money, pods, volumes, templates."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod import command
from tests.emulators.runpod.catalogue import CUDA_VERSIONS, RAM, VCPUS, Stock
from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.faults import Faults
from tests.emulators.runpod.machines import Container, ProcessMachine
from tests.emulators.runpod.pods import Delays, Image, Pod

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.runpod.machines import Machine

FOREVER = ("python3", "-c", "import time; time.sleep(1e6)")
CHECK_SECONDS = 300.0
"""Between looks whether the account can still pay."""
_SECRET = re.compile(r"\{\{ RUNPOD_SECRET_([^ }]+) \}\}")


@dataclass
class Key:
    """``pod`` of a key that belongs to one; ``is_restricted``: may do nothing with pods."""

    is_restricted: bool = False
    is_expired: bool = False
    pod: str = ""


@dataclass
class Volume:
    """``folder`` holds what is on it; ``limit`` are bytes, the size that was paid for."""

    id: str
    name: str
    size: int
    data_center: str
    folder: Path
    kind: str = "STANDARD"
    full_at: int | None = None
    foreign: bool | None = None
    """Whether it belongs to root while the image's user is another one."""

    def __setattr__(self, name: str, value: Any) -> None:
        """What changes is noted beside the folder, where pods' processes look."""
        object.__setattr__(self, name, value)
        if name in ("full_at", "foreign"):
            note = self.folder.with_name(f"{self.folder.name}.{name.removesuffix('_at')}")
            note.unlink(missing_ok=True)
            if value is not None:
                note.write_text(str(value))

    @property
    def limit(self) -> int:
        """Bytes that fit; ``full_at`` makes it smaller than what was paid for."""
        return self.size * 10**9 if self.full_at is None else self.full_at

    def used(self) -> int:
        """Bytes of all files."""
        return sum(one.stat().st_size for one in self.folder.rglob("*") if one.is_file())

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id, "name": self.name, "size": self.size, "dataCenter": self.data_center,
            "type": self.kind,
        }  # fmt: skip


@dataclass
class Cloud:
    """Guard it with ``lock``; call :meth:`advance` before looking at it."""

    clock: Clock = field(default_factory=Clock)
    keys: dict[str, Key] = field(default_factory=dict)
    s3_keys: dict[str, str] = field(default_factory=dict)
    balance: float = 100.0
    spend_limit: float = 80.0
    stock: Stock = field(default_factory=Stock.usual)
    delays: Delays = field(default_factory=Delays)
    faults: Faults = field(default_factory=Faults)
    images: dict[str, Image] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    registries: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    machine: Callable[[], Machine] = ProcessMachine
    own_urls: dict[str, str] = field(default_factory=dict)
    """Variables that tell a pod where this emulator is, since it is not where Runpod is."""
    ended: dict[str, float] = field(default_factory=dict)
    """What pods that are gone have cost."""
    ended_at: dict[str, float] = field(default_factory=dict)
    """When they went, by the emulator's clock."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    folder: Path | None = None
    """Of what is on volumes; made with the first one."""

    def __post_init__(self) -> None:
        self._paid_until = self._checked = self.clock.now()

    def advance(self) -> None:
        """Let pods live and money flow until now."""
        with self.lock:
            for pod in self.pods.values():
                pod.advance(self.delays)
            self._bill()

    def close(self) -> None:
        """End all pods, remove all files."""
        with self.lock:
            for pod in list(self.pods.values()):
                self.end_pod(pod.id)
            if self.folder is not None:
                shutil.rmtree(self.folder, ignore_errors=True)

    def add_image(self, name: str, *command: str, cuda: str = "12.4", layers: int = 4) -> None:
        """An image that can be pulled; without a command it does nothing for ever."""
        self.images[name] = Image(name, command or FOREVER, cuda, layers)

    def add_pods(self, count: int, name: str = "someone-elses") -> list[str]:
        """Pods of the account that somebody else made, which do nothing."""
        record = {
            "name": name, "image": "nobody/knows:latest", "args": "", "disk": 20, "mounts": {},
            "ports": [], "env": {}, "registry": None, "cloud": "SECURE", "dataCenterId": "EU-RO-1",
            "gpu": {"id": "NVIDIA L4", "count": 1, "vcpuCount": VCPUS, "memory": RAM},
            "globalNetworking": {"enabled": False},
        }  # fmt: skip
        return [self.rent(dict(record), 0.44, CUDA_VERSIONS[-1]).id for _ in range(count)]

    def rent(self, record: dict[str, Any], price: float, cuda: str) -> Pod:
        """A new pod, which begins to live."""
        with self.lock:
            self._bill()
            pod_id = secrets.token_hex(7)
            image = self.images.get(record["image"])
            pod = Pod(
                pod_id, record, {}, price, cuda, image, self.machine(), self.clock,
                self.clock.now(), fault=self.faults.boot(),
            )  # fmt: skip
            pod.env = self._env(pod)
            self.pods[pod_id] = pod
            pod.container = self._container(pod)
            self._move_stock(pod, -1)
            return pod

    def prepare(self, pod: Pod) -> None:
        """Give it a container after its settings were changed."""
        pod.image = self.images.get(pod.record["image"])
        own = next(key for key, value in self.keys.items() if value.pod == pod.id)
        pod.env = self._env(pod, own)
        pod.container = self._container(pod)

    def end_pod(self, pod_id: str) -> None:
        """Delete a pod: by the API, in the console, or for want of money. It is paid until it was
        asked for: what this computer takes to end its processes is nobody's bill."""
        with self.lock:
            self._bill()
            pod = self.pods.pop(pod_id)
            asked = self.clock.now()
            pod.end()
            self.ended[pod_id], self.ended_at[pod_id] = pod.billed, asked
            self._move_stock(pod, 1)
            for key in [key for key, value in self.keys.items() if value.pod == pod_id]:
                del self.keys[key]

    def new_volume(self, name: str, size: int, data_center: str, kind: str = "STANDARD") -> Volume:
        """A volume with nothing on it."""
        with self.lock:
            volume_id = secrets.token_hex(5)
            self.folder = self.folder or Path(tempfile.mkdtemp(prefix="runpod-emulator-"))
            folder = self.folder / volume_id
            folder.mkdir(parents=True)
            made = Volume(volume_id, name, size, data_center, folder, kind)
            self.volumes[volume_id] = made
            return made

    def users_of(self, volume_id: str) -> list[Pod]:
        """The pods that a volume belongs to."""
        return [pod for pod in self.pods.values() if volume_of(pod.record) == volume_id]

    def spend_per_hour(self) -> float:
        """Of all pods, now."""
        return sum(pod.cost for pod in self.pods.values())

    def _env(self, pod: Pod, own_key: str = "") -> dict[str, str]:
        own_key = own_key or f"rpa_{secrets.token_hex(20)}"
        self.keys[own_key] = Key(pod=pod.id)
        count = (pod.record.get("gpu") or {"count": 0})["count"]
        given = {
            "RUNPOD_POD_ID": pod.id, "RUNPOD_DC_ID": pod.record["dataCenterId"],
            "RUNPOD_POD_HOSTNAME": f"{pod.id}-emulated", "RUNPOD_GPU_COUNT": str(count),
            "RUNPOD_CPU_COUNT": str(VCPUS), "RUNPOD_PUBLIC_IP": "", "RUNPOD_API_KEY": own_key,
            "CUDA_VERSION": pod.cuda,
        }  # fmt: skip
        volume = volume_of(pod.record)
        given |= {"RUNPOD_VOLUME_ID": volume} if volume else {}
        own = {name: self._with_secrets(value) for name, value in pod.record["env"].items()}
        return own | given | self.own_urls

    def _with_secrets(self, value: str) -> str:
        known = {one["name"]: one["value"] for one in self.secrets.values()}
        return _SECRET.sub(lambda match: known.get(match[1], match[0]), value)

    def _container(self, pod: Pod) -> Container | None:
        if pod.image is None:
            return None
        mounts = pod.record["mounts"].get("network") or []
        folder = self.volumes[mounts[0]["volumeId"]].folder if mounts else None
        ports = tuple(int(port.partition("/")[0]) for port in pod.record["ports"])
        return Container(
            pod.id, command_of(pod.record["args"], pod.image.command), pod.env, ports,
            mounts[0]["path"] if mounts else "", folder,
        )  # fmt: skip

    def _move_stock(self, pod: Pod, sign: int) -> None:
        gpu = pod.record.get("gpu")
        if gpu is None:
            return
        at = (gpu["id"], pod.record["cloud"], pod.record["dataCenterId"])
        if at in self.stock.free:
            self.stock.free[at] = max(0, self.stock.free[at] + sign * gpu["count"])

    def _bill(self) -> None:
        now = self.clock.now()
        hours, self._paid_until = max(0.0, now - self._paid_until) / 3600, now
        for pod in self.pods.values():
            amount = pod.cost * hours
            pod.billed += amount
            self.balance -= amount
        if now - self._checked >= CHECK_SECONDS:
            self._checked = now
            if self.balance <= 0:
                self._stop_for_money()

    def _stop_for_money(self) -> None:
        for pod in list(self.pods.values()):
            if volume_of(pod.record) and pod.status != "EXITED":
                pod.stop()
            elif not volume_of(pod.record):
                self.end_pod(pod.id)


def volume_of(record: dict[str, Any]) -> str:
    """The network volume of a pod; empty without one."""
    mounts = record["mounts"].get("network") or []
    return str(mounts[0]["volumeId"]) if mounts else ""


def command_of(args: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """What runs: JSON replaces entrypoint and command, a plain string the command alone.

    The images here have no entrypoint, only a command.
    """
    found = command.parts(args)
    return (*found["entrypoint"], *found["cmd"]) or own
