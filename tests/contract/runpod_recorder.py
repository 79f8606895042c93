"""An emulated Runpod that keeps what it was asked and what it said, and something to ask of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.contract.runpod_verdicts import BODIES, QUERIES
from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.emulator import TRAINER, RunpodEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.server import Reply, Request

KEY = "rpa_" + "k" * 40


class Recorder(RunpodEmulator):
    """``exchanges`` are those with ``/v2``."""

    def __init__(self, cloud: Cloud, *, august: bool = False) -> None:
        super().__init__(cloud, august=august)
        self.exchanges: list[tuple[Request, Reply]] = []

    def answer(self, request: Request) -> Reply | None:
        reply = super().answer(request)
        if reply is not None and request.target.startswith("/v2/"):
            self.exchanges.append((request, reply))
        return reply


@dataclass
class Asker:
    """Asks as nobody in particular. ``{id}`` in a path is that of a thing which is there."""

    emulator: Recorder
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {KEY}", "User-Agent": "test-of-the-contract/1"}
        self.http = httpx.Client(base_url=self.emulator.url, headers=headers, timeout=20)
        gpu = {"id": "NVIDIA RTX A5000"}
        made: dict[str, dict[str, Any]] = {
            "/v2/network-volumes": {"name": "v", "size": 10, "dataCenter": "EU-RO-1"},
            "/v2/templates": {"name": "first", "image": TRAINER},
            "/v2/registries": {"name": "l", "username": "u", "password": "p"},
            "/v2/pods": {"name": "p", "image": TRAINER, "gpu": gpu},
        }
        for path, body in made.items():
            self.ids[path] = self.http.post(path, json=body).json()["id"]

    def ask(self, method: str, path: str, body: Any = None, query: str = "") -> httpx.Response:
        """One request; GET has no body."""
        target = path.replace("{id}", self.ids[path.partition("/{")[0]]) if "{" in path else path
        sent = {} if method == "GET" else {"json": body}
        return self.http.request(method, f"{target}?{query}" if query else target, **sent)

    def ask_all(self) -> Iterator[tuple[str, bool, httpx.Response]]:
        """Every request of the verdicts: what it was, whether it is good, what came back."""
        for (method, path), bodies in BODIES.items():
            for body, is_good in bodies:
                yield f"{method} {path} {body}", is_good, self.ask(method, path, body)
        for path, wishes in QUERIES.items():
            for query, is_good in wishes:
                yield f"GET {path}?{query}", is_good, self.ask("GET", path, query=query)


@contextmanager
def recorder(*, august: bool = False) -> Iterator[Recorder]:
    """An account without limits, whose pods are made but never begin."""
    cloud = Cloud(Clock(60), keys={KEY: Key()}, balance=1e6, spend_limit=1e6)
    cloud.delays.provision = 1e9
    with Recorder(cloud, august=august) as emulator:
        emulator.api.windows = {"minute": (100_000, 60)}
        yield emulator
