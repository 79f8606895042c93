"""Watching a run in a terminal: one line of progress, and what to do on Ctrl+C."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import typer

from app.cli.output import say
from app.cli.rented import PodTeller, say_left, see_the_pod_off
from models.domain.autopsy import PHASE_WORDS
from models.qt.wording import duration, memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.run import Run, RunEvent
    from services.runs import RunService

_POLL_SECONDS = 0.3
_QUIET_LINE_SECONDS = 5.0
EXIT_INTERRUPTED = 130


class ProgressLine:
    """The run's progress: rewritten in place on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = 0.0
        self._open = False

    def show(self, event: RunEvent) -> None:
        """Show one event."""
        if event.type == "progress":
            self._progress(event)
        elif event.type == "heartbeat":
            self._rewrite(beat_text(event))
        elif event.type == "phase":
            words = _phase(event)
            self._line(f"{words[:1].upper()}{words[1:]} …")
        elif event.type == "eval":
            loss = event.number("eval_loss")
            self._line(f"Held-out loss {'is not a number' if loss is None else f'{loss:.4f}'}")
        elif event.type in {"warning", "failed"} and event.text("kind") != "cancelled":
            self._line(f"{event.type.capitalize()}: {event.text('message')}")

    def close(self) -> None:
        """End a line that is still being rewritten."""
        if self._open:
            print(file=sys.stderr, flush=True)
        self._open = False

    def _progress(self, event: RunEvent) -> None:
        self._rewrite(progress_text(event))

    def _rewrite(self, text: str) -> None:
        if self._live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self._open = True
        elif time.monotonic() - self._last > _QUIET_LINE_SECONDS:
            self._last = time.monotonic()
            say(text)

    def _line(self, text: str) -> None:
        self.close()
        say(text)


def progress_text(event: RunEvent) -> str:
    """One progress event as a line: step, loss, speed, time left; after the last step it saves."""
    step, total = event.number("step") or 0, event.number("total_steps") or 0
    parts = [f"step {step:.0f}/{total:.0f}"]
    for name, form in (
        ("loss", "loss {:.4f}".format),
        ("tokens_per_second", "{:,.0f} tokens/s".format),
        ("eta_seconds", _left),
    ):
        value = event.number(name)
        if name == "eta_seconds" and 0 < total <= step:
            parts.append("saving")
        elif value is not None:
            parts.append(form(value))
    return "  ".join(parts)


def beat_text(event: RunEvent) -> str:
    """A heartbeat as a line: how far a long piece of work is, else how long it takes by now."""
    done, total = event.number("done"), event.number("total")
    unit = event.text("unit")
    if done is not None:
        told = memory if unit == "bytes" else "{:,.0f}".format
        words = f"{told(done)} of {told(total)}" if total else f"{told(done)} so far"
        return words if unit == "bytes" else f"{words} {unit}"
    what = f"step {(event.number('step') or 0) + 1:.0f}"
    what = what if event.text("phase") == "training" else _phase(event)
    return f"still working: {duration(event.number('seconds') or 0.0)} in {what}"


def _phase(event: RunEvent) -> str:
    phase = event.text("phase")
    return PHASE_WORDS.get(phase, phase)


def _left(seconds: float) -> str:
    return f"about {duration(seconds)} left"


def follow(runs: RunService, run: Run, show: Callable[[RunEvent], None]) -> Run:
    """Show a run's events until it is over, and its pod, if it has one, is gone. Raises
    KeyboardInterrupt on Ctrl+C."""
    tell = PodTeller()
    while True:
        update = runs.poll(run.id)
        tell(update.run)
        for event in update.events:
            show(event)
        if not update.run.state.is_live:
            see_the_pod_off(update.run)
            return update.run
        time.sleep(_POLL_SECONDS)


def watch(runs: RunService, run: Run) -> Run:
    """Follow a run with progress on stderr; Ctrl+C asks whether to stop it or leave it running."""
    line = ProgressLine()
    while True:
        try:
            ended = follow(runs, run, line.show)
        except KeyboardInterrupt:
            line.close()
            _on_interrupt(runs, run)
        else:
            line.close()
            return ended


def _on_interrupt(runs: RunService, run: Run) -> None:
    answer = "l"
    if sys.stdin.isatty():
        answer = typer.prompt("[s]top and save, [l]eave it running, or [c]ontinue watching", "l")
    if answer.startswith("s"):
        say("Stopping: a checkpoint is being saved.")
        runs.stop(run.id)
    elif not answer.startswith("c"):
        say_left(run)
        raise typer.Exit(EXIT_INTERRUPTED)
