"""The window over the real services: database, files and lanes, without a trainer."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import build_services
from app.paths import AppPaths
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, run_in, until

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]


class _Session(RealWindow):
    """One start of the program on a home folder."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(build_services, AppPaths(home), OfflinePolicy(forced=True)))


def test_import_save_and_start_again(qapp: QApplication, tmp_path: Path) -> None:
    source = tmp_path / "answers.jsonl"
    rows = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(50)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run_in(qapp, _import_and_save(tmp_path / "home", source))
    run_in(qapp, _find_again(tmp_path / "home"))


async def _import_and_save(home: Path, source: Path) -> None:
    async with _Session(home) as session:
        models = session.models
        session.wiring.importing.controller.import_file(source)
        await until(lambda: models.datasets.rowCount() == 1)
        await until(lambda: models.form.value("dataset.session") == "answers")
        models.form.edit("hp.epochs", 3.5)
        session.wiring.configs.save_as("Mine")
        await until(lambda: models.form.name == "Mine" and not models.form.is_unsaved)


async def _find_again(home: Path) -> None:
    async with _Session(home) as session:
        models = session.models
        assert models.form.name == "Mine"
        assert models.form.value("hp.epochs") == 3.5
        await session.desk.tasks.settle()
        assert session.child("dataset.session").currentText() == "answers"
        models.rows.show_session(models.datasets.item(0))
        await until(lambda: models.rows.rowCount() == 50)
        assert models.rows.index(49, 0).data() == "Question 49?"
        session.wiring.training.start()
        await session.desk.tasks.settle()
        assert session.window.training.banner.notice is not None
        assert session.window.training.banner.notice.action == "setup_runtime"
