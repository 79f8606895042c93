"""What a pod's container really is: a process here; a Docker container fits the same seam.

A process has neither mounts nor ports of its own. So in its variables and arguments the path of
the mount is replaced by the volume's real folder (without one ``/data`` is a folder of the
container's disk, which is gone with it), and a variable that holds nothing but the number
of an exposed port by the number of a free one.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "RUNPOD_EMULATOR_POD"
"""By this variable the processes of a pod are found, whatever group they made for themselves."""


@dataclass(frozen=True)
class Container:
    """What to run: ``folder`` is the real place of ``mount``; both empty without a mount."""

    pod_id: str
    command: tuple[str, ...]
    env: dict[str, str]
    ports: tuple[int, ...] = ()
    mount: str = ""
    folder: Path | None = None


class Machine(Protocol):
    """Runs one pod's container, again and again."""

    def start(self, container: Container, say: Callable[[str], None]) -> None:
        """Start with an empty disk; what it prints is said line by line."""

    def exit_code(self) -> int | None:
        """None while it runs."""

    def address(self, port: int) -> tuple[str, int] | None:
        """Where a port of it is reached."""

    def stop(self) -> None:
        """End it with all its processes; harmless when it does not run."""


@dataclass
class ProcessMachine:
    """Runs it as a process of this computer, with ``python``s of the command being ``python``.

    ``env`` are further variables of the process; in them ``{volume}`` is the volume's real folder.
    ``grace`` are real seconds between asking it to end and ending it.
    """

    python: str = sys.executable
    env: dict[str, str] = field(default_factory=dict)
    grace: float = 1.0
    _process: subprocess.Popen[bytes] | None = None
    _held: dict[int, socket.socket] = field(default_factory=dict)
    _disk: Path | None = None
    _pod: str = ""
    _reader: threading.Thread | None = None

    def start(self, container: Container, say: Callable[[str], None]) -> None:
        self.stop()
        self._pod = container.pod_id
        self._disk = Path(tempfile.mkdtemp(prefix="emulated-pod-"))
        self._held = {port: held_port() for port in container.ports}
        env = {name: self._here(value, container) for name, value in container.env.items()}
        env |= {MARK: container.pod_id, "HOME": str(self._disk), "PATH": os.environ["PATH"]}
        env |= {
            name: value.format(volume=container.folder or "") for name, value in self.env.items()
        }
        command = [self._here(part, container) for part in container.command]
        command[0] = self.python if command[0].startswith("python") else command[0]
        try:
            self._process = subprocess.Popen(
                command, cwd=self._disk, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            say(f"exec: {error}")
            return
        self._reader = threading.Thread(target=_read, args=(self._process, say), daemon=True)
        self._reader.start()

    def exit_code(self) -> int | None:
        if self._process is None:
            return 127
        return self._process.poll()

    def address(self, port: int) -> tuple[str, int] | None:
        found = self._held.get(port)
        return found.getsockname() if found is not None and self.exit_code() is None else None

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process, self._pod, self.grace)
            if self._reader is not None:
                self._reader.join(5)
        held, self._held = self._held, {}
        for port in held.values():
            port.close()
        if self._disk is not None:
            shutil.rmtree(self._disk, ignore_errors=True)
            self._disk = None

    def _here(self, value: str, container: Container) -> str:
        """A value as it means the same outside of a container."""
        mount, folder = container.mount.rstrip("/"), container.folder
        if mount and folder is not None and (value == mount or value.startswith(f"{mount}/")):
            return str(folder) + value[len(mount) :]
        if not mount and self._disk is not None and value == "/data":
            return str(self._disk / "data")
        if value.isdecimal() and int(value) in self._held:
            return str(self._held[int(value)].getsockname()[1])
        return value


def processes_of(pod_id: str) -> list[int]:
    """The processes that carry a pod's mark (Linux; elsewhere none are found)."""
    found, mark = [], f"{MARK}={pod_id}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            content = (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark in content.split(b"\0"):
            found.append(int(folder.name))
    return found


def _end(process: subprocess.Popen[bytes], pod_id: str, grace: float) -> None:
    """TERM to all, a moment, then KILL: also to what made a group of its own."""
    for number in {*processes_of(pod_id), process.pid}:
        _signal(number, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    for number in {*processes_of(pod_id)}:
        _signal(number, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait()


def _signal(number: int, what: signal.Signals) -> None:
    try:
        os.kill(number, what)
    except (ProcessLookupError, PermissionError):
        return


def _read(process: subprocess.Popen[bytes], say: Callable[[str], None]) -> None:
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            say(line.decode(errors="replace").rstrip("\n"))


def held_port() -> socket.socket:
    """A port of this computer that nobody else is given while this is open; one who listens on it
    by its number may, where he says SO_REUSEADDR as servers of Python do."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def free_port() -> int:
    """A port of this computer that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
