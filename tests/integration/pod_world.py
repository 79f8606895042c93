"""A pod as a process: the real agent, Runpod's API as far as it concerns the agent, a bad proxy."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
import zipfile
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from services.runpod.agent_client import AgentClient
from tests.emulators.runpod.machines import held_port
from tests.emulators.server import Emulator, Reply
from tests.processes import command_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.server import Request

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-one-run"
KEY = "the-pods-own-key"
RUN = "run-1"
POD = "pod1"


class PodApi(Emulator):
    """Knows one pod, which goes when it is deleted with its own key."""

    def __init__(self) -> None:
        super().__init__()
        self.age = 0.0
        self.cost = 0.5
        self.pod_id = POD
        self.refusals: dict[str, int] = {}
        """A status for every call of a method."""
        self.deleted = threading.Event()
        self.deleted_at = 0.0
        """When, by ``time.monotonic``."""

    def answer(self, request: Request) -> Reply:
        refused = self.refusals.get(request.method)
        if refused is not None:
            return Reply(refused)
        if request.headers["authorization"] != f"Bearer {KEY}" or "urllib" in request.headers.get(
            "user-agent", "urllib"
        ):
            return Reply(403, b"error code: 1010")
        if request.method == "GET" and not self.deleted.is_set():
            created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - self.age))
            pod = {"id": self.pod_id, "createdAt": created, "cost": self.cost}
            return Reply(200, json.dumps(pod).encode(), {"Date": formatdate(usegmt=True)})
        is_action = request.method == "POST" and json.loads(request.body)["action"] == "terminate"
        if request.method == "DELETE" or is_action:
            gone = self.deleted.is_set()
            self.deleted_at = self.deleted_at if gone else time.monotonic()
            self.deleted.set()
            return Reply(404 if gone else 204)
        return Reply(404)

    def lived(self, since: float) -> float:
        """Seconds from a moment until the pod is deleted; fails the test where it is not."""
        assert self.deleted.wait(60)
        return self.deleted_at - since

    def asked(self, method: str) -> int:
        """How many requests there were of a method."""
        return sum(request.method == method for request in self.requests)


class Pod:
    """The agent as a pod would run it; its volume is a folder, and stays over restarts."""

    def __init__(self, root: Path, api: PodApi, **environ: object) -> None:
        self.root = root
        self.api = api
        held = held_port()
        weakref.finalize(self, held.close)
        self.port = int(held.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = {name: str(value) for name, value in environ.items()}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """What Runpod would put into the container."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "RUNPOD_POD_ID": POD,
            "RUNPOD_API_KEY": KEY,
            "TEMPER_REST_URL": self.api.url,
            "TEMPER_RUN_ID": RUN,
            "TEMPER_TOKEN_SHA256": hashlib.sha256(TOKEN.encode()).hexdigest(),
            "TEMPER_DATA_ROOT": str(self.root),
            "TEMPER_AGENT_PORT": str(self.port),
            "TEMPER_MAX_SECONDS": "600",
            "TEMPER_RETRY_SECONDS": "0.3",
            **self._environ,
        }

    def __enter__(self) -> Self:
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()

    def boot(self, *command: str) -> None:
        """Start the container."""
        with (self.root / "pod.log").open("ab") as log:
            self.process = subprocess.Popen(
                command or [sys.executable, "-u", "-m", "trainer_image.agent"],
                cwd="/",
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with self.client(tries=1) as client:
            wait_until(client.is_listening)

    def client(self, tries: int = 8, url: str = "") -> AgentClient:
        """A client of this agent, directly or through a proxy."""
        return AgentClient(url or self.url, TOKEN, tries=tries)

    @property
    def inner(self) -> psutil.Process:
        """The process that does the work."""
        found = [
            child
            for child in psutil.Process(self._pid).children()
            if "--inner" in command_of(child)
        ]
        return found[0]

    @property
    def _pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def trainers(self) -> list[psutil.Process]:
        """All trainers that work on this volume, whoever their parent is."""
        job = os.fsencode(self.root / "runs" / RUN / "job.json")
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError, psutil.Error):
                if job in path.read_bytes():  # a zombie has none
                    found.append(psutil.Process(int(path.parent.name)))
        return found

    def power_off(self) -> None:
        """Everything in the container ends at once, as when its host dies."""
        if self.process is None:
            return
        victims = psutil.Process(self._pid).children(recursive=True) + self.trainers
        os.killpg(self._pid, signal.SIGKILL)
        for victim in victims:
            with suppress(psutil.Error):
                victim.kill()
        self.process.wait()
        wait_until(lambda: not any(_is_alive(victim) for victim in victims))
        self.process = None

    @property
    def log(self) -> str:
        """What the container printed."""
        return (self.root / "pod.log").read_text()


class CuttingProxy:
    """Passes bytes on, and breaks the connection after ``cuts[0]`` of them, ``cuts[1]`` ..."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._port = port
        self.cuts = cuts
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                return
            for ends in ((near, far), (far, near)):
                thread = threading.Thread(target=self._pass_on, args=ends)
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._is_cut(len(data)):
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()

    def _is_cut(self, count: int) -> bool:
        with self._lock:
            if not self.cuts:
                return False
            self.cuts[0] -= count
            if self.cuts[0] > 0:
                return False
            self.cuts.pop(0)
            return True


def _is_alive(process: psutil.Process) -> bool:
    """A dead one may wait for long until process 1 buries it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def code_archive() -> bytes:
    """The stand-in for the trainer, as the trainer's code travels."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("trainer_image/__init__.py", "")
        archive.write(ROOT / "tests" / "data" / "pod_trainer.py", "trainer_image/train.py")
    return packed.getvalue()


def request(**script: object) -> dict[str, Any]:
    """What starts a run whose trainer does as ``script`` says."""
    job = {"run_id": RUN, "output_directory": "/data/outputs/x", "script": script}
    return {"run_id": RUN, "job": job, "code": "code.zip"}


def bring_code(pod: Pod) -> None:
    """Put the code where an upload would."""
    (pod.root / "code").mkdir(exist_ok=True)
    (pod.root / "code" / "code.zip").write_bytes(code_archive())


def start(pod: Pod, **script: object) -> AgentClient:
    """A client of a run that has been started."""
    bring_code(pod)
    client = pod.client()
    client.start(request(**script))
    return client


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Fails the test when it does not become so in time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
