"""The scenes of the Runs page for ``make screenshots``: one run, several compared, a queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.run import Failure, RunState, RunUpdate
from models.domain.run_history import BY_STEP, Curve, Difference
from models.qt.app_models import AppModels
from tests.qt.fakes import make_run, progress_event
from views.main_window import RUNS, MainWindow

if TYPE_CHECKING:
    from models.domain.run import Run, RunEvent

SCENES = ("one", "compared")
LLAMA = "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"
_HOUR = 3_600.0
_SETTLE_MS = 1_200


def make_window(scene: str) -> MainWindow:
    """The window with the Runs page in this scene, shown and settled."""
    window = MainWindow(AppModels())
    window.models.setParent(window)
    window.complete()
    window.set_ready(True)
    window.resize(1280, 800)
    runs, now = _runs(), time.time()
    window.models.runs.set_items(runs)
    if scene == "one":
        waiting = [
            make_run(name, RunState.QUEUED, name=name, queued_at=now, started_at=None)
            for name in ("Rank 64", "Rank 64, half the rate")
        ]
        window.models.queue.set_queue(waiting, "Rank 32")
    window.show()
    window.show_page(RUNS)
    chosen = runs[1:2] if scene == "one" else runs[1:4]
    window.runs.table.select_items([run.id for run in chosen])  # type: ignore[union-attr]
    if scene == "one":
        window.models.shown_run.fill(RunUpdate(chosen[0], _events(chosen[0]), _log(chosen[0])))
        window.models.shown_run.log.flush_all()
    else:
        _compare(window, chosen)
    QTest.qWait(_SETTLE_MS)  # charts and log are drawn by timers
    return window


def _config(**values: object) -> TrainingConfig:
    chosen = {name.replace("__", "."): value for name, value in values.items()}
    return with_values(TrainingConfig(), {"dataset.session": "Support answers", **chosen})


def _runs() -> list[Run]:
    now = time.time()
    live = make_run(
        "live", RunState.RUNNING, name="Rank 32", config=_config(hp__lora_r=32), step=74,
        total_steps=120, train_loss=1.72, created_at=now - 300, started_at=now - 300,
        phase="training", tags=("rank",),
    )  # fmt: skip
    return [
        live,
        _finished("base", "Support answers", 3, 1.37, tags=("baseline", "short answers"),
                  notes="The setup to beat.\nHeld-out loss is flat after step 90."),
        _finished("slow", "Half the rate", 5, 1.45, learning_rate=1e-4),
        _finished("wide", "Rank 8", 26, 1.52, lora_r=8),
        make_run(
            "large", RunState.FAILED, name="Llama 8B", config=_config(hp__base_model=LLAMA),
            base_model=LLAMA, failure=Failure("cuda_oom", "The GPU ran out of memory."), step=3,
            total_steps=400, train_loss=2.61, created_at=now - 27 * _HOUR,
            started_at=now - 27 * _HOUR, ended_at=now - 27 * _HOUR + 200,
        ),
        make_run(
            "look", RunState.CANCELLED, name="Quick look", config=_config(hp__max_steps=20),
            step=9, total_steps=20, train_loss=2.2, created_at=now - 50 * _HOUR,
            started_at=now - 50 * _HOUR, ended_at=now - 50 * _HOUR + 50,
        ),
    ]  # fmt: skip


def _finished(
    run_id: str, name: str, hours_ago: float, loss: float, *, tags: tuple[str, ...] = (),
    notes: str = "", **settings: object,
) -> Run:  # fmt: skip
    begin = time.time() - hours_ago * _HOUR
    return make_run(
        run_id, RunState.FINISHED, name=name, step=120, total_steps=120, train_loss=loss + 0.06,
        config=_config(**{f"hp__{setting}": value for setting, value in settings.items()}),
        best_eval_loss=loss, eval_loss_after=loss, eval_loss_before=2.41, created_at=begin,
        started_at=begin, ended_at=begin + 960 + 40 * loss, tags=tags, notes=notes,
    )  # fmt: skip


def _loss(run: Run, step: int) -> float:
    end = run.best_eval_loss or 1.4
    return end + (2.6 - end) / (1 + step / 16) + 0.12 * ((step * 37 + len(run.name)) % 11) / 11


def _events(run: Run) -> tuple[RunEvent, ...]:
    return tuple(
        progress_event(step, 120, _loss(run, step), learning_rate=2e-4 * (1 - step / 130))
        for step in range(1, run.step + 1)
    )


def _log(run: Run) -> str:
    lines = (f"step {step}: loss {_loss(run, step):.3f}\n" for step in range(1, run.step + 1))
    return "phase: training\n" + "".join(lines)


def _compare(window: MainWindow, runs: list[Run]) -> None:
    model = window.models.compared
    model.begin(runs)
    steps = tuple(float(step) for step in range(1, 121))
    curves = [
        Curve(run.id, "loss", steps, tuple(_loss(run, int(step)) for step in steps)) for run in runs
    ]
    model.set_curves("loss", BY_STEP, curves)
    model.set_differences(
        [
            Difference("hp.learning_rate", "Learning rate", ("2e-4", "1e-4", "2e-4")),
            Difference("hp.lora_r", "LoRA rank", ("16", "16", "8")),
        ]
    )
