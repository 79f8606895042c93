"""From a trainer's print in a container to the line on the screen, on a real engine.

    python tests/benchmarks/bench_docker_log.py [lines]

The trainer prints the time at uneven moments; its line goes through the engine, the run's log, the
window's polling and the log view, and the clock is read when the line has been painted. Then the
trainer is silent for some seconds, in which the processor time of following it is measured. Takes
the engine that DOCKER_HOST names, else one of its own as the tests do (root on Linux). Prints JSON;
exits 1 when 95 % of the lines took longer than LIMIT_MS.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication  # noqa: E402
from qasync import QEventLoop  # noqa: E402

from controllers.desk import Desk  # noqa: E402
from controllers.lanes import Lanes  # noqa: E402
from controllers.run_follower import POLL_SECONDS, RunFollower  # noqa: E402
from controllers.tasks import Tasks  # noqa: E402
from models.qt.run_models import RunModels  # noqa: E402
from tests.docker import images  # noqa: E402
from tests.docker.engine import why_impossible  # noqa: E402
from tests.docker.engine_store import EngineStore  # noqa: E402
from tests.docker.programs import Program, make_home, program  # noqa: E402
from views.theme import current_theme  # noqa: E402
from views.widgets.log_view import LogView  # noqa: E402

if TYPE_CHECKING:
    from models.domain.run import RunUpdate

LIMIT_MS = 300.0
IDLE_SECONDS = 6.0


class Screen:
    """A log view whose every flush is painted at once, and read."""

    def __init__(self) -> None:
        self.models = RunModels()
        self.view = LogView("run", self.models.log)
        self.view.resize(640, 480)
        self.view.show()
        self.took: list[float] = []
        self._seen = 0
        log = self.models.log
        log._timer.timeout.disconnect(log.flush)
        log._timer.timeout.connect(self._flush)

    def take(self, update: RunUpdate) -> None:
        """What the follower brought."""
        self.models.take(update)

    def _flush(self) -> None:
        log = self.models.log
        log.flush()
        self.view.table.viewport().repaint()
        now = time.time()
        lines = log.last_lines(log.total - self._seen) if log.total > self._seen else []
        self._seen = log.total
        self.took += [1000 * (now - float(line[3:])) for line in lines if line.startswith("at ")]


async def measure(temper: Program, lines: int) -> dict[str, object]:
    """Follow one run as the window does."""
    screen, lanes = Screen(), Lanes()
    desk = Desk(lanes, Tasks(asyncio.get_running_loop(), lambda error: print(error)))
    follower = RunFollower(desk, temper.runs)
    follower.updated.connect(screen.take)
    run = await lanes.runs.run(temper.start, f"clock-{lines}")
    screen.models.begin(run)
    follower.follow(run.id)
    while len(screen.took) < lines:  # noqa: ASYNC110 - a benchmark
        await asyncio.sleep(0.2)
    began, used = time.monotonic(), time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    share = (time.process_time() - used) / (time.monotonic() - began)
    await lanes.runs.run(temper.runs.kill, run.id)
    await desk.tasks.settle()
    lanes.close(1.0)
    took = sorted(screen.took)
    p95 = took[int(len(took) * 0.95)]
    return {
        "lines": len(took),
        "poll_seconds": POLL_SECONDS,
        "median_ms": round(statistics.median(took), 1),
        "p95_ms": round(p95, 1),
        "worst_ms": round(took[-1], 1),
        "idle_cpu_percent": round(100 * share, 2),
        "limit_ms": LIMIT_MS,
        "load_average": round(os.getloadavg()[0], 2),
        "ok": p95 <= LIMIT_MS,
    }


def main() -> int:
    """Measure and print."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with ExitStack() as stack:
        if not os.environ.get("DOCKER_HOST"):
            if reason := why_impossible():
                print(json.dumps({"not_measured": reason}))
                return 0
            store = EngineStore()
            stack.callback(store.close)
            engine = store.open()
            stack.callback(engine.dispose)
            engine.start()
            os.environ["DOCKER_HOST"] = engine.host
        import docker

        with closing(docker.from_env(timeout=300)) as client:
            image = images.python_image(client)
        home = make_home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        temper = stack.enter_context(program(home, image))
        application = QApplication(["bench", "-style", "fusion"])
        current_theme().prepare("light")
        current_theme().start(ROOT / "resources" / "icons")
        with asyncio.Runner(loop_factory=lambda: QEventLoop(application)) as runner:
            result = runner.run(measure(temper, lines))
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
