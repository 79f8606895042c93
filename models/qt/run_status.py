"""A run in words and one fraction: what the status line and the progress bar show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.run import HEARTBEAT, RunState
from models.qt.wording import counted, duration, memory, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.run import Run, RunEvent, RunUpdate

_PHASES = {
    "preparing": "Getting ready",
    "downloading": "Downloading the base model",
    "tokenizing": "Preparing the dataset",
    "training": "Training",
    "evaluating": "Measuring on held-out rows",
    "saving": "Saving the adapter",
    "pushing": "Pushing to the Hub",
}
_BEGINNING = "preparing"
"""The phase that every boot of a trainer begins with."""
_BEFORE_ITS_BOOT = frozenset({RunState.QUEUED, RunState.PREPARING})
"""A resumed run in these states has nothing to tell yet but of its earlier boot."""
_STATES = {
    RunState.DRAFT: "Not started",
    RunState.QUEUED: "Waiting to start",
    RunState.STOPPING: "Stopping; a checkpoint is being saved",
    RunState.FINISHED: "Training finished",
    RunState.FAILED: "Training failed",
    RunState.CANCELLED: "Stopped",
    RunState.LOST: "Training lost",
}
_TONES = {
    RunState.FINISHED: "good",
    RunState.FAILED: "bad",
    RunState.LOST: "bad",
    RunState.CANCELLED: "quiet",
}


def _epoch(value: float) -> str:
    return f"epoch {value:.2f}"


def _loss(value: float) -> str:
    return f"loss {number(value)}"


def _speed(value: float) -> str:
    return counted(value, "token/s", "tokens/s")


def _memory(value: float) -> str:
    return f"peak memory {memory(value)}" if value else ""


_FACTS: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("epoch", _epoch),
    ("loss", _loss),
    ("tokens_per_second", _speed),
    ("peak_memory_bytes", _memory),
)


def headline(run: Run) -> str:
    """What the run is doing, in a few words."""
    if run.state in _STATES:
        return _STATES[run.state]
    return _PHASES.get(run.phase, "Getting ready")


def tone(run: Run | None) -> str:
    """How it stands: ``idle``, ``live``, ``good``, ``bad`` or ``quiet``."""
    if run is None:
        return "idle"
    return _TONES.get(run.state, "live")


class RunStatusModel(QObject):
    """The run that is shown, with its newest progress.

    Signals:
        changed: anything here may be different now.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._progress: RunEvent | None = None
        self._beat: RunEvent | None = None
        self._warning = ""
        self._trouble = ""
        self._is_starting = False

    @property
    def run(self) -> Run | None:
        """The run, as last heard of."""
        return self._run

    @property
    def is_live(self) -> bool:
        """Whether it is being worked on, or about to be."""
        return self._is_starting or (self._run is not None and not self._run.state.is_over)

    @property
    def is_starting(self) -> bool:
        """Whether a run was asked for and is not there yet."""
        return self._is_starting

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop and has not ended yet."""
        return self._run is not None and self._run.state is RunState.STOPPING

    @property
    def warning(self) -> str:
        """Why the run cannot be looked at just now, else the newest warning of the trainer."""
        return self._trouble or self._warning

    def set_starting(self, starting: bool) -> None:
        """A run was asked for, or its start has been settled."""
        self._is_starting = starting
        self.changed.emit()

    def clear(self) -> None:
        """Show no run."""
        self._run = self._progress = self._beat = None
        self._warning = self._trouble = ""
        self.changed.emit()

    def set_run(self, run: Run) -> None:
        """Show this run; another run than before begins without progress."""
        if self._run is None or self._run.id != run.id:
            self._progress = self._beat = None
            self._warning = self._trouble = ""
        self._run = run
        self.changed.emit()

    def take(self, update: RunUpdate) -> None:
        """Take what following the run brought."""
        if self._run is None or self._run.id != update.run.id:
            self._progress = self._beat = None
            self._warning = ""
        self._trouble = update.trouble
        for event in update.events:
            self._beat = event if event.type == HEARTBEAT else None
            if event.type == "phase" and event.text("phase") == _BEGINNING:
                self._progress = None  # what there is, is of an earlier boot
            elif event.type == "progress":
                self._progress = event
            elif event.type == "warning":
                self._warning = event.text("message")
        self._run = update.run
        self.changed.emit()

    def fraction(self) -> float | None:
        """How much is done; None while that cannot be known."""
        run = self._run
        if self._is_starting:
            return None
        if run is None:
            return 0.0
        if run.state is RunState.FINISHED:
            return 1.0
        if run.total_steps > 0 and (run.step > 0 or run.phase == "training"):
            return min(1.0, run.step / run.total_steps)
        if self._beat is not None and run.state.is_live:
            return work_done(self._beat)
        return 0.0 if run.state.is_over else None

    def time_left(self) -> str:
        """The estimate of the time to go, while there is one."""
        if self._progress is None or not self.is_training:
            return ""
        seconds = self._progress.number("eta_seconds")
        return "" if seconds is None else f"about {duration(seconds)} left"

    def facts(self) -> tuple[str, ...]:
        """Steps, loss, speed and memory, as far as they are known."""
        run = self._run
        if run is None:
            return ()
        steps = f"Step {run.step:,} of {run.total_steps:,}" if run.total_steps else ""
        facts = [self._still_working(), steps, *self._progress_facts()]
        if run.state is RunState.FINISHED:
            facts = [steps, result_sentence(run), _took(run)]
        return tuple(fact for fact in facts if fact)

    @property
    def is_training(self) -> bool:
        """Whether steps are made just now."""
        run = self._run
        return run is not None and run.state is RunState.RUNNING and run.phase == "training"

    def _still_working(self) -> str:
        """What a trainer says of itself that has had nothing else to tell for a while."""
        run = self._run
        if self._beat is None or run is None or not run.state.is_live:
            return ""
        return beat_sentence(self._beat)

    def _progress_facts(self) -> list[str]:
        event, run = self._progress, self._run
        if event is None or run is None or run.state in _BEFORE_ITS_BOOT:
            return []
        found = ((event.number(name), word) for name, word in _FACTS)
        return [word(value) for value, word in found if value is not None]


def work_done(beat: RunEvent) -> float | None:
    """The share of a countable piece of work that is done; None where it is not known."""
    done, total = beat.number("done"), beat.number("total")
    return min(1.0, done / total) if done is not None and total else None


def beat_sentence(beat: RunEvent) -> str:
    """How far a long piece of work is, else how long it has taken so far."""
    done, total, unit = beat.number("done"), beat.number("total"), beat.text("unit")
    if done is not None:
        told = memory if unit == "bytes" else "{:,.0f}".format
        words = f"{told(done)} of {told(total)}" if total else f"{told(done)} so far"
        return words if unit == "bytes" else f"{words} {unit}"
    taken = duration(beat.number("seconds") or 0.0)
    what = "in this step" if beat.text("phase") == "training" else "so far"
    return f"Still working: {taken} {what}"


def result_sentence(run: Run) -> str:
    """Held-out loss before and after, where both were measured, and where it was uploaded to."""
    before, after = run.eval_loss_before, run.eval_loss_after
    loss = ""
    if before is not None and after is not None:
        loss = f"held-out loss {number(before)} → {number(after)}"
    return ", ".join(part for part in (loss, _uploaded(run)) if part)


def _uploaded(run: Run) -> str:
    return f"uploaded to {'/'.join(run.hub_url.split('/')[-2:])}" if run.hub_url else ""


def _took(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f"took {duration(run.ended_at - run.started_at)}"
