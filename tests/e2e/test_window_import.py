"""Importing in the window over the real library: refused, mapped, divided, pasted, taken over."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from app.bootstrap import build_services
from app.paths import AppPaths
from services.offline import OfflinePolicy
from tests.e2e.real_window import RealWindow, run_in, until

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("does not support propagateSizeHints")]

OLD = """
CREATE TABLE training_configs (id INTEGER PRIMARY KEY, name TEXT, config_json TEXT,
    train_target TEXT);
CREATE TABLE scrape_sessions (id INTEGER PRIMARY KEY, source TEXT, source_details TEXT);
CREATE TABLE scraped_pairs (id INTEGER PRIMARY KEY, session_id INTEGER, input_text TEXT,
    output_text TEXT);
INSERT INTO scrape_sessions VALUES (1, 'forum', 'cats'), (2, 'wiki', 'dogs');
INSERT INTO scraped_pairs (session_id, input_text, output_text) VALUES
    (1, 'Why?', 'So.'), (2, 'How?', 'Thus.'), (2, 'When?', 'Now.');
"""


class _Session(RealWindow):
    """One start of the program on a home folder, without a network."""

    def __init__(self, home: Path) -> None:
        super().__init__(partial(build_services, AppPaths(home), OfflinePolicy(forced=True)))

    @property
    def library(self) -> list[tuple[str, int, str]]:
        """Names, rows and formats of all datasets, newest first."""
        return [(one.name, one.rows, one.format) for one in self.models.datasets.items]

    def bring(self, source: Path) -> None:
        self.wiring.importing.controller.import_file(source)

    async def press(self, name: str) -> None:
        """Press a button once it can be."""
        await until(lambda: self._visible(name) is not None)
        found = self._visible(name)
        assert found is not None
        found.click()

    def _visible(self, name: str) -> Any:
        from PySide6.QtWidgets import QAbstractButton

        found = self.window.findChildren(QAbstractButton, name)
        return next((one for one in found if one.isVisible()), None)


def test_refused_rows_are_left_out(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = [json.dumps({"prompt": f"Q{n}", "completion": f"A{n}"}) for n in range(30)]
    path.write_text("\n".join([*good[:10], "{broken", *good[10:]]), encoding="utf-8")

    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            session.bring(path)
            await session.press("import.refusal.drop")
            await until(lambda: session.library == [("rows", 30, "prompt_completion")])
            await session.press("notice.action")
            await session.press("import.details.close")

    run_in(qapp, act())


def test_a_table_of_unknown_columns_is_mapped(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "umfrage.csv"
    path.write_text("Frage,Reaktion\nWarum?,Darum.\nWie?,So.\n", encoding="utf-8")

    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            session.bring(path)
            await until(lambda: session.window.findChild(object, "import.mapping") is not None)
            combo = session.child("import.mapping.answer")
            combo.setCurrentIndex(combo.findData("Reaktion"))
            combo.activated.emit(combo.currentIndex())
            await session.press("import.mapping.import")
            await until(lambda: session.library == [("umfrage", 2, "question_answer")])
            mapping = session.models.datasets.items[0].mapping
            assert mapping == "question=Frage, answer=Reaktion"

    run_in(qapp, act())


def test_a_text_is_divided_otherwise_under_the_same_name(
    qapp: QApplication, tmp_path: Path
) -> None:
    path = tmp_path / "book.txt"
    path.write_text("\n\n".join(f"Paragraph {n} of the book." for n in range(40)), "utf-8")

    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            session.bring(path)
            await session.press("notice.action")
            await session.press("import.split.paragraphs")
            await session.press("import.split.import")
            await until(lambda: session.library == [("book", 40, "text")])
            assert session.models.form.value("dataset.session") == "book"

    run_in(qapp, act())


def test_pasted_text_is_imported(qapp: QApplication, tmp_path: Path) -> None:
    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            table = "question\tanswer\nWhy?\tSo.\nHow?\tThus."
            session.wiring.importing.controller.import_text(table)
            await until(lambda: session.library == [("Clipboard", 2, "question_answer")])

    run_in(qapp, act())


def test_a_folder_and_a_file_wait_for_each_other(qapp: QApplication, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nWords of {name}.", encoding="utf-8")
    single = tmp_path / "one.json"
    single.write_text('[{"question": "Why?", "answer": "So."}]', encoding="utf-8")

    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            session.bring(folder)
            session.bring(single)
            wanted = [("one", 1, "question_answer"), ("corpus", 2, "text")]
            await until(lambda: session.library == wanted)

    run_in(qapp, act())


def test_parquet_offers_to_set_the_environment_up(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")

    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            session.bring(path)
            await until(lambda: session.window.training.banner.notice is not None)
            notice = session.window.training.banner.notice
            assert notice is not None
            assert notice.action_label == "Set it up"
            assert session.library == []

    run_in(qapp, act())


def test_the_earlier_program_comes_along(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    config = {"hp": {"base_model": "unsloth/x", "epochs": "2"}, "train_target": "local"}
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD)
        database.execute(
            "INSERT INTO training_configs VALUES (1, 'Mine', ?, 'local')", (json.dumps(config),)
        )
        database.commit()

    async def act() -> None:
        async with _Session(tmp_path / "home") as session:
            session.bring(path)
            await until(lambda: len(session.library) == 2)
            await until(lambda: session.models.configs.rowCount() == 1)
            assert {rows for _, rows, _ in session.library} == {1, 2}

    run_in(qapp, act())
