"""1,000,000 rows of JSON Lines, about 500 MB: the import with all its checks, and any row after it.

    python tests/benchmarks/bench_import.py [rows] [repetitions]

Against ``datasets.load_dataset("json")`` of the same file in the same run, in the trainer's
environment, without the time of its import; ours is the whole call, child and disk included. The
best of each counts, taken by turns. Prints JSON; exits 1 when rows per second are less than 0.7 of
its, the program and its child together hold more than 300 MB, or a look at rows (opening the
session, the last row, its page, five rows at random) takes more than 50 ms, or many times what it
takes to read the same bytes from the bare file.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import psutil  # noqa: E402

from models.db.database import Database  # noqa: E402
from services.dataset_store import DatasetStore  # noqa: E402
from services.datasets import DatasetLibrary  # noqa: E402
from services.environment.child_process import clean_environment  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.dataset import DatasetSession

LEAST_RATIO = 0.7
MOST_BYTES = 300_000_000
MOST_MS = 50.0
MOST_RATIO = 60.0
"""Of a look to the same bytes read from the bare file, which takes tens of microseconds; the rest
is a question to the database, whatever the number of rows."""
_LOOKS = 25
_SAMPLES = 5
_PAGE = 100
"""Rows that the window reads at once (models/qt/rows_model.py)."""
_TRAINER = ROOT / ".cache" / "test-home" / "runtime" / "venv" / "bin" / "python"
_THEIRS = """
import sys, tempfile, time
import datasets
datasets.disable_progress_bars()
with tempfile.TemporaryDirectory(dir=sys.argv[2]) as folder:
    began = time.monotonic()
    found = datasets.load_dataset("json", data_files=sys.argv[1], cache_dir=folder, split="train")
    print(len(found) / (time.monotonic() - began))
"""


def main() -> int:
    """Measure and print."""
    numbers = [int(text) for text in sys.argv[1:]]
    rows, repetitions = (*numbers, *(1_000_000, 3)[len(numbers) :])
    if not _TRAINER.exists():
        sys.exit("The trainer's environment of the tests is not there: run the slow tests first.")
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), rows, repetitions)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def measure(home: Path, rows: int, repetitions: int) -> dict[str, object]:
    """Import by turns with the other, then look at rows."""
    path = home / "rows.jsonl"
    _write(path, rows)
    ours, theirs, peak = 0.0, 0.0, 0
    with closing(Database.open(home / "temper.db")) as database:
        store = DatasetStore(home / "datasets")
        library = DatasetLibrary(database, store, home / "none")
        for _ in range(repetitions):
            speed, held = _import(library, path)
            ours, peak = max(ours, speed), max(peak, held)
            theirs = max(theirs, _load(path, home))
        session = _kept(library, path)
        looks = _looks(library, store, session)
    ratio = ours / theirs
    return {
        "megabytes": round(path.stat().st_size / 1e6),
        "rows_per_second": round(ours),
        "load_dataset_rows_per_second": round(theirs),
        "ratio": round(ratio, 2),
        "peak_megabytes": round(peak / 1e6),
        **{name: round(value, 2) for name, value in looks.items()},
        "ok": ratio >= LEAST_RATIO and peak <= MOST_BYTES and _are_quick(looks),
    }


def _are_quick(looks: dict[str, float]) -> bool:
    slowest = max(value for name, value in looks.items() if name.endswith("_ms"))
    farthest = max(value for name, value in looks.items() if name.endswith("_ratio"))
    return slowest <= MOST_MS and farthest <= MOST_RATIO


def _import(library: DatasetLibrary, path: Path) -> tuple[float, int]:
    """Rows per second, and the most bytes that we and our child held at once."""
    watch = _Memory()
    watch.start()
    began = time.monotonic()
    session = library.import_file(path, report=lambda _progress: None)
    seconds = time.monotonic() - began
    watch.ended.set()
    watch.join()
    library.delete(session.id)
    return session.rows / seconds, watch.peak


def _kept(library: DatasetLibrary, path: Path) -> DatasetSession:
    return library.import_file(path)


def _load(path: Path, folder: Path) -> float:
    environment = clean_environment(os.environ) | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}
    done = subprocess.run(
        [str(_TRAINER), "-c", _THEIRS, str(path), str(folder)],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def _looks(
    library: DatasetLibrary, store: DatasetStore, session: DatasetSession
) -> dict[str, float]:
    """What a user does with a session, beside the same bytes read from the bare file: the slowest
    of all in milliseconds, and the ratio of the medians, taken by turns."""
    bare = _BareFile(store.path(session.sha256), store.index_path(session.sha256))
    numbers = random.Random(1)
    drawn = [numbers.sample(range(session.rows), _SAMPLES) for _ in range(_LOOKS)]
    last = (session.rows - 1) // _PAGE * _PAGE

    def opened() -> None:
        assert len(library.rows(library.get(session.id).id, 0, _PAGE)) == _PAGE

    ours, theirs = iter(drawn), iter(drawn)
    return {
        **_beside("open_session", opened, lambda: bare.rows(0, _PAGE)),
        **_beside(
            "last_row",
            lambda: library.rows(session.id, session.rows - 1, 1),
            lambda: bare.rows(session.rows - 1, 1),
        ),
        **_beside(
            "last_page",
            lambda: library.rows(session.id, last, _PAGE),
            lambda: bare.rows(last, _PAGE),
        ),
        **_beside(
            "five_samples",
            lambda: [library.rows(session.id, number, 1) for number in next(ours)],
            lambda: [bare.rows(number, 1) for number in next(theirs)],
        ),
    }


class _BareFile:
    """The same rows with nothing but a seek, a read and json."""

    def __init__(self, data: Path, index: Path) -> None:
        self._data, self._index = data, index

    def rows(self, start: int, count: int) -> list[object]:
        """``count`` rows from row ``start``."""
        with self._index.open("rb") as index, self._data.open("rb") as data:
            index.seek(8 * start)
            data.seek(int.from_bytes(index.read(8), "little"))
            return [json.loads(line) for line in islice(data, count)]


def _beside(
    name: str, ours: Callable[[], object], theirs: Callable[[], object]
) -> dict[str, float]:
    mine, bare = [], []
    for _ in range(_LOOKS):
        mine.append(_milliseconds(ours))
        bare.append(_milliseconds(theirs))
    return {f"{name}_ms": max(mine), f"{name}_ratio": median(mine) / median(bare)}


def _milliseconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


class _Memory(threading.Thread):
    """Adds up the memory of this process and its children, fifty times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.peak = 0

    def run(self) -> None:
        """Look until it is over."""
        me = psutil.Process()
        while not self.ended.wait(0.02):
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.Error:  # it has just ended
                    continue
            self.peak = max(self.peak, total)


def _write(path: Path, rows: int) -> None:
    draw = random.Random(0)
    words = [f"{draw.choice('bcdfgklmnprst')}{draw.choice('aeiou')}{n % 97}" for n in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            start = draw.randrange(4900)
            answer = " ".join(words[start : start + 90])
            row = {"id": number, "question": f"What is row {number} about?", "answer": answer}
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    sys.exit(main())
