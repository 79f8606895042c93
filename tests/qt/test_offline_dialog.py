"""Prepare for offline: what is ready, making it so, and the way out and in of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFileDialog

from models.domain.errors import AppError
from models.domain.offline_ready import SETUP, OfflineNeed, OfflineStatus
from tests.qt.fake_bundles import status

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from services.progress import CancelToken
    from tests.qt.conftest import Program


def open_dialog(program: Program, *names: str, is_here: bool = False) -> None:
    program.services.bundles.readiness.there = tuple(
        status(name, is_here=is_here) for name in names
    )
    program.window.actions_.prepare.trigger()
    program.settle()


def press(qtbot: QtBot, program: Program, name: str) -> None:
    qtbot.mouseClick(program.child(name), Qt.MouseButton.LeftButton)
    program.settle()


def words(program: Program) -> list[str]:
    model = program.wiring.prepare.model
    return [str(model.index(row, 1).data()) for row in range(model.rowCount())]


def test_what_is_missing_is_said_and_prepared(qtbot: QtBot, program: Program) -> None:
    open_dialog(program, "Away", "Home")
    assert words(program) == ["Missing: model", "Missing: model"]
    press(qtbot, program, "offline.prepare")
    assert program.services.bundles.readiness.prepared == ["Away"]
    assert words(program) == ["Ready to train offline", "Missing: model"]
    assert program.child("offline.note").text() == "Away is ready to train offline."


def test_all_are_tried_and_those_that_failed_are_told(qtbot: QtBot, program: Program) -> None:
    open_dialog(program, "Away", "Home")
    error = AppError("offline", "It cannot be downloaded.", "Turn Offline mode off.")
    program.services.bundles.readiness.fails["Away"] = error
    press(qtbot, program, "offline.prepare_all")
    assert program.services.bundles.readiness.prepared == ["Away", "Home"]
    said = program.child("offline.note").text()
    assert said == "Away: It cannot be downloaded. Turn Offline mode off."
    assert program.child("offline.note").property("role") == "warning"
    assert words(program) == ["Missing: model", "Ready to train offline"]


def test_a_setup_that_was_changed_while_it_was_tried_is_not_called_ready(
    qtbot: QtBot, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_dialog(program, "Away")
    readiness = program.services.bundles.readiness
    monkeypatch.setattr(readiness, "prepare", lambda name, *_: status(name, is_here=True))
    press(qtbot, program, "offline.prepare")
    said = program.child("offline.note").text()
    assert said == "Away: all is here, not tried yet. It was changed meanwhile: prepare it again."


def test_cancelled_it_stops_and_the_buttons_come_back(qtbot: QtBot, program: Program) -> None:
    def give_up(_cancel: CancelToken) -> None:
        assert not program.child("offline.prepare").isEnabled()
        assert program.child("offline.dialog").focusWidget() is program.child("offline.table")
        program.child("offline.task.cancel").click()

    open_dialog(program, "Away", "Home")
    program.services.bundles.readiness.on_prepare = give_up
    press(qtbot, program, "offline.prepare_all")
    assert program.services.bundles.readiness.prepared == ["Away"]
    assert program.child("offline.note").text().startswith("Cancelled.")
    assert program.child("offline.prepare").isEnabled()
    assert not program.child("offline.task").isVisible()


def test_without_a_configuration_only_an_import_is_offered(program: Program) -> None:
    open_dialog(program)
    assert "No configuration is saved yet" in program.child("offline.empty").text()
    assert not program.child("offline.prepare").isEnabled()
    assert not program.child("offline.export").isEnabled()
    assert program.child("offline.import").isEnabled()


@pytest.mark.parametrize("way", ["export", "import"])
def test_a_bundle_goes_out_and_comes_in(
    qtbot: QtBot, program: Program, tmp_path: Path, way: str
) -> None:
    open_dialog(program, "Away", is_here=True)
    press(qtbot, program, f"offline.{way}")
    chooser = program.window.findChild(QFileDialog, f"offline.{way}_file")
    assert isinstance(chooser, QFileDialog)
    chooser.fileSelected.emit(str(tmp_path / "x.temper"))
    chooser.close()
    program.settle()
    bundles = program.services.bundles
    if way == "export":
        assert bundles.exported == [(tmp_path / "x.temper", ("Away",))]
        assert "663.0 MB" in program.child("offline.note").text()
    else:
        assert bundles.brought == [tmp_path / "x.temper"]
        assert program.child("offline.note").text() == "x.temper brought Away."


def test_several_configurations_are_seen_whole_and_the_focus_is_theirs(program: Program) -> None:
    open_dialog(program, "Away", "Home", "A name that is long, " * 8)
    dialog, table = program.child("offline.dialog"), program.child("offline.table")
    program.wiring.prepare.model.tell("It failed, and here is at length why. " * 6, is_trouble=True)
    dialog.task.begin("Preparing for offline")
    for _ in range(4):
        QCoreApplication.processEvents()
    assert table.viewport().height() >= 3 * table.rowHeight(0)
    assert table.horizontalScrollBar().maximum() == 0
    assert dialog.focusWidget() is table


def test_what_the_chosen_one_lacks_is_said_in_full_with_what_to_do(program: Program) -> None:
    needs = (
        OfflineNeed("Model", "some/model", False, "Download it on the Models page."),
        OfflineNeed("Image", "some:image", True, "Pull it."),
        OfflineNeed("Dataset", "", False, "Import it into the library."),
        OfflineNeed(SETUP, "uploads to Hugging Face", False, "Switch it off."),
    )
    readiness = program.services.bundles.readiness
    readiness.there = (OfflineStatus("Away", needs), status("Home", checked_at=1_700_000_000.0))
    program.window.actions_.prepare.trigger()
    program.settle()
    lacks, table = program.child("offline.lacks"), program.child("offline.table")
    assert lacks.text().splitlines() == [
        "Not here: model some/model. Download it on the Models page.",
        "Not here: dataset. Import it into the library.",
        "Not possible: uploads to Hugging Face. Switch it off.",
    ]
    assert lacks.isVisible()
    table.select_source_row(1)
    assert not lacks.isVisible()
