"""Saved configurations by menu and keyboard: what is offered, and where the focus goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import QApplication

from models.domain.config import TrainingConfig
from tests.qt import config_store
from tests.qt.config_store import enter_name, fill, setup

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
services, elsewhere = config_store.services, config_store.elsewhere


@pytest.mark.parametrize("saved", [(), ("Here",), ("A name that is long, " * 5,)])
@pytest.mark.parametrize("size", [(1280, 800), (1000, 700), (640, 480)])
def test_what_was_clicked_stays_where_it_is(
    program: Program, qtbot: QtBot, saved: tuple[str, ...], size: tuple[int, int]
) -> None:
    for name in saved:
        program.services.configs.save(name, TrainingConfig())
    fill(program)
    program.window.resize(*size)
    target = program.child("training.target")
    choices = ("Runpod - Pod", "Local", "Runpod - Pod", "Local")
    places = []
    for choice in choices:
        target.setCurrentText(choice)
        target.textActivated.emit(choice)
        program.settle()
        for _ in range(3):
            QCoreApplication.processEvents()
        places.append(target.mapTo(program.window, QPoint(0, 0)).y())
    assert len(set(places)) == 1


def test_the_menu_offers_only_what_can_be_done(program: Program) -> None:
    actions = program.window.actions_
    of_current = (actions.duplicate, actions.rename, actions.delete)
    fill(program)
    assert not any(action.isEnabled() for action in of_current)
    assert not actions.load_menu.isEnabled()
    assert not actions.recent_menu.isEnabled()
    assert all(a.isEnabled() for a in (actions.new, actions.save, actions.import_config))
    program.wiring.configs.save_as("Mine")
    program.settle()
    assert all(action.isEnabled() for action in of_current)
    assert actions.load_menu.isEnabled()
    assert actions.recent_menu.isEnabled()
    program.window.set_ready(False)
    assert not any(a.isEnabled() for a in (*of_current, actions.save, actions.export_config))


def test_a_long_menu_leads_to_the_list(program: Program) -> None:
    for number in range(25):
        program.services.configs.save(f"c{number}", TrainingConfig())
    fill(program)
    menu = program.window.actions_.load_menu
    assert len(menu.actions()) == 22
    menu.actions()[-1].trigger()
    assert program.child("config.list").hasFocus()


def test_duplicate_rename_and_delete_from_the_menu(program: Program) -> None:
    config = setup(hp__epochs=4.0)
    program.services.configs.save("Mine", config)
    fill(program)
    program.models.form.edit("hp.epochs", 5.0)
    program.window.actions_.duplicate.trigger()
    assert program.child("config.name_dialog.name").text() == "Mine copy"
    enter_name(program, "Second")
    assert program.services.configs.get("Second") == config  # what is saved, not what is edited
    assert program.models.form.name == "Mine"
    assert program.models.form.is_unsaved
    program.window.actions_.rename.trigger()
    enter_name(program, "First")
    assert program.models.form.name == "First"
    assert program.models.form.is_unsaved
    program.window.actions_.delete.trigger()
    program.child("question.yes").click()
    program.settle()
    assert [saved.name for saved in program.services.configs.list()] == ["Second"]


def test_save_as_warns_before_it_replaces_another(program: Program) -> None:
    program.services.configs.save("Other", setup(hp__epochs=2.0))
    program.services.configs.save("Mine", setup(hp__epochs=3.0))
    fill(program)
    program.window.actions_.save_as.trigger()
    program.child("config.name_dialog.name").setText("other")
    assert "is replaced" in program.child("config.name_dialog.warning").text()
    enter_name(program, "other")
    assert program.services.configs.get("Other").hp.epochs == 3.0
    assert program.models.form.name == "Other"


def test_the_section_is_used_with_the_keyboard(program: Program, qtbot: QtBot) -> None:
    program.services.configs.save("One", setup(hp__epochs=2.0))
    program.services.configs.save("Two", TrainingConfig())
    fill(program)
    program.window.activateWindow()
    qtbot.waitUntil(program.window.isActiveWindow)
    box = program.child("config.list")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == "One"
    qtbot.keyClick(box, Qt.Key.Key_Tab)
    load = QApplication.focusWidget()
    assert load is not None
    assert load.objectName() == "config.load"
    qtbot.keyClick(load, Qt.Key.Key_Space)
    program.settle()
    assert program.models.form.name == "One"
    edit = program.child("config.mode.edit")
    edit.setFocus()
    qtbot.keyClick(edit, Qt.Key.Key_Right)
    program.settle()
    assert program.models.configs.mode == "run saved"


@pytest.mark.spec("**Actions**")
def test_every_control_of_the_section_has_its_name_and_words(program: Program) -> None:
    for name in ("mode", "list", "refresh", "load", "rename", "delete", "save"):
        widget = program.child(f"config.{name}")
        assert len(program.window.findChildren(type(widget), f"config.{name}")) == 1
        words = widget.accessibleName() or getattr(widget, "text", str)()
        assert words
        assert name == "mode" or widget.toolTip()
