"""Has a child fetch a model, follows it, and ends it at once when it is cancelled."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.environment.json_child import ChildEndedError, json_child
from services.environment.own_module import OwnModule
from services.progress import Progress, time_left

if TYPE_CHECKING:
    from services.models.fetching import Order
    from services.progress import CancelToken, Reporter

CHILD = OwnModule("services.models.child", "--model-worker")
_QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
_SETTLED_SECONDS = 1.0
_WAITING = "Another program downloads this model; waiting for it"


def fetch_in_child(order: Order, report: Reporter, cancel: CancelToken) -> dict[str, Any]:
    """Let a child carry out the order; its last words. Cancelled; AppError where it was killed."""
    try:
        with json_child(CHILD, _QUIET) as child:
            return child.ask(asdict(order), _Meter(report).hear, cancel)
    except ChildEndedError as ended:
        raise _killed(order.repo, ended) from None


class _Meter:
    """Turns bytes into progress with speed and remaining time."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._began = 0.0
        self._first = 0

    def hear(self, document: dict[str, Any]) -> bool:
        """Report what the child says; False where it is its answer."""
        if "progress" in document:
            self._tell(*document["progress"])
        elif "waits" in document:
            self._report(Progress(None, _WAITING))
        else:
            return False
        return True

    def _tell(self, done: int, total: int, name: str) -> None:
        now = time.monotonic()
        if not self._began:  # what was here already did not come in this time
            self._began, self._first = now, done
        words = f"{_bytes(done)} of {_bytes(total)}" + (f", {name}" if name else "")
        seconds = now - self._began
        if seconds > _SETTLED_SECONDS and done > self._first:
            speed = (done - self._first) / seconds
            words += f", {_bytes(speed)}/s, about {time_left((total - done) / speed)} left"
        self._report(Progress(min(1.0, done / total) if total else None, words))


def _killed(repo: str, ended: ChildEndedError) -> AppError:
    return AppError(
        "download_ended",
        f"The download of {repo} was ended from outside (code {ended.code}).",
        "What was fetched is kept: the next download goes on from there.",
        ended.tail,
    )


def _bytes(count: float) -> str:
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
