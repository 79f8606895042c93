"""A pod's life, as Runpod's pods live: a container that ends is started again for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod import command
from tests.emulators.runpod.catalogue import version
from tests.emulators.runpod.clock import Clock, written
from tests.emulators.runpod.faults import Boot
from tests.emulators.runpod.podlog import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.runpod.machines import Container, Machine

ACTIONS = {
    "PROVISIONING": ("stop", "terminate"), "STARTING": ("stop", "terminate"),
    "RUNNING": ("stop", "restart", "terminate"), "EXITED": ("start", "terminate"),
    "ERROR": ("start", "terminate"),
}  # fmt: skip


@dataclass
class Delays:
    """Emulated seconds."""

    provision: float = 3
    start: float = 5
    pull: float = 20
    restart: float = 30
    """Between a container's end and its next start."""
    retry: float = 16
    """Between tries to start a container that the driver refuses, or to pull."""
    warm_up: float = 5
    """After a container's start, for which the proxy still answers 502."""


@dataclass(frozen=True)
class Image:
    """``command`` is its own, for pods that bring none; ``cuda`` the least that it needs."""

    name: str
    command: tuple[str, ...] = ()
    cuda: str = "12.4"
    layers: int = 4


@dataclass
class Pod:
    """``record`` is what the API shows apart from the state; ``env`` what the container gets."""

    id: str
    record: dict[str, Any]
    env: dict[str, str]
    price: float
    cuda: str
    image: Image | None
    machine: Machine
    clock: Clock
    created: float
    container: Container | None = None
    fault: Boot | None = None
    status: str = "PROVISIONING"
    started: float | None = None
    """When it was last told to start."""
    container_since: float | None = None
    is_host_dead: bool = False
    is_locked: bool = False
    starts: int = 0
    billed: float = 0.0
    log: Log = field(init=False)
    _step: float = 0.0
    _pulled: int = 0

    def __post_init__(self) -> None:
        self.log = Log(self.clock)
        self._step = self.created

    @property
    def is_running(self) -> bool:
        """Whether a container runs and its host answers."""
        return (
            self.container_since is not None
            and not self.is_host_dead
            and self.machine.exit_code() is None
        )

    @property
    def cost(self) -> float:
        """Dollars an hour, now."""
        return 0.0 if self.status in {"EXITED", "TERMINATED"} else self.price

    def advance(self, delays: Delays) -> None:
        """Go through all that should have happened by now."""
        while self._next(self.clock.now(), delays):
            pass

    def begin(self) -> None:
        """Start again from EXITED, with an empty disk."""
        self.status, self._step, self._pulled = "STARTING", self.clock.now(), 0

    def stop(self) -> None:
        """Stop the container and keep the pod."""
        self._end_container("EXITED")

    def end(self) -> None:
        """The pod is deleted."""
        self._end_container("TERMINATED")
        self.log.end()

    def restart(self) -> None:
        """A new container with an empty disk, at once."""
        self._close_container()
        self._step = self.clock.now()

    def die(self) -> None:
        """The host is dead: nothing runs, and nobody says so."""
        self.is_host_dead = True
        self.machine.stop()

    def shown(self, proxy_port: Callable[[int], int] = lambda port: 60000 + port) -> dict[str, Any]:
        """As the API shows it: every field that the schema requires."""
        number = hashlib.sha256(self.id.encode()).hexdigest()[:8]
        name = f"{self.id}-{number}"
        proxy = {
            "host": "ssh.runpod.io", "port": 22, "username": name,
            "command": f"ssh {name}@ssh.runpod.io",
        }  # fmt: skip
        return self.record | command.parts(self.record["args"]) | {
            "id": self.id, "status": self.status, "actions": list(ACTIONS[self.status]),
            "cudaVersion": self.cuda, "ssh": {"proxy": proxy, "direct": None}, "template": None,
            "cost": self.cost, "locked": self.is_locked, "runtime": self._runtime(proxy_port),
            "createdAt": written(self.created),
            "startedAt": None if self.started is None else written(self.started),
        }  # fmt: skip

    def _runtime(self, proxy_port: Callable[[int], int]) -> dict[str, Any] | None:
        if self.status != "RUNNING" or self.container_since is None:
            return None
        uptime = int(self.clock.now() - self.container_since)
        busy = 0 if self.is_host_dead else 94
        ports = [
            {"private": int(number), "public": proxy_port(int(number)), "type": kind,
             "ip": "100.65.0.1"}
            for number, _, kind in (port.partition("/") for port in self.record["ports"])
        ]  # fmt: skip
        count = (self.record.get("gpu") or {"count": 0})["count"]
        return {
            "uptime": uptime, "gpus": [{"util": busy, "memoryUtil": 78}] * count,
            "cpu": {"util": 10}, "memory": {"util": 20}, "ports": ports,
        }  # fmt: skip

    def _next(self, now: float, delays: Delays) -> bool:
        """One thing that has happened; False when nothing more has."""
        if self.is_host_dead:
            return False
        if self.status == "PROVISIONING":
            return self._turn("STARTING", self._step + delays.provision, now)
        if self.status == "STARTING":
            self.started = self._step if self.started is None else self.started
            return self._turn("RUNNING", self._step + delays.start, now)
        if self.status != "RUNNING":
            return False
        layers = self.image.layers if self.image else 1
        if self._pulled <= layers:
            return self._pull(now, layers, delays)
        if self.container_since is None:
            return now >= self._step and self._start(now, delays)
        if self.machine.exit_code() is not None:
            self._system(f"stop container {self.id}")
            self._close_container()
            self._step = now + delays.restart
        return False

    def _turn(self, status: str, when: float, now: float) -> bool:
        if now < when:
            return False
        self.status, self._step = status, when
        return True

    def _pull(self, now: float, layers: int, delays: Delays) -> bool:
        name = self.record["image"]
        if self._pulled == 0:
            self._system(f"create container {name}")
        if self.fault is Boot.TOO_MANY_PULLS or self.image is None:
            if now < self._step:
                return False
            reason = "toomanyrequests: You have reached your unauthenticated pull rate limit."
            self._system(reason if self.image else f"manifest for {name} not found")
            self._pulled, self._step = 0, self._step + delays.retry
            return True
        if self._pulled == 0:
            self._system(f"latest Pulling from {name}")
            self._pulled = 1
            return True
        if self.fault is Boot.STUCK_PULL and self._pulled > layers // 2:
            return False
        when = self._step + delays.pull / layers
        if now < when:
            return False
        layer = hashlib.sha256(f"{name}{self._pulled}".encode()).hexdigest()[:12]
        for words in ("Pulling fs layer", "Downloading", "Extracting", "Pull complete"):
            self._system(f"{layer} {words}")
        self._pulled, self._step = self._pulled + 1, when
        if self._pulled > layers:
            self._system(f"Digest: sha256:{hashlib.sha256(name.encode()).hexdigest()}")
            self._system(f"Status: Downloaded newer image for {name}")
        return True

    def _start(self, now: float, delays: Delays) -> bool:
        if self.fault is Boot.NEVER or self.image is None:
            return False
        name = self.record["image"]
        self._system(f"start container for {name}: begin")
        needs = "99.0" if self.fault is Boot.OLD_DRIVER else self.image.cuda
        if version(self.cuda) < version(needs):
            self._system(
                "error starting container: nvidia-container-cli: requirement error: "
                f"unsatisfied condition: cuda>={needs}, please update your driver"
            )
            self._step += delays.retry
            return True
        assert self.container is not None
        self.container_since, self.starts = now, self.starts + 1
        if self.fault is Boot.CRASH_LOOP:
            return True
        self.machine.start(self.container, lambda line: self.log.say("container", line))
        return True

    def _close_container(self) -> None:
        self.machine.stop()
        self.container_since = None

    def _end_container(self, status: str) -> None:
        if self.container_since is not None:
            self._system(f"stop container {self.id}")
        self._close_container()
        self._system(f"remove container {self.id}")
        self.status = status

    def _system(self, text: str) -> None:
        self.log.say("system", text)
