"""Times what a user waits for, by the clock and as work of the thread, and judges it."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Times = list[tuple[float, float]]
"""Milliseconds of each repetition: by the clock, and as the thread's own work."""


def timed(step: Callable[[], object], repetitions: int) -> Times:
    """Do it so often, after once to warm up."""
    step()
    found = []
    for _ in range(repetitions):
        clock, busy = time.perf_counter(), time.thread_time()
        step()
        found.append(((time.perf_counter() - clock) * 1000, (time.thread_time() - busy) * 1000))
    return found


def is_crowded() -> bool:
    """Whether the computer has more to do than cores: then the clock measures the others."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def judged(
    times: Mapping[str, Times],
    limits: Mapping[str, float],
    decisive: Callable[[Iterable[float]], float] = max,
) -> dict[str, object]:
    """Median and worst of each step, and whether all were ``ok``.

    ``decisive`` makes of all repetitions the one number that is held against the limit: of the
    clock, on a crowded computer of the thread's own work.
    """
    result: dict[str, object] = {}
    within = []
    for name, found in times.items():
        clock, busy = ([pair[place] for pair in found] for place in (0, 1))
        for word, values in (("ms", clock), ("cpu_ms", busy)):
            result[f"{name}_median_{word}"] = round(statistics.median(values), 1)
            result[f"{name}_worst_{word}"] = round(max(values), 1)
        within.append(decisive(busy if is_crowded() else clock) <= limits[name])
    result["load_average"] = round(os.getloadavg()[0], 2)
    result["ok"] = all(within)
    return result
