"""The rented pod of the run that a page shows: what it does, what is the matter, what it costs."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.pod import CLOUD_WORDS
from models.domain.pod_quote import dollars
from models.domain.remote_money import clock_words, settled_words
from models.domain.remote_run import RemotePhase, Teardown

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt
    from models.domain.rented import RentedRun

_PHASES = {
    RemotePhase.PREFLIGHT: "Looking for a GPU",
    RemotePhase.VOLUME: "Preparing volume and template",
    RemotePhase.PLACING: "Uploading the dataset",
    RemotePhase.RENTING: "Renting a GPU",
    RemotePhase.BOOTING: "The pod is starting",
    RemotePhase.DELIVERING: "Sending the data to the pod",
    RemotePhase.STARTING: "Starting the training",
    RemotePhase.FETCHING: "Bringing the results home",
    RemotePhase.ENDING: "Ending the pod",
    RemotePhase.SETTLING: "Settling the cost",
}
_LAYERS = re.compile(r"(\d+) of (\d+) layers")
_UNCONFIRMED = "The pod is being ended, and is not proven gone yet: until then it may cost money."
_KEPT = "The pod is kept, and goes on costing money."


class PodModel(QObject):
    """Over the run's newest pod; empty for a run of this computer.

    Signals:
        changed: anything here may be different now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run_id = ""
        self._seen: RentedRun | None = None

    @property
    def run_id(self) -> str:
        """Whose pod was looked for; empty for none."""
        return self._run_id

    @property
    def seen(self) -> RentedRun | None:
        """What is known."""
        return self._seen

    def show(self, run_id: str, seen: RentedRun | None) -> None:
        """Show the pod of this run, or none."""
        if (run_id, seen) != (self._run_id, self._seen):
            self._run_id, self._seen = run_id, seen
            self.changed.emit()

    def headline(self) -> str:
        """What the pod does, in a few words; empty while the trainer itself says what it does."""
        return "" if self._seen is None else _PHASES.get(self._seen.attempt.phase, "")

    def fraction(self) -> float | None:
        """Of the image's layers that are there, while it is pulled; None where that is unknown."""
        attempt = self._attempt
        if attempt is None or attempt.phase is not RemotePhase.BOOTING:
            return None
        found = _LAYERS.search(attempt.doing)
        return int(found[1]) / int(found[2]) if found and int(found[2]) else None

    def doing(self) -> str:
        """One line of what it does; a trouble is told beside it."""
        attempt = self._attempt
        if attempt is None or attempt.is_over or attempt.phase is RemotePhase.TRAINING:
            return ""
        return attempt.doing

    def trouble(self) -> str:
        """What the run waits for, or that the pod may still be there; empty where all is well."""
        attempt = self._attempt
        if attempt is None or attempt.is_over:
            return ""
        if attempt.teardown is Teardown.REQUESTED and attempt.teardown_tries > 1:
            return " ".join(part for part in (_UNCONFIRMED, attempt.trouble) if part)
        if attempt.outcome and attempt.phase is not RemotePhase.FETCHING:
            return ""  # why it ended is told where the run's end is
        return " ".join(part for part in (attempt.trouble, attempt.trouble_hint) if part)

    def facts(self) -> str:
        """GPU, place, price and when it ends at the latest."""
        attempt = self._attempt
        if attempt is None or not attempt.pod_id or not attempt.may_cost:
            return ""
        parts = [_gpu(attempt), f"{dollars(attempt.per_hour)} an hour"]
        if attempt.ends_at is not None:
            parts.append(f"ends by itself at {clock_words(attempt.ends_at, time.time())}")
        return " · ".join(part for part in parts if part)

    def cost(self) -> str:
        """Spent so far, with the limit; what it cost in all once that is settled."""
        seen, attempt = self._seen, self._attempt
        if seen is None or attempt is None:
            return ""
        before = f", and {dollars(seen.earlier)} on earlier pods." if seen.earlier else "."
        if attempt.is_over:
            words = settled_words(attempt.quoted_cost, self._own) if seen.cost else ""
            return words.removesuffix(".") + before if words else ""
        if not attempt.pod_id and not seen.cost:
            return ""
        most = f" of at most {dollars(attempt.most_cost)}" if attempt.most_cost else ""
        return f"Spent so far: {dollars(self._own)}{most}{before}"

    def cost_short(self) -> str:
        """The same where there is little room, until it is settled."""
        seen, attempt = self._seen, self._attempt
        if seen is None or attempt is None or attempt.is_over or not self.cost():
            return ""
        most = f" of {dollars(attempt.most_cost)}" if attempt.most_cost else ""
        return f"{dollars(self._own)}{most} spent"

    @property
    def _own(self) -> float:
        """Dollars of the newest pod alone: its limit is for these."""
        return 0.0 if self._seen is None else max(0.0, self._seen.cost - self._seen.earlier)

    @property
    def is_kept(self) -> bool:
        """Whether the training is done and the pod stays because the user wants it."""
        return self._attempt is not None and self._attempt.is_kept

    def note(self) -> str:
        """What is to be known of a pod that stays."""
        return _KEPT if self.is_kept else ""

    @property
    def page(self) -> str:
        """The pod in Runpod's console; empty where there is none."""
        return "" if self._seen is None else self._seen.page

    @property
    def _attempt(self) -> RemoteAttempt | None:
        return None if self._seen is None else self._seen.attempt


def _gpu(attempt: RemoteAttempt) -> str:
    name = attempt.gpu.removeprefix("NVIDIA ").removeprefix("GeForce ")
    count = f"{attempt.gpu_count} × " if attempt.gpu_count > 1 else ""
    cloud = CLOUD_WORDS.get(attempt.cloud, attempt.cloud)
    return ", ".join(part for part in (f"{count}{name}", cloud, attempt.data_center) if part)
