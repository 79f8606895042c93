"""``python -m trainer_image.agent``: looks after one run on a rented pod, and ends the pod in time.

A container that ends is started again and billed on, so this program never ends by itself. It runs
as two processes: the outer one only starts the inner one again, whatever happens to that, and
buries orphans as process 1 must. The inner one serves the window's calls, has the trainer as its
child and watches the clock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_image.agent_api import Server
from trainer_image.agent_artifacts import Artifacts
from trainer_image.agent_clock import PaidTime
from trainer_image.agent_files import size_of
from trainer_image.agent_pod import OwnPod, Proof
from trainer_image.agent_run import ENDED, RUNNING, WAIT_INPUT, Run
from trainer_image.agent_settings import Settings, SettingsError, read_settings
from trainer_image.agent_uploads import Uploads
from trainer_image.agent_volume import BEAT_SECONDS, VolumeLock
from trainer_image.agent_watchdog import Watchdog

if TYPE_CHECKING:
    from types import FrameType

_TICK_SECONDS = 0.25
_STORE_SECONDS = 2.0
_ECHO_BYTES = 64 * 1024
_SOON = 5.0
_MOST_SOON = 10
"""After so many inner processes that died within seconds, nothing will come of this pod."""
_LONGEST_PAUSE = 15.0
_SECONDS_PER_HOUR = 3600.0
_INNER = [sys.executable, "-u", "-m", "trainer_image.agent", "--inner"]


def say(text: str) -> None:
    """A line for the pod's own log, which Runpod shows when the agent cannot be reached."""
    with contextlib.suppress(OSError):
        print(f"temper-agent: {text}", flush=True)  # noqa: T201


class Agent:
    """All parts of the inner process, wired."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.proof: Proof | None = None
        self._gpus: list[dict[str, str]] = []
        folder = settings.run_folder
        paid = PaidTime(
            folder / "agent-clock.json", settings.max_seconds, settings.created_at, settings.pod_id
        )
        self.paid = paid
        self._limit_cost(settings.price_per_hour)
        self.pod = OwnPod(settings)
        self.run = Run(settings, paid, say)
        self.volume = VolumeLock(settings)
        self.uploads = Uploads(settings.data_root, settings.run_id)
        self.artifacts = Artifacts(settings, self.run)
        self.watchdog = Watchdog(settings, paid, self.run, self.pod, say)

    def serve(self) -> None:
        """Work until the container is stopped; the watchdog first, for it must run in any case."""
        self.watchdog.start()
        for work in (self._prove, self._keep, self._echo, self._look_at_gpus):
            threading.Thread(target=work, daemon=True).start()
        server = Server(self, self.settings.port)
        say(f"Listening on port {server.server_port}.")
        server.serve_forever(poll_interval=_TICK_SECONDS)

    def say(self, text: str) -> None:
        """A line for the pod's own log."""
        say(text)

    def touch(self) -> None:
        """The window sends or fetches files."""
        self.watchdog.touch()

    def start(self, request: dict[str, Any]) -> None:
        """Start the run. RunError says why not."""
        if self.run.phase == WAIT_INPUT:
            self.volume.take(force=request.get("take_volume") is True)
        self.run.start(request)

    def describe(self) -> dict[str, Any]:
        """The answer of ``/v1/status``."""
        proof = self.proof
        return self.run.describe() | {
            "protocol": 1,
            "age": self.paid.age,
            "limit": self.paid.limit,
            "self_delete": {
                "tried": proof is not None,
                "way": proof.way if proof else "",
                "detail": proof.detail if proof else "",
            },
            "price_per_hour": (proof.price if proof else None) or self.settings.price_per_hour,
            "ending": self.watchdog.ending,
            "ends_in": self.watchdog.ends_in,
            "gpus": self._gpus,
            "disk_free": _free_space(self.settings),
        }

    def _limit_cost(self, price: float | None) -> None:
        if price and self.settings.max_cost is not None:
            self.paid.tighten(self.settings.max_cost / price * _SECONDS_PER_HOUR)

    def _prove(self) -> None:
        """Prove that the pod can be ended from within; until it is proven, again and again."""
        while self.proof is None or not self.proof.way:
            self.proof = self.pod.prove()
            say(f"Self-deletion: {self.proof.way or self.proof.detail}.")
            if self.proof.age is not None:
                self.paid.is_at_least(self.proof.age)
            else:
                self.paid.believe_window()
            self._limit_cost(self.proof.price)
            if not self.proof.way:
                time.sleep(self.settings.retry_seconds)

    def _keep(self) -> None:
        """Whatever needs the disk, so that nothing else has to wait for it."""
        stored, beaten, has_ended = 0.0, 0.0, False
        folder = self.settings.run_folder
        while True:
            try:
                self.run.tick()
                if self.run.phase == RUNNING:
                    sizes = (size_of(folder / "train.log"), size_of(folder / "events.jsonl"))
                    self.watchdog.noticed(sizes)
                    if time.monotonic() - beaten > BEAT_SECONDS:
                        beaten = time.monotonic()
                        if not self.volume.keep():
                            self.run.stop("volume_taken")
                elif self.run.phase in ENDED and not has_ended:
                    has_ended = True
                    self.volume.leave()
                    self.artifacts.begin()
                if time.monotonic() - stored > _STORE_SECONDS:
                    stored = time.monotonic()
                    self.paid.store()
            except Exception as error:  # noqa: BLE001 - a full disk must not end this thread
                self.run.trouble = f"{type(error).__name__}: {error}"
            time.sleep(_TICK_SECONDS)

    def _echo(self) -> None:
        """What the trainer prints, for the pod's own log, too: a second way to read it."""
        path = self.settings.run_folder / "train.log"
        offset = size_of(path)
        while True:
            time.sleep(1.0)
            with contextlib.suppress(OSError):
                if size_of(path) > offset:
                    with path.open("rb", buffering=0) as log:
                        log.seek(offset)
                        piece = log.read(_ECHO_BYTES)
                    offset += len(piece)
                    sys.stdout.buffer.write(piece)
                    sys.stdout.buffer.flush()

    def _look_at_gpus(self) -> None:
        program = shutil.which("nvidia-smi")
        while program is not None:
            self._gpus = _ask_driver(program)
            time.sleep(5.0)


