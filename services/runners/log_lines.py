"""What an engine tells of a container's output: entries with a time, made into lines of a log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

LONGEST_LINE = 1_048_576
"""Bytes that a line may have without an end; then it is given one, so that memory stays small."""
_SECOND = 1_000_000_000
_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")


def split_entry(entry: bytes) -> tuple[int | None, bytes]:
    """The time of an entry in nanoseconds since 1970, and what was printed.

    None where an engine gave no time, though it was asked to.
    """
    found = _TIME.match(entry)
    if found is None:
        return None, entry
    whole, fraction, zone = (part or b"" for part in found.groups())
    offset = "+00:00" if zone == b"Z" else zone.decode()
    seconds = int(datetime.fromisoformat(whole.decode() + offset).timestamp())
    return seconds * _SECOND + int(fraction.ljust(9, b"0") or b"0"), entry[found.end() :]


def as_since(time: int) -> str:
    """Such a time as the engine takes it: seconds with nine decimals."""
    return f"{time // _SECOND}.{time % _SECOND:09d}"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a container's entries are taken.

    Entries from the time ``since`` on are asked for, and the first ``skip`` of those are known
    already. A clock that was set back makes times useless for that: then ``since`` is None, and
    all ``total`` are skipped.
    """

    since: int | None = 0
    skip: int = 0
    total: int = 0

    def after(self, time: int | None) -> Position:
        """The position behind one more entry."""
        total = self.total + 1
        if self.since is None or time is None or time < self.since:
            return Position(None, total, total)
        return Position(time, self.skip + 1 if time == self.since else 1, total)


class LineJoiner:
    """Makes whole lines of what is printed: joins pieces, and keeps the last state of a progress.

    An engine cuts long lines (Docker at 16 KB). A program that redraws a line with carriage
    returns leaves what stood there last. What comes out depends on the entries alone, not on when
    they came: reading them again gives the same bytes.
    """

    def __init__(self) -> None:
        self._begun: dict[int, bytes] = {}

    @property
    def is_whole(self) -> bool:
        """Whether nothing waits for the rest of its line."""
        return not self._begun

    def feed(self, stream: int, text: bytes) -> bytes:
        """The whole lines that this entry of a stream completes."""
        text = self._begun.pop(stream, b"") + text
        *lines, rest = text.split(b"\n")
        if rest:
            rest = _last_state(rest, ended=False)
        if len(rest) > LONGEST_LINE:
            lines.append(rest)
        elif rest:
            self._begun[stream] = rest
        return b"".join(_last_state(line) + b"\n" for line in lines)

    def end(self) -> bytes:
        """What was begun and never ended."""
        begun, self._begun = self._begun, {}
        return b"".join(_last_state(begun[stream]) + b"\n" for stream in sorted(begun))


def _last_state(line: bytes, *, ended: bool = True) -> bytes:
    """What a terminal shows of a line that was redrawn. An unended one may go on being so."""
    shown = line.rstrip(b"\r")
    last = shown[shown.rfind(b"\r") + 1 :]
    return last if ended else last + line[len(shown) :][:1]
