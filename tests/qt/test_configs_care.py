"""Saved configurations: nothing is lost unasked, whoever else uses the database; files; closing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.settings_spec import LARGEST_INTEGER
from services.config_files import read_config_file
from tests.qt import config_store
from tests.qt.config_store import (
    click,
    enter_name,
    fill,
    listed,
    setup,
)
from tests.qt.fakes import make_run, make_session
from views.main_window import RUNS, TRAINING

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from services.configs import ConfigStore
    from tests.qt.conftest import Program

services, elsewhere = config_store.services, config_store.elsewhere


@pytest.fixture
def edited(program: Program) -> Program:
    """A window with ``Mine`` loaded and changed from 1 to 3 epochs."""
    program.services.configs.save("Mine", setup(hp__epochs=1.0))
    fill(program)
    program.models.form.edit("hp.epochs", 3.0)
    return program


def _change_elsewhere(store: ConfigStore) -> None:
    store.save_over(store.entry("Mine"), setup(hp__epochs=2.0))


def _question(program: Program) -> str:
    labels = [
        label.text()
        for label in program.child("question").findChildren(QWidget, "")
        if hasattr(label, "text")
    ]
    return " ".join(labels)


def _has_question(program: Program) -> bool:
    found = program.window.findChildren(QWidget, "question")
    return any(dialog.isVisible() for dialog in found)


def test_saving_what_was_changed_elsewhere_is_asked_about(
    edited: Program,
    elsewhere: ConfigStore,
) -> None:
    _change_elsewhere(elsewhere)
    edited.window.actions_.save.trigger()
    edited.settle()
    assert '"Mine" was changed in another window or by a command' in _question(edited)
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
    assert not _has_question(edited)
    assert elsewhere.get("Mine").hp.epochs == 3.0
    assert not edited.models.form.is_unsaved


def test_it_can_be_replaced(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    _change_elsewhere(elsewhere)
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
    _change_elsewhere(elsewhere)
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
    _change_elsewhere(elsewhere)
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
    _change_elsewhere(elsewhere)
    edited.window.actions_.refresh_configs.trigger()
    edited.settle()
    edited.window.actions_.save_as.trigger()
    enter_name(edited, "mine")
    assert _has_question(edited)
    assert elsewhere.get("Mine").hp.epochs == 2.0


def test_what_was_deleted_elsewhere_can_be_saved_again(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    elsewhere.delete(elsewhere.entry("Mine"))
    edited.window.actions_.save.trigger()
    edited.settle()
    assert '"Mine" was deleted in another window or by a command' in _question(edited)
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
    assert _has_question(edited)
    assert elsewhere.get("Theirs").hp.epochs == 5.0


def test_a_name_that_was_taken_meanwhile_is_not_replaced_unasked(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    elsewhere.save("New", setup(hp__epochs=8.0))
    edited.window.actions_.save_as.trigger()
    enter_name(edited, "New")
    assert 'already a configuration named "New"' in _question(edited)
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
        assert "The changes to Mine are not saved." in _question(edited)
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
    assert not _has_question(program)
    assert program.window.close()


# Closing


@pytest.fixture
def closed(edited: Program) -> list[bool]:
    """Told when the window has gone."""
    told: list[bool] = []
    edited.window.closed.connect(lambda: told.append(True))
    return told


def test_closing_with_changes_asks_and_can_be_cancelled(
    edited: Program, closed: list[bool]
) -> None:
    assert not edited.window.close()
    assert edited.window.isVisible()
    assert "The changes to Mine are not saved." in _question(edited)
    edited.window.close()  # asked twice, shown once
    assert len(edited.window.findChildren(QWidget, "question")) == 1
    edited.child("question").reject()
    edited.settle()
    assert not closed
    assert edited.models.form.value("hp.epochs") == 3.0
    edited.window.close()
    assert _has_question(edited)


def test_closing_can_save_first(edited: Program, qtbot: QtBot, closed: list[bool]) -> None:
    edited.window.close()
    click(qtbot, edited, "question.save")
    assert closed
    assert edited.services.configs.get("Mine").hp.epochs == 3.0


def test_closing_can_discard(edited: Program, qtbot: QtBot, closed: list[bool]) -> None:
    edited.window.close()
    click(qtbot, edited, "question.discard")
    assert closed
    assert edited.services.configs.get("Mine").hp.epochs == 1.0


def test_closing_asks_for_a_name_where_there_is_none(program: Program, qtbot: QtBot) -> None:
    fill(program)
    program.models.form.edit("hp.epochs", 3.0)
    program.window.close()
    assert "The setup is not saved." in _question(program)
    click(qtbot, program, "question.save")
    program.child("config.name_dialog").reject()
    program.settle()
    assert program.window.isVisible()
    program.wiring.configs.save_as("Later")  # saving later does not close it after all
    program.settle()
    assert program.window.isVisible()
    program.models.form.edit("hp.epochs", 4.0)
    program.window.close()
    click(qtbot, program, "question.save")
    assert not program.window.isVisible()


def test_closing_stays_where_saving_met_a_change(
    edited: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
    closed: list[bool],
) -> None:
    _change_elsewhere(elsewhere)
    edited.window.close()
    click(qtbot, edited, "question.save")
    assert not closed
    assert "changed in another window" in _question(edited)
    click(qtbot, edited, "question.replace")
    assert closed
    assert elsewhere.get("Mine").hp.epochs == 3.0


# Files


def test_export_and_import_come_back_equal(edited: Program, qtbot: QtBot, tmp_path: Path) -> None:
    edited.window.actions_.export_config.trigger()
    dialog = edited.child("config.export_dialog")
    dialog.fileSelected.emit(str(tmp_path / "mine.yaml"))
    dialog.close()
    edited.settle()
    assert read_config_file(tmp_path / "mine.yaml") == edited.models.form.user_config
    edited.window.actions_.import_config.trigger()
    dialog = edited.child("config.import_dialog")
    dialog.fileSelected.emit(str(tmp_path / "mine.yaml"))
    dialog.close()
    edited.settle()
    assert edited.models.form.name == "Mine"  # the changes are asked about first
    click(qtbot, edited, "question.yes")
    assert edited.models.form.name == "mine (2)"
    assert edited.services.configs.get("mine (2)").hp.epochs == 3.0
    assert edited.services.configs.get("Mine").hp.epochs == 1.0
    assert edited.services.configs.last_used()[0].name == "mine (2)"


def test_a_faulty_file_is_told_whole_and_changes_nothing(edited: Program, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("hp:\n  epochs: many\n  seeds: 1\nextra: {}\n", encoding="utf-8")
    before = edited.models.form.user_config
    edited.wiring.configs.import_file(path)
    edited.settle()
    assert edited.child("notice.title").text() == "bad.yaml was not imported"
    text = edited.child("notice.text").text()
    for line in ("line 2, hp.epochs", "line 3, hp.seeds", "line 4, extra"):
        assert line in text
    assert edited.models.form.user_config == before
    assert listed(edited) == ["Mine"]
    assert not _has_question(edited)


def test_a_token_in_a_field_is_not_saved_and_the_field_says_so(
    edited: Program, tmp_path: Path
) -> None:
    token = "hf_" + "a1B2c3D4e5F6g7H8i9J0k1"
    edited.models.form.edit("training.skill_level", "Expert")
    edited.models.form.edit("hp.resume_from", token)
    edited.window.actions_.save.trigger()
    edited.settle()
    assert edited.child("notice.title").text() == "The configuration was not saved"
    assert token not in edited.child("notice.text").text()
    assert "Holds a token" in edited.child("hp.resume_from.message").text()
    edited.wiring.configs.export_file(tmp_path / "mine.yaml")
    edited.settle()
    assert edited.child("notice.title").text() == "mine.yaml was not exported"
    assert not (tmp_path / "mine.yaml").exists()


_EXTREMES: dict[type, tuple[object, ...]] = {
    bool: (True, False),
    int: (-1, 0, 1, 3, 10**6, LARGEST_INTEGER, -LARGEST_INTEGER),
    float: (-1.0, 0.0, 5e-324, 0.5, 1e308, float("inf"), float("nan")),
    str: ("", " ", "x", "a/b/c", "/data/..", "\x00\x85\u2028", "1" * 400, "<b>&amp;</b>", "🦙"),
}


def _extreme(rng: random.Random) -> TrainingConfig:
    values: dict[str, object] = {}
    for path, info in settings_index().items():
        choices = info.rule.choices or _EXTREMES[info.kind]
        values[path] = rng.choice((*choices, None) if info.rule.optional else choices)
    return with_values(TrainingConfig(), values)


def test_any_configuration_can_stand_in_the_form(program: Program) -> None:
    """As it is, with its problems beneath the fields, in both modes; and it is saved as it is."""
    program.services.datasets.sessions = [make_session(1, "x")]
    fill(program)
    rng = random.Random("extremes")
    for number in range(40):
        config = _extreme(rng)
        saved = program.services.configs.save(f"c{number}", config)
        program.wiring.configs.load(saved)
        program.settle()
        assert program.models.form.name == f"c{number}"
        assert repr(program.models.form.user_config) == repr(config)
        assert repr(program.services.configs.get(f"c{number}")) == repr(config)
        program.child("config.summary").show_config(config)
        program.models.form.check_all()
    assert program.child("notice").isHidden()
