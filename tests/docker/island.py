"""A network of its own, in which every packet that is not for this computer itself is seen.

Whatever runs in an :class:`Island` has a loopback, a name server and a way out, as on any computer;
the way out ends in a cable that leads nowhere. ``tcpdump`` listens on all interfaces, on the bridge
and the cables of an engine's containers too. What the kernel says by itself when a bridge comes up
is left out: IPv6 is off, and IGMP is not listened to.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

NAME_SERVER = "198.51.100.53"
"""An address that nobody has (RFC 5737), like all in here."""
_SETUP = """
for what in all default; do echo 1 > /proc/sys/net/ipv6/conf/$what/disable_ipv6; done
ip link set lo up
ip link add uplink type veth peer name cable
ip addr add 192.0.2.1/24 dev uplink
ip link set uplink up
ip link set cable up
ip neigh add 192.0.2.254 lladdr 02:00:00:00:00:fe dev uplink
ip route add default via 192.0.2.254
echo there
exec sleep infinity
"""
_LEAVING = "not igmp and not (src net 127.0.0.0/8 and dst net 127.0.0.0/8)"
_SECONDS = 60.0


class Island:
    """The network exists while its ``with`` block lasts, and so does the capture."""

    def __init__(self, folder: Path) -> None:
        self._resolver = folder / "resolv.conf"
        self._resolver.write_text(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
        self._packets = folder / "packets.txt"
        self._said = folder / "tcpdump.txt"
        self._ends = ExitStack()
        self.network: tuple[str, ...] = ()
        """The words before a command that is to run in this network."""

    def command(self, *words: str) -> list[str]:
        """A command in this network, with its name server."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        entered = [*self.network, "unshare", "--mount", "sh", "-c", script, str(self._resolver)]
        return [*entered, *words]

    def packets(self) -> list[str]:
        """All that were seen so far, one line each."""
        return self._packets.read_text(encoding="utf-8", errors="replace").splitlines()

    def processes(self) -> list[str]:
        """The command lines of all that runs in this network, our own two left out."""
        here = Path(self.network[1].partition("=")[2]).stat().st_ino
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                if (folder / "ns" / "net").stat().st_ino == here:
                    line = (folder / "cmdline").read_bytes().decode(errors="replace")
                    found.append(line.replace("\0", " ").strip())
        return [line for line in found if line and not line.startswith(("sleep", "tcpdump"))]

    def await_packet(self, pattern: str) -> None:
        """Wait until one is seen whose line has this in it; fails with what was seen instead."""
        _wait(
            lambda: any(re.search(pattern, line) for line in self.packets()),
            lambda: f"no packet with {pattern!r} among {self.packets()}",
        )

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            holder = _start(ends, ["unshare", "--net", "sh", "-euc", _SETUP], subprocess.PIPE)
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"there\n"
            self.network = ("nsenter", f"--net=/proc/{holder.pid}/ns/net", "--")
            out = ends.enter_context(self._packets.open("wb"))
            said = ends.enter_context(self._said.open("wb"))
            words = ["tcpdump", "-i", "any", "-nnl", "--immediate-mode", _LEAVING]
            _start(ends, [*self.network, *words], out, said)
            _wait(lambda: "listening on any" in self._said.read_text(), self._said.read_text)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()


def _start(
    ends: ExitStack, words: list[str], out: int | IO[bytes], errors: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env={"PATH": path}
    )
    ends.enter_context(process)
    ends.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)


def _wait(condition: Callable[[], bool], words: Callable[[], str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, words()
        time.sleep(0.05)
