"""What the window sends: appended piece by piece, and believed only when its hash is right."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from trainer_image.agent_files import sha256_of, size_of, why_not
from trainer_image.agent_run import RunError

if TYPE_CHECKING:
    from pathlib import Path

_FLAT = ("datasets", "code")
_FOLDERS = ("outputs", "models")
"""A checkpoint or an adapter to begin from, and a base model that is on no Hub."""
_OF_THE_RUN = ("events.jsonl", "record.json")
"""What earlier boots of the run told, for a disk that knows nothing of them."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_PART = re.compile(r"[^./\\\0][^/\\\0]{0,199}")
_MOST_PARTS = 12
LARGEST_PIECE = 8 * 1024 * 1024
"""Bytes of one request: less than every limit of the proxy in front."""
_COMMIT_WAIT = 20.0
"""Seconds for which one request waits for a hash: the proxy gives up after 100."""


class _Hashing(threading.Thread):
    """Hashes a file beside the requests: a large one takes longer than a request may."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.sha256 = ""
        self.trouble = ""
        self.start()

    def run(self) -> None:
        try:
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
            self.sha256 = sha256_of(self._path)
        except OSError as error:
            self.trouble = f"The file cannot be read back: {error.strerror}."


class Uploads:
    """The inputs under the data root; names are ``KIND/NAME``, those of folders with their path.
    Thread-safe."""

    def __init__(self, data_root: Path, run_id: str = "") -> None:
        self._root = data_root
        self._run_id = run_id
        self._lock = threading.Lock()
        self._hashing: dict[Path, _Hashing] = {}

    def look(self, kind: str, name: str) -> dict[str, Any]:
        """How many bytes are here, and whether they are the whole file."""
        final, part = self._places(kind, name)
        if final.is_file():
            return {"size": size_of(final), "complete": True}
        return {"size": size_of(part), "complete": False}

    def append(self, kind: str, name: str, offset: int, piece: memoryview, sha256: str) -> int:
        """Append a piece where the file ends; the size afterwards. RunError 409 tells the size."""
        if hashlib.sha256(piece).hexdigest() != sha256:
            raise RunError(422, "The piece was changed on its way.", corrupted=True)
        final, part = self._places(kind, name)
        with self._lock:
            here = self.look(kind, name)
            if here["complete"] or here["size"] != offset or part in self._hashing:
                raise RunError(409, "The piece does not begin where the file ends.", **here)
            try:
                final.parent.mkdir(parents=True, exist_ok=True)
                _append(part, offset, piece)
            except OSError as error:
                raise _not_written(error) from None
        return offset + len(piece)

    def commit(self, kind: str, name: str, size: int, sha256: str) -> bool:
        """Check the whole file and give it its name; False while that is still going on.

        A file that came by another way (the volume's own upload) is checked just the same.
        """
        final, part = self._places(kind, name)
        with self._lock:
            here = self.look(kind, name)
            path = final if here["complete"] else part
            if here["size"] != size:
                raise RunError(409, "The file has not the size it should have.", **here)
            if not size and not here["complete"]:
                _make_empty(part)
            hashing = self._hashing.get(path) or _Hashing(path)
            self._hashing[path] = hashing
        hashing.join(_COMMIT_WAIT)
        if hashing.is_alive():
            return False
        with self._lock:
            if self._hashing.pop(path, None) is not hashing:
                return False  # another request has dealt with it; the next one sees the outcome
            self._settle(path, final, hashing, sha256)
        return True

    def _settle(self, path: Path, final: Path, hashing: _Hashing, sha256: str) -> None:
        if hashing.trouble:
            raise RunError(507, hashing.trouble)
        if hashing.sha256 != sha256:
            path.unlink(missing_ok=True)
            raise RunError(422, "The file arrived changed, and was removed.", corrupted=True)
        path.replace(final)

    def _places(self, kind: str, name: str) -> tuple[Path, Path]:
        if not self._may_come(kind, name):
            raise RunError(404, "There is no such input.")
        final = self._root / kind / name
        return final, final.with_name(f".{final.name}.part")

    def _may_come(self, kind: str, name: str) -> bool:
        parts = name.split("/")
        if kind in _FOLDERS:
            return len(parts) <= _MOST_PARTS and all(_PART.fullmatch(part) for part in parts)
        if kind == "runs":
            return parts[0] == self._run_id and parts[1:] in [[one] for one in _OF_THE_RUN]
        return kind in _FLAT and bool(_NAME.fullmatch(name))


def _make_empty(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise _not_written(error) from None


def _append(path: Path, offset: int, piece: memoryview) -> None:
    with path.open("ab", buffering=0) as file:
        try:
            rest = piece
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(offset)  # a full disk takes part of a piece
            raise


def _not_written(error: OSError) -> RunError:
    return RunError(507, **why_not(error))
