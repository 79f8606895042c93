"""The program's side of a run's folder: where it lies, and reading what the trainer appends."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, TextIO

from pydantic import BaseModel, ValidationError

from models.domain.run import RunEvent
from services.redaction import redact
from trainer_image.contract import (
    CONTAINER_DATA_ROOT,
    OUTPUT_MARKER_FILE,
    STOP_REQUEST_FILE,
    OutputMarker,
    Result,
    RunState,
)

if TYPE_CHECKING:
    from typing import TypeVar

    Model = TypeVar("Model", bound=BaseModel)

logger = logging.getLogger(__name__)

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class RunFolder:
    """``<data root>/runs/<run id>/`` and the files in it."""

    data_root: Path
    run_id: str

    @property
    def path(self) -> Path:
        """The run's own folder."""
        return self.data_root / "runs" / self.run_id

    @property
    def job(self) -> Path:
        """The whole request."""
        return self.path / "job.json"

    @property
    def events(self) -> Path:
        """One JSON object a line, append-only."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """Everything the script printed."""
        return self.path / "train.log"

    @property
    def samples(self) -> Path:
        """Prompts to try with their expected answers."""
        return self.path / "samples.jsonl"

    @property
    def stop_request(self) -> Path:
        """Its presence asks the trainer to stop."""
        return self.path / STOP_REQUEST_FILE

    def ask_to_stop(self) -> None:
        """Ask the trainer to stop; on a full disk, or without the folder, only a signal can."""
        try:
            self.stop_request.touch()
        except OSError as error:
            logger.warning("%s cannot be written: %s", self.stop_request, error)

    def state(self) -> RunState | None:
        """What the trainer last said about itself."""
        return _read_model(self.path / "state.json", RunState)

    def result(self) -> Result | None:
        """The result; its presence means success."""
        return _read_model(self.path / "result.json", Result)


def host_path(data_root: Path, path: str) -> Path:
    """The real place of a path that the trainer sees under ``/data``; other paths stay."""
    inside = PurePosixPath(path)
    if inside.is_relative_to(CONTAINER_DATA_ROOT):
        return data_root.joinpath(*inside.relative_to(CONTAINER_DATA_ROOT).parts)
    return Path(path).expanduser()


def output_marker(directory: Path) -> OutputMarker | None:
    """Which job an output directory belongs to, if any says so."""
    return _read_model(directory / OUTPUT_MARKER_FILE, OutputMarker)


def read_events(path: Path, offset: int) -> tuple[list[RunEvent], int]:
    """Events in the whole lines from byte ``offset`` on, and the offset after them.

    A last line without its end is left for the next call: the trainer is still writing it.
    """
    data, end = _whole_lines(path, offset)
    return [_as_event(line) for line in data.splitlines() if line.strip()], end


def events_offset(path: Path, count: int) -> int:
    """The byte offset after the first ``count`` events, found without reading what is in them.

    They are numbered without a gap, one a line; where that is not so it is 0.
    """
    try:
        with path.open("rb") as file:
            offset = _after_lines(file, count)
            file.seek(offset)
            following = file.readline()
    except FileNotFoundError:
        return 0
    is_next = not following.endswith(b"\n") or _as_event(following).seq == count
    return offset if is_next else 0


def read_log(path: Path, offset: int) -> tuple[str, int]:
    """The whole lines of the log from byte ``offset`` on, and the offset after them."""
    data, end = _whole_lines(path, offset)
    return redact(data.decode("utf-8", errors="replace")), end


def copy_log(source: Path, target: TextIO) -> None:
    """Write a whole log out line by line, as it is shown: without secrets."""
    with source.open(encoding="utf-8", errors="replace", newline="") as log:
        target.writelines(redact(line) for line in log)


def log_tail(path: Path, lines: int) -> tuple[str, int]:
    """The last lines of the log, and the byte offset after them."""
    if not path.exists():
        return "", 0
    size = path.stat().st_size
    start = max(0, size - lines * 200)
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(size - start)
    end = data.rfind(b"\n") + 1
    tail = data[:end].splitlines(keepends=True)[-lines:]
    return redact(b"".join(tail).decode("utf-8", errors="replace")), start + end


def _after_lines(file: BinaryIO, count: int) -> int:
    """The offset after so many lines, or the end of the last whole one."""
    offset = 0
    while count and (chunk := file.read(_CHUNK)):
        lines = chunk.count(b"\n")
        if lines <= count:
            count -= lines
            offset = file.tell() - (len(chunk) - chunk.rfind(b"\n") - 1) if lines else offset
            continue
        place = -1
        for _ in range(count):
            place = chunk.index(b"\n", place + 1)
        return file.tell() - len(chunk) + place + 1
    return offset


def _whole_lines(path: Path, offset: int) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return b"", offset
    end = data.rfind(b"\n") + 1
    return data[:end], offset + end


def _as_event(line: bytes) -> RunEvent:
    fields = json.loads(redact(line.decode("utf-8", errors="replace")))
    return RunEvent(
        seq=fields.pop("seq"), time=fields.pop("time"), type=fields.pop("type"), fields=fields
    )


def _read_model(path: Path, model: type[Model]) -> Model | None:
    # Files are replaced atomically, so a file that does not parse is damaged, not half-written.
    try:
        return model.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
