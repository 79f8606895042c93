"""Running a saved configuration word for word, with the form folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.config import TrainingConfig
from models.domain.run import RunState, RunUpdate
from tests.qt import config_store
from tests.qt.config_store import (
    choose,
    click,
    fill,
    setup,
)
from tests.qt.fakes import make_run, make_session

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

services = config_store.services


def test_a_saved_setup_of_plain_defaults_is_loaded_as_it_is(program: Program, qtbot: QtBot) -> None:
    """Stored values win: no preset is applied to what was saved."""
    program.services.configs.save("Plain", TrainingConfig())
    fill(program)
    assert program.models.form.user_config == TrainingConfig()
    click(qtbot, program, "config.mode.run_saved")
    assert program.models.configs.mode == "run saved"
    program.window.actions_.new.trigger()
    program.settle()
    assert program.models.form.user_config != TrainingConfig()  # a new one has its preset


@pytest.mark.spec("Mode selector / Configuration section – manage saved training configs.")
@pytest.mark.spec("Config‑related mistakes and how to avoid them with saved setups.")
def test_a_saved_setup_runs_word_for_word(program: Program, qtbot: QtBot) -> None:
    program.services.datasets.sessions = [make_session(1, "Faq")]
    one = setup(hp__epochs=2.0, dataset__session="Faq")
    two = setup(hp__epochs=3.0, dataset__session="Faq")
    program.services.configs.save("One", one)
    program.services.configs.save("Two", two)
    fill(program)
    assert not program.child("config.summary").isVisible()
    click(qtbot, program, "config.mode.run_saved")
    assert program.child("config.summary").isVisible()
    assert not program.child("hp.epochs").isVisible()
    assert "Training: 3 epochs" in program.child("config.summary").text
    choose(program, "One")
    assert "Training: 2 epochs" in program.child("config.summary").text
    assert program.models.form.config == one
    click(qtbot, program, "config.mode.edit")
    assert program.child("hp.epochs").isVisible()
    assert program.child("hp.epochs").text() == "2"


def test_run_saved_starts_exactly_what_is_saved(program: Program, qtbot: QtBot) -> None:
    config = setup(hp__epochs=2.0, dataset__session="Faq", output__directory="/data/outputs/faq")
    program.services.datasets.sessions = [make_session(1, "Faq")]
    program.services.configs.save("One", config)
    program.services.runs.script = [RunUpdate(make_run("run-1", RunState.FINISHED, config=config))]
    fill(program)
    click(qtbot, program, "config.mode.run_saved")
    program.child("local.start").click()
    program.settle()
    assert program.services.runs.stored["run-1"].config == config
    assert program.models.configs.mode == "run saved"


def test_run_saved_asks_before_changes_are_lost(program: Program, qtbot: QtBot) -> None:
    config = setup(hp__epochs=2.0)
    program.services.configs.save("One", config)
    fill(program)
    program.models.form.edit("hp.epochs", 9.0)
    click(qtbot, program, "config.mode.run_saved")
    assert program.models.configs.mode == "edit"
    assert program.child("config.mode.edit").isChecked()
    program.child("question").reject()
    program.settle()
    assert program.models.form.value("hp.epochs") == 9.0
    click(qtbot, program, "config.mode.run_saved")
    click(qtbot, program, "question.yes")
    assert program.models.configs.mode == "run saved"
    assert program.models.form.config == config


def test_what_changes_the_setup_brings_the_form_back(program: Program, qtbot: QtBot) -> None:
    program.services.configs.save("One", setup(hp__epochs=2.0, dataset__session="Faq"))
    program.services.datasets.sessions = [make_session(1, "Faq")]
    fill(program)
    click(qtbot, program, "config.mode.run_saved")
    program.models.form.apply({"hp.batch_size": 1})  # as a remedy does
    assert program.models.configs.mode == "edit"
    assert program.child("hp.epochs").isVisible()
    click(qtbot, program, "config.mode.run_saved")
    click(qtbot, program, "question.yes")
    program.models.form.edit("dataset.session", "")
    program.models.form.mark_saved("One", program.models.form.user_config)
    assert program.models.configs.mode == "edit"


def test_a_start_that_is_refused_brings_the_form_back(program: Program, qtbot: QtBot) -> None:
    program.services.configs.save("One", setup(hp__epochs=0.0))
    fill(program)
    click(qtbot, program, "config.mode.run_saved")
    assert program.models.configs.mode == "run saved"
    program.child("local.start").click()
    program.settle()
    assert program.models.configs.mode == "edit"
    assert program.child("hp.epochs.message").isVisible()
