"""The Models page: what is here of each base model, and getting, checking and removing it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel

from models.domain.app_settings import with_setting
from models.domain.cached_model import CachedModel, ModelPlace, ModelState
from models.domain.errors import AppError
from models.domain.hardware import Gpu, Hardware
from models.domain.model_fit import Fit, fit_of
from models.qt.model_words import facts, trouble
from services.progress import Progress
from tests.qt.fake_models import LARGE_SHAPE, SMALL_SHAPE, absent, make_model
from views.main_window import MODELS, TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
GIB = 1024**3
SMALL = make_model("me/small", label="Small", checked_at=1_780_000_000.0)
PART = make_model(
    "me/part", label="Part", state=ModelState.PARTIAL, bytes_on_disk=100_000_000,
    missing=("model.safetensors", "tokenizer.json"),
)  # fmt: skip
BAD = make_model("me/bad", label="Bad", state=ModelState.DAMAGED, damaged=("model.safetensors",))
SHARED = make_model("me/shared", label="Shared", where=ModelPlace.SHARED, place="/home/me/.cache/x")
GATED = absent("me/gated", label="Gated one", gated=True, licence="Gemma", shape=LARGE_SHAPE)
FOLDER = make_model(
    "/home/me/mine", label="mine", where=ModelPlace.FOLDER, place="/home/me/mine", is_added=True
)
ALL = (SMALL, PART, BAD, SHARED, GATED, FOLDER)


def _open(program: Program, *models: CachedModel) -> Any:
    program.services.models.models = list(models or ALL)
    program.aio(program.wiring.fill())
    program.window.show_page(MODELS)
    program.settle()
    return program.window.base_models


def _select(program: Program, model: CachedModel) -> None:
    program.window.base_models.table.select_model(model.key)  # type: ignore[union-attr]


def _labels(page: Any) -> list[str]:
    return [one.label for one in page.table.shown_items()]


def _click(program: Program, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)
    program.settle()


def test_each_model_says_how_much_of_it_is_here(program: Program) -> None:
    page = _open(program)
    states = {
        page.table.filter.index(row, 0).data(): page.table.filter.index(row, 1).data()
        for row in range(page.table.filter.rowCount())
    }
    assert states == {
        "Small": "Complete", "Part": "Incomplete", "Bad": "Damaged",
        "Shared": "In another cache", "Gated one": "Not here", "mine": "Complete",
    }  # fmt: skip


def test_what_is_known_of_the_selected_model_stands_beneath_the_table(program: Program) -> None:
    _open(program)
    _select(program, PART)
    assert program.child("models.name").text() == "me/part"
    assert "Size 100.0 MB of 270.0 MB" in program.child("models.facts").text()
    assert program.child("models.trouble").text() == (
        "model.safetensors, tokenizer.json are missing. The download goes on from what is here."
    )
    _select(program, SMALL)
    assert not program.child("models.trouble").isVisible()
    assert program.child("models.place").text() == SMALL.place


@pytest.mark.parametrize(
    ("model", "words"),
    [(SMALL, "Look for a newer version"), (PART, "Go on downloading"), (BAD, "Repair"),
     (SHARED, "Download"), (GATED, "Download")],
)  # fmt: skip
def test_the_button_says_what_a_download_would_do(
    program: Program, qtbot: QtBot, model: CachedModel, words: str
) -> None:
    _open(program)
    _select(program, model)
    assert program.child("models.download").text() == words
    _click(program, qtbot, "models.download")
    assert program.services.models.calls == [("download", model.repo_id_or_path)]


def test_a_download_shows_how_far_it_is_and_is_selected_when_it_is_there(
    program: Program, qtbot: QtBot
) -> None:
    page = _open(program)
    _select(program, PART)
    fake, seen = program.services.models, []
    fake.reports = [Progress(0.4, "2.1 of 5.7 GB, model.safetensors")]

    def look() -> None:
        seen.append(program.child("models.task.message").text())
        seen.append(program.child("models.task").isVisible())
        seen.append(page.actions_.verify.isEnabled())

    fake.during = look
    _click(program, qtbot, "models.download")
    assert seen == ["2.1 of 5.7 GB, model.safetensors", True, False]
    assert not program.child("models.task").isVisible()
    assert page.table.selected_model().state is ModelState.COMPLETE
    assert page.table.selected_model().repo_id_or_path == "me/part"
    assert "me/part is on this computer now" in program.window.statusBar().currentMessage()


def test_a_cancelled_download_says_that_nothing_is_lost(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, PART)
    cancel = program.child("models.task.cancel")
    program.services.models.during = cancel.click
    _click(program, qtbot, "models.download")
    assert "goes on from there" in program.window.statusBar().currentMessage()
    assert not program.child("models.notice").isVisible()


@pytest.mark.parametrize("error", [None, AppError("network", "The network is gone.", "")])
def test_what_came_of_a_download_that_was_cut_short_is_shown(
    program: Program, qtbot: QtBot, error: AppError | None
) -> None:
    page = _open(program, SMALL)
    fake, cancel = program.services.models, program.child("models.task.cancel")

    def cut() -> None:
        fake.models = [SMALL, replace(PART, repo_id_or_path="you/other", label="Other")]
        fake.error = error
        if error is None:
            cancel.click()

    fake.during = cut
    qtbot.keyClicks(program.child("models.repo"), "you/other")
    _click(program, qtbot, "models.get")
    assert page.table.selected_model().repo_id_or_path == "you/other"
    assert program.child("models.download").text() == "Go on downloading"


def test_a_refusal_is_shown_on_the_page_with_its_next_step(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, GATED)
    program.services.models.error = AppError("gated", "It is gated.", "Set a token in Settings.")
    _click(program, qtbot, "models.download")
    assert program.child("models.notice.text").text() == "It is gated. Set a token in Settings."
    assert program.child("models.notice").isVisible()


def test_any_model_of_the_hub_can_be_had_by_its_name(program: Program, qtbot: QtBot) -> None:
    page = _open(program)
    assert not program.child("models.get").isEnabled()
    line = program.child("models.repo")
    qtbot.keyClicks(line, " you/other ")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    program.settle()
    assert program.services.models.calls == [("download", "you/other")]
    assert line.text() == ""
    assert page.table.selected_model().repo_id_or_path == "you/other"


def test_what_a_check_finds_damaged_is_repaired_with_a_button(
    program: Program, qtbot: QtBot
) -> None:
    _open(program)
    _select(program, SMALL)
    program.services.models.damaged = ("model.safetensors",)
    _click(program, qtbot, "models.verify")
    assert "model.safetensors" in program.child("models.notice.text").text()
    _click(program, qtbot, "models.notice.action")
    assert program.services.models.calls == [("verify", "me/small"), ("download", "me/small")]


def test_a_whole_model_is_said_to_be_whole(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, SMALL)
    _click(program, qtbot, "models.verify")
    assert program.window.statusBar().currentMessage() == "me/small is whole: 6 files checked."


def test_removing_is_asked_about_and_a_folder_is_only_forgotten(
    program: Program, qtbot: QtBot
) -> None:
    page = _open(program)
    for model, words in ((SMALL, "270.0 MB"), (FOLDER, "stay as they are")):
        _select(program, model)
        page.table.setFocus()
        qtbot.keyClick(page.table, Qt.Key.Key_Delete)
        program.settle()
        dialog = program.window.findChild(QDialog, "question")
        assert dialog is not None
        assert any(words in label.text() for label in dialog.findChildren(QLabel))
        _click(program, qtbot, "question.yes")
        assert model.key not in {one.key for one in page.table.shown_items()}
    assert program.services.models.calls == [("remove", "me/small"), ("remove", "/home/me/mine")]


def test_what_other_programs_keep_cannot_be_removed_here(program: Program) -> None:
    page = _open(program)
    _select(program, SHARED)
    assert not page.actions_.remove.isEnabled()
    assert "Other programs" in page.actions_.remove.toolTip()


def test_a_folder_of_the_users_is_added(program: Program, qtbot: QtBot) -> None:
    page = _open(program)
    _click(program, qtbot, "models.add")
    dialog = program.window.findChild(QFileDialog, "models.choose_folder")
    assert dialog is not None
    dialog.fileSelected.emit("/home/me/other")
    dialog.reject()
    program.settle()
    assert program.services.models.calls == [("add", str(Path("/home/me/other")))]
    assert page.table.selected_model().place == str(Path("/home/me/other"))


def test_a_model_is_chosen_for_the_training(program: Program, qtbot: QtBot) -> None:
    _open(program)
    _select(program, FOLDER)
    _click(program, qtbot, "models.use")
    assert program.models.form.value("hp.base_model") == "/home/me/mine"
    assert program.window.page == TRAINING


def test_the_list_is_searched_and_narrowed_to_this_computer(program: Program) -> None:
    page = _open(program)
    program.child("models.search").setText("gemma gated")
    assert _labels(page) == ["Gated one"]
    program.child("models.only_here").setChecked(True)
    assert program.child("models.no_match").isVisible()
    program.child("models.show_all").click()
    assert len(_labels(page)) == len(ALL)
    program.child("models.only_here").setChecked(True)
    assert "Gated one" not in _labels(page)


def test_offline_only_what_another_program_has_can_be_had(program: Program) -> None:
    page = _open(program)
    settings = program.services.settings
    settings.now = with_setting(settings.now, "offline", True)
    program.aio(program.wiring.fill())
    _select(program, PART)
    assert not page.actions_.download.isEnabled()
    assert "Offline mode" in page.actions_.download.toolTip()
    program.child("models.repo").setText("me/x")
    assert not program.child("models.get").isEnabled()
    _select(program, SHARED)
    assert page.actions_.download.isEnabled()


def test_what_fits_is_said_of_this_computers_memory() -> None:
    def card(free: float) -> Hardware:
        return Hardware((Gpu(0, "x", 12 * GIB, int(free * GIB)),), 64 * GIB, 60 * GIB, probed=True)

    assert fit_of(LARGE_SHAPE, card(11.5)).fit is Fit.FITS
    assert fit_of(LARGE_SHAPE, card(4)).fit is Fit.TIGHT
    wide = replace(LARGE_SHAPE, parameters=70_000_000_000, layers=80, hidden=8192)
    assert fit_of(wide, card(11.5)).fit is Fit.TOO_LARGE
    computer = Hardware((), 16 * GIB, 12 * GIB, probed=True)
    assert fit_of(SMALL_SHAPE, computer).fit is Fit.FITS
    assert fit_of(LARGE_SHAPE, computer).fit is Fit.TOO_LARGE
    assert fit_of(None, computer).fit is Fit.UNKNOWN
    assert fit_of(SMALL_SHAPE, Hardware()).fit is Fit.UNKNOWN


def test_the_table_says_what_fits_once_the_memory_is_known(program: Program) -> None:
    page = _open(program, GATED)
    hardware = Hardware((Gpu(0, "x", 12 * GIB, 11 * GIB),), 64 * GIB, 60 * GIB, probed=True)
    program.models.hardware.set_hardware(hardware)
    assert page.table.filter.index(0, 3).data().startswith("Yes, ")


def test_words_about_a_model_are_those_that_help() -> None:
    assert trouble(SMALL) == ""
    assert "huggingface.co/me/gated" in trouble(GATED)
    assert "Repairing fetches only that" in trouble(BAD)
    assert dict(facts(GATED))["Access"] == "Gated"
    assert dict(facts(GATED))["Size"] == "about 16.1 GB", "before the Hub was asked"
    assert "Size" not in dict(facts(replace(GATED, shape=None)))
    many = replace(PART, missing=tuple(f"model-{n}.safetensors" for n in range(7)))
    assert "and 3 more files" in trouble(many)


def test_before_the_first_look_the_page_says_that_it_looks(program: Program) -> None:
    program.window.show_page(MODELS)
    assert program.child("models.none").isVisible()
    assert program.child("models.none").text() == "Looking…"
    program.settle()
    assert program.child("models.none").text().startswith("No base model is known.")
    program.services.models.models = [SMALL]
    program.wiring.base_models.controller.refresh()
    program.settle()
    assert not program.child("models.none").isVisible()
    assert program.child("models.table").isVisible()


def test_in_a_low_window_the_list_keeps_its_room_and_the_selected_row(program: Program) -> None:
    many = [make_model(f"me/number-{number}") for number in range(30)]
    page = _open(program, *many)
    _select(program, many[14])
    _lay_out()
    assert page.strip.isVisible()
    program.window.resize(640, 400)
    _lay_out()
    page.task.begin("Downloading me/number-14")
    page.task.show_progress(0.4, "model.safetensors")
    page.set_busy(True)
    _lay_out()
    assert not page.strip.isVisible()
    assert page.task.height() >= page.task.minimumSizeHint().height()
    row = page.table.visualRect(page.table.selectionModel().selectedRows()[0])
    assert page.table.viewport().rect().contains(row.center())
    program.window.resize(1280, 800)
    _lay_out()
    assert page.strip.isVisible()


def _lay_out() -> None:
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()
