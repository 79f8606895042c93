"""50 finished runs with 100,000 metric points each: opening the history, the overlay of five,
opening one of them.

    python tests/benchmarks/bench_history.py [runs] [points] [repetitions]

The services over a real database, as the window and the command line call them; by the clock, and
as work of this thread. Prints JSON; exits 1 when one of them took longer than its limit. On a
machine with more to do than it has cores the clock measures the others: there the thread's own work
decides. What is measured is the median of all repetitions, after one to warm up. The first list of
a program is measured, too, with the opening of the database.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
from contextlib import closing
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.db.database import Database  # noqa: E402
from models.domain.config import TrainingConfig  # noqa: E402
from models.domain.run import Run, RunState  # noqa: E402
from services.dataset_store import DatasetStore  # noqa: E402
from services.datasets import DatasetLibrary  # noqa: E402
from services.job_builder import JobBuilder  # noqa: E402
from services.offline import OfflinePolicy  # noqa: E402
from services.run_history import RunHistory  # noqa: E402
from services.run_records import RunRecords  # noqa: E402
from services.runs import RunService  # noqa: E402
from services.trainer_code import TrainerCode  # noqa: E402
from tests.benchmarks.stopwatch import judged, timed  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMITS_MS = {
    "open_history": 200.0,
    "first_list": 200.0,
    "overlay_of_five": 500.0,
    "open_run": 500.0,
}
_EVAL_EVERY = 1000
_INSERT = (
    "INSERT INTO metrics (run_id, seq, time, type, step, loss, eval_loss, learning_rate, grad_norm,"
    " tokens_per_second, tokens, peak_memory_bytes, epoch, fields)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def main() -> int:
    """Measure and print."""
    numbers = [int(text) for text in sys.argv[1:]]
    runs, points, repetitions = (*numbers, *(50, 100_000, 10)[len(numbers) :])
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), runs, points, repetitions)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def measure(home: Path, runs: int, points: int, repetitions: int) -> dict[str, object]:
    """Fill a home, and time what a user waits for."""
    path = home / "temper.db"
    _fill(home, path, runs, points)
    ids = [_id(number) for number in range(runs)]
    fives = cycle([ids[place : place + 5] for place in range(0, runs, 5)])
    singles = cycle(ids)
    with closing(Database.open(path)) as database:
        service, history = _services(home, database)
        steps: dict[str, Callable[[], object]] = {
            "open_history": history.list,
            "overlay_of_five": lambda: history.curves(next(fives)),
            "open_run": lambda: service.history(next(singles)),
        }
        times = {name: timed(step, repetitions) for name, step in steps.items()}
    times["first_list"] = timed(partial(_first_list, home, path), repetitions)
    found = judged(times, LIMITS_MS, statistics.median)
    return {"runs": runs, "points": points, "limits_ms": LIMITS_MS, **found}


def _services(home: Path, database: Database) -> tuple[RunService, RunHistory]:
    library = DatasetLibrary(database, DatasetStore(home / "datasets"), home / "none")
    service = RunService(
        records=RunRecords(database),
        library=library,
        builder=JobBuilder(library, lambda: home / "data"),
        runners={},
        code=lambda: TrainerCode(home, ""),
        offline=OfflinePolicy(),
    )
    return service, RunHistory(database, service, library, home / "deleting.lock")


def _first_list(home: Path, path: Path) -> None:
    with closing(Database.open(path)) as database:
        _services(home, database)[1].list()


def _id(number: int) -> str:
    return f"run-{number:03}"


def _fill(home: Path, path: Path, runs: int, points: int) -> None:
    with closing(Database.open(path)) as database, database.unit_of_work() as uow:
        for number in range(runs):
            uow.runs.add(_run(home, number, points))
        uow.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number in range(runs):
            connection.executemany(_INSERT, _rows(_id(number), points))
        connection.commit()
    for number in range(runs):
        folder = home / "data" / "runs" / _id(number)
        folder.mkdir(parents=True)
        (folder / "train.log").write_text("a line of the log\n" * 5000)


def _run(home: Path, number: int, points: int) -> Run:
    return Run(
        id=_id(number), name=f"Run {number}", config=TrainingConfig(), state=RunState.FINISHED,
        runtime="Python on this computer", data_root=str(home / "data"), created_at=1e9 + number,
        output_directory=str(home / "data" / "outputs" / _id(number)), started_at=1e9,
        ended_at=1e9 + points, next_seq=points, step=points, total_steps=points, train_loss=1.5,
        best_eval_loss=1.4, eval_loss_after=1.4, dataset_name="Support answers", tags=("good",),
    )  # fmt: skip


def _rows(run_id: str, points: int) -> Iterator[tuple[object, ...]]:
    rest = json.dumps({"total_steps": points, "eta_seconds": 100.5})
    for seq in range(points):
        if seq % _EVAL_EVERY == 0:
            eval_loss = 2 - seq / points
            numbers = (seq, None, eval_loss, None, None, None, None, None, None, "{}")
            yield (run_id, seq, 1e9 + seq, "eval", *numbers)
        else:
            loss = 3 - seq / points + (seq * 7919 % 1000) / 5000
            numbers = (seq, loss, None, 2e-4, 1.0, 5e3, seq * 2048, 9 * 10**9, seq / points, rest)
            yield (run_id, seq, 1e9 + seq, "progress", *numbers)


if __name__ == "__main__":
    sys.exit(main())
