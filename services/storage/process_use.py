"""Whether a process of this computer works with something in a folder."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class ProcessUse:
    """Looks at the processes once, when it is first asked: some ten milliseconds."""

    def __init__(self) -> None:
        self._texts: tuple[str, ...] | None = None

    def works_in(self, folder: Path) -> bool:
        """Whether a process of this user runs a program in the folder, or imports from it."""
        if self._texts is None:
            self._texts = tuple(filter(None, map(_words_of, psutil.process_iter())))
        names = {str(folder), os.path.realpath(folder)}
        return any(name in text for text in self._texts for name in names)


def models_in_use(data_root: Path) -> Iterator[str]:
    """The base models of jobs in a data folder's runs with which a process of this user works,
    whichever program has started it."""
    use, runs = ProcessUse(), data_root / "runs"
    for job in runs.glob("*/job.json") if use.works_in(runs) else ():
        if use.works_in(job.parent):
            with suppress(OSError, ValueError, LookupError, TypeError):
                yield str(json.loads(job.read_bytes())["base_model"])


def _words_of(process: psutil.Process) -> str:
    """Program, command line and import path; empty of a process that is another user's, or gone."""
    words: list[str] = []
    asks: tuple[Callable[[], list[str]], ...] = (
        lambda: [process.exe() or ""],
        process.cmdline,
        lambda: [process.cwd()],
        lambda: [process.environ().get("PYTHONPATH", "")],
    )
    for ask in asks:
        with suppress(psutil.Error, OSError):
            words += ask()
    return "\n".join(words)
