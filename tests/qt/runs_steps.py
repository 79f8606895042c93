"""What the tests of the Runs page share: three runs, the page, a selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.run import RunState
from tests.qt.fakes import NOW, make_run
from views.main_window import RUNS

if TYPE_CHECKING:
    from models.domain.run import Run
    from tests.qt.conftest import Program

POPUPS = pytest.mark.qt_log_ignore("does not support (propagateSizeHints|raise|grabbing)")
LLAMA = "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"


def run_config(**values: object) -> TrainingConfig:
    """A setup with these values: ``hp__epochs=2.0``."""
    chosen = {name.replace("__", "."): value for name, value in values.items()}
    usual = {"dataset.session": "Support answers", "hp.base_model": "unsloth/Qwen2.5-0.5B-Instruct"}
    return with_values(TrainingConfig(), {**usual, **chosen})


def some_runs() -> list[Run]:
    """Newest first, as the history gives them."""
    return [
        make_run(
            "c", RunState.FINISHED, name="Best so far", config=run_config(), created_at=NOW + 30,
            started_at=NOW + 30, ended_at=NOW + 130, train_loss=1.4, best_eval_loss=1.2,
            eval_loss_after=1.25, tags=("keep", "short answers"), notes="Flat after step 90.",
        ),
        make_run(
            "b", RunState.FAILED, name="Too large", base_model=LLAMA, config=run_config(),
            created_at=NOW + 20, started_at=NOW + 20, ended_at=NOW + 25, train_loss=2.6,
        ),
        make_run(
            "a", RunState.CANCELLED, name="First try", created_at=NOW + 10, started_at=NOW + 10,
            config=run_config(dataset__session="Manuals"), ended_at=NOW + 40, cost_usd=1.5,
        ),
    ]  # fmt: skip


def open_page(program: Program, runs: list[Run] | None = None) -> None:
    """The Runs page with these runs, filled as at the start."""
    found = some_runs() if runs is None else runs
    program.services.runs.stored = {run.id: run for run in found}
    program.aio(program.wiring.fill())
    program.settle()
    program.window.show_page(RUNS)
    program.settle()


def shown(program: Program) -> list[str]:
    """The names of the runs that the table shows, from top to bottom."""
    rows = program.child("runs.table").model()
    return [rows.index(row, 0).data() for row in range(rows.rowCount())]


def choose(program: Program, *names: str) -> None:
    """Select runs by name."""
    ids = {run.id for run in program.models.runs.items if run.name in names}
    program.child("runs.table").select_items(ids)
    program.settle()


def calls(program: Program, name: str) -> list[Any]:
    """What the history was asked for under this name."""
    return [what for called, what in program.services.history.calls if called == name]
