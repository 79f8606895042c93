"""Importing in the window: refusals with their remedies, columns and their preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QDialog, QPushButton, QWidget

from models.domain.column_mapping import ColumnMapping, propose
from models.domain.data_report import Finding
from models.domain.dataset_import import ImportRefusedError, ImportVerdict
from tests.qt.import_steps import dialog, is_open, press, start, turn

if TYPE_CHECKING:
    from pathlib import Path

    from models.domain.errors import AppError
    from tests.qt.conftest import Program

BAD = Finding("major", "bad_json", "Not valid JSON.", 3, (1, 4, 6), (2, 5, 7), "fix", can_drop=True)
BROKEN = Finding("major", "invalid_utf8", "Not UTF-8 text.", 1, (4,), (5,), "fix")
UNKNOWN = Finding("major", "unknown_columns", "The columns are a, b.", 1, (), (), "map")
ODD = Finding("minor", "control_characters", "It holds control characters.", 2, (0, 1), (1, 2), "")


def refused(*findings: Finding, rows: int = 10, **more: Any) -> ImportRefusedError:
    verdict = ImportVerdict(rows, 0, "question_answer", findings, **more)
    return ImportRefusedError("rows.jsonl", verdict)


def labels(widget: QWidget) -> list[str]:
    return [button.text() for button in widget.findChildren(QPushButton) if button.isVisible()]


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
    program.aio(turn())
    assert _spoken(shown) == []
    text = program.child("import.mapping.text")
    text.setCurrentIndex(text.findData("Text der Reaktion"))
    text.activated.emit(text.currentIndex())
    program.aio(turn())
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
