"""A pod's log as Runpod streams it: server-sent events that never end and lose lines.

It is the only way to see why a container does not start; what a trainer says comes from our agent.
"""

from __future__ import annotations

import json
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from models.domain.pod import PodLogLine
from services.runpod.refusals import SERVICE, refusal
from services.web import unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from services.runpod.transport import Transport

SYSTEM, CONTAINER = "system", "container"
REOPEN_SECONDS = 60.0
"""Some lines never arrive on a connection that lasts, so it is opened anew so often."""
SILENT_SECONDS = 30.0
"""So long a connection may be silent: its very headers come only with the first line."""
MOST_IDS = 20_000
TAIL = 1000
"""Lines of before that are asked for at first; Runpod gives 5000 at most."""
_WHAT = "read the pod's log"
_BAD_CURSOR = frozenset({400, 422})


class PodLog:
    """Reads one pod's log; remembers how far, so that :meth:`read` goes on where it was.

    Each connection begins where the one before it **began**: what was lost comes then, and what is
    known already is left out. It does not end by itself before it has come past where the one
    before it ended, however slow that is. Not for several threads.
    """

    def __init__(
        self,
        transport: Transport,
        pod_id: str,
        source: str = "",
        *,
        reopen: float = REOPEN_SECONDS,
        silent: float = SILENT_SECONDS,
    ) -> None:
        self._transport = transport
        self._path = f"/v2/pods/{quote(pod_id, safe='')}/logs"
        self._source = source
        self._reopen, self._silent = reopen, silent
        self._seen: deque[tuple[str, str, str]] = deque(maxlen=MOST_IDS)
        self._known: set[tuple[str, str, str]] = set()
        self._begin = self._last = ""
        self._is_level = True
        self._cursors = [_by_header, _by_since]

    def read(self, until: Callable[[], bool] = lambda: False) -> Iterator[PodLogLine]:
        """The new lines of one connection, which ends by itself, at ``until`` or when it breaks.

        Raises RunpodError: ``not_found`` once the pod is gone (its log goes with it), ``forbidden``
        with a key that may not read logs; AppError("network") where nothing is reached at all.
        """
        ends = time.monotonic() + self._reopen
        start, self._begin = self._begin, self._last
        self._is_level = not self._begin
        with self._transport.stream_client(httpx.Timeout(self._silent, connect=10.0)) as client:
            try:
                for line in self._lines(client, start):
                    if line is not None:
                        yield line
                    if until() or (self._is_level and time.monotonic() >= ends):
                        return
            except (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError):
                return  # silence and broken connections are this stream's way; open it anew
            except httpx.HTTPError as error:
                raise unreachable(error, self._transport.where.rest, SERVICE) from None

    def _lines(self, client: httpx.Client, start: str) -> Iterator[PodLogLine | None]:
        """New lines; None where something came that is no new line, as a sign of life."""
        url = self._transport.where.rest + self._path
        while True:
            query, headers = self._cursors[0](start) if start else ({"tail": str(TAIL)}, {})
            if self._source:
                query["source"] = self._source
            with client.stream("GET", url, params=query, headers=headers) as response:
                if response.is_success:
                    for event in events(response.iter_lines()):
                        yield self._new(event)
                    return
                response.read()
                if not start or response.status_code not in _BAD_CURSOR or len(self._cursors) == 1:
                    raise refusal(response, _WHAT)
            self._cursors.pop(0)  # this service does not take such a cursor

    def _new(self, event: dict[str, str]) -> PodLogLine | None:
        line = _log_line(event)
        if line is None:
            self._is_level = self._is_level or not event  # a keepalive: nothing is left to send
            return None
        self._is_level = self._is_level or line.id > self._begin
        # An id may be a moment alone, and then lines of one second share it.
        key = (line.id, line.source, line.text)
        if key in self._known:
            return None
        if len(self._seen) == MOST_IDS:
            self._known.discard(self._seen[0])
        self._seen.append(key)
        self._known.add(key)
        self._last = max(self._last, line.id)
        return line


def events(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Server-sent events as their fields; an empty one for a comment (a keepalive)."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield {}
        elif line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        elif fields:
            yield fields
            fields = {}


def _log_line(event: dict[str, str]) -> PodLogLine | None:
    try:
        content: Any = json.loads(event.get("data", ""))
    except ValueError:
        return None
    if not isinstance(content, dict) or not event.get("id"):
        return None
    moment, source = str(content.get("ts", "")), str(content.get("source", ""))
    return PodLogLine(event["id"], moment, source, str(content.get("line", "")))


def _by_header(cursor: str) -> tuple[dict[str, str], dict[str, str]]:
    """The schema has the cursor as a date and time, though the ids of its example have more."""
    return {}, {"Last-Event-ID": _second_before(cursor)}


def _by_since(cursor: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"since": _second_before(cursor)}, {}


def _second_before(cursor: str) -> str:
    """A moment leaves out all lines of its own second, also those that were not seen yet."""
    text = cursor.partition("/")[0]
    try:
        moment = datetime.fromisoformat(text) - timedelta(seconds=1)
    except ValueError:
        return text
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
