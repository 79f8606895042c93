"""What engines of the tests leave on the machine: processes, network bridges, mounts."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STOP_SECONDS = 40.0

_SUBNETS = [ipaddress.ip_network(f"10.{number}.77.0/24") for number in range(201, 250)]


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
                wait(lambda: pid not in _processes(word), _STOP_SECONDS / 2, "")


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


def environment() -> dict[str, str]:
    """Root's own PATH lacks /usr/sbin on some systems; iptables and containerd lie there."""
    ours = {name: value for name, value in os.environ.items() if "DOCKER" not in name}
    return {**ours, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command; whoever asked looks at how it ended."""
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment())


def bridge_of(home: Path) -> str:
    """A name of its own, of at most 15 characters, for the bridge of the engine with this home."""
    return f"tmp{home.name[-8:].replace('_', 'x')}"


def remove_bridge(name: str) -> None:
    """Remove an engine's bridge, and the rules that name it."""
    run("ip", "link", "delete", name)
    for table in ("nat", "filter"):
        for rule in run("iptables", "-t", table, "-S").stdout.splitlines():
            if name in rule.split():
                run("iptables", "-t", table, "-D", *rule.split()[1:])


def free_subnet() -> ipaddress.IPv4Network:
    """A network that nothing on this machine uses."""
    shown: list[dict[str, Any]] = json.loads(run("ip", "-j", "-4", "addr").stdout or "[]")
    taken = [
        ipaddress.ip_network(f"{info['local']}/{info['prefixlen']}", strict=False)
        for link in shown
        for info in link.get("addr_info", [])
    ]
    for subnet in _SUBNETS:
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise AssertionError(f"no free network for a bridge among {_SUBNETS}")


def unmount_below(folder: Path) -> None:
    """Unmount everything in a folder, the innermost first."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted(mounts, key=len, reverse=True):
        if Path(mount).is_relative_to(folder.resolve()):
            run("umount", "-l", mount)


def wait(condition: Callable[[], bool], seconds: float, message: str) -> None:
    """Wait until something has come true; AssertionError(message) when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(message)
        time.sleep(0.05)
