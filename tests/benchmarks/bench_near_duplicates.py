"""The search for repeated rows in 100,000 rows: at most a minute and 300 MB.

    PYTHON tests/benchmarks/bench_near_duplicates.py [rows]

with the trainer's Python, or any that has numpy. Every tenth row hardly differs from the one
before, every fiftieth repeats one. Prints JSON; exits 1 beyond the limits, or when fewer than 95 in
100 of the near ones or not all of the exact ones are found.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from array import array
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from trainer_image.near import Sketches  # noqa: E402

LIMIT_SECONDS, LIMIT_MB = 60.0, 300.0
WORDS = [
    "".join(random.Random(n).choices("abcdefghiklmnoprstuvw", k=2 + n % 8)) for n in range(5000)
]


def text(number: int) -> str:
    """About 400 letters, as a question and its answer have."""
    if number % 50 == 7:
        number -= 7
    words = random.Random(number - number % 10 if number % 10 == 1 else number).choices(WORDS, k=60)
    if number % 10 == 1:
        words[30] = "changed"
    return " ".join(words)


def main() -> int:
    """Write the rows, search, print what it took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryFile() as file:
        offsets, began = array("q"), 0.0
        for number in range(count):
            offsets.append(file.tell())
            file.write(text(number).encode() + b"\n")
        file.seek(0)
        before, began = _peak_mb(), time.monotonic()
        sketches = Sketches()
        for line in file:
            sketches.add(line.decode())

        def text_of(row: int) -> str:
            file.seek(offsets[row])
            return file.readline().decode()

        alike = sketches.alike(text_of)
        exact, near = len(alike.repeats()), len(alike.near_repeats())
        seconds = time.monotonic() - began
    result = {
        "rows": count,
        "seconds": round(seconds, 1),
        "exact": exact,
        "near": near,
        "peak_mb": round(_peak_mb(), 1),
        "peak_mb_before": round(before, 1),
    }
    print(json.dumps(result))
    found = exact >= count // 50 and near >= 0.95 * (count // 10)
    return 0 if found and seconds <= LIMIT_SECONDS and _peak_mb() <= LIMIT_MB else 1


def _peak_mb() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform == "linux" else peak / 1024**2


if __name__ == "__main__":
    sys.exit(main())
