"""Saved configurations: closing with changes asks, and files of them come and go."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.settings_spec import LARGEST_INTEGER
from services.config_files import read_config_file
from tests.qt import config_edits, config_store
from tests.qt.config_edits import change_elsewhere, has_question, question
from tests.qt.config_store import click, fill, listed
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from services.configs import ConfigStore
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
edited = config_edits.edited
services, elsewhere = config_store.services, config_store.elsewhere


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
    assert "The changes to Mine are not saved." in question(edited)
    edited.window.close()  # asked twice, shown once
    assert len(edited.window.findChildren(QWidget, "question")) == 1
    edited.child("question").reject()
    edited.settle()
    assert not closed
    assert edited.models.form.value("hp.epochs") == 3.0
    edited.window.close()
    assert has_question(edited)


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
    assert "The setup is not saved." in question(program)
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
    change_elsewhere(elsewhere)
    edited.window.close()
    click(qtbot, edited, "question.save")
    assert not closed
    assert "changed in another window" in question(edited)
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
    assert not has_question(edited)


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
