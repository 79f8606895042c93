"""50 finished runs of 100,000 metric points each: opening the Runs page, showing a run, comparing.

    python tests/benchmarks/bench_runs_page.py [runs] [points] [repetitions]

The whole window over the real services and a real database, with the painting that follows; by the
clock, and as work of the window's own thread. ``open`` reads the list and shows the page, ``show``
reads one run and draws its curve, ``overlay`` reads the curves and the differing settings of five
runs and draws them. Prints JSON; exits 1 when one took longer than its limit. On a machine with
more to do than it has cores the clock measures the others: there the thread's own work decides.
What is measured is the slowest of all repetitions, after one to warm up; each overlay is of other
runs than the one before.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pyqtgraph  # noqa: E402, F401 - the program has it in memory before a page is opened
from PySide6.QtCore import QCoreApplication  # noqa: E402
from sqlalchemy import text  # noqa: E402

from app.bootstrap import build_services  # noqa: E402
from app.paths import AppPaths  # noqa: E402
from controllers.compare_controller import CURVE_POINTS  # noqa: E402
from models.db.tables import MetricRow, RunRow  # noqa: E402
from models.domain.config import TrainingConfig  # noqa: E402
from models.domain.config_io import to_dict, with_values  # noqa: E402
from models.domain.run import RunState  # noqa: E402
from models.domain.run_history import BY_STEP  # noqa: E402
from services.offline import OfflinePolicy  # noqa: E402
from tests.benchmarks.shown_window import shown_window  # noqa: E402
from tests.benchmarks.stopwatch import judged, timed  # noqa: E402
from views.main_window import RUNS, TRAINING  # noqa: E402

if TYPE_CHECKING:
    from app.bootstrap import Services
    from views.main_window import MainWindow

LIMITS_MS = {"open": 200.0, "show": 500.0, "overlay": 500.0}
"""Of opening and overlay the budget; a run is shown after the page, without holding it up."""
COMPARED = 5
_METRICS = """
WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n + 1 < :points)
INSERT INTO metrics (run_id, seq, time, type, step, loss, eval_loss, learning_rate, fields)
SELECT :run, n, :begin + n * 0.5, CASE WHEN n % 500 = 499 THEN 'eval' ELSE 'progress' END, n,
  CASE WHEN n % 500 = 499 THEN NULL ELSE 3.0 / (1 + n / 9000.0) + (n * 37 % 101) / 400.0 END,
  CASE WHEN n % 500 = 499 THEN 2.8 / (1 + n / 9000.0) + 0.3 END, 2e-4, '{}'
FROM count
"""


def main() -> int:
    """Measure and print."""
    given = [int(word) for word in sys.argv[1:]]
    runs, points, repetitions = (*given, *(50, 100_000, 8)[len(given) :])
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), runs, points, repetitions)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def measure(home: Path, runs: int, points: int, repetitions: int) -> dict[str, object]:
    """Fill a database, show it in a window, and time what a user waits for."""
    services = build_services(AppPaths(home), OfflinePolicy(forced=True))
    _fill(services, runs, points)
    with shown_window() as window:
        work = _Work(window, services)
        steps = {"open": work.open, "show": work.show, "overlay": work.overlay}
        times = {name: timed(step, repetitions) for name, step in steps.items()}
    services.close()
    found = judged(times, LIMITS_MS)
    return {"runs": runs, "points": points, "limits_ms": LIMITS_MS, **found}


class _Work:
    """What the program does for a user, without the way through its lanes."""

    def __init__(self, window: MainWindow, services: Services) -> None:
        self._window = window
        self._models = window.models
        self._services = services
        self._turn = 0

    def open(self) -> None:
        """From the Training page to the list of all runs on the screen."""
        self._window.show_page(TRAINING)
        self._models.runs.set_items([])
        self._paint()
        self._window.show_page(RUNS)
        self._models.runs.set_items(self._services.history.list())
        self._paint()

    def show(self) -> None:
        """One run with its curve and the end of its log."""
        self._turn += 1
        run = self._models.runs.items[self._turn % len(self._models.runs.items)]
        self._models.shown_run.fill(self._services.runs.history(run.id))
        panel = self._window.runs.run_panel  # type: ignore[union-attr]
        panel.findChild(type(panel._chart_card.body.itemAt(1).widget())).redraw()
        self._paint()

    def overlay(self) -> None:
        """The curves and the differing settings of five runs that were not compared just now."""
        self._turn += COMPARED
        known = self._models.runs.items
        chosen = [known[(self._turn + number) % len(known)] for number in range(COMPARED)]
        model, ids = self._models.compared, [run.id for run in chosen]
        self._window.runs.table.select_items(ids)  # type: ignore[union-attr]
        model.begin(chosen)
        history = self._services.history
        curves = history.curves(ids, "loss", points=CURVE_POINTS, over=BY_STEP)
        model.set_curves("loss", BY_STEP, curves)
        model.set_differences(history.differences(ids))
        self._paint()

    def _paint(self) -> None:
        """Layout and painting, once: what is asked for is put together by Qt."""
        QCoreApplication.processEvents()


def _fill(services: Services, runs: int, points: int) -> None:
    begin = time.time() - 40 * 86_400
    with services.database.unit_of_work() as uow:
        connection = uow.runs._session.connection()
        for number in range(runs):
            connection.execute(RunRow.__table__.insert(), _row(services, number, points, begin))
            values = {"run": f"run-{number}", "points": points, "begin": begin}
            connection.execute(text(_METRICS), values)
        uow.commit()
    assert MetricRow.__tablename__ in _METRICS


def _row(services: Services, number: int, points: int, begin: float) -> dict[str, object]:
    changes = {"hp.learning_rate": 1e-4 * (1 + number % 3), "hp.lora_r": 8 << number % 3}
    started = begin + number * 3_600
    return {
        "id": f"run-{number}", "name": f"Support answers {number}", "state": RunState.FINISHED,
        "config": to_dict(with_values(TrainingConfig(), changes)), "runtime": "Python",
        "data_root": str(services.paths.data), "created_at": started, "started_at": started,
        "output_directory": "/tmp/outputs", "ended_at": started + 3_000, "trainer_sha256": "",
        "dataset_sha256": "", "step": points, "total_steps": points, "phase": "",
        "adapter_path": "", "base_model": "unsloth/Qwen2.5-0.5B", "next_seq": points,
        "log_offset": 0, "train_loss": 1.2, "best_eval_loss": 1.1, "tags": ["baseline"],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
