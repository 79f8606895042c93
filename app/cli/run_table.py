"""Runs as a table in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.output import print_table
from app.cli.times import when
from models.domain.run_history import best_loss, dataset_name, final_loss, model_name, seconds
from models.qt.wording import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.run import Run

RunName = Annotated[str, typer.Argument(help="Its id, the beginning of it, or 'last'.")]
NOTHING = "-"
Value = TypeVar("Value")
_ALWAYS = {"ID", "NAME", "STATE"}


def print_runs(runs: Sequence[Run], now: float) -> None:
    """Print the runs; columns in which no run has anything are left out."""
    columns = [
        (title, cells)
        for title, text in _COLUMNS.items()
        if (cells := [text(run, now) for run in runs]).count(NOTHING) < len(cells)
        or title in _ALWAYS
    ]
    header = [title for title, _ in columns]
    print_table(header, zip(*(cells for _, cells in columns), strict=True))


def print_queue(runs: Sequence[Run]) -> None:
    """Print the runs that wait, numbered."""
    rows = (
        (number, run.id, run.name, model_name(run), dataset_name(run), when(run.created_at))
        for number, run in enumerate(runs, 1)
    )
    print_table(("", "ID", "NAME", "BASE MODEL", "DATASET", "SINCE"), rows)


def loss(value: float | None) -> str:
    """A loss, or a dash."""
    return dash(value, "{:.4f}".format)


def dash(value: Value | None, text: Callable[[Value], str]) -> str:
    """The value as text, or a dash where there is none."""
    return NOTHING if value is None else text(value)


def _steps(run: Run) -> str:
    return f"{run.step}/{run.total_steps}" if run.total_steps else NOTHING


_COLUMNS: dict[str, Callable[[Run, float], str]] = {
    "ID": lambda run, _: run.id,
    "NAME": lambda run, _: run.name,
    "STATE": lambda run, _: run.state.value,
    "TARGET": lambda run, _: run.config.training.target,
    "BASE MODEL": lambda run, _: model_name(run),
    "DATASET": lambda run, _: dataset_name(run) or NOTHING,
    "STEP": lambda run, _: _steps(run),
    "LOSS": lambda run, _: loss(final_loss(run)),
    "BEST": lambda run, _: loss(best_loss(run)),
    "TOOK": lambda run, now: dash(seconds(run, now), duration),
    "COST": lambda run, _: dash(run.cost_usd, "${:.2f}".format),
    "TAGS": lambda run, _: ", ".join(run.tags) or NOTHING,
    "CREATED": lambda run, _: when(run.created_at),
}
