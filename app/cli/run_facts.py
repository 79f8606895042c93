"""One run in a terminal: what it is and what became of it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.times import when
from models.domain.autopsy import PHASE_WORDS, has_failed
from models.domain.config import TARGET_LOCAL
from models.domain.exit_codes import exit_code_meaning
from models.domain.inference import made_word
from models.domain.run_history import best_loss, dataset_name, seconds
from models.qt.wording import duration, money, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.domain.run import Run


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print pairs of a name and a text in two columns; what has no text is left out."""
    told = [(name, text) for name, text in facts if text]
    width = max((len(name) for name, _ in told), default=0)
    for name, text in told:
        print(f"{name:{width}}  {text}")


def run_facts(run: Run, now: float) -> Iterator[tuple[str, str]]:
    """All that is known of a run but what it was computed with; ``now`` is seconds since 1970."""
    yield "Run", run.id
    yield "Name", run.name
    yield "State", _state(run)
    yield "Trains on", _place(run)
    yield "Base model", run.base_model or run.config.hp.base_model
    yield "Dataset", dataset_name(run)
    yield "Created", when(run.created_at)
    yield "Waits since", _time(run.queued_at) if not run.started_at else ""
    yield "Started", _time(run.started_at)
    yield "Ended", _time(run.ended_at)
    took = seconds(run, now)
    yield "Took", "" if took is None else duration(took)
    yield "Steps", f"{run.step:,} of {run.total_steps:,}" if run.total_steps else ""
    yield "Loss", _number(run.train_loss)
    yield "Held-out loss", _held_out(run)
    yield "Lowest held-out", _number(best_loss(run))
    yield "Exit code", _exit(run)
    yield made_word(run.config), run.adapter_path
    yield "Output directory", run.output_directory
    yield "Uploaded to", run.hub_url
    yield "Cost", "" if run.cost_usd is None else money(run.cost_usd)
    yield "Tags", ", ".join(run.tags)
    yield "Notes", run.notes


def _state(run: Run) -> str:
    doing = PHASE_WORDS.get(run.phase, "") if run.state.is_live else ""
    return f"{run.state.value} ({doing})" if doing else run.state.value


def _place(run: Run) -> str:
    return run.runtime if run.config.training.target == TARGET_LOCAL else run.config.training.target


def _time(moment: float | None) -> str:
    return "" if moment is None else when(moment)


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def _held_out(run: Run) -> str:
    known = [_number(value) for value in (run.eval_loss_before, run.eval_loss_after)]
    return " → ".join(text for text in known if text)


def _exit(run: Run) -> str:
    """Of a failed run it is among the evidence."""
    if run.exit_code is None or has_failed(run):
        return ""
    return f"{run.exit_code}: {exit_code_meaning(run.exit_code)}"
