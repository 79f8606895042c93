"""The image's health check: can the job of this container still write, and does its trainer live?

Run as ``python -I -S health.py`` every minute: it imports a few modules of Python's own and none of
the trainer's. It says why it is not content in one line, which ``docker inspect`` shows.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path

_ENDED = ("finished", "failed", "cancelled")
_SMALLEST_FREE = 16 * 1024 * 1024
"""Bytes below which not even the next events and state can be relied on to be written."""


def main() -> int:
    """0 when healthy, 1 with a reason on standard output when not."""
    job = job_of(Path("/proc/1/cmdline").read_bytes())
    trouble = "" if job is None else trouble_of(job.parent)
    print(trouble or "healthy")  # noqa: T201
    return 1 if trouble else 0


def job_of(command: bytes) -> Path | None:
    """The job of the container's command; None for another command, such as the chat's."""
    words = [word.decode(errors="replace") for word in command.split(b"\0")]
    for word, following in itertools.pairwise(words):
        if word == "--job":
            return Path(following)
        if word.startswith("--job="):
            return Path(word.removeprefix("--job="))
    return None


def trouble_of(folder: Path) -> str:
    """What keeps the run of this folder from going on; empty when nothing does."""
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written"
    space = os.statvfs(folder)
    if space.f_bavail * space.f_frsize < _SMALLEST_FREE:
        return f"the disk of {folder} is full"
    try:
        state = json.loads((folder / "state.json").read_bytes())
        pid, phase = int(state["pid"]), str(state["phase"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""  # it has not begun
    if phase in _ENDED or _is_another_containers(state):
        return ""
    return "" if Path(f"/proc/{pid}").exists() else f"the trainer (process {pid}) is gone"


def _is_another_containers(state: dict[str, object]) -> bool:
    """Whether an earlier boot wrote it: its process numbers mean nothing here."""
    return state.get("host") not in ("", None, os.uname().nodename)


if __name__ == "__main__":
    sys.exit(main())
