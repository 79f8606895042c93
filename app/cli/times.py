"""Times for people."""

from __future__ import annotations

from datetime import datetime


def when(seconds: float | None) -> str:
    """Seconds since the epoch as local date and time; a dash for none."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
