"""A run's log file and how far it is: every line of a container in it exactly once.

Beside the log lies a note of how many bytes of it stand for how many of the container's entries.
The log is written first, the note after it. Whoever comes next, after a crash between the two, cuts
the log back to what the note says and takes the same entries again: they give the same bytes, so
that readers who were further already miss nothing and see nothing twice.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.runners.container_end import ContainerEnd
from services.runners.log_lines import LineJoiner, Position, split_entry

if TYPE_CHECKING:
    from pathlib import Path

    from services.run_files import RunFolder

UNWRITABLE = "log_unwritable"


@dataclass(frozen=True, slots=True)
class Note:
    """``base`` is where this container's part of the log begins, ``size`` how far it is noted.

    With ``end`` everything that it printed is there.
    """

    container: str
    base: int
    size: int
    position: Position = field(default_factory=Position)
    end: ContainerEnd | None = None


class LogBook:
    """Not thread-safe, and for one program at a time: whoever holds the log's lock.

    A disk that is full raises AppError(UNWRITABLE); nothing is lost by it: :meth:`open` again.
    """

    def __init__(self, folder: RunFolder, container: str) -> None:
        self._log, self._file = folder.log, note_file(folder)
        self._container = container
        self._note = Note(container, 0, 0)
        self._joiner = LineJoiner()
        self._position = Position()
        self._size = 0
        self._skip = 0

    @property
    def position(self) -> Position:
        """Where to read on."""
        return self._position

    def begin(self) -> None:
        """Note that this container's part begins at the log's present end."""
        try:
            self._log.touch()
            size = self._log.stat().st_size
            self._keep(Note(self._container, size, size))
        except OSError as error:
            raise _unwritable(error, self._log) from error

    def open(self) -> Position:
        """Make the log agree with the note, and say from where to read on."""
        note = read_note(self._file)
        if note is None or note.container != self._container:
            self.begin()
            note = self._note
        try:
            self._note = self._cut(note)
        except OSError as error:
            raise _unwritable(error, self._log) from error
        self._joiner = LineJoiner()
        self._position, self._size = self._note.position, self._note.size
        self._skip = self._position.skip
        return self._position

    def rewind(self) -> None:
        """Forget all that was taken of this container."""
        try:
            self._keep(Note(self._container, self._note.base, self._note.base))
        except OSError as error:
            raise _unwritable(error, self._log) from error

    def take(self, stream: int, entry: bytes) -> None:
        """The next entry since :meth:`open`; those that are known already are passed over."""
        if self._skip:
            self._skip -= 1
            return
        time, text = split_entry(entry)
        self._append(self._joiner.feed(stream, text))
        self._position = self._position.after(time)

    def note(self) -> None:
        """Note how far the log is, unless a line is only begun: then there is nothing to note."""
        if not self._joiner.is_whole or self._position == self._note.position:
            return
        try:
            self._keep(replace(self._note, size=self._size, position=self._position))
        except OSError as error:
            raise _unwritable(error, self._log) from error

    def finish(self, end: ContainerEnd) -> None:
        """Everything was printed and taken: note how it ended."""
        self._append(self._joiner.end())
        try:
            self._keep(replace(self._note, size=self._size, position=self._position, end=end))
        except OSError as error:
            raise _unwritable(error, self._log) from error

    def _append(self, lines: bytes) -> None:
        if not lines:
            return
        try:
            with self._log.open("ab", buffering=0) as file:
                rest = memoryview(lines)
                while rest:
                    rest = rest[file.write(rest) :]
        except OSError as error:
            raise _unwritable(error, self._log) from error
        self._size += len(lines)

    def _cut(self, note: Note) -> Note:
        """After a power cut the log may be shorter than noted: then all is taken again."""
        self._log.touch()
        size = self._log.stat().st_size
        if size < note.size:
            base = min(note.base, size)
            note = Note(note.container, base, base)
            self._keep(note)
        if size > note.size:
            os.truncate(self._log, note.size)
        return note

    def _keep(self, note: Note) -> None:
        content = json.dumps(asdict(note)).encode()
        temporary = self._file.with_name(f"{self._file.name}.tmp")
        try:
            temporary.write_bytes(content)
            temporary.replace(self._file)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._note = note


def note_file(folder: RunFolder) -> Path:
    """Where the note lies."""
    return folder.path / "train.log.note"


def lock_file(folder: RunFolder) -> Path:
    """Whoever holds it writes the log."""
    return folder.path / "train.log.lock"


def read_note(path: Path) -> Note | None:
    """The note, None where there is none or it is damaged."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        end = found.pop("end")
        position = Position(**found.pop("position"))
        return Note(**found, position=position, end=ContainerEnd(**end) if end else None)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _unwritable(error: OSError, log: Path) -> AppError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    reason = "the disk is full" if full else (error.strerror or str(error)).lower()
    return AppError(
        UNWRITABLE, f"The run's log {log} cannot be written: {reason}.", "Free some space there."
    )
