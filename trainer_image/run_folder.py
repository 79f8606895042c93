"""Where a run lives, and the three files by which it tells the world how it is doing.

Everything is written so that a reader never sees half a file: JSON documents are replaced whole,
and ``events.jsonl`` only grows by full lines, also over a power cut.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from trainer_image import world
from trainer_image.contract import (
    CONTAINER_DATA_ROOT,
    DATA_ROOT_VARIABLE,
    STOP_REQUEST_FILE,
    Phase,
    RunState,
)
from trainer_image.secrecy import without_secrets

if TYPE_CHECKING:
    from pydantic import BaseModel

ENDED = {Phase.FINISHED, Phase.FAILED, Phase.CANCELLED}


def resolve(path: str) -> Path:
    """The real place of a job's path: ``/data/...`` means the data root, anything else itself."""
    if not PurePosixPath(path).is_relative_to(CONTAINER_DATA_ROOT):
        return Path(path)
    root = Path(os.environ.get(DATA_ROOT_VARIABLE, CONTAINER_DATA_ROOT))
    return root / PurePosixPath(path).relative_to(CONTAINER_DATA_ROOT)


def is_local(base_model: str) -> bool:
    """Whether a base model is a folder rather than the name of a Hub repository."""
    return base_model.startswith(("/", "./", "../", "~")) or resolve(base_model).exists()


def write_atomic(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``, so that a crash leaves the old file or the new one."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    """``write_atomic`` for a JSON document."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_model(path: Path, value: BaseModel) -> None:
    """``write_atomic`` for a value of the contract."""
    write_json(path, value.model_dump(mode="json"))


class RunFolder:
    """The paths of one run; ``job.json`` lies in it and names it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events = path / "events.jsonl"
        self.state = path / "state.json"
        self.result = path / "result.json"
        self.samples = path / "samples.jsonl"
        self.split = path / "split.json"
        self.stop_request = path / STOP_REQUEST_FILE


class EventWriter:
    """Appends to ``events.jsonl``; ``seq`` goes on where the boot before left off."""

    def __init__(self, path: Path) -> None:
        # Unbuffered: after a full disk nothing half-written may wait in memory for its chance.
        self._file = path.open("ab+", buffering=0)
        self._seq = self._repair()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _repair(self) -> int:
        """Cut off a line torn by a power cut; return the next ``seq``."""
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            torn = lines.pop()
            self._file.truncate(self._file.tell() - len(torn))
        return json.loads(lines[-1])["seq"] + 1 if lines else 0

    def emit(self, type_: str, /, **fields: Any) -> None:
        """Append one event. JSON has no NaN, so a number that is none becomes ``null``."""
        event = {"seq": self._seq, "time": time.time(), "type": type_}
        event |= {name: _finite(value) for name, value in fields.items()}
        line = without_secrets(json.dumps(event, ensure_ascii=False, allow_nan=False))
        try:
            self._append(line.encode() + b"\n")
            self._seq += 1
        except BaseException:  # a stop's signal, too, may come between the line and its number
            self._seq = self._repair()
            raise

    def _append(self, line: bytes) -> None:
        size = self._file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            # A full disk takes part of a line; without it, the next event can still be read.
            self._file.truncate(size)
            raise


class StateWriter:
    """Replaces ``state.json`` at each change of phase; counts how often the run was booted."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._path = path
        now = time.time()
        self._state = RunState(
            run_id=run_id,
            phase=Phase.PREPARING,
            pid=world.leader(),
            pid_created=process_created(world.leader()),
            host=socket.gethostname(),
            boot_count=self._boots_before() + 1,
            started_at=now,
            updated_at=now,
        )

    @classmethod
    def of_this_boot(cls, path: Path, run_id: str) -> Self:
        """Goes on with what a process that this one started has written, if it came to that."""
        writer = cls(path, run_id)
        with contextlib.suppress(OSError, ValueError):
            known = RunState.model_validate_json(path.read_bytes())
            ours = (known.pid, known.pid_created) == (writer._state.pid, writer._state.pid_created)
            writer._state = known if ours else writer._state
        return writer

    def _boots_before(self) -> int:
        try:
            return RunState.model_validate_json(self._path.read_bytes()).boot_count
        except (OSError, ValueError):
            return 0

    def write(self, phase: Phase, exit_code: int | None = None) -> None:
        """Say what the run is doing; with ``exit_code``, that it has ended."""
        now = time.time()
        ended_at = now if phase in ENDED else None
        change = {"phase": phase, "updated_at": now, "ended_at": ended_at, "exit_code": exit_code}
        self._state = self._state.model_copy(update=change)
        write_model(self._path, self._state)


def process_created(pid: int | None = None) -> float:
    """When a process was created, this one or another, in seconds since the epoch."""
    import psutil

    return psutil.Process(pid).create_time()


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
