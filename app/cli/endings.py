"""How a run ended, in the words that the window uses too."""

from __future__ import annotations

import shlex
from itertools import islice
from typing import TYPE_CHECKING

import psutil

from app.cli.output import program
from models.domain.autopsy import autopsy
from models.domain.inference import made_word
from models.domain.remedies import MemoryFacts, RemedyAction, can_resume
from models.domain.run import Run, RunState

if TYPE_CHECKING:
    from models.domain.autopsy import Autopsy
    from models.domain.remedies import Remedy
    from models.domain.run import RunUpdate


def outcome_text(run: Run) -> str:
    """How a run ended, for a person: what happened, and what to do next."""
    if run.state is RunState.FINISHED:
        result = f"{made_word(run.config)}: {run.adapter_path}"
        return f"Run {run.id} finished after {run.step} steps. {result}"
    made = autopsy(run, memory=_memory())
    if made is None:
        return f"Run {run.id} is {run.state}."
    verb = {RunState.CANCELLED: "was stopped", RunState.LOST: "is lost"}.get(run.state, "failed")
    return "\n".join([f"Run {run.id} {verb}: {made.reason}", made.advice, *_command(run, made)])


def explained(update: RunUpdate) -> Autopsy | None:
    """Why a run failed, with the evidence of its events and log."""
    return autopsy(update.run, update.events, update.log.splitlines(), _memory())


def _memory() -> MemoryFacts:
    return MemoryFacts(total=psutil.virtual_memory().total)


def _command(run: Run, made: Autopsy) -> list[str]:
    """What to type for the first remedy that trains on, as the window's button does."""
    if not can_resume(run):
        return []
    going_on = (remedy for remedy in made.remedies if _goes_on(remedy))
    command = f"{program()} runs resume {run.id}"
    return [f"Go on with: {command}{_changes(remedy)}" for remedy in islice(going_on, 1)]


def _goes_on(remedy: Remedy) -> bool:
    is_change = remedy.action is RemedyAction.START and remedy.on_existing == "resume"
    return is_change or remedy.action is RemedyAction.RESUME


def _changes(remedy: Remedy) -> str:
    return "".join(f" --set {path}={_typed(value)}" for path, value in remedy.values.items())


def _typed(value: object) -> str:
    """A value as ``--set`` takes it; in quotes where a shell would part it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return shlex.quote(f"{value:g}" if isinstance(value, float) else str(value))
