"""What a command prints: one JSON document, or lines for a person; errors as sentences."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.crash_report import report_text, write_report
from app.paths import app_paths
from models.domain.errors import AppError, ConfigError
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

EXIT_FAILED = 1
EXIT_WRONG_USE = 2
_WRONG_USE = {"bad_config", "bad_name", "bad_use", "name_taken"}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def prepare_streams() -> None:
    """Let every text be printed: into a file or another program as UTF-8, unless the user wants
    something else; what a terminal has no sign for, by its number.

    Windows writes files in a code page that lacks most of what datasets hold.
    """
    is_chosen = bool(os.environ.get("PYTHONIOENCODING"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if is_chosen or stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def print_json(document: object) -> None:
    """Print the command's one JSON document."""
    print(json.dumps(plain(document), ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def program() -> str:
    """How this program is called from here, for hints that can be typed as they are."""
    if shutil.which("temper"):
        return "temper"
    return os.path.relpath(Path(sys.executable).with_name("temper"))


def say(text: str) -> None:
    """A line for the person, on stderr so that stdout stays for results."""
    print(redact(text), file=sys.stderr, flush=True)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print left-aligned columns, as wide as their widest cell."""
    lines = [tuple(header), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Turn a known failure into a sentence (or a JSON document) and the right exit code."""
    try:
        yield
    except AppError as error:
        if as_json:
            print_json({"error": _as_document(error)})
        say(_as_text(error))
        code = EXIT_WRONG_USE if error.kind in _WRONG_USE else EXIT_FAILED
        raise typer.Exit(code) from None
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - a bug of ours: a sentence, never a traceback
        _report_bug(error, as_json=as_json)
        raise typer.Exit(EXIT_FAILED) from None


def _report_bug(error: Exception, *, as_json: bool) -> None:
    path = write_report(app_paths().logs, report_text(error))
    message = f"Temper has a fault: {type(error).__name__}."
    hint = f"Please report it with this file: {path}"
    if as_json:
        print_json({"error": {"kind": "internal", "message": message, "hint": hint}})
    say(f"{message}\n{hint}")


def _as_document(error: AppError) -> dict[str, Any]:
    words = {"message": redact(error.message), "hint": redact(error.hint)}
    document: dict[str, Any] = {"kind": error.kind, **words}
    if isinstance(error, ConfigError):
        document["problems"] = plain(error.problems)
    return document


def _as_text(error: AppError) -> str:
    return f"{error.message}\n{error.hint}".strip()
