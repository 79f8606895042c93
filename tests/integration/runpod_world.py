"""An emulated Runpod on a fast clock, and a client of ours that waits by it."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models.domain.pod import NewPod
from services.runpod.addresses import Addresses
from services.runpod.client import RunpodClient
from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.emulator import TRAINER, RunpodEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "rpa_" + "k" * 40
GPU = "NVIDIA RTX A5000"
SPEED = 60.0
PORT = 8000


@contextmanager
def world(*, august: bool = True, speed: float = SPEED) -> Iterator[RunpodEmulator]:
    """One account with one key; strict as the first published schema."""
    cloud = Cloud(Clock(speed), keys={KEY: Key()}, s3_keys={"user_" + "a" * 30: "rps_" + "s" * 40})
    cloud.delays.warm_up = 0
    with RunpodEmulator(cloud, august=august) as emulator:
        emulator.api.windows["minute"] = (100_000, 60)
        yield emulator


def client_of(emulator: RunpodEmulator, key: str = KEY) -> RunpodClient:
    """A client on the emulator's clock; close it."""
    where = Addresses(emulator.url, f"{emulator.url}/graphql")
    return RunpodClient(key, where, pause=emulator.cloud.clock.sleep)


def python(code: str) -> str:
    """The ``args`` of a pod that runs this."""
    return json.dumps({"entrypoint": ["python3", "-u", "-c"], "cmd": [code]})


def new_pod(code: str = "import time; time.sleep(1e6)", **changes: Any) -> NewPod:
    """A pod that runs Python."""
    wanted = {"name": "temper-test-1", "image": TRAINER, "gpu": GPU, "min_cuda": "12.8"}
    return NewPod(**(wanted | {"args": python(code), "ports": (f"{PORT}/http",)} | changes))


def wait_for(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What ``what`` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found
