"""The rows that a program prints, as a stream; its failure, with its own words, as an error."""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
from typing import Any

from models.domain.errors import AppError
from trainer_image.export_names import ENDS_WITH_INPUT_VARIABLE

_TAIL_BYTES = 4000


class ExportStream(io.RawIOBase):
    """Standard output of a program. AppError at its end where the program failed.

    Closing it earlier ends the program.
    """

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        super().__init__()
        self.licence = ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the program runs
        self._process = subprocess.Popen(
            argv,
            # It is open as long as we live: whoever prints rows for us ends with it.
            stdin=subprocess.PIPE,
            env=env | {ENDS_WITH_INPUT_VARIABLE: "1"},
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        stdout = self._process.stdout
        data = stdout.read(len(buffer)) if stdout is not None else b""
        if not data:
            self._check()
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._errors.close()
        super().close()

    def _check(self) -> None:
        code = self._process.wait()
        self._errors.seek(0)
        tail = self._errors.read()[-_TAIL_BYTES:].decode("utf-8", "replace")
        if code != 0:
            raise _failure(tail, code)
        self.licence = str(_last_document(tail).get("licence") or "")


def export_stream(argv: list[str], env: dict[str, str]) -> ExportStream:
    """Start a program whose output is the stream. AppError where it cannot be started."""
    try:
        return ExportStream(argv, env)
    except OSError as error:
        raise AppError(
            "runtime_missing",
            f"The training environment cannot be started: {error}.",
            "Set it up again (temper doctor).",
        ) from error


def _failure(tail: str, code: int) -> AppError:
    """The last line of its errors is a document, unless it died."""
    document = _last_document(tail)
    try:
        return AppError(document["kind"], document["message"], document["hint"], tail)
    except KeyError:
        message = f"The rows could not be read: the training environment ended with code {code}."
        return AppError("io", message, "Check it with temper doctor, and try again.", tail)


def _last_document(tail: str) -> dict[str, Any]:
    try:
        document = json.loads(tail.strip().rpartition("\n")[2])
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
