"""How long the pod has been paid for, which neither a restart nor a moved clock can shorten.

While the agent lives it counts by the kernel's own clock, which nobody can set. What a restart took
is known by that clock too where the kernel is the same, else by the calendar. What Runpod says of
the pod's age only ever adds: so a wiped disk gives no new time either.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Lock
from typing import Any

from trainer_image.agent_files import write_json

_KERNEL = Path("/proc/sys/kernel/random/boot_id")
_NUMBERS = ("worked", "earlier", "limit", "kernel_seconds", "time")


def kernel_seconds() -> float:
    """Seconds since the kernel was started, suspended ones included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def kernel_boot() -> str:
    """Which start of which kernel that counts from; empty where it is not told."""
    try:
        return _KERNEL.read_text("ascii").strip()
    except OSError:
        return ""


class PaidTime:
    """The pod's age, and the most it may become. Thread-safe; only ``store`` touches the disk.

    What another pod wrote onto the same volume is no concern of this one.
    """

    def __init__(
        self, path: Path, limit: float, created_at: float | None, pod_id: str = ""
    ) -> None:
        self._path = path
        self._pod_id = pod_id
        self._lock = Lock()
        self._kernel = kernel_boot()
        self._started = kernel_seconds()
        self._limit = limit
        self._worked = 0.0
        self._earlier = 0.0
        before = _read(path, pod_id)
        self._created_at = created_at if before is None else None
        if before is not None:
            self._worked = before["worked"] + self._gap(before)
            self._earlier = before["earlier"]
            self._limit = min(limit, before["limit"])

    def _gap(self, before: dict[str, Any]) -> float:
        if self._kernel and self._kernel == before["kernel"]:
            return max(0.0, self._started - float(before["kernel_seconds"]))
        return max(0.0, time.time() - float(before["time"]))

    @property
    def worked(self) -> float:
        """Seconds since an agent first ran here: it only ever goes on evenly."""
        return self._worked + kernel_seconds() - self._started

    @property
    def age(self) -> float:
        """Seconds since the pod was created; it jumps when more becomes known of that."""
        with self._lock:
            return self._earlier + self.worked

    @property
    def limit(self) -> float:
        """The age at which the pod ends, whatever it is doing."""
        with self._lock:
            return self._limit

    def is_at_least(self, age: float) -> None:
        """Somebody who knows says that the pod is that old; it never becomes younger."""
        with self._lock:
            self._earlier = max(self._earlier, age - self.worked)

    def believe_window(self) -> None:
        """Runpod does not say how old the pod is: the moment that the window wrote down counts.

        Only then, for its clock may be wrong by hours. What a record of ours knows is better.
        """
        if self._created_at is not None:
            self.is_at_least(time.time() - self._created_at)

    def tighten(self, limit: float) -> None:
        """Lower the limit; it is never raised."""
        with self._lock:
            self._limit = min(self._limit, limit)

    def store(self) -> None:
        """Keep it for after a restart; OSError where the disk does not take it."""
        now: dict[str, Any] = {"pod": self._pod_id, "kernel": self._kernel}
        now |= {"kernel_seconds": kernel_seconds(), "time": time.time()}
        with self._lock:
            known = {"worked": self.worked, "earlier": self._earlier, "limit": self._limit}
        write_json(self._path, known | now, durable=False)


def _read(path: Path, pod_id: str) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_bytes())
        if value["pod"] != pod_id:
            return None
        kernel = str(value["kernel"])
        numbers = {name: float(value[name]) for name in _NUMBERS}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return {"kernel": kernel, **numbers}
