"""The Datasets page over the real library: real files, a real database, a real child process."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.bootstrap import build_services
from app.paths import AppPaths
from models.qt.merge_plan import MergePlan
from models.qt.split_plan import SplitPlan
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, run_in, until
from views.main_window import DATASETS

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from models.domain.dataset import DatasetSession

pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]


class _Session(RealWindow):
    """One start of the program on a home folder."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(build_services, AppPaths(home), OfflinePolicy(forced=True)))

    def dataset(self, name: str) -> DatasetSession:
        """The dataset of this name in the window's list."""
        found = self.models.datasets.by_name(name)
        assert found is not None, [one.name for one in self.models.datasets.items]
        return found


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_everything_that_the_page_does_is_done_to_the_library(
    qapp: QApplication, tmp_path: Path
) -> None:
    chat = [{"prompt": f"Question {n}?", "completion": f"Answer {n}."} for n in range(400)]
    asked = [{"question": f"Why {n}?", "answer": f"Because {n}."} for n in range(100)]
    files = _write(tmp_path / "chat.jsonl", chat), _write(tmp_path / "asked.jsonl", asked)
    run_in(qapp, _work(tmp_path / "home", files, tmp_path / "out.jsonl"))
    written = [
        json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    ]
    assert [row["prompt"] for row in written] == [f"Question {n}?" for n in range(400)]
    run_in(qapp, _look_again(tmp_path / "home"))


async def _work(home: Path, files: tuple[Path, Path], out: Path) -> None:
    async with _Session(home) as session:
        models, library = session.models, session.wiring.library.library
        for file in files:
            session.wiring.importing.controller.import_file(file)
        await until(lambda: models.datasets.rowCount() == 2)
        await until(lambda: models.form.value("dataset.session") == "asked")
        session.wiring.configs.save_as("Mine")
        await until(lambda: models.form.name == "Mine" and not models.form.is_unsaved)

        library.rename(session.dataset("asked"), "Reasons")
        await until(lambda: models.form.value("dataset.session") == "Reasons")
        assert not models.form.is_unsaved

        weighted = ((session.dataset("chat"), 0.5), (session.dataset("Reasons"), 2.0))
        library.merge(MergePlan(weighted, "Both"))
        await until(lambda: models.datasets.by_name("Both") is not None)
        assert session.dataset("Both").rows == 400
        assert [part.weight for part in session.dataset("Both").parts] == [0.5, 2.0]

        await until(session.child("datasets.task").isHidden)
        library.split(SplitPlan(session.dataset("chat"), 10.0))
        await until(lambda: models.datasets.rowCount() == 4)
        assert dict(models.datasets.items[0].splits) == {"train": 360, "held_out": 40}

        await until(session.child("datasets.task").isHidden)
        library.export(session.dataset("chat"), out)
        await until(out.exists)

        session.window.show_page(DATASETS)
        page = session.window.datasets
        assert page is not None
        page.select(session.dataset("chat"))
        await until(lambda: models.rows.rowCount() == 400)
        page.rows.tools.text.setText("answer 317")
        page.rows.find_next()
        await until(lambda: page.rows.table.currentIndex().row() == 317)
        await until(lambda: page.rows.cell.textCursor().selectedText() == "Answer 317")

        library.delete((session.dataset("chat"), session.dataset("Both")))
        await until(lambda: models.datasets.rowCount() == 2)
        library.undo()
        await until(lambda: models.datasets.rowCount() == 4)
        page.select(session.dataset("Both"))
        await until(lambda: models.rows.rowCount() == 400)
        library.delete((session.dataset("Both"),))
        await until(lambda: models.datasets.rowCount() == 3)


async def _look_again(home: Path) -> None:
    async with _Session(home) as session:
        await session.desk.tasks.settle()
        assert session.models.form.value("dataset.session") == "Reasons"
        names = {one.name for one in session.models.datasets.items}
        assert "Both" not in names
        assert {"chat", "Reasons"} <= names
