"""A Docker engine of the tests' own: a real ``dockerd``, started, stopped and killed at will.

Its images lie in ``.cache/docker-engine`` and stay there between runs; its containers never do.
One session at a time uses that folder. Another one that starts meanwhile gets a **copy**: the
layers, which nobody ever writes to again, as hard links, and the small records of which layers make
which image as copies. That takes seconds, where ``docker save | docker load`` of the trainer's
image takes a minute. A test that wants an engine besides its session's gets a **clone**, which
takes no time: its layers are only pointed to. What is done to the images of either (removed, say)
is not done to the others'. So fault tests may do anything to the session's engine that ``start()``
mends, and take a clone for what it does not.

Each engine has its own network bridge, because two engines on one bridge give out the same
addresses.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from docker import DockerClient

STORE = Path(__file__).parents[2] / ".cache" / "docker-engine"
"""Where images are kept between runs; ``make clean`` removes it."""

_PROGRAMS = ("dockerd", "iptables", "debootstrap", "ip")
_START_SECONDS, _STOP_SECONDS = 60.0, 40.0
"""An engine answers after one to three seconds; the rest is for a machine that is busy."""

_COPY_SECONDS = 20.0

_SUBNETS = [ipaddress.ip_network(f"10.{number}.77.0/24") for number in range(201, 250)]


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
        self._bridge = _bridge_of(self._short)
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
                env=_environment(), start_new_session=True,
            )  # fmt: skip
        _wait(self._answers, _START_SECONDS, f"the engine does not answer:\n{self._last_words()}")
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
        _remove_bridge(self._bridge)
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
        _unmount_below(self.root)
        _unmount_below(self._short)

    def _add_bridge(self) -> None:
        if _run(*self.inside, "ip", "link", "show", self._bridge).returncode == 0:
            return
        subnet = _free_subnet()
        for command in (
            ("link", "add", "name", self._bridge, "type", "bridge"),
            ("addr", "add", f"{subnet[1]}/{subnet.prefixlen}", "dev", self._bridge),
            ("link", "set", self._bridge, "up"),
        ):
            done = _run(*self.inside, "ip", *command)
            assert done.returncode == 0, f"ip {' '.join(command)}: {done.stderr}"


class EngineStore:
    """The folder of images, held by one session, or a clone of it."""

    def __init__(self, store: Path = STORE) -> None:
        self._store = store
        self._lock: int | None = None
        self._clones: dict[Path, int] = {}

    def open(self) -> RealEngine:
        """An engine over the kept images; over a copy when another session has them."""
        self._store.mkdir(parents=True, exist_ok=True)
        if not self.tidy():
            return self._copied(self._store / "data", _link_layers)
        return RealEngine(self._store / "data")

    def tidy(self) -> bool:
        """End what killed sessions left; False when a session that lives has the images."""
        self._lock = _try_lock(self._store / "lock")
        if self._lock is not None:
            self._end_orphans()
        return self._lock is not None

    def clone(self, engine: RealEngine) -> RealEngine:
        """Another engine with the same images, for as long as ``engine`` keeps them."""
        return self._copied(engine.root, _point_to_layers)

    def _copied(
        self, source: Path, share: Callable[[Sequence[str], Path, Path], None]
    ) -> RealEngine:
        folder = Path(tempfile.mkdtemp(prefix="clone-", dir=self._store))
        owned = _try_lock(folder / "lock")
        assert owned is not None
        self._clones[folder] = owned
        _wait(
            lambda: _copy_images(source, folder / "data", share),
            _COPY_SECONDS,
            "the kept images change all the time: another session makes or removes some",
        )
        return RealEngine(folder / "data")

    def close(self) -> None:
        """Let another session have the images, and remove the clones."""
        for folder, owned in self._clones.items():
            shutil.rmtree(folder, ignore_errors=True)
            os.close(owned)
        if self._lock is not None:
            os.close(self._lock)

    def _end_orphans(self) -> None:
        """End the engines of sessions that were killed before they could do it."""
        _end_orphan(self._store / "data")
        for clone in self._store.glob("clone-*"):
            owner = _try_lock(clone / "lock")
            if owner is not None:
                _end_orphan(clone / "data")
                shutil.rmtree(clone, ignore_errors=True)
                os.close(owner)


def _end_orphan(data: Path) -> None:
    end_process(data / "engine.pid", str(data))
    with suppress(OSError):
        home = Path((data / "engine.home").read_text())
        end_containers(home)
        _remove_bridge(_bridge_of(home))
        _unmount_below(home)
        shutil.rmtree(home, ignore_errors=True)
    _unmount_below(data)


def _copy_images(
    source: Path, target: Path, share: Callable[[Sequence[str], Path, Path], None]
) -> bool:
    """Copy an engine's images, not its containers. It may be running.

    False when an image was removed meanwhile. The records are copied first: every layer that they
    name is complete by then.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    records = source / "image" / "overlay2"
    if not records.is_dir():
        return True
    try:
        ignored = shutil.ignore_patterns("mounts", "tmp")
        shutil.copytree(records, target / "image" / "overlay2", ignore=ignored)
        found = (target / "image" / "overlay2" / "layerdb").glob("sha256/*/cache-id")
        names = [file.read_text() for file in found]
        (target / "overlay2" / "l").mkdir(parents=True)
        share(names, source / "overlay2", target / "overlay2")
        for name in names:
            link = (target / "overlay2" / name / "link").read_text()
            (target / "overlay2" / "l" / link).symlink_to(f"../{name}/diff")
    except OSError:
        return False
    return True


