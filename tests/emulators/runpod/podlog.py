"""A pod's log, and how Runpod streams it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.runpod.clock import Clock, read, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEEPALIVE = 15.0
"""Emulated seconds of silence, after which a comment is sent."""


@dataclass(frozen=True)
class Line:
    """``number`` makes the ids of one second's lines different, and orders them."""

    number: int
    moment: float
    source: str
    text: str

    @property
    def id(self) -> str:
        """The cursor."""
        return f"{written(self.moment)}/{self.number:012}"

    def event(self, *, is_bare: bool = False) -> bytes:
        """As a server-sent event; ``is_bare``: its id is its moment."""
        data = {"ts": written(self.moment), "source": self.source, "line": self.text}
        name = written(self.moment) if is_bare else self.id
        return f"id: {name}\ndata: {json.dumps(data)}\n\n".encode()


@dataclass(frozen=True)
class Wish:
    """What of a log is asked for. ``after`` is a cursor, ``since`` a moment; both exclusive.

    ``bare`` ids are moments alone.
    """

    sources: tuple[str, ...] = ("container", "system")
    tail: int = 100
    after: str = ""
    since: float | None = None
    bare: bool = False


class Log:
    """Lines of both sources in the order of their coming. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: list[Line] = []
        self._changed = threading.Condition()
        self._ended = False

    def say(self, source: str, text: str) -> None:
        """Add a line."""
        with self._changed:
            number = len(self._lines) + 1
            self._lines.append(Line(number, self._clock.now(), source, text))
            self._changed.notify_all()

    def end(self) -> None:
        """The pod is gone: every stream ends."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def lines(self, source: str = "") -> list[str]:
        """The texts so far."""
        return [line.text for line in list(self._lines) if source in {"", line.source}]

    def stream(self, wish: Wish, lost: int, closing: Callable[[], bool]) -> Iterator[bytes]:
        """Events without an end; of lines that come while it lasts every ``lost``th is lost.

        Nothing at all, not even a keepalive, comes before the first line.
        """
        replay, place = self._replay(wish)
        begun, live, quiet_since = False, 0, self._clock.now()
        for line in replay:
            begun = True
            yield line.event(is_bare=wish.bare)
        while not closing():
            with self._changed:
                if len(self._lines) == place and not self._ended:
                    self._changed.wait(min(0.05, self._clock.real(1)))
                new, place = self._lines[place:], len(self._lines)
                ended = self._ended
            for line in new:
                live += 1
                if line.source in wish.sources and not (lost and live % lost == 0):
                    begun, quiet_since = True, self._clock.now()
                    yield line.event(is_bare=wish.bare)
            if ended:
                return
            if begun and self._clock.now() - quiet_since > KEEPALIVE:
                quiet_since = self._clock.now()
                yield b": keepalive\n\n"

    def _replay(self, wish: Wish) -> tuple[list[Line], int]:
        with self._changed:
            known = list(self._lines)
        wanted = [line for line in known if line.source in wish.sources]
        if wish.after:
            moment, _, number = wish.after.partition("/")
            if number:
                return [line for line in wanted if line.number > int(number)], len(known)
            return _since(wanted, read(moment)), len(known)
        if wish.since is not None:
            return _since(wanted, wish.since), len(known)
        return (wanted[-wish.tail :] if wish.tail else []), len(known)


def _since(lines: list[Line], moment: float) -> list[Line]:
    """After the whole second of that moment."""
    return [line for line in lines if int(line.moment) > int(moment)]
