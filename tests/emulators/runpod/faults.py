"""What goes wrong on purpose."""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import Enum


class Boot(Enum):
    """Why a pod's container never starts."""

    STUCK_PULL = "the pull stops in the middle and says nothing more"
    TOO_MANY_PULLS = "the registry refuses: toomanyrequests"
    OLD_DRIVER = "the host's driver is too old for the image"
    NEVER = "the pull ends and nothing follows"
    CRASH_LOOP = "the container ends as soon as it has started, again and again"


@dataclass
class Fault:
    """For the next ``times`` requests whose ``METHOD /path?query`` matches ``where``.

    With ``after`` the request is carried out first: only the answer is spoilt. With ``silence``
    there is no answer for so many emulated seconds, then the connection ends. The rest concerns
    what goes through the proxy: bytes after which a body is cut, a byte changed on the way.
    """

    where: str
    times: int = 1
    status: int = 500
    after: bool = False
    silence: float | None = None
    retry_after: int | None = None
    body: str = "upstream error"
    cut_request: int | None = None
    cut_reply: int | None = None
    corrupt_request: bool = False
    corrupt_reply: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether it spoils bodies on their way rather than answering itself."""
        return (
            self.cut_request is not None
            or self.cut_reply is not None
            or self.corrupt_request
            or self.corrupt_reply
        )


@dataclass
class Faults:
    """All switches of one emulator. Thread-safe."""

    requests: list[Fault] = field(default_factory=list)
    boots: deque[Boot | None] = field(default_factory=deque)
    """One for each pod to come; None for one that is well."""
    lost_lines: int = 0
    """Of a log stream every so manieth line does not arrive on a connection that is open; 0: all
    arrive."""
    plain_cursors: bool = True
    """The log takes no cursor with more than a moment in it, as the schema has it; the example of
    the same page has more."""
    no_cursors: bool = False
    """The log takes none at all."""
    bare_ids: bool = False
    """The ids of the log are moments, as the description says, so lines of one second share one."""
    own_key_refused: bool = False
    """A pod's own key may do nothing."""
    billed_share: float = 1.0
    """So much of what pods cost is on the bill yet; 0: there is none."""
    quiet_hosts: int = 0
    """Every so manieth time that a pod is looked at its host does not tell of its container in
    time, and ``runtime`` is null though it runs; 0: each tells."""
    _looks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, where: str, **how: object) -> Fault:
        """Let requests fail from now on."""
        fault = Fault(where, **how)  # type: ignore[arg-type]
        with self._lock:
            self.requests.append(fault)
        return fault

    def calm(self) -> None:
        """All is well with requests from now on."""
        with self._lock:
            self.requests.clear()

    def storm(self, times: int, retry_after: int = 5) -> None:
        """The next so many calls of the API are told to wait."""
        self.add(" /v2/", times=times, status=429, retry_after=retry_after)

    def take(self, request: str) -> Fault | None:
        """The fault for this request, used up by one."""
        with self._lock:
            for fault in self.requests:
                if fault.times > 0 and re.search(fault.where, request):
                    fault.times -= 1
                    return fault
        return None

    def is_quiet(self) -> bool:
        """Whether a pod's host does not tell of its container this time."""
        with self._lock:
            self._looks += 1
            return bool(self.quiet_hosts) and self._looks % self.quiet_hosts == 0

    def boot(self) -> Boot | None:
        """What is wrong with the pod that is being made."""
        return self.boots.popleft() if self.boots else None
