"""A Docker engine of the tests' own: a real ``dockerd``, started, stopped and killed at will.

Each engine has its own network bridge, because two engines on one bridge give out the same
addresses. Where its images come from: ``engine_store.py``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docker.remains import (
    bridge_of,
    end_containers,
    end_process,
    environment,
    free_subnet,
    remove_bridge,
    run,
    unmount_below,
    wait,
)

if TYPE_CHECKING:
    from docker import DockerClient

_PROGRAMS = ("dockerd", "iptables", "debootstrap", "ip")
_START_SECONDS, _STOP_SECONDS = 60.0, 40.0
"""An engine answers after one to three seconds; the rest is for a machine that is busy."""


def why_impossible() -> str:
    """Why this machine can start no engine, in one sentence; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "starting a Docker engine takes root on Linux"
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=search) is None]
    if missing:
        return f"missing: {', '.join(missing)} (sh packaging/linux/system-libraries.sh --tests)"
    return ""


class RealEngine:
    """``dockerd`` over one folder of images. ``host`` is what DOCKER_HOST takes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # A socket's path has at most 107 characters, and ours may lie deep.
        self._short = Path(tempfile.mkdtemp(prefix="temper-engine-", dir="/tmp"))
        self.socket = self._short / "docker.sock"
        self.log = self._short / "dockerd.log"
        self.host = f"unix://{self.socket}"
        self._bridge = bridge_of(self._short)
        self.inside: tuple[str, ...] = ()
        """The words of a command that enters another network, where it is to run in one."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The engine's process while it runs."""
        return self._process.pid if self.is_running and self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers; nothing to do when it runs. Fails with its log."""
        if self.is_running:
            return
        self.root.mkdir(parents=True, exist_ok=True)
        is_first = self._process is None
        if is_first:  # it holds every bridge that this folder's engines ever had
            shutil.rmtree(self.root / "network", ignore_errors=True)
        self._add_bridge()
        (self.root / "engine.pid").unlink(missing_ok=True)
        (self.root / "engine.home").write_text(str(self._short))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(), start_new_session=True,
            )  # fmt: skip
        wait(self._answers, _START_SECONDS, f"the engine does not answer:\n{self._last_words()}")
        if is_first:  # those of a session that was killed
            self.remove_containers()

    def stop(self) -> None:
        """Stop it in order: it stops its containers first, as at a shutdown of the computer."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._tidy()

    def kill(self) -> None:
        """Kill it at once, as a crash would. Its containers live on until the next start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)
        # Its containerd dies with it, but a moment later, and the next one would wait for it.
        pid_file = self._short / "exec" / "containerd" / "containerd.pid"
        end_process(pid_file, str(self._short), (signal.SIGKILL,))
        pid_file.unlink(missing_ok=True)

    def cut_power(self) -> None:
        """End it and all that runs in its containers, as a power cut does; ``start()`` is the boot.

        What it keeps in memory and in /run is gone then.
        """
        self.kill()
        self._tidy()
        shutil.rmtree(self._short / "exec", ignore_errors=True)

    def restart(self) -> None:
        """Stop it in order and start it again; running containers end."""
        self.stop()
        self.start()

    def client(self, timeout: float = 60.0) -> DockerClient:
        """A client of this engine; close it after use."""
        import docker

        from services.docker.tidy_adapter import TidyAdapter

        client = docker.DockerClient(base_url=self.host, timeout=int(timeout))
        client.api.close()
        client.api.mount("http+docker://", TidyAdapter(f"http+{self.host}", timeout=int(timeout)))
        return client

    def remove_containers(self) -> None:
        """Remove every container, running or not, with its volumes."""
        from docker.errors import NotFound

        with closing(self.client()) as client:
            for container in client.containers.list(all=True, ignore_removed=True):
                with suppress(NotFound):
                    container.remove(force=True, v=True)

    def dispose(self) -> None:
        """Stop it and leave nothing behind but its images."""
        if self.is_running:
            with suppress(Exception):
                self.remove_containers()
        self.stop()
        remove_bridge(self._bridge)
        shutil.rmtree(self._short, ignore_errors=True)

    def _command(self) -> list[str]:
        return [
            *self.inside, "dockerd",
            "--data-root", str(self.root), "--exec-root", str(self._short / "exec"),
            "--pidfile", str(self.root / "engine.pid"), "--host", self.host,
            "--bridge", self._bridge, "--shutdown-timeout", "20",
        ]  # fmt: skip

    def _answers(self) -> bool:
        if not self.is_running:
            raise AssertionError(f"the engine ended at once:\n{self._last_words()}")
        with closing(socket.socket(socket.AF_UNIX)) as knocking:
            try:
                knocking.connect(str(self.socket))
            except OSError:
                return False
        with closing(self.client(5)) as client:
            return bool(client.ping())

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-15:])

    def _tidy(self) -> None:
        """End what a killed engine left: its containers and its mounts."""
        end_containers(self._short)
        unmount_below(self.root)
        unmount_below(self._short)

    def _add_bridge(self) -> None:
        if run(*self.inside, "ip", "link", "show", self._bridge).returncode == 0:
            return
        subnet = free_subnet()
        for command in (
            ("link", "add", "name", self._bridge, "type", "bridge"),
            ("addr", "add", f"{subnet[1]}/{subnet.prefixlen}", "dev", self._bridge),
            ("link", "set", self._bridge, "up"),
        ):
            done = run(*self.inside, "ip", *command)
            assert done.returncode == 0, f"ip {' '.join(command)}: {done.stderr}"
