"""The importing child: ``python -m services.dataset_import.child``.

A process of its own can be killed at any byte, and gives its memory back. It reads one request from
its standard input, which stays open as long as the program that started it lives, and prints its
progress and one result.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.dataset_import.batches import CHUNK_BYTES
from services.dataset_import.export_stream import export_stream
from services.dataset_import.messages import read_request, verdict_text
from services.dataset_import.pipeline import Reading
from services.dataset_import.places import PlaceWriter
from services.dataset_import.writer import RowWriter

if TYPE_CHECKING:
    from services.dataset_import.export_stream import ExportStream
    from services.dataset_import.messages import Request

_EVERY_SECONDS = 0.1
_SWITCH_SECONDS = 0.0002
"""Python's 5 ms leave the thread that writes waiting for its turn: imports are 7 % faster so."""


def main() -> int:
    """Do what standard input asks for. The result, also a refusal, is on standard output."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    # The program's encoding, whatever the system's: the two speak UTF-8.
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    document = json.loads(stdin.readline())
    work, tick = document.get("work"), _Speaker(stdout).tick
    if work is not None:
        from services.dataset_import.rework import files_of, rework  # not for an import

        _watch(stdin, files_of(work))
        result = rework(work, tick)
    else:
        request = read_request(document)
        _watch(stdin, (request.data, request.index, request.folder))
        result = carry_out(request, tick)
    _say(stdout, result)
    return 0


def carry_out(request: Request, tick: Any) -> dict[str, Any]:
    """Import, or check, and say what came of it; nothing is left where it failed."""
    streams: list[ExportStream] = []
    reading = _reading(request, tick, streams)
    is_kept = False
    try:
        verdict = reading.run()
        if streams:
            verdict = replace(verdict, licence=streams[-1].licence)
        result: dict[str, Any] = {"verdict": verdict_text(verdict)}
        if reading.written is not None and not verdict.is_refused:
            reading.close()
            result["stored"] = {
                "sha256": reading.written.sha256,
                "rows": reading.written.rows,
                "size": reading.written.size,
            }
            is_kept = True
    except AppError as error:
        result = _error(error)
    except OSError as error:
        result = _error(_as_app_error(request.path, error))
    except Exception:  # noqa: BLE001 - the program reports the bug, with all of this
        result = {"bug": traceback.format_exc()}
    finally:
        if not is_kept:
            reading.discard()
    return result


def _reading(request: Request, tick: Any, streams: list[ExportStream]) -> Reading:
    def export(*more: str) -> IO[bytes]:
        if exporter is None:
            raise ValueError(request)
        streams.append(export_stream([*exporter.argv, *more], exporter.env))
        return io.BufferedReader(streams[-1], CHUNK_BYTES)

    reading = Reading(Path(request.path), request.options, tick)
    if request.data:
        reading.writer = lambda: RowWriter(Path(request.data), Path(request.index))
    if request.places:
        reading.places = lambda: PlaceWriter(Path(request.places))
    if request.folder:
        reading.folder = Path(request.folder)
    exporter = request.exporter
    if exporter is not None and exporter.is_source:
        reading.stream = export
    elif exporter is not None:
        reading.columnar = lambda path: export(str(path))
    return reading


class _Speaker:
    """Prints the progress ten times a second."""

    def __init__(self, stdout: IO[bytes]) -> None:
        self._stdout = stdout
        self._last = 0.0

    def tick(self, rows: int, consumed: int) -> None:
        now = time.monotonic()
        if now - self._last >= _EVERY_SECONDS:
            self._last = now
            _say(self._stdout, {"progress": [rows, consumed]})


def _say(stdout: IO[bytes], document: dict[str, Any]) -> None:
    stdout.write(json.dumps(document).encode() + b"\n")
    stdout.flush()


def _watch(stdin: IO[bytes], files: tuple[str, ...]) -> None:
    threading.Thread(target=_end_with_parent, args=(stdin, files), daemon=True).start()


def _end_with_parent(stdin: IO[bytes], files: tuple[str, ...]) -> None:
    """Leave nothing behind when the program that asked is gone."""
    # Not through the buffer, whose lock the interpreter needs when it ends.
    while os.read(stdin.fileno(), 4096):
        pass
    for name in files:
        if name and Path(name).is_dir():
            shutil.rmtree(name, ignore_errors=True)
        elif name:
            Path(name).unlink(missing_ok=True)
    os._exit(1)


def _error(error: AppError) -> dict[str, Any]:
    return {
        "error": {
            "kind": error.kind,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        }
    }


def _as_app_error(path: str, error: OSError) -> AppError:
    name = Path(path).name
    if error.errno == errno.ENOSPC:
        return AppError(
            "disk_full",
            f"The disk is full; {name} was not imported.",
            "Free some space, or move the program's data with TEMPER_HOME, and import again.",
            str(error),
        )
    return AppError("io", f"{name} was not imported: {error}.", "Check the disk.", str(error))


if __name__ == "__main__":
    sys.exit(main())
