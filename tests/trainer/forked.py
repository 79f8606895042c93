"""Trainers that start in a tenth of a second, for tests that start many (probes/zygote.py)."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ZYGOTE = Path(__file__).parent / "probes" / "zygote.py"


@dataclass
class Forker:
    """Speaks with the process that has the libraries loaded."""

    process: subprocess.Popen[str]

    def start(self, root: Path, folder: Path) -> int:
        """Start the job of a run's folder; the number of its process."""
        job = {"job": folder / "job.json", "root": root, "log": folder / "train.log"}
        return self._ask({name: str(path) for name, path in job.items()})

    def wait(self, number: int) -> int:
        """Wait for its end: its exit code, or minus the signal that ended it."""
        return self._ask({"wait": number})

    def _ask(self, words: Mapping[str, object]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def forker(python: str, env: Mapping[str, str]) -> Iterator[Forker]:
    """A process that forks trainers, ended at the end."""
    with subprocess.Popen(
        [python, str(ZYGOTE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(env),
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "ready":
            assert process.poll() is None
        yield Forker(process)
        assert process.stdin is not None
        process.stdin.close()
