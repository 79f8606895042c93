"""1,000 saved configurations: reading the list, filtering it by target, loading one.

    python tests/benchmarks/bench_configs.py [configurations] [repetitions]

The whole window over a real database, with the painting that follows; by the clock, and as work of
the window's own thread. Prints JSON; exits 1 when one of the three took longer than LIMIT_MS. On a
machine with more to do than it has cores the clock measures the others: there the thread's own
work decides. What is measured is the slowest of all repetitions, after one to warm up.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication  # noqa: E402
from PySide6.QtWidgets import QWidget  # noqa: E402

from models.db.database import Database  # noqa: E402
from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig  # noqa: E402
from models.domain.config_io import with_values  # noqa: E402
from services.configs import ConfigStore  # noqa: E402
from tests.benchmarks.shown_window import shown_window  # noqa: E402
from tests.benchmarks.stopwatch import judged, timed  # noqa: E402

if TYPE_CHECKING:
    from views.main_window import MainWindow

LIMIT_MS = 50.0
TARGETS = (TARGET_LOCAL, TARGET_RUNPOD)


def main() -> int:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    repetitions = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder) / "temper.db", count, repetitions)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def measure(path: Path, count: int, repetitions: int) -> dict[str, object]:
    """Fill a database, show it in a window, and time what a user waits for."""
    database = Database.open(path)
    store = ConfigStore(database)
    _fill(store, count)
    with shown_window() as window:
        work = _Work(window, store)
        steps = {"list": work.read_list, "filter": work.filter, "load": work.load}
        times = {name: timed(step, repetitions) for name, step in steps.items()}
    database.close()
    found = judged(times, dict.fromkeys(times, LIMIT_MS))
    return {"configurations": count, "limit_ms": LIMIT_MS, **found}


class _Work:
    """What the program does for a user, without the way through its lanes."""

    def __init__(self, window: MainWindow, store: ConfigStore) -> None:
        self._window = window
        self._models = window.models
        self._store = store
        self._targets = cycle(TARGETS)
        self._ids = cycle([saved.id for saved in store.list(TARGET_LOCAL)])

    def read_list(self) -> None:
        """Refresh: from the database to the list and the menus."""
        self._models.configs.set_items(self._store.list())
        self._models.configs.set_recent(self._store.recent())
        self._paint()

    def filter(self) -> None:
        """The other target's configurations."""
        self._models.configs.set_target(next(self._targets))
        self._paint()

    def load(self) -> None:
        """From the database into every field of the form."""
        saved, config = self._store.load(next(self._ids))
        self._models.configs.set_current(saved, config)
        self._models.form.load(config, saved.name)
        self._paint()

    def _paint(self) -> None:
        QCoreApplication.sendPostedEvents()
        section = self._window.findChild(QWidget, "section.config")
        assert section is not None
        section.repaint()


def _fill(store: ConfigStore, count: int) -> None:
    for number in range(count):
        changes: dict[str, object] = {
            "training.target": TARGETS[number % 2],
            "training.skill_level": "Expert" if number % 3 else "Beginner",
            "hp.epochs": 1.0 + number % 7,
            "hp.seed": number,
            "output.directory": f"/data/outputs/run_{number}",
        }
        store.save(f"Configuration {number}", with_values(TrainingConfig(), changes))


if __name__ == "__main__":
    sys.exit(main())
