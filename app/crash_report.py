"""Reports of our own bugs, for the window and the command line: what happened, where, versions."""

from __future__ import annotations

import platform
import sys
import traceback
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from services.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path


def program_version() -> str:
    """The version of this program, as it was installed."""
    try:
        return version("temper")
    except PackageNotFoundError:
        return "from source"


def report_text(error: BaseException) -> str:
    """What happened, where, and with which versions; nothing secret."""
    head = [
        f"Temper {program_version()}",
        f"Python {platform.python_version()} · {platform.platform()}",
        f"PySide6 {version('PySide6_Essentials')}",
        datetime.now(UTC).isoformat(timespec="seconds"),
        "",
    ]
    return redact("\n".join(head) + "\n" + "".join(traceback.format_exception(error)))


def write_report(folder: Path, text: str) -> Path | None:
    """Write a report beside the earlier ones; None where that is impossible, said on stderr."""
    path = folder / f"crash-{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as trouble:
        sys.stderr.write(f"the report could not be written: {trouble}\n")
        return None
    return path
