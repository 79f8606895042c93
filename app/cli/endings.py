"""How a run ended, in the words that the window uses too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from app.cli.output import program
from models.domain.autopsy import autopsy
from models.domain.remedies import MemoryFacts, RemedyAction, can_resume
from models.domain.run import Run, RunState

if TYPE_CHECKING:
    from models.domain.autopsy import Autopsy
    from models.domain.run import RunUpdate

_RESUMES = {RemedyAction.RESUME, RemedyAction.START}


def outcome_text(run: Run) -> str:
    """How a run ended, for a person: what happened, and what to do next."""
    if run.state is RunState.FINISHED:
        return f"Run {run.id} finished after {run.step} steps. Adapter: {run.adapter_path}"
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
    helps = any(remedy.action in _RESUMES for remedy in made.remedies)
    if not (helps and can_resume(run)):
        return []
    return [f"Go on with: {program()} runs resume {run.id}"]
