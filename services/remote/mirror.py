"""The pod's growing files here: each byte once, whoever crashes in between.

A note says up to which byte of the pod's file ours is complete. It is written after the bytes, so
whoever comes after a crash cuts our file back to it and takes the same bytes again: readers that
were further miss nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from models.domain.errors import AppError
from services.environment.folder_lock import try_lock
from services.runpod.agent_client import AgentRefusalError
from services.runpod.agent_files import not_kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.run_files import RunFolder
    from services.runpod.agent_client import Tail

    Reader = Callable[[int, float], Tail]
    """From a byte on, waiting so many seconds for some."""

LOG, EVENTS = "train.log", "events.jsonl"
_NOTE, _LOCK = "mirror.json", "mirror.lock"
_WINDOW = 4096
"""So many bytes must be the same before a place is believed to be the same in both files."""
_TOO_FAR = 416
_END = 65_536
"""The last event is within so many bytes of the end."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Up to ``there`` of the file of ``source`` (one disk of one pod) ours has all, in its first
    ``here`` bytes."""

    source: str = ""
    there: int = 0
    here: int = 0


class Mirror:
    """Of one run. Only one program at a time: AppError("conflict") for the second."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder.path
        self._note = folder.path / _NOTE
        self._places: dict[str, _Place] = {}
        self._lock: int | None = None

    def __enter__(self) -> Self:
        try:
            self._lock = try_lock(self._folder / _LOCK)
        except OSError as error:
            raise not_kept(error, self._folder) from error
        if self._lock is None:
            raise AppError("conflict", "Another program is reading this run's log just now.", "")
        self._places = _read(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def offset(self, name: str) -> int:
        """How far the pod's file is here."""
        return self._place(name).there

    def pull(self, name: str, source: str, read: Reader, wait: float = 0) -> bool:
        """Take what is new; whether there was anything. AppError where either side does not let."""
        try:
            return self._pull(name, source, read, wait)
        except OSError as error:
            raise not_kept(error, self._folder / name) from error

    def _pull(self, name: str, source: str, read: Reader, wait: float) -> bool:
        place = self._settled(name)
        if place.source != source:
            place = self._found(name, source, place, read)
            self._keep(name, place)
        try:
            tail = read(place.there, wait)
        except AgentRefusalError as refusal:
            if refusal.status != _TOO_FAR:
                raise
            self._keep(name, self._found(name, source, place, read))
            return True
        data = tail.data
        if name == EVENTS:  # a trainer that was killed in the middle of a line writes it anew
            data = data[: data.rfind(b"\n") + 1]
        if not data:
            return False
        new = data if name != EVENTS else self._without_known(place, data)
        with (self._folder / name).open("ab", buffering=0) as file:
            rest = memoryview(new)
            while rest:
                rest = rest[file.write(rest) :]
        self._keep(name, _Place(source, place.there + len(data), place.here + len(new)))
        return True

    def _place(self, name: str) -> _Place:
        return self._places.get(name, _Place())

    def _settled(self, name: str) -> _Place:
        """The noted place, with our file cut back to it; or, where a power cut took bytes that
        were noted, the place before them."""
        place, path = self._place(name), self._folder / name
        size = path.stat().st_size if path.exists() else 0
        if name not in self._places:  # what was here before there was a pod
            place = replace(place, here=_whole(path) if name == EVENTS else size)
        if size < place.here:
            lost = place.here - size
            return _Place(place.source, max(0, place.there - lost), size)
        if size > place.here:
            os.truncate(path, place.here)
        return place

    def _found(self, name: str, source: str, place: _Place, read: Reader) -> _Place:
        """Where another disk's file, or one that lost its end, goes on from ours."""
        size = _size(read)
        for at in dict.fromkeys((place.there, place.here)):
            for there, here in ((at, place.here), (size, place.here - (at - size))):
                if there <= min(at, size) and self._is_same(name, there, here, read):
                    return _Place(source, there, place.here)
        return _Place(source, 0, place.here)

    def _is_same(self, name: str, there: int, here: int, read: Reader) -> bool:
        window = min(_WINDOW, there)
        if here < window or not window:
            return False
        with (self._folder / name).open("rb") as file:
            file.seek(here - window)
            ours = file.read(window)
        return ours == read(there - window, 0).data[:window]

    def _without_known(self, place: _Place, data: bytes) -> bytes:
        """Of events only those that follow ours: after a lost end the pod may tell some anew."""
        last = _last_number(self._folder / EVENTS, place.here)
        lines = data.splitlines(keepends=True)
        return b"".join(line for line in lines if _number(line, last + 1) > last)

    def _keep(self, name: str, place: _Place) -> None:
        self._places[name] = place
        noted = {key: asdict(value) for key, value in self._places.items()}
        temporary = self._note.with_name(f".{_NOTE}.tmp")
        temporary.write_text(json.dumps(noted), encoding="utf-8")
        temporary.replace(self._note)


def _whole(path: Path) -> int:
    """The bytes of the file's whole lines."""
    return path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0


def _size(read: Reader) -> int:
    """The other file's, by asking for its beginning."""
    return read(0, 0).size


def _read(path: Path) -> dict[str, _Place]:
    """What is noted; nothing where it is damaged, and then our files stand as they are."""
    try:
        noted: dict[str, Any] = json.loads(path.read_bytes())
        places = {name: _Place(**place) for name, place in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return places


def _last_number(path: Path, size: int) -> int:
    """The number of the last event in the file's first bytes; -1 where there is none."""
    if not size:
        return -1
    with path.open("rb") as file:
        file.seek(max(0, size - _END))
        lines = file.read(min(size, _END)).splitlines()
    return _number(lines[-1], -1) if lines else -1


def _number(line: bytes, default: int) -> int:
    try:
        return int(json.loads(line)["seq"])
    except (ValueError, TypeError, KeyError):
        return default
