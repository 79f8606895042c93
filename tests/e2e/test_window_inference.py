"""The window, a model that really learns, and its answers: twice into the same folder."""

from __future__ import annotations

import json
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from app.bootstrap import build_services
from app.connect_inference import TRAINING_HOLDS
from app.paths import AppPaths
from models.domain.run import RunState
from models.qt.inference_model import GENERATING_TEXT, LOADING_TEXT
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, run_in, until

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from models.domain.run import Run
    from tests.conftest import TrainerHome

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

SETUP = {
    "training.skill_level": "Expert",
    "dataset.session": "rows",
    "dataset.eval_percent": 20.0,
    "local.runtime": "Python on this computer",
    "local.use_gpu": False,
    "hp.max_seq_length": 128,
    "hp.batch_size": 2,
    "hp.grad_accum": 1,
    "hp.learning_rate": 1e-2,
    "hp.packing": False,
    "hp.epochs": 1.0,
}


class _Program(RealWindow):
    """The window over the real services."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(build_services, AppPaths(home), OfflinePolicy(forced=True)))
        self.statuses: list[str] = []
        self.models.run.inference.state_changed.connect(self._on_state)

    def _on_state(self) -> None:
        self.statuses.append(self.models.run.inference.status)

    async def finish(self, before: str = "") -> Run:
        """Wait for the end of another run than ``before``, and for the offer to try it."""
        run = self.models.run
        await _until(lambda: run.run_id not in {"", before})
        await _until(lambda: run.status.run is not None and run.status.run.state.is_over)
        assert run.status.run is not None
        assert run.status.run.state is RunState.FINISHED, run.status.run.failure
        await _until(lambda: len(run.inference.samples) == 5)
        assert run.inference.tuned is not None
        return run.status.run

    async def answer(self, prompt: str) -> str:
        """Ask as a user does; the answer when it is whole."""
        self.statuses.clear()
        self.child("infer.prompt").setPlainText(prompt)
        asked = len(self.models.run.inference.exchanges)
        self.child("infer.run").click()
        assert len(self.models.run.inference.exchanges) == asked + 1
        await _until(lambda: self.models.run.inference.exchanges[-1].is_over)
        last = self.models.run.inference.exchanges[-1]
        assert not last.error
        return last.texts["adapter"]


_until = partial(until, seconds=150)


@pytest.fixture
def home(tmp_path: Path, trainer_home: TrainerHome) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "runtime").symlink_to(trainer_home.environment.root)
    return folder


def test_a_model_trained_again_into_its_folder_is_freed_loaded_and_asked_anew(
    qapp: QApplication, home: Path, tiny_model: Path
) -> None:
    run_in(qapp, _train_twice(home, tiny_model))


async def _train_twice(home: Path, model: Path) -> None:
    rows = home / "rows.jsonl"
    lines = ({"question": f"What is {n}?", "answer": f"It is number {n}. " * 3} for n in range(30))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    async with _Program(home) as program:
        program.wiring.importing.controller.import_file(rows)
        await _until(lambda: program.models.datasets.rowCount() == 1)
        for name, value in {**SETUP, "hp.base_model": str(model)}.items():
            program.models.form.edit(name, value)
        program.child("local.start").click()
        before = (await program.finish()).id
        first = await program.answer("What is 7?")
        assert program.statuses == [LOADING_TEXT, "Ready"]
        assert await program.answer("What is 7?") == first, "greedy repeats to the token"
        assert program.statuses == [GENERATING_TEXT, "Ready"]
        await _train_again(program)
        run = await program.finish(before)
        assert await program.answer("What is 7?") != first
        assert program.statuses[0] == LOADING_TEXT
        shutil.rmtree(run.adapter_path)
        program.child("infer.run").click()
        await _until(lambda: bool(program.models.run.inference.missing))
        assert "no longer in" in program.child("infer.missing").text()


async def _train_again(program: _Program) -> None:
    """Into the same folder with other settings; the model's process must be gone by then."""
    worker = program.services.inference._worker
    assert worker is not None
    alive_at_start: list[bool] = []
    start = program.services.runs.start

    def watched(*arguments: Any, **named: Any) -> Run:
        alive_at_start.append(psutil.pid_exists(worker._link.pid))
        return start(*arguments, **named)

    program.services.runs.start = watched  # type: ignore[method-assign]
    program.models.form.edit("hp.epochs", 4.0)
    program.wiring.training.start_with("overwrite")
    await _until(lambda: bool(alive_at_start))
    assert alive_at_start == [False]
    await _until(lambda: program.models.run.inference.status == TRAINING_HOLDS)
    assert not program.models.run.inference.can_ask
