"""Saved configurations: nothing is lost unasked, whoever else uses the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.config import TrainingConfig
from tests.qt import config_edits, config_store
from tests.qt.config_edits import change_elsewhere, has_question, question
from tests.qt.config_store import click, enter_name, fill, listed, setup
from tests.qt.fakes import make_run
from views.main_window import RUNS, TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from services.configs import ConfigStore
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
edited = config_edits.edited
services, elsewhere = config_store.services, config_store.elsewhere


def test_saving_what_was_changed_elsewhere_is_asked_about(
    edited: Program,
    elsewhere: ConfigStore,
) -> None:
    change_elsewhere(elsewhere)
    edited.window.actions_.save.trigger()
    edited.settle()
    assert '"Mine" was changed in another window or by a command' in question(edited)
    assert elsewhere.get("Mine").hp.epochs == 2.0
    edited.child("question").reject()
    edited.settle()
    assert elsewhere.get("Mine").hp.epochs == 2.0
    assert edited.models.form.value("hp.epochs") == 3.0
    assert edited.models.form.is_unsaved


def test_what_is_saved_is_what_stood_there_and_what_came_after_keeps_its_own_name(
    edited: Program,
    elsewhere: ConfigStore,
) -> None:
    edited.window.actions_.save.trigger()
    other = setup(hp__epochs=7.0)
    edited.models.form.load(other)  # before it is the database's turn
    edited.settle()
    assert elsewhere.get("Mine").hp.epochs == 3.0
    assert edited.models.form.config == other
    assert edited.models.form.name == ""
    assert edited.models.configs.current is None


def test_saving_twice_in_haste_is_no_conflict(
    edited: Program,
    elsewhere: ConfigStore,
) -> None:
    edited.window.actions_.save.trigger()
    edited.window.actions_.save.trigger()  # as a held key does
    edited.settle()
    assert not has_question(edited)
    assert elsewhere.get("Mine").hp.epochs == 3.0
    assert not edited.models.form.is_unsaved


def test_it_can_be_replaced(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    change_elsewhere(elsewhere)
    edited.window.actions_.save.trigger()
    edited.settle()
    click(qtbot, edited, "question.replace")
    assert elsewhere.get("Mine").hp.epochs == 3.0
    assert not edited.models.form.is_unsaved
    edited.models.form.edit("hp.epochs", 4.0)
    edited.window.actions_.save.trigger()
    edited.settle()
    assert elsewhere.get("Mine").hp.epochs == 4.0


def test_it_can_be_reloaded(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    change_elsewhere(elsewhere)
    edited.window.actions_.save.trigger()
    edited.settle()
    click(qtbot, edited, "question.reload")
    assert edited.models.form.value("hp.epochs") == 2.0
    assert not edited.models.form.is_unsaved
    assert elsewhere.get("Mine").hp.epochs == 2.0


def test_it_can_be_saved_under_another_name(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    change_elsewhere(elsewhere)
    edited.window.actions_.save.trigger()
    edited.settle()
    click(qtbot, edited, "question.name")
    assert edited.child("config.name_dialog.name").text() == "Mine 2"
    enter_name(edited, "Mine 2")
    assert elsewhere.get("Mine").hp.epochs == 2.0
    assert elsewhere.get("Mine 2").hp.epochs == 3.0
    assert edited.models.form.name == "Mine 2"


def test_reading_the_list_does_not_hide_that_it_was_changed(
    edited: Program,
    elsewhere: ConfigStore,
) -> None:
    """Nor does saving under the same name by hand."""
    change_elsewhere(elsewhere)
    edited.window.actions_.refresh_configs.trigger()
    edited.settle()
    edited.window.actions_.save_as.trigger()
    enter_name(edited, "mine")
    assert has_question(edited)
    assert elsewhere.get("Mine").hp.epochs == 2.0


def test_what_was_deleted_elsewhere_can_be_saved_again(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    elsewhere.delete(elsewhere.entry("Mine"))
    edited.window.actions_.save.trigger()
    edited.settle()
    assert '"Mine" was deleted in another window or by a command' in question(edited)
    assert listed(edited) == []
    click(qtbot, edited, "question.again")
    assert elsewhere.get("Mine").hp.epochs == 3.0
    assert listed(edited) == ["Mine"]


def test_what_was_renamed_elsewhere_is_saved_under_its_new_name(
    edited: Program,
    elsewhere: ConfigStore,
) -> None:
    elsewhere.rename(elsewhere.entry("Mine"), "Theirs")
    edited.window.actions_.save.trigger()
    edited.settle()
    assert [saved.name for saved in elsewhere.list()] == ["Theirs"]
    assert elsewhere.get("Theirs").hp.epochs == 3.0
    assert edited.window.windowTitle() == "Theirs[*] — Temper"


def test_a_rename_elsewhere_is_followed_when_the_list_is_read(
    edited: Program, elsewhere: ConfigStore
) -> None:
    elsewhere.rename(elsewhere.entry("Mine"), "Theirs")
    edited.window.actions_.refresh_configs.trigger()
    edited.settle()
    assert edited.models.form.name == "Theirs"
    assert edited.models.form.is_unsaved
    assert edited.models.form.value("hp.epochs") == 3.0


def test_a_rename_elsewhere_does_not_hide_a_change_elsewhere(
    edited: Program, elsewhere: ConfigStore
) -> None:
    renamed = elsewhere.rename(elsewhere.entry("Mine"), "Theirs")
    elsewhere.save_over(renamed, setup(hp__epochs=5.0))
    edited.window.actions_.refresh_configs.trigger()
    edited.settle()
    edited.window.actions_.save.trigger()
    edited.settle()
    assert has_question(edited)
    assert elsewhere.get("Theirs").hp.epochs == 5.0


def test_a_name_that_was_taken_meanwhile_is_not_replaced_unasked(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    elsewhere.save("New", setup(hp__epochs=8.0))
    edited.window.actions_.save_as.trigger()
    enter_name(edited, "New")
    assert 'already a configuration named "New"' in question(edited)
    assert elsewhere.get("New").hp.epochs == 8.0
    click(qtbot, edited, "question.replace")
    assert elsewhere.get("New").hp.epochs == 3.0


@pytest.mark.parametrize(
    ("do", "title"),
    [("load", "Mine was not loaded"), ("rename", "Mine was not renamed"),
     ("delete", "Mine was not deleted"), ("duplicate", "Mine was not duplicated")],
)  # fmt: skip
def test_what_is_gone_is_a_sentence_and_leaves_the_list(
    program: Program,
    elsewhere: ConfigStore,
    do: str,
    title: str,
) -> None:
    saved = program.services.configs.save("Mine", TrainingConfig())
    program.services.configs.save("Other", TrainingConfig())
    fill(program)
    elsewhere.delete(elsewhere.entry("Mine"))
    controller = program.wiring.configs
    calls = {
        "load": lambda: controller.load(saved),
        "rename": lambda: controller.list.rename(saved, "New"),
        "delete": lambda: controller.list.delete(saved),
        "duplicate": lambda: controller.list.duplicate(saved, "New"),
    }
    calls[do]()
    program.settle()
    assert program.child("notice.title").text() == title
    assert "deleted in another window" in program.child("notice.text").text()
    assert listed(program) == ["Other"]
    assert program.models.form.name == "Other"


def test_load_and_new_ask_before_changes_are_lost(edited: Program, qtbot: QtBot) -> None:
    for action in (edited.window.actions_.new, edited.window.actions_.load_menu.actions()[0]):
        action.trigger()
        assert "The changes to Mine are not saved." in question(edited)
        edited.child("question").reject()
        edited.settle()
        assert edited.models.form.value("hp.epochs") == 3.0
    edited.window.actions_.load_menu.actions()[0].trigger()
    click(qtbot, edited, "question.yes")
    assert edited.models.form.value("hp.epochs") == 1.0
    edited.window.actions_.new.trigger()
    edited.settle()
    assert edited.models.form.name == ""


def test_changes_can_be_saved_before_another_setup_takes_their_place(
    edited: Program, qtbot: QtBot
) -> None:
    edited.window.actions_.new.trigger()
    click(qtbot, edited, "question.save")
    assert edited.models.form.name == ""
    assert edited.models.form.value("hp.epochs") == 1.0
    edited.window.actions_.load_menu.actions()[0].trigger()
    edited.settle()
    assert edited.models.form.value("hp.epochs") == 3.0


def test_the_setup_of_a_run_asks_too(edited: Program, qtbot: QtBot) -> None:
    run = make_run("done", config=setup(hp__epochs=6.0))
    edited.services.runs.stored[run.id] = run
    edited.models.runs.set_items([run])
    edited.window.show_page(RUNS)
    edited.window.runs.actions_.use_requested.emit(run)
    assert edited.window.page == RUNS
    assert edited.models.form.value("hp.epochs") == 3.0
    click(qtbot, edited, "question.yes")
    assert edited.window.page == TRAINING
    assert edited.models.form.value("hp.epochs") == 6.0
    assert edited.models.configs.current is None


def test_what_the_program_filled_in_is_no_change(program: Program) -> None:
    fill(program)
    program.models.form.set_default("dataset.session", "Faq")
    program.models.form.apply({"dataset.session": "New"})  # as an import does
    program.window.actions_.new.trigger()
    assert not has_question(program)
    assert program.window.close()