def main() -> int:
    """The outer process; with ``--inner`` the other one."""
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        say(str(error))
        settings = None
    if "--inner" in sys.argv[1:] and settings is not None:
        _inner(settings)
        return 0
    if settings is None:
        _delete_for_ever()
    return _Outer().run()


def _inner(settings: Settings) -> None:
    is_built = threading.Event()
    threading.Thread(target=_give_up_unbuilt, args=(settings, is_built), daemon=True).start()
    agent = Agent(settings)
    is_built.set()

    def on_stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=_leave, args=(agent,), daemon=True).start()

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    agent.serve()


def _give_up_unbuilt(settings: Settings, is_built: threading.Event) -> None:
    """An agent reads the volume before its watchdog runs: one that waits for it for ever must not
    keep the pod alive."""
    if not is_built.wait(min(settings.boot_grace, settings.max_seconds)):
        _delete_for_ever()


def _leave(agent: Agent) -> None:
    """The container is being stopped: wait while the trainer saves, as long as we may."""
    agent.run.close()
    until = time.monotonic() + agent.settings.stop_seconds
    while agent.run.has_trainer and time.monotonic() < until:
        time.sleep(_TICK_SECONDS)
    with contextlib.suppress(OSError):
        agent.paid.store()
    os._exit(0)


class _Outer:
    """Starts the inner process again and again, and waits for every child there is."""

    def __init__(self) -> None:
        self._inner = 0
        self._stopping = threading.Event()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        quick = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._inner = os.posix_spawn(sys.executable, _INNER, os.environ)
            self._wait(self._inner)
            quick = quick + 1 if time.monotonic() - began < _SOON else 0
            if self._stopping.is_set():
                break
            say("The agent's inner process has ended; it is started again.")
            if quick >= _MOST_SOON:
                _delete_for_ever()
            self._stopping.wait(min(_LONGEST_PAUSE, 0.2 * 2**quick))
        return 0

    def _wait(self, pid: int) -> None:
        """Until that child has ended; orphans that came to process 1 are buried on the way."""
        while True:
            try:
                ended, _ = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            if ended == pid:
                return

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()
        if self._inner:
            with contextlib.suppress(OSError):
                os.kill(self._inner, signal.SIGTERM)


def _delete_for_ever() -> None:
    """Nothing useful can run here: what is left to do is not to cost anything."""
    lost = Settings(
        run_id="", token_sha256="", data_root=Path(), max_seconds=0.0,
        pod_id=os.environ.get("RUNPOD_POD_ID", ""), api_key=os.environ.get("RUNPOD_API_KEY", ""),
        rest_url=os.environ.get("TEMPER_REST_URL") or Settings.rest_url,
    )  # fmt: skip
    while True:
        say(f"This pod is of no use. Deletion asked for: {OwnPod(lost).delete() or 'refused'}.")
        time.sleep(lost.retry_seconds)


def _free_space(settings: Settings) -> int | None:
    try:
        return shutil.disk_usage(settings.data_root).free
    except OSError:
        return None


def _ask_driver(program: str) -> list[dict[str, str]]:
    names = ("name", "memory.total", "memory.used", "utilization.gpu", "driver_version")
    command = [program, f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(", ") for line in done.stdout.splitlines() if done.returncode == 0]
    return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]


if __name__ == "__main__":
    sys.exit(main())
