"""How runs ended, in the words of notifications and of the notice at the window's start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.autopsy_words import reason_of
from models.domain.inference import made_word
from models.domain.run import RunState
from models.qt.notice import Notice
from models.qt.run_status import result_sentence
from models.qt.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.run import Run

SHOW_RUNS = "show_runs"
_TOPIC = "reattached"
_MOST_LINES = 5
_VERBS = {
    RunState.FINISHED: "finished",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was stopped",
    RunState.LOST: "was lost",
}
_TONES = {RunState.FINISHED: "good", RunState.CANCELLED: "info"}


def ending_title(run: Run) -> str:
    """``“evening” finished``."""
    return f"“{run.name or run.id}” {_VERBS.get(run.state, 'ended')}"


def ending_text(run: Run) -> str:
    """What came of it, in one sentence: the result, or why there is none."""
    if run.state is RunState.FINISHED:
        sentence = ", ".join(part for part in (result_sentence(run), _took(run)) if part)
        made = f"Its {made_word(run.config).lower()} is saved."
        return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else made
    if run.state is RunState.CANCELLED and run.failure is None:
        where = f" after step {run.step:,}" if run.step else ""
        return f"It stopped{where} and can be resumed."
    return reason_of(run)


def meanwhile(found: Sequence[Run]) -> Notice | None:
    """What became of runs while the window was closed; None where only one goes on as it did."""
    ended = [run for run in found if run.state.is_over]
    live = [run for run in found if not run.state.is_over]
    if not ended:
        return _several_live(live) if len(live) > 1 else None
    if len(found) == 1:
        run = ended[0]
        title = f"{ending_title(run)} while Temper was closed"
        return Notice(title, ending_text(run), _TONES.get(run.state, "bad"), topic=_TOPIC)
    lines = [f"{ending_title(run)}: {_inside(ending_text(run))}" for run in ended[:_MOST_LINES]]
    if len(ended) > _MOST_LINES:
        lines.append(f"{len(ended) - _MOST_LINES} more are on the Runs page.")
    lines += [_going_on(live)] if live else []
    count = "1 training" if len(ended) == 1 else f"{len(ended)} trainings"
    title = f"{count} ended while Temper was closed"
    tones = {_TONES.get(run.state, "bad") for run in ended}
    tone = next(tone for tone in ("bad", "info", "good") if tone in tones)
    return Notice(title, "\n".join(lines), tone, SHOW_RUNS, "Show runs", topic=_TOPIC)


def _several_live(live: Sequence[Run]) -> Notice:
    title = f"{len(live)} trainings are running"
    return Notice(title, _going_on(live), "info", SHOW_RUNS, "Show runs", topic=_TOPIC)


def _going_on(live: Sequence[Run]) -> str:
    first = f"“{live[0].name or live[0].id}”"
    if len(live) == 1:
        return f"{first} goes on and is shown here."
    return f"The newest, {first}, is shown here; the others are on the Runs page."


def _inside(sentence: str) -> str:
    """A sentence after a colon: its first word is small, unless it is a name."""
    second = sentence[1:2]
    return sentence if second.isupper() else f"{sentence[:1].lower()}{sentence[1:]}"


def _took(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f"took {duration(run.ended_at - run.started_at)}"