def _point_to_layers(names: Sequence[str], source: Path, target: Path) -> None:
    """Folders with the small files of the layers, in which the large one is a symbolic link."""
    for name in names:
        folder = target / name
        shutil.copytree(source / name, folder, ignore=shutil.ignore_patterns("diff", "work"))
        (folder / "work").mkdir(exist_ok=True)
        (folder / "diff").symlink_to((source / name / "diff").resolve())


def _link_layers(names: Sequence[str], source: Path, target: Path) -> None:
    """Hard links of whole folders; OSError when one is gone.

    A running engine has mounted its folder of layers on itself, and no link crosses a mount: so it
    is looked at through another mount of the disk, which ends with the command.
    """
    shared = Path(os.path.commonpath([source, target]))
    script = 'mount --bind "$1" /mnt && cd /mnt/"$2" && xargs -r cp -al -t /mnt/"$3"'
    places = (str(shared), str(source.relative_to(shared)), str(target.relative_to(shared)))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *places],
        input="\n".join(names), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise OSError(done.stderr[-2000:])


def end_process(
    pid_file: Path,
    word: str,
    signals: Sequence[int] = (signal.SIGTERM, signal.SIGKILL),
) -> None:
    """End the process that a file names, if it is what we think: its command line has ``word``."""
    with suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        for number in signals:
            if pid not in _processes(word):
                return
            os.kill(pid, number)
            with suppress(AssertionError):
                _wait(lambda: pid not in _processes(word), _STOP_SECONDS / 2, "")


def end_containers(home: Path) -> None:
    """End the containers of an engine that is no more: the children of the shims it left."""
    if not str(home).startswith("/tmp/temper-engine-"):
        return
    for shim in _processes(str(home), "containerd-shim"):
        children = Path(f"/proc/{shim}/task/{shim}/children")
        with suppress(OSError):
            for pid in (*map(int, children.read_text().split()), shim):
                os.kill(pid, signal.SIGKILL)


def _processes(*words: str) -> list[int]:
    """Processes with all these words in their command line; one that has ended has no line."""
    found: list[int] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = file.read_bytes().decode(errors="replace")
            if all(word in line for word in words):
                found.append(int(file.parent.name))
    return found


def _try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock, None when somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _environment() -> dict[str, str]:
    """Root's own PATH lacks /usr/sbin on some systems; iptables and containerd lie there."""
    environment = {name: value for name, value in os.environ.items() if "DOCKER" not in name}
    return {**environment, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())


def _bridge_of(home: Path) -> str:
    """A name of its own, of at most 15 characters, for the bridge of the engine with this home."""
    return f"tmp{home.name[-8:].replace('_', 'x')}"


def _remove_bridge(name: str) -> None:
    _run("ip", "link", "delete", name)
    for table in ("nat", "filter"):
        for rule in _run("iptables", "-t", table, "-S").stdout.splitlines():
            if name in rule.split():
                _run("iptables", "-t", table, "-D", *rule.split()[1:])


def _free_subnet() -> ipaddress.IPv4Network:
    shown: list[dict[str, Any]] = json.loads(_run("ip", "-j", "-4", "addr").stdout or "[]")
    taken = [
        ipaddress.ip_network(f"{info['local']}/{info['prefixlen']}", strict=False)
        for link in shown
        for info in link.get("addr_info", [])
    ]
    for subnet in _SUBNETS:
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise AssertionError(f"no free network for a bridge among {_SUBNETS}")


def _unmount_below(folder: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted(mounts, key=len, reverse=True):
        if Path(mount).is_relative_to(folder.resolve()):
            _run("umount", "-l", mount)


def _wait(condition: Callable[[], bool], seconds: float, message: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(message)
        time.sleep(0.05)


def main() -> None:
    """End what killed sessions left, so that the kept images can be removed."""
    store = EngineStore()
    if not store.tidy():
        sys.exit("A test session is using its Docker engine; end it first.")
    store.close()


if __name__ == "__main__":
    main()
