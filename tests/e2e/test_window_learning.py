"""What it will learn, over the real services and the trainer's own code."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import build_services
from app.paths import AppPaths
from models.domain.config import RUNTIME_PYTHON
from models.qt.learning_model import Looking
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, run_in, until

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from models.qt.learning_model import LearningModel
    from tests.conftest import TrainerHome

pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]

ROWS = [
    {"question": "Who 🐍?", "answer": "Me."},
    {"question": "Which token?", "answer": "<|im_end|> it is."},
    {"question": "How long?", "answer": "word " * 3000},
    {"question": "long " * 3000, "answer": "Never reached."},
    {"question": "And you?", "answer": "Fine."},
]


class _Session(RealWindow):
    """One start of the program on a home whose environment is ready."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(build_services, AppPaths(home), OfflinePolicy(forced=True)))

    async def open(self, rows: Path, model: Path | str) -> LearningModel:
        """Import rows and look at them, as a user does it."""
        self.wiring.importing.controller.import_file(rows)
        await until(lambda: self.models.form.value("dataset.session") == rows.stem)
        self.models.form.apply({"hp.base_model": str(model), "local.runtime": RUNTIME_PYTHON})
        self.child("dataset.preview").click()
        return self.wiring.learning.model


@pytest.fixture
def home(tmp_path: Path, trainer_home: TrainerHome) -> Path:
    """A home with the environment of the tests."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "runtime").symlink_to(trainer_home.environment.python.parents[2])
    return home


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_numbers_and_the_way_out(
    qapp: QApplication, home: Path, tmp_path: Path, trainer_home: TrainerHome
) -> None:
    run_in(qapp, _look(home, _write(tmp_path / "talks.jsonl", ROWS), trainer_home.model))


async def _look(home: Path, rows: Path, model: Path) -> None:
    async with _Session(home) as session:
        learning = await session.open(rows, model)
        await until(lambda: learning.report.state is Looking.DONE)
        dialog = session.wiring.learning.dialog
        learnt = "".join(one.piece.text for one in dialog.row.text.pieces if one.piece.is_learnt)
        assert learnt == "Me.<|im_end|>"
        codes = {one.code for one in learning.findings}
        assert codes >= {"control_token", "nothing_learnt", "truncated"}
        _save(dialog, "report")
        dialog.row_requested.emit(2)
        await until(lambda: learning.row.number == 2 and learning.row.state is Looking.DONE)
        assert "Cut here at 2,048 tokens" in dialog.row.text.toPlainText()
        _save(dialog, "cut")
        dialog.row_requested.emit(1)
        await until(lambda: learning.row.state is Looking.FAILED)
        assert learning.row.error is not None
        assert "control token" in learning.row.error.message
        assert "<|im_end|> it is." in dialog.row.text.toPlainText()
        session.wiring.training.start()
        await until(lambda: learning.refusal is not None)
        await until(lambda: learning.row.state in (Looking.DONE, Looking.FAILED))
        assert learning.report.is_kept
        _save(dialog, "refused")
        dialog.notes.findChild(type(dialog.notes._drop), "learning.drop_all").click()
        await until(lambda: session.models.form.value("dataset.session") == "talks (cleaned)")
        await until(lambda: learning.report.state is Looking.DONE)
        assert learning.rows == 3
        assert not any(one.severity == "major" for one in learning.findings)
        _save(dialog, "cleaned")
        dialog.close()
        await session.desk.tasks.settle()


def test_rows_are_read_while_all_are_looked_at(
    qapp: QApplication, home: Path, tmp_path: Path, trainer_home: TrainerHome
) -> None:
    many = [{"question": f"How much is {n}?", "answer": f"It is {n}. " * 9} for n in range(20_000)]
    run_in(qapp, _read_meanwhile(home, _write(tmp_path / "many.jsonl", many), trainer_home.model))


async def _read_meanwhile(home: Path, rows: Path, model: Path) -> None:
    async with _Session(home) as session:
        began = time.monotonic()
        learning = await session.open(rows, model)
        await until(lambda: learning.row.state is Looking.DONE)
        print(f"first row after {time.monotonic() - began:.2f} s")
        await until(lambda: bool(learning.report.fraction))
        for row in (19_999, 7, 12_345):
            asked = time.monotonic()
            session.wiring.learning.dialog.row_requested.emit(row)
            await until(lambda row=row: learning.row.texts[0].text.count(f"much is {row}?") == 1)
            print(f"row {row} after {time.monotonic() - asked:.3f} s")
            assert learning.report.state is Looking.BUSY
        session.wiring.learning.dialog.stop_requested.emit()
        await until(lambda: learning.report.state is Looking.CANCELLED)


def test_what_is_missing_is_said_with_the_next_step(
    qapp: QApplication, home: Path, tmp_path: Path
) -> None:
    run_in(qapp, _miss(home, _write(tmp_path / "talks.jsonl", ROWS)))


async def _miss(home: Path, rows: Path) -> None:
    async with _Session(home) as session:
        learning = await session.open(rows, "nobody/has-this-model")
        await until(lambda: learning.row.state is Looking.FAILED)
        assert learning.row.error is not None
        assert learning.row.error.message.startswith("The base model is not on this computer")
        _save(session.wiring.learning.dialog, "no-model")
        session.wiring.learning.dialog.close()  # and the worker ends
        await session.desk.tasks.settle()
        (home / "runtime").unlink()
        session.child("dataset.preview").click()
        await until(lambda: getattr(learning.row.error, "kind", "") == "runtime_missing")
        _save(session.wiring.learning.dialog, "no-environment")


def _save(dialog: object, name: str) -> None:
    """A picture for whoever wants to see what the test saw."""
    folder = os.environ.get("TEMPER_TEST_PICTURES")
    if folder:
        dialog.grab().save(f"{folder}/learning-{name}.png")  # type: ignore[attr-defined]
