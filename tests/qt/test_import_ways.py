"""The ways in: folders, databases, the clipboard, the earlier program, an environment first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication

from models.domain.earlier_program import EarlierImport
from models.domain.import_job import ImportJob
from tests.qt.fakes import make_session
from tests.qt.import_steps import dialog, is_open, needs_environment, press, start
from views.main_window import DATASETS, TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program


@pytest.mark.parametrize(
    ("action", "name"),
    [("import_folder", "import.folder_dialog"), ("import_database", "import.database_dialog")],
)
def test_folders_and_databases_have_choosers_of_their_own(
    program: Program, tmp_path: Path, action: str, name: str
) -> None:
    getattr(program.window.actions_, action).trigger()
    chooser: Any = dialog(program, name)
    chooser.fileSelected.emit(str(tmp_path / "corpus"))
    chooser.close()
    program.settle()
    assert program.services.datasets.imported == [tmp_path / "corpus"]


def test_several_files_can_be_chosen_at_once(program: Program, tmp_path: Path) -> None:
    program.window.actions_.import_dataset.trigger()
    chooser: Any = dialog(program, "import.dialog")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    chooser.filesSelected.emit([str(path) for path in files])
    chooser.close()
    program.settle()
    assert program.services.datasets.imported == files


def test_text_of_the_clipboard_is_imported(program: Program) -> None:
    held: list[str] = []
    datasets = program.services.datasets
    datasets.on_import = lambda path: held.append(Path(str(path)).read_text(encoding="utf-8"))
    QGuiApplication.clipboard().setText("question,answer\nWhy?,So.\nHow?,Thus.")
    program.window.actions_.import_clipboard.trigger()
    program.settle()
    assert held == ["question,answer\nWhy?,So.\nHow?,Thus."]
    assert [Path(str(path)).name for path in datasets.imported] == ["Clipboard.csv"]


def test_files_of_the_clipboard_are_imported_with_the_usual_keys(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.csv"))])
    QGuiApplication.clipboard().setMimeData(mime)
    program.window.show_page(DATASETS)
    program.window.activateWindow()
    program.child("datasets.table").setFocus()
    qtbot.keyClick(
        program.child("datasets.table"), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier
    )
    program.settle()
    # What Python made must not lie there when Python ends: its destruction would crash at exit.
    QGuiApplication.clipboard().clear()
    assert program.services.datasets.imported == [tmp_path / "a.csv"]


def test_an_empty_clipboard_is_said_to_be_empty(program: Program) -> None:
    for empty in (
        lambda: QGuiApplication.clipboard().setText("  "),
        QGuiApplication.clipboard().clear,
    ):
        empty()
        program.window.show_message("")
        program.window.actions_.import_clipboard.trigger()
        program.settle()
        assert program.services.datasets.imported == []
        assert "no text" in program.window.statusBar().currentMessage()


def test_the_environment_is_set_up_and_then_the_file_is_imported(
    program: Program, tmp_path: Path
) -> None:
    program.services.runtime.ready = False
    program.services.datasets.on_import = needs_environment(program)
    start(program, tmp_path / "rows.parquet")
    assert program.child("notice.title").text() == "rows.parquet was not imported"
    assert program.child("notice.action").text() == "Set it up"
    press(program, "notice.action")
    program.settle()
    assert program.services.runtime.created == 1
    assert program.child("dataset.session").currentText() == "rows"
    assert program.services.runs.calls == []  # setting up for an import starts no training


def test_the_earlier_program_brings_datasets_and_configurations(
    program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "old.db"
    path.write_bytes(b"SQLite format 3\x00")
    sessions = (make_session(1, "Forum"), make_session(2, "Wiki"))
    notes = ("Mine: the scheduler is left at its default.",)
    program.services.earlier_program.found = EarlierImport(sessions, (), notes)
    program.wiring.importing.controller.take(ImportJob(path))
    program.settle()
    assert program.services.datasets.imported == []
    assert program.models.datasets.rowCount() == 2
    assert program.child("dataset.session").currentText() == "Forum"
    assert program.child("notice.title").text() == (
        "old.db: 2 datasets and 0 configurations imported"
    )
    press(program, "notice.action")
    shown = dialog(program, "import.details")
    assert program.window.page == TRAINING
    shown.close()


@pytest.mark.qt_log_ignore("does not support")  # the offscreen platform, of menus
@pytest.mark.parametrize(
    ("page", "name"), [(TRAINING, "dataset.import"), (DATASETS, "datasets.import")]
)
def test_the_button_offers_all_ways_to_import_and_opens_no_file_dialog(
    program: Program, qtbot: QtBot, page: int, name: str
) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.window.show_page(page)
    menu = program.window.actions_.import_menu
    with qtbot.waitSignal(menu.aboutToShow):
        qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)
    menu.hide()
    assert not is_open(program, "import.dialog")
    assert len([one for one in menu.actions() if not one.isSeparator()]) == 5
