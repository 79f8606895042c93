"""100,000 log lines at 5,000 a second into the visible log view, following its end.

    python tests/benchmarks/bench_log_view.py [lines] [lines a second]

A thread writes the log file and hands its text on, as the polling lane does; every turn of the
flush is timed together with the painting it causes, by the clock and as work of the window's own
thread. Prints JSON; exits 1 when a flush took longer than LIMIT_MS or a line is missing from the
file. On a machine with more to do than it has cores the clock measures the others: there the
thread's own work decides.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QElapsedTimer, QEventLoop, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from models.qt.log_model import LogModel  # noqa: E402
from views.theme import current_theme  # noqa: E402
from views.widgets.log_view import LogView  # noqa: E402

LIMIT_MS = 16.0
POLL_MS = 100
LEVELS = ("INFO", "INFO", "INFO", "WARNING", "ERROR")


class Feeder(threading.Thread):
    """Writes lines to the file at a steady pace and keeps their text for the poller."""

    def __init__(self, path: Path, lines: int, rate: int) -> None:
        super().__init__(daemon=True)
        self.pieces: deque[str] = deque()
        self._path, self._lines, self._rate = path, lines, rate

    def run(self) -> None:
        """Ten batches a second."""
        begin, written = time.monotonic(), 0
        with self._path.open("w", encoding="utf-8") as file:
            while written < self._lines:
                due = min(self._lines, int((time.monotonic() - begin) * self._rate))
                text = "".join(_line(number) for number in range(written, due))
                file.write(text)
                self.pieces.append(text)
                written = due
                time.sleep(POLL_MS / 1000)


def _line(number: int) -> str:
    level = LEVELS[number % len(LEVELS)]
    return f"2026-11-23 14:00:00 {level} step {number}: loss 1.2345 lr 1.9e-04 tokens/s 1834\n"


def main() -> int:
    """Measure and print."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder) / "train.log", lines, rate)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def measure(path: Path, lines: int, rate: int) -> dict[str, object]:
    """Run the whole length and time every flush with the painting it causes."""
    application = QApplication(["bench", "-style", "fusion"])
    current_theme().prepare("light")
    current_theme().start(ROOT / "resources" / "icons")
    model = LogModel()
    view = LogView("run", model)
    current_theme().dress(view)
    view.resize(640, 480)
    view.show()
    application.processEvents()
    flushes, busy = _time_flushes(model, view)
    feeder = Feeder(path, lines, rate)
    loop = QEventLoop()
    poll = QTimer()
    poll.setInterval(POLL_MS)

    def take() -> None:
        while feeder.pieces:
            model.feed(feeder.pieces.popleft())
        if not feeder.is_alive() and model.total >= lines:
            loop.quit()

    poll.timeout.connect(take)
    begin = time.monotonic()
    feeder.start()
    poll.start()
    loop.exec()
    seconds = time.monotonic() - begin
    on_disk = sum(1 for _ in path.open(encoding="utf-8"))
    at_end = view.table.verticalScrollBar().value() == view.table.verticalScrollBar().maximum()
    worst = max(flushes)
    is_crowded = os.getloadavg()[0] > (os.cpu_count() or 1)
    decisive = max(busy) if is_crowded else worst
    return {
        "lines": model.total,
        "seconds": round(seconds, 1),
        "rows_kept": model.rowCount(),
        "flushes": len(flushes),
        "median_flush_ms": round(statistics.median(flushes), 2),
        "p99_flush_ms": round(sorted(flushes)[int(len(flushes) * 0.99)], 2),
        "worst_flush_ms": round(worst, 2),
        "worst_flush_cpu_ms": round(max(busy), 2),
        "cpu_microseconds_a_line": round(sum(busy) * 1000 / lines, 1),
        "lines_on_disk": on_disk,
        "at_the_end": at_end,
        "limit_ms": LIMIT_MS,
        "load_average": round(os.getloadavg()[0], 2),
        "ok": decisive <= LIMIT_MS and on_disk == model.total == lines and at_end,
    }


def _time_flushes(model: LogModel, view: LogView) -> tuple[list[float], list[float]]:
    """Replace the timer's slot by one that also paints at once, and times both: by the clock, and
    as this thread's own work (on a busy machine the clock also counts other programs).
    """
    took: list[float] = []
    busy: list[float] = []
    clock = QElapsedTimer()

    def flush() -> None:
        clock.start()
        begin = time.thread_time()
        model.flush()
        view.table.viewport().repaint()
        busy.append((time.thread_time() - begin) * 1000)
        took.append(clock.nsecsElapsed() / 1e6)

    model._timer.timeout.disconnect()
    model._timer.timeout.connect(flush)
    return took, busy


if __name__ == "__main__":
    sys.exit(main())
