"""What a pod's machine says while it comes up, kept beside the run's log: source ``system``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from services.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

MOST_LINES = 5000
"""Of one pod: a machine that tries for ever says the same for ever."""


class PodLines:
    """One pod's lines, in a file of the run's folder. Whoever reads the log anew writes it anew.

    What cannot be written is missing: these lines only explain.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._path = folder / f"pod-{number}.log"
        self._count = 0

    def add(self, line: str) -> None:
        """Keep one more."""
        if self._count >= MOST_LINES:
            return
        mode = "a" if self._count else "w"
        self._count += 1
        try:
            with self._path.open(mode, encoding="utf-8", newline="\n") as file:
                file.write(line.replace("\r", " ").replace("\n", " ") + "\n")
        except OSError as error:
            logger.info("a line of the pod cannot be kept: %s", error)


class PodLinesReader:
    """Reads a run's lines again and again; a file that has not changed is not read. Keeps those of
    one run. Thread-safe: whoever comes at the same time reads for itself."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._known: dict[Path, tuple[tuple[int, int], tuple[str, ...]]] = {}

    def read(self, folder: Path, attempts: int) -> tuple[str, ...]:
        """The lines of all pods so far, in their order; a last one that is torn is left."""
        if folder != self._folder:
            self._folder, self._known = folder, {}
        known = self._known
        lines: list[str] = []
        for number in range(1, attempts + 1):
            path = folder / f"pod-{number}.log"
            try:
                state = path.stat()
                mark = (state.st_mtime_ns, state.st_size)
                if path not in known or known[path][0] != mark:
                    known[path] = (mark, _lines(path))
            except OSError:
                continue
            lines += known[path][1]
        return tuple(lines)


def _lines(path: Path) -> tuple[str, ...]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return tuple(redact(text).split("\n")[:-1])
