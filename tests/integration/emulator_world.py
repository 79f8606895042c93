"""An emulated Runpod that is asked over HTTP, without anything of the program."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.emulator import TRAINER, RunpodEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "rpa_" + "k" * 40
AGENT = {"User-Agent": "test-of-the-emulator/1"}
A5000 = "NVIDIA RTX A5000"
SLEEP = "import time; time.sleep(1e6)"


class Asked:
    """An emulator and a way to ask it."""

    def __init__(self, emulator: RunpodEmulator) -> None:
        self.emulator = emulator
        self.cloud = emulator.cloud
        self.http = httpx.Client(base_url=emulator.url, headers=AGENT, timeout=20)

    def __call__(
        self, method: str, path: str, body: Any = None, key: str = KEY, **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}"} | headers
        return self.http.request(method, f"/v2{path}", json=body, headers=sent)

    def create(self, code: str = SLEEP, **fields: Any) -> str:
        """The id of a new pod that runs this code."""
        answer = self("POST", "/pods", body(code) | fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def runtime(self, pod: str) -> Any:
        """What the emulator says of a running pod's container."""
        return self("GET", f"/pods/{pod}").json()["runtime"]


def body(code: str = SLEEP) -> dict[str, Any]:
    """A request for a pod that runs this code."""
    args = json.dumps({"entrypoint": ["python3", "-u", "-c"], "cmd": [code]})
    gpu = {"id": A5000, "count": 1, "minCudaVersion": "12.8"}
    return {"name": "x", "image": TRAINER, "gpu": gpu, "args": args, "ports": ["8000/http"]}


def until(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until something has come true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return found


@pytest.fixture
def ask() -> Iterator[Asked]:
    """An emulator whose clock runs fifty times as fast, and a way to ask it."""
    keys = {KEY: Key(), "rpa_restricted": Key(is_restricted=True)}
    cloud = Cloud(Clock(50), keys=keys)
    with RunpodEmulator(cloud) as emulator:
        emulator.api.windows["minute"] = (100_000, 60)
        asked = Asked(emulator)
        yield asked
        asked.http.close()
