"""The Storage page: what it shows, cleaning up after a question, pins, and its states."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest

from models.domain.errors import AppError
from models.domain.storage import (
    FURTHER_KINDS,
    Cleaned,
    CleanKind,
    RetentionRules,
    StorageReport,
    StoredKind,
)
from models.domain.storage_forecast import CheckpointSize, StorageForecast
from tests.qt.fake_storage import GB, spare, stored, verdict
from views.dialogs.question_dialog import QuestionDialog
from views.main_window import STORAGE, TRAINING
from views.theme import current_theme

if TYPE_CHECKING:
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


def opened(program: Program) -> Program:
    program.window.show_page(STORAGE)
    program.settle()
    return program


def cells(table: Any) -> list[tuple[str, ...]]:
    model = table.model()
    return [
        tuple(str(model.index(row, column).data()) for column in range(model.columnCount()))
        for row in range(model.rowCount())
    ]


def calls(program: Program, name: str) -> list[object]:
    return [what for called, what in program.services.storage.calls if called == name]


def question(program: Program) -> QuestionDialog:
    found = program.window.findChild(QuestionDialog)
    assert found is not None
    return found


def select(program: Program, name: str) -> None:
    table = program.child("storage.items")
    row = next(row for row, line in enumerate(cells(table)) if line[0] == name)
    table.selectRow(row)


def test_the_page_looks_when_it_is_opened_and_shows_what_takes_room(program: Program) -> None:
    assert calls(program, "report") == []
    opened(program)
    assert program.child("storage.sentence").text() == (
        "Temper takes 26.8 GB; 66.0 GB of the disk are free."
    )
    kinds = cells(program.child("storage.kinds"))
    assert kinds[0] == ("Everything", "26.8 GB")
    assert ("Checkpoints", "4.0 GB") in kinds
    rows = cells(program.child("storage.items"))
    assert rows[0] == ("temper-trainer:0.1.0-cuda", "Docker image", "8.0 GB")
    assert ("Support bot · checkpoint-20", "Checkpoint", "2.0 GB") in rows
    program.window.show_page(TRAINING)
    opened(program)
    assert len(calls(program, "report")) == 1, "what is known still holds"
    program.child("storage.again").click()
    program.settle()
    assert len(calls(program, "report")) == 2


def test_a_kind_is_chosen_and_kept_by_the_next_look(program: Program) -> None:
    opened(program)
    program.child("storage.kinds").selectRow(1)
    assert program.child("storage.title").text() == "Checkpoints"
    assert [line[1] for line in cells(program.child("storage.items"))] == ["Checkpoint"] * 2
    program.child("storage.again").click()
    program.settle()
    assert program.child("storage.title").text() == "Checkpoints"
    program.services.storage.found = StorageReport((stored(StoredKind.CACHE, "Old", GB),), GB)
    program.child("storage.again").click()
    program.settle()
    assert program.child("storage.title").text() == "Everything", "there are no checkpoints now"


def test_what_is_known_is_out_of_date_when_a_dataset_comes(program: Program) -> None:
    opened(program)
    program.window.show_page(TRAINING)
    program.models.datasets.set_items([])
    opened(program)
    assert len(calls(program, "report")) == 2


def test_nothing_goes_before_what_goes_is_in_sight_and_agreed_to(program: Program) -> None:
    opened(program)
    free = program.child("storage.free")
    assert free.text() == "Fr&ee 2.0 GB…"
    free.click()
    assert program.child("storage.title").text() == "What goes and what stays"
    assert cells(program.child("storage.plan")) == [
        ("Support bot · checkpoint-20", "Yes", "2.0 GB", "A newer one is kept."),
        ("Support bot · checkpoint-40", "No", "2.0 GB", "It is the newest."),
    ]
    asked = question(program)
    assert asked.findChild(type(free), "question.cancel").isDefault()
    asked.reject()
    program.settle()
    assert calls(program, "clean") == []
    free.click()
    shown = program.models.storage.plan
    question(program).findChild(type(free), "question.remove").click()
    program.settle()
    assert calls(program, "clean") == [shown]
    assert program.child("storage.done").text() == "1 item removed, 2.0 GB freed."
    assert len(calls(program, "report")) == 2, "what is left is looked at"
    assert not free.isEnabled()
    assert program.child("storage.result").text() == "Nothing can go by these rules."


def test_what_stayed_after_all_is_said_with_the_reason(program: Program) -> None:
    why = (("/d/x", "You have pinned it."),)
    program.services.storage.done = Cleaned(0, (), why)
    opened(program)
    program.child("storage.free").click()
    question(program).answered.emit("remove")
    program.settle()
    text = program.child("storage.done").text()
    assert "1 item stayed after all. You have pinned it." in text


def test_the_rules_are_remembered_and_what_follows_is_shown_at_once(program: Program) -> None:
    program.services.storage.kept = RetentionRules(2, keep_best=False)
    opened(program)
    field, best = program.child("storage.keep_last"), program.child("storage.keep_best")
    assert (field.text(), best.isChecked()) == ("2", False)
    best.click()
    program.settle()
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Up)
    program.settle()
    assert calls(program, "set_rules")[-1] == RetentionRules(3, keep_best=True)
    assert calls(program, "plan")[-1] == RetentionRules(3, keep_best=True)
    count = len(calls(program, "set_rules"))
    for text in ("", "-1", "9999", "many"):
        field.selectAll()
        QTest.keyClick(field, Qt.Key.Key_Delete)
        QTest.keyClicks(field, text)
    program.settle()
    assert field.property("invalid") == "true"
    told = [rules for rules in calls(program, "set_rules")[count:] if rules.keep_last > 1000]  # type: ignore[attr-defined]
    assert told == []


def test_what_else_goes_is_ticked_and_tells_what_it_would_free(program: Program) -> None:
    program.services.storage.spares = (
        spare(CleanKind.ROWS, "Rows 12ab", 3 * GB),
        spare(CleanKind.REVISIONS, "Old revisions · some/model", GB),
    )
    opened(program)
    boxes = {kind: program.child(f"storage.also.{kind.value}") for kind in FURTHER_KINDS}
    assert not any(box.isChecked() for box in boxes.values()), "nobody has asked for it"
    assert program.child("storage.free").text() == "Fr&ee 2.0 GB…"
    rows = boxes[CleanKind.ROWS]
    assert rows.accessibleDescription() == "Rows of deleted datasets: frees 3.0 GB"
    shared = program.child("storage.also.shared")
    assert shared.isHidden()
    rows.click()
    boxes[CleanKind.REVISIONS].click()
    program.settle()
    assert "same Hugging Face cache" in shared.text()
    assert not shared.isHidden()
    wanted = RetentionRules(also=frozenset({CleanKind.ROWS, CleanKind.REVISIONS}))
    assert calls(program, "set_rules")[-1] == wanted
    assert rows.isChecked()
    assert program.child("storage.free").text() == "Fr&ee 6.0 GB…"
    boxes[CleanKind.REVISIONS].click()
    program.settle()
    program.child("storage.free").click()
    assert cells(program.child("storage.plan"))[:2] == [
        ("Support bot · checkpoint-20", "Yes", "2.0 GB", "A newer one is kept."),
        ("Rows 12ab", "Yes", "3.0 GB", "Nothing needs it."),
    ]
    question(program).answered.emit("remove")
    program.settle()
    assert len(calls(program, "clean")) == 1


def test_what_the_form_holds_is_needed_though_nobody_has_saved_it(program: Program) -> None:
    program.models.form.edit("output.directory", "/data/outputs/not-saved")
    opened(program)
    program.child("storage.free").click()
    question(program).answered.emit("remove")
    program.settle()
    setups = program.services.storage.setups
    assert len(setups) == 3, "the plan, the clean-up, and the look after it"
    assert {one.output.directory for one in setups if one} == {"/data/outputs/not-saved"}


def test_a_checkpoint_is_pinned_a_run_too_and_a_model_is_not(program: Program) -> None:
    opened(program)
    pin = program.child("storage.pin")
    assert not pin.isEnabled()
    select(program, "Support bot · checkpoint-20")
    pin.click()
    program.settle()
    assert calls(program, "pin") == [("20261125-120000-abcd", "checkpoint-20", True)]
    select(program, "Support bot")
    pin.click()
    program.settle()
    assert calls(program, "pin")[-1] == ("20261125-120000-abcd", "", True)
    select(program, "Python environment")
    assert not pin.isEnabled()


def test_a_folder_is_shown_in_the_file_manager(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: places.append(url.path()))
    opened(program)
    select(program, "Python environment")
    program.child("storage.folder").click()
    assert places == ["/home/me"], "what is gone or a file is shown by its folder"


def test_what_cannot_be_done_is_said_and_can_be_tried_again(program: Program) -> None:
    program.services.storage.error = AppError("busy", "Another Temper deletes.", "Wait a moment.")
    opened(program)
    sentence = program.child("storage.sentence")
    assert sentence.text().endswith("Another Temper deletes. Wait a moment.")
    assert sentence.property("role") == "error"
    assert program.child("storage.result").text() == ""
    program.services.storage.error = None
    program.window.show_page(TRAINING)
    opened(program)
    assert sentence.property("role") == ""
    assert program.child("storage.result").text() == "1 item can go, which frees 2.0 GB."


def test_while_it_looks_nothing_can_be_removed(program: Program) -> None:
    seen: list[tuple[bool, bool]] = []

    def look() -> None:
        seen.append(
            (program.child("storage.free").isEnabled(), program.child("storage.again").isEnabled())
        )

    program.services.storage.hold = look
    opened(program)
    assert set(seen) == {(False, False)}
    assert program.child("storage.free").isEnabled()


def test_images_that_could_not_be_counted_are_said(program: Program) -> None:
    text = "Docker images are not counted: The Docker engine is not running."
    program.services.storage.found = StorageReport((), GB, (text,))
    program.services.storage.going = ()
    opened(program)
    assert program.child("storage.problems").text() == text
    assert program.child("storage.sentence").text().startswith("Temper takes 0 B")


@pytest.mark.parametrize("percent", [100, 200])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_everything_is_reached_with_tab_and_has_a_name(
    program: Program, mode: str, percent: int
) -> None:
    theme = current_theme()
    theme.set_mode(mode)
    theme.set_text_size(percent)
    try:
        opened(program)
        program.services.storage.going = (verdict("checkpoint-5", 1, "Why", goes=True),)
        further = [f"also.{kind.value}" for kind in FURTHER_KINDS]
        names = ["again", "kinds", "keep_last", "keep_best", *further, "preview", "free", "items"]
        for name in [*names, "pin"]:
            widget = program.child(f"storage.{name}")
            assert widget.accessibleName() or widget.text(), name
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, name
        kinds = program.child("storage.kinds")
        shown = kinds.rowViewportPosition(kinds.model().rowCount() - 1) + kinds.rowHeight(0)
        assert shown <= kinds.viewport().height(), "every kind is in sight"
    finally:
        theme.set_text_size(100)
        theme.set_mode("light")


@pytest.mark.parametrize(
    ("free", "tone", "words"),
    [
        (
            66 * GB,
            "",
            "Takes up to 7.0 GB of 66.0 GB free: 3 checkpoints of 2.0 GB and the result.",
        ),
        (5 * GB, "warning", "The disk may fill up."),
        (2 * GB, "bad", "Not even one checkpoint fits."),
        (None, "", "Takes up to 7.0 GB: 3 checkpoints of 2.0 GB and the result."),
    ],
)
def test_what_a_training_would_take_stands_beneath_its_folder(
    program: Program, free: int | None, tone: str, words: str
) -> None:
    size = CheckpointSize(2 * GB, GB)
    program.services.storage.forecasted = StorageForecast(size, 3, free, "the disk of /d")
    program.models.form.edit("hp.save_total_limit", 3)
    label = program.child("output.disk")
    program.aio.until(lambda: words in label.text())
    assert (label.property("tone") or "") == tone
    assert "It takes up to 7.0 GB" in label.toolTip()
    program.services.storage.forecasted = AppError("unknown_size", "The size is not known.")
    program.models.form.edit("hp.base_model", "somebody/else")
    program.aio.until(label.isHidden)


def test_a_long_name_leaves_the_reason_in_sight(program: Program) -> None:
    long = replace(
        verdict("checkpoint-20", GB, "A newer one is kept.", goes=True), run_name="X" * 99
    )
    program.services.storage.going = (long,)
    opened(program)
    program.child("storage.preview").click()
    table = program.child("storage.plan")
    program.window.resize(640, 760)
    for _ in range(4):
        QCoreApplication.processEvents()
    last = table.columnViewportPosition(3) + table.columnWidth(3)
    assert last <= table.viewport().width()
    assert table.columnWidth(3) > 100


def test_what_has_no_folder_says_why(program: Program) -> None:
    opened(program)
    folder = program.child("storage.folder")
    assert folder.toolTip() == "Select something in the list first"
    select(program, "Python environment")
    assert folder.toolTip() == "Show it in the file manager"
