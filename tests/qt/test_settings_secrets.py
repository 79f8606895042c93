"""Tokens and keys on the Settings page: set, tried, removed, never shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from models.domain.errors import AppError
from models.domain.secrets import ENVIRONMENT, HF_TOKEN, RUNPOD_KEY
from tests.qt import settings_steps
from tests.qt.settings_steps import TOKEN, open_page, text
from views.main_window import TRAINING

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

plain_look = settings_steps.plain_look

NO_KEYCHAIN = "This system has no keychain that Temper can use."


def click(program: Program, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(program.child(f"settings.{name}"), Qt.MouseButton.LeftButton)
    program.settle()


def enter(program: Program, qtbot: QtBot, name: str, value: str) -> None:
    click(program, qtbot, f"{name}.set")
    qtbot.keyClicks(program.child(f"settings.{name}.value"), value)


def test_a_secret_is_set_shown_as_set_and_never_again(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    assert text(program, "hf_token.state") == "Not set"
    assert not program.child("settings.hf_token.test").isEnabled()
    enter(program, qtbot, HF_TOKEN, TOKEN)
    line = program.child("settings.hf_token.value")
    assert TOKEN not in line.displayText()
    assert line.echoMode() == QLineEdit.EchoMode.Password
    qtbot.keyClick(line, Qt.Key.Key_Return)
    program.settle()
    assert program.services.secrets.kept == {HF_TOKEN: TOKEN}
    assert text(program, "hf_token.state") == "Set, kept in the system keychain"
    assert (line.text(), line.isVisible()) == ("", False)
    assert program.models.settings.has_secret(HF_TOKEN)
    shown = [widget.text() for widget in program.window.findChildren(QLineEdit)]
    assert TOKEN not in shown


def test_cancel_and_leaving_the_page_forget_what_was_typed(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    line = program.child("settings.runpod_key.value")
    enter(program, qtbot, RUNPOD_KEY, "rpa_half")
    click(program, qtbot, "runpod_key.cancel")
    assert (line.text(), line.isVisible()) == ("", False)
    enter(program, qtbot, RUNPOD_KEY, "rpa_half")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == ""
    enter(program, qtbot, RUNPOD_KEY, "rpa_half")
    program.window.show_page(TRAINING)
    assert line.text() == ""
    assert program.services.secrets.kept == {}


def test_an_empty_line_cannot_be_saved(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    enter(program, qtbot, HF_TOKEN, "  ")
    assert not program.child("settings.hf_token.save").isEnabled()
    qtbot.keyClick(program.child("settings.hf_token.value"), Qt.Key.Key_Return)
    assert program.services.secrets.kept == {}


def test_a_value_that_cannot_be_one_is_told_in_its_row(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    program.services.secrets.error = AppError("bad_secret", "This looks like another key.", "Copy.")
    enter(program, qtbot, HF_TOKEN, "rpa_wrong")
    click(program, qtbot, "hf_token.save")
    assert text(program, "hf_token.outcome") == "This looks like another key. Copy."
    assert program.child("settings.hf_token.outcome").property("tone") == "bad"


def test_a_secret_is_tried_out_and_the_answer_stands_beneath(
    program: Program, qtbot: QtBot
) -> None:
    program.services.secrets.kept[HF_TOKEN] = TOKEN
    open_page(program)
    click(program, qtbot, "hf_token.test")
    assert text(program, "hf_token.outcome") == "It works: signed in as me."
    assert program.child("settings.hf_token.outcome").property("tone") == "good"
    program.services.secret_checks.error = AppError("auth", f"{TOKEN} is wrong.", "Make a new one.")
    click(program, qtbot, "hf_token.test")
    assert text(program, "hf_token.outcome") == "[redacted] is wrong. Make a new one."
    assert program.child("settings.hf_token.outcome").property("tone") == "bad"


def test_s3_keys_are_tried_in_the_data_centre_of_the_setup(program: Program, qtbot: QtBot) -> None:
    program.services.secrets.kept["s3_secret_key"] = "s"
    program.models.form.edit("runpod.data_center", "EU-CZ-1")
    open_page(program)
    click(program, qtbot, "s3_secret_key.test")
    assert program.services.secret_checks.tested == [("s3_secret_key", "EU-CZ-1")]


def test_a_secret_is_removed(program: Program, qtbot: QtBot) -> None:
    program.services.secrets.kept[HF_TOKEN] = TOKEN
    open_page(program)
    assert text(program, "hf_token.set") == "Replace…"
    click(program, qtbot, "hf_token.remove")
    assert program.services.secrets.kept == {}
    assert text(program, "hf_token.state") == "Not set"


def test_a_secret_of_the_environment_cannot_be_removed_here(program: Program, qtbot: QtBot) -> None:
    program.services.secrets.variables[HF_TOKEN] = "HF_TOKEN"
    open_page(program)
    assert text(program, "hf_token.state") == f"Set, kept in {ENVIRONMENT}"
    remove = program.child("settings.hf_token.remove")
    assert not remove.isEnabled()
    assert "HF_TOKEN" in remove.toolTip()
    assert program.child("settings.hf_token.test").isEnabled()


def test_without_a_keychain_the_page_says_so_and_how_long_things_are_kept(
    program: Program, qtbot: QtBot
) -> None:
    program.services.secrets.problem = NO_KEYCHAIN
    open_page(program)
    notice = program.child("settings.keychain")
    assert notice.isVisible()
    assert text(program, "keychain.text").startswith(NO_KEYCHAIN)
    enter(program, qtbot, HF_TOKEN, TOKEN)
    click(program, qtbot, "hf_token.save")
    assert text(program, "hf_token.state") == "Set, kept in this session's memory"
    assert "until Temper is closed" in text(program, "hf_token.outcome")
    program.services.secrets.problem = ""
    click(program, qtbot, "keychain.again")
    assert not notice.isVisible()
