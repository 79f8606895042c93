"""The lines of a log that say something about a run's end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LAST_LINES = 8
_LOOKED_AT = 400
_LONGEST = 300
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_PROGRESS = re.compile(r"\d+%\s*\||\|\s*\d+/\d+\s*\[|^\s*\d+/\d+\s*\[|^phase: ")
_ERROR = re.compile(
    r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning)(:|$)|"
    r"\b(error|fatal|critical|killed|segmentation fault|out of memory)\b",
    re.IGNORECASE,
)


def meaningful_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """The last lines without progress bars, blanks and repetitions.

    The last one that looks like an error is among them, whatever came after it.
    """
    kept: list[str] = []
    for line in list(lines)[-_LOOKED_AT:]:
        text = _CONTROL.sub("", line.rstrip("\r\n").rsplit("\r", 1)[-1]).rstrip()
        if text and not _PROGRESS.search(text) and text != (kept[-1] if kept else ""):
            kept.append(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …")
    last = kept[-LAST_LINES:]
    error = next((text for text in reversed(kept) if _ERROR.search(text)), None)
    if error is not None and error not in last:
        last = [error, "…", *last[2:]]
    return tuple(last)
