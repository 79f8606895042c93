"""Process start to first painted frame, against a bare PySide6 window in alternating runs.

    python tests/benchmarks/bench_startup.py [rounds]

Prints medians and their ratio as JSON; exits 1 above BUDGET or with a forbidden module loaded.
Both programs run from compiled files (a first run of each, not counted, writes them).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUDGET = 1.6
FILL_BUDGET_MS = 1000.0
"""From the first frame until the last used configuration stands in the form."""
ROUNDS = 15
FORBIDDEN = (
    "torch", "transformers", "datasets", "sqlalchemy", "alembic", "docker", "huggingface_hub",
    "typer", "numpy", "pyqtgraph", "pydantic", "asyncio", "qasync", "yaml",
)  # fmt: skip
BARE = """
import os, sys, time
from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

class Filter(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            window.removeEventFilter(self)
            QTimer.singleShot(0, loop.quit)
        return False

application = QApplication(["bare", "-style", "fusion"])
window = QMainWindow()
window.setCentralWidget(QLabel("Hello"))
window.resize(1280, 800)
watch = Filter()
window.installEventFilter(watch)
loop = QEventLoop()
window.show()
loop.exec()
print((time.time() - float(os.environ["TEMPER_STARTED_AT"])) * 1000)
"""


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), rounds)
    print(json.dumps(result))
    in_time = result["ratio"] <= BUDGET and result["configuration_ms"] <= FILL_BUDGET_MS
    return 0 if in_time and not result["forbidden"] else 1


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Alternating runs of both programs."""
    bare, ours, filled = [], [], []
    _run([sys.executable, "-m", "app", "config", "import", "resources/demo.yaml"], folder)
    modules: list[str] = []
    for round_number in range(rounds + 1):
        bare_ms = float(_run([sys.executable, "-c", BARE], folder))
        shown = json.loads(_run(_ours(folder), folder))
        if round_number:
            bare.append(bare_ms)
            ours.append(float(shown["first_frame_ms"]))
            filled.append(float(shown["configuration_ms"]))
            modules = shown["modules"]
    roots = {name.partition(".")[0] for name in modules}
    median_bare, median_ours = statistics.median(bare), statistics.median(ours)
    return {
        "rounds": rounds,
        "bare_ms": round(median_bare, 1),
        "first_frame_ms": round(median_ours, 1),
        "ratio": round(median_ours / median_bare, 3),
        "configuration_ms": round(statistics.median(filled), 1),
        "best_ratio": round(min(ours) / min(bare), 3),
        "budget": BUDGET,
        "modules": len(modules),
        "forbidden": sorted(roots & set(FORBIDDEN)),
    }


def _ours(folder: Path) -> list[str]:
    return [sys.executable, "-m", "app", "--smoke", str(folder / "window.png")]


def _run(command: list[str], folder: Path) -> str:
    environment = dict(os.environ, TEMPER_HOME=str(folder / "home"))
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")
    environment["TEMPER_STARTED_AT"] = repr(time.time())
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
