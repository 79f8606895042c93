"""Importing in the window: the ways in, several at once, refusals with their remedies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QDialog, QPushButton, QWidget

from models.domain.column_mapping import ColumnMapping, propose
from models.domain.data_report import Finding
from models.domain.dataset_import import HubSource, ImportRefusedError, ImportVerdict
from models.domain.earlier_program import EarlierImport
from models.domain.errors import AppError
from models.domain.import_job import ImportJob
from tests.qt.fakes import make_session
from views.main_window import DATASETS, SETTINGS, TRAINING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

BAD = Finding("major", "bad_json", "Not valid JSON.", 3, (1, 4, 6), (2, 5, 7), "fix", can_drop=True)
BROKEN = Finding("major", "invalid_utf8", "Not UTF-8 text.", 1, (4,), (5,), "fix")
UNKNOWN = Finding("major", "unknown_columns", "The columns are a, b.", 1, (), (), "map")
ODD = Finding("minor", "control_characters", "It holds control characters.", 2, (0, 1), (1, 2), "")


def refused(*findings: Finding, rows: int = 10, **more: Any) -> ImportRefusedError:
    verdict = ImportVerdict(rows, 0, "question_answer", findings, **more)
    return ImportRefusedError("rows.jsonl", verdict)


def dialog(program: Program, name: str) -> QDialog:
    """The dialog of this name that is open."""
    program.aio(_turn())
    found = [one for one in program.window.findChildren(QDialog, name) if one.isVisible()]
    assert len(found) == 1, f"{len(found)} dialogs are called {name}"
    return found[0]


def is_open(program: Program, name: str) -> bool:
    return any(one.isVisible() for one in program.window.findChildren(QDialog, name))


def press(program: Program, name: str) -> None:
    found = [one for one in program.window.findChildren(QPushButton, name) if one.isVisible()]
    assert len(found) == 1, f"{len(found)} buttons are called {name}"
    found[0].click()


def labels(widget: QWidget) -> list[str]:
    return [button.text() for button in widget.findChildren(QPushButton) if button.isVisible()]


async def _turn() -> None:
    """Let the loop turn once."""


def start(program: Program, *paths: Path) -> None:
    for path in paths:
        program.wiring.importing.controller.import_file(path)
    program.settle()


def fail_once(program: Program, error: AppError) -> None:
    """The next import fails; those after it do not."""
    datasets = program.services.datasets
    datasets.error = error

    def forget(_path: object) -> None:
        if len(datasets.imported) > 1:
            datasets.error = None

    datasets.on_import = forget


def test_dropped_files_are_imported_one_after_the_other(program: Program, tmp_path: Path) -> None:
    titles: list[str] = []
    program.wiring.importing.controller.began.connect(titles.append)
    mime = QMimeData()
    files = [tmp_path / "a.csv", tmp_path / "b.jsonl", tmp_path / "c.txt"]
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    program.window.dropEvent(event)
    program.settle()
    assert program.services.datasets.imported == files
    assert titles[1:] == ["Importing b.jsonl (2 of 3)", "Importing c.txt (3 of 3)"]
    assert program.child("import").isHidden()


def test_one_file_that_is_refused_does_not_keep_the_others_away(
    program: Program, tmp_path: Path
) -> None:
    fail_once(program, refused(BAD))
    start(program, tmp_path / "bad.jsonl", tmp_path / "good.jsonl")
    assert [one.name for one in program.services.datasets.sessions] == ["good"]
    assert dialog(program, "import.refusal").windowTitle() == "bad.jsonl was not imported"


def test_several_refusals_are_told_one_after_the_other(program: Program, tmp_path: Path) -> None:
    program.services.datasets.error = refused(BAD)
    start(program, tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    assert dialog(program, "import.refusal").windowTitle() == "one.jsonl was not imported"
    press(program, "import.refusal.close")
    assert dialog(program, "import.refusal").windowTitle() == "two.jsonl was not imported"
    press(program, "import.refusal.close")
    assert not is_open(program, "import.refusal")


def test_a_cancel_gives_up_what_waits_too(program: Program, tmp_path: Path) -> None:
    controller = program.wiring.importing.controller
    program.services.datasets.on_import = lambda _path: controller.cancel()
    start(program, tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    assert program.services.datasets.imported == [tmp_path / "one.jsonl"]
    assert program.services.datasets.sessions == []
    assert not controller.is_busy


def test_faulty_rows_can_be_left_out(program: Program, tmp_path: Path) -> None:
    fail_once(program, refused(BAD, ODD))
    start(program, tmp_path / "rows.jsonl")
    shown = dialog(program, "import.refusal")
    assert labels(shown) == ["&Leave 3 rows out", "&Try again", "Cop&y the list", "Close"]
    press(program, "import.refusal.drop")
    program.settle()
    first, second = program.services.datasets.options
    assert first is not None
    assert second is not None
    assert (first.drop_bad_rows, second.drop_bad_rows) == (False, True)
    assert program.child("dataset.session").currentText() == "rows"
    assert not is_open(program, "import.refusal")


@pytest.mark.parametrize(
    ("error", "offered"),
    [
        (refused(BROKEN), ["&Try again"]),
        (refused(BAD, BROKEN), ["&Try again"]),
        (refused(BAD, rows=3), ["&Try again"]),
        (refused(UNKNOWN, BAD, columns=("a", "b")), ["&Say what the columns are…", "&Try again"]),
    ],
    ids=["to be corrected", "some to be corrected", "nothing would be left", "columns first"],
)
def test_only_what_can_help_is_offered(
    program: Program, tmp_path: Path, error: AppError, offered: list[str]
) -> None:
    program.services.datasets.error = error
    start(program, tmp_path / "rows.jsonl")
    shown = dialog(program, "import.refusal")
    assert labels(shown) == [*offered, "Cop&y the list", "Close"]
    shown.close()


def test_the_list_of_findings_is_copied_with_its_lines(program: Program, tmp_path: Path) -> None:
    program.services.datasets.error = refused(BAD, ODD)
    start(program, tmp_path / "rows.jsonl")
    shown = dialog(program, "import.refusal")
    press(program, "import.refusal.copy")
    assert QGuiApplication.clipboard().text() == (
        "rows.jsonl was not imported\n"
        "- Not valid JSON. (Lines 2, 5 and 7)\n"
        "- It holds control characters. (Lines 1 and 2)\n"
    )
    shown.close()


def unknown_columns() -> ImportRefusedError:
    columns = ("Frage", "Text der Reaktion")
    rows = ({"Frage": "Why?", "Text der Reaktion": "So."},)
    return refused(UNKNOWN, columns=columns, candidates=tuple(propose(columns)), samples=rows)


def test_an_uncertain_format_asks_for_the_columns_at_once(program: Program, tmp_path: Path) -> None:
    fail_once(program, unknown_columns())
    start(program, tmp_path / "umfrage.csv")
    dialog(program, "import.mapping")
    button = program.child("import.mapping.import")
    assert not button.isEnabled()
    assert program.child("import.mapping.missing").text() == "Still to choose: Answer."
    answer = program.child("import.mapping.answer")
    answer.setCurrentIndex(answer.findData("Text der Reaktion"))
    answer.activated.emit(answer.currentIndex())
    assert button.isEnabled()
    button.click()
    program.settle()
    options = program.services.datasets.options[-1]
    assert options is not None
    wanted = ColumnMapping((("question", "Frage"), ("answer", "Text der Reaktion")))
    assert options.mapping == wanted
    assert not is_open(program, "import.mapping")
    assert program.child("dataset.session").currentText() == "umfrage"


def test_the_preview_follows_every_choice(program: Program, tmp_path: Path) -> None:
    program.services.datasets.error = unknown_columns()
    start(program, tmp_path / "umfrage.csv")
    shown = dialog(program, "import.mapping")
    assert _spoken(shown) == ["Why?"]
    combo = program.child("import.mapping.format")
    combo.setCurrentIndex(combo.findData("text"))
    combo.activated.emit(combo.currentIndex())
    program.aio(_turn())
    assert _spoken(shown) == []
    text = program.child("import.mapping.text")
    text.setCurrentIndex(text.findData("Text der Reaktion"))
    text.activated.emit(text.currentIndex())
    program.aio(_turn())
    assert _spoken(shown) == ["So."]
    shown.close()


def test_the_tab_key_goes_from_choice_to_choice_and_then_to_the_preview(
    program: Program, tmp_path: Path
) -> None:
    program.services.datasets.error = unknown_columns()
    start(program, tmp_path / "umfrage.csv")
    shown = dialog(program, "import.mapping")
    names: list[str] = []
    now: QWidget | None = program.child("import.mapping.format")
    while now is not None and (name := now.objectName()) not in names:
        names.append(name)
        now = now.nextInFocusChain()
        while now is not None and not (now.focusPolicy() & Qt.FocusPolicy.TabFocus):
            now = now.nextInFocusChain()
    roles = ("format", "question", "answer", "system", "tools", "split", "preview", "import")
    assert names[: len(roles)] == [f"import.mapping.{name}" for name in roles]
    shown.close()


def _spoken(shown: QDialog) -> list[str]:
    from views.widgets.flow_text import FlowText

    return [one.text() for one in shown.findChildren(FlowText) if one.isVisible()]


def test_what_is_to_know_after_an_import_is_told_with_its_details(
    program: Program, tmp_path: Path
) -> None:
    program.services.datasets.verdict = ImportVerdict(400, 400, "messages", (ODD,))
    start(program, tmp_path / "rows.jsonl")
    assert program.child("notice.title").text() == "rows: 400 rows imported"
    assert program.child("notice.text").text() == "It holds control characters."
    press(program, "notice.action")
    shown = dialog(program, "import.details")
    assert labels(shown) == ["Cop&y the list", "Close"]
    shown.close()


def test_an_import_without_anything_to_know_needs_no_notice(
    program: Program, tmp_path: Path
) -> None:
    start(program, tmp_path / "rows.jsonl")
    assert program.child("notice").isHidden()


def test_a_plain_text_can_be_divided_otherwise(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("words", encoding="utf-8")
    datasets = program.services.datasets
    datasets.format_of_imports = "text"
    start(program, path)
    assert program.child("notice.title").text() == "book: 400 rows imported"
    press(program, "notice.action")
    dialog(program, "import.split")
    assert not program.child("import.split.import").isEnabled()
    program.child("import.split.paragraphs").click()
    press(program, "import.split.import")
    program.settle()
    assert not is_open(program, "import.split")
    options = datasets.options[-1]
    assert options is not None
    assert options.text_split == "paragraphs"
    assert [one.name for one in datasets.sessions] == ["book"]
    assert program.models.datasets.rowCount() == 1
    assert program.child("dataset.session").currentText() == "book"


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


def ask_hub(program: Program, repo: str = "openai/gsm8k") -> QDialog:
    program.window.actions_.import_hub.trigger()
    shown = dialog(program, "import.hub")
    program.child("import.hub.repo").setText(repo)
    return shown


def test_a_dataset_of_the_hub_is_imported(program: Program) -> None:
    ask_hub(program, "https://huggingface.co/datasets/openai/gsm8k/viewer")
    program.child("import.hub.config").setText("main")
    program.child("import.hub.split").setText("train[:100]")
    press(program, "import.hub.import")
    program.settle()
    assert program.services.datasets.imported == [HubSource("openai/gsm8k", "main", "train[:100]")]
    assert not is_open(program, "import.hub")
    assert program.models.datasets.rowCount() == 1


@pytest.mark.parametrize("repo", ["", "a b", "a/b/c", "me/"])
def test_what_is_no_repo_cannot_be_imported(program: Program, repo: str) -> None:
    shown = ask_hub(program, repo)
    expected = repo == "me/"  # a slash at the end is a slip
    assert program.child("import.hub.import").isEnabled() is expected
    shown.close()


def test_what_the_hub_refuses_is_said_where_it_can_be_changed(program: Program) -> None:
    sentence = "openai/gsm8k: BuilderConfig 'x' not found. Available: ['main', 'socratic']"
    program.services.datasets.error = AppError("bad_dataset", sentence, "Choose one of these.")
    shown = ask_hub(program)
    press(program, "import.hub.import")
    program.settle()
    assert shown.isVisible()
    assert program.child("import.hub.problem").text() == f"{sentence} Choose one of these."
    assert program.child("import.hub.repo").isEnabled()
    repo, config = program.child("import.hub.repo"), program.child("import.hub.config")
    assert repo.geometry().bottom() < config.geometry().top()  # it has grown with its words
    choices = program.window.findChildren(QPushButton, "import.hub.config.choice")
    assert [one.text() for one in choices] == ["main", "socratic"]
    choices[1].click()
    assert program.child("import.hub.config").text() == "socratic"
    assert program.child("import.hub.problem").isHidden()
    assert not any(one.isVisible() for one in choices)
    assert program.child("notice").isHidden()
    shown.close()


def test_cancelling_the_hub_ends_its_import_first(program: Program) -> None:
    shown = ask_hub(program)
    seen: list[bool] = []

    def cancel(_path: object) -> None:
        seen.append(program.child("import.hub.repo").isEnabled())
        press(program, "import.hub.cancel")

    program.services.datasets.on_import = cancel
    press(program, "import.hub.import")
    program.settle()
    assert seen == [False]
    assert shown.isVisible()
    assert program.child("import.hub.repo").isEnabled()
    press(program, "import.hub.cancel")
    assert not is_open(program, "import.hub")
    assert program.models.datasets.rowCount() == 0


def test_offline_the_hub_cannot_be_chosen_and_says_why(program: Program) -> None:
    program.services.settings.set("offline", True)
    program.aio(program.wiring.fill())
    action = program.window.actions_.import_hub
    assert not action.isEnabled()
    assert "Offline mode is on" in action.text()
    program.wiring.importing.ask_hub_for("me/rows")
    shown = dialog(program, "import.hub")
    assert not program.child("import.hub.import").isEnabled()
    assert "Offline mode is on" in program.child("import.hub.problem").text()
    shown.close()


def test_a_token_is_set_on_the_settings_page(program: Program) -> None:
    ask_hub(program)
    press(program, "import.hub.settings")
    assert program.window.page == SETTINGS
    assert not is_open(program, "import.hub")


def test_a_dataset_can_be_proposed_for_the_hub(program: Program) -> None:
    program.wiring.importing.ask_hub_for("me/rows", "small", "test")
    shown = dialog(program, "import.hub")
    values = [program.child(f"import.hub.{name}").text() for name in ("repo", "config", "split")]
    assert values == ["me/rows", "small", "test"]
    shown.close()


def _needs_environment(program: Program) -> Callable[[object], None]:
    missing = AppError("runtime_missing", "The training environment is not set up.", "Set it up.")

    def look(_path: object) -> None:
        program.services.datasets.error = None if program.services.runtime.ready else missing

    return look


def test_the_environment_is_set_up_and_then_the_file_is_imported(
    program: Program, tmp_path: Path
) -> None:
    program.services.runtime.ready = False
    program.services.datasets.on_import = _needs_environment(program)
    start(program, tmp_path / "rows.parquet")
    assert program.child("notice.title").text() == "rows.parquet was not imported"
    assert program.child("notice.action").text() == "Set it up"
    press(program, "notice.action")
    program.settle()
    assert program.services.runtime.created == 1
    assert program.child("dataset.session").currentText() == "rows"
    assert program.services.runs.calls == []  # setting up for an import starts no training


def test_the_environment_is_set_up_for_a_dataset_of_the_hub_too(program: Program) -> None:
    program.services.runtime.ready = False
    program.services.datasets.on_import = _needs_environment(program)
    ask_hub(program)
    press(program, "import.hub.import")
    program.settle()
    assert not is_open(program, "import.hub")
    press(program, "notice.action")
    program.settle()
    assert program.child("dataset.session").currentText() == "openai/gsm8k"


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
