"""Makes a process feel like a pod: the emulator's clock, a volume that fills or is another user's,
a stand-in trainer.

It is the ``sitecustomize`` of the Python that pods are run with (:mod:`pod_python`), so nothing of
what runs there knows of it. Standard library alone, and nothing of the emulator: it runs by itself.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import io
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

# These take the real clock when they are loaded and wait with it, as they should: load them now.
for _name in ("queue", "selectors", "socketserver", "subprocess", "threading"):
    importlib.import_module(_name)

CLOCK, VOLUME = "EMULATED_CLOCK", "EMULATED_VOLUME"
"""Variables: the file of the shared clock, the real folder of the pod's network volume."""
TRAINER = "trainer_image.train"
_SHARED = struct.Struct("<3d")
_SHORT = 0.05
"""Real seconds of a sleep that is not made shorter still: loops that poll must not spin."""
_real_sleep, _real_monotonic, _real_gettime = time.sleep, time.monotonic, time.clock_gettime


class _Clock:
    """The emulator's clock, read from its file each time: it may be moved."""

    def __init__(self, path: str) -> None:
        self._number = os.open(path, os.O_RDONLY)
        self._first = self.time()

    def time(self) -> float:
        start, moved, speed = self._read()
        return start + moved + _real_monotonic() * speed

    def monotonic(self) -> float:
        """Counts from a day before this process began, so that it is never negative."""
        return self.time() - self._first + 86_400

    def since_boot(self) -> float:
        """The same zero in every process of the computer, as a kernel has it."""
        _, moved, speed = self._read()
        return moved + _real_monotonic() * speed

    def sleep(self, seconds: float) -> None:
        until = self.time() + seconds
        while (left := until - self.time()) > 0:
            speed = self._read()[2]
            _real_sleep(min(0.1, max(left / speed, min(left, _SHORT))))

    def gettime(self, which: int) -> float:
        return self.since_boot() if which == time.CLOCK_BOOTTIME else _real_gettime(which)

    def _read(self) -> tuple[float, float, float]:
        return _SHARED.unpack(os.pread(self._number, _SHARED.size, 0))  # type: ignore[return-value]


def _take_the_clock(path: str) -> None:
    clock = _Clock(path)
    time.time, time.monotonic, time.sleep = clock.time, clock.monotonic, clock.sleep
    time.clock_gettime = clock.gettime


class _OnVolume(io.FileIO):
    """A file on a volume that takes no more than a note beside the volume's folder says."""

    volume = ""

    def write(self, data: Any) -> int:
        limit = _limit_of(self.volume)
        if limit is not None and _used(self.volume) + memoryview(data).nbytes > limit:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def _limit_of(volume: str) -> int | None:
    try:
        return int(Path(f"{volume}.full").read_bytes())
    except (OSError, ValueError):
        return None


def _used(volume: str) -> int:
    total = 0
    for place, _, names in os.walk(volume):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118
            except OSError:
                continue
    return total


def _fill_the_volume(volume: str) -> None:
    real_open = io.open

    def opened(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, *rest: Any
    ) -> Any:
        is_there = isinstance(file, (str, os.PathLike)) and os.fspath(file).startswith(volume + "/")
        if not is_there or not set(mode) & set("wax+"):
            return real_open(file, mode, buffering, encoding, *rest)
        if Path(f"{volume}.foreign").exists():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(file))
        raw = _OnVolume(file, mode.replace("b", "").replace("t", ""))
        raw.volume = volume
        if buffering == 0:
            return raw
        both = "+" in mode
        buffered = io.BufferedRandom(raw) if both else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, *rest)

    io.open = builtins.open = opened  # type: ignore[assignment]


def _begin() -> None:
    if os.environ.get(CLOCK):
        _take_the_clock(os.environ[CLOCK])
    if os.environ.get(VOLUME):
        _fill_the_volume(os.environ[VOLUME])
    if TRAINER in sys.orig_argv:
        import standin

        code = standin.main(sys.orig_argv[sys.orig_argv.index("--job") + 1])
        sys.stdout.flush()
        os._exit(code)


if __name__ == "sitecustomize":
    _begin()
