"""What is missing for a start: all of it at once, each beside its field, with a button."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from models.domain.config import RUNTIME_DOCKER
from models.domain.docker import OUR_IMAGE_CPU
from models.domain.errors import Fix, Problem
from models.domain.start_fixes import (
    ANOTHER_DATASET,
    ANOTHER_FOLDER,
    ANOTHER_MODEL,
    SET_TOKEN,
    SHOW_MODELS,
    TURN_OFFLINE_OFF,
)
from tests.qt.fakes import make_image, make_session
from views.main_window import DATASETS, MODELS, SETTINGS
from views.widgets.fields import CalmComboBox

if TYPE_CHECKING:
    from PySide6.QtWidgets import QComboBox
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
IMAGE = Problem(
    "local.image", "stranger:1", "cannot train: it has no torch.", "Use Temper's own image.",
    fix=Fix("Use ours", (("local.image", OUR_IMAGE_CPU),)),
)  # fmt: skip
ROOM = Problem(
    "hp.save_total_limit", "5", "may fill the disk.", "Keep 2.",
    fix=Fix("Keep 2", (("hp.save_total_limit", 2),)),
)  # fmt: skip
GATED = Problem("hp.base_model", "org/gated", "is gated.", "Set a token.", fix=SET_TOKEN)


@pytest.fixture
def ready(program: Program) -> Program:
    program.services.datasets.sessions = [make_session()]
    program.services.images.there["stranger:1"] = make_image("stranger:1")
    program.aio(program.wiring.fill())
    form = program.models.form
    form.apply({"local.runtime": RUNTIME_DOCKER, "local.image": "stranger:1",
                "hp.save_total_limit": 5, "dataset.session": "1"})  # fmt: skip
    program.settle()
    return program


def _refuse(program: Program, *missing: Problem) -> None:
    program.services.runs.missing = [*missing]
    program.child("local.start").click()
    program.settle()


def _fix(program: Program, path: str) -> QPushButton:
    found = program.window.findChild(QPushButton, f"{path}.fix")
    assert found is not None, path
    return found


def _press(program: Program, qtbot: QtBot, path: str) -> None:
    button = _fix(program, path)
    assert button.isVisibleTo(program.window)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    program.settle()


def test_all_that_is_missing_is_shown_before_anything_is_looked_at_or_started(
    ready: Program,
) -> None:
    _refuse(ready, IMAGE, ROOM, GATED)

    assert [one.field for one in ready.models.form.problems()] == [
        "hp.base_model", "hp.save_total_limit", "local.image",
    ]  # fmt: skip
    for problem in (IMAGE, ROOM, GATED):
        button = _fix(ready, problem.field)
        assert problem.fix is not None
        assert (button.text(), button.toolTip()) == (problem.fix.label, problem.remedy)
        assert button.accessibleName().endswith(problem.fix.label)
        assert button.isVisibleTo(ready.window)
    assert [name for name, _ in ready.services.runs.calls if name == "start"] == []


def test_a_button_mends_its_own_and_the_others_stay(ready: Program, qtbot: QtBot) -> None:
    _refuse(ready, IMAGE, ROOM, GATED)

    _press(ready, qtbot, "local.image")

    form = ready.models.form
    assert form.value("local.image") == OUR_IMAGE_CPU
    assert [one.field for one in form.problems()] == ["hp.base_model", "hp.save_total_limit"]
    assert not _fix(ready, "local.image").isVisibleTo(ready.window)
    _press(ready, qtbot, "hp.save_total_limit")
    assert form.value("hp.save_total_limit") == 2
    assert [one.field for one in form.problems()] == ["hp.base_model"]


def test_what_is_wrong_in_the_form_does_not_hide_what_is_missing(ready: Program) -> None:
    ready.models.form.edit("hp.epochs", 0.0)
    _refuse(ready, IMAGE, GATED)
    assert [one.field for one in ready.models.form.problems()] == [
        "hp.base_model", "hp.epochs", "local.image",
    ]  # fmt: skip
    assert [name for name, _ in ready.services.runs.calls if name == "start"] == []


def test_the_tab_key_goes_from_a_field_to_its_button(ready: Program, qtbot: QtBot) -> None:
    _refuse(ready, IMAGE, ROOM)
    ready.child("local.image.get").setEnabled(True)  # as it is with an engine
    for path in ("local.image", "hp.save_total_limit"):
        ready.child(path).setFocus()
        qtbot.keyClick(ready.child(path), Qt.Key.Key_Tab)
        focused = ready.window.focusWidget()
        assert focused is not None
        assert focused.objectName() == f"{path}.fix"


def test_what_only_the_user_can_do_is_opened(ready: Program, qtbot: QtBot) -> None:
    _refuse(ready, GATED)
    _press(ready, qtbot, "hp.base_model")
    assert ready.window.page == SETTINGS

    gone = Problem("dataset.session", "7", "There is no dataset 7.", "", fix=ANOTHER_DATASET)
    ready.services.datasets.sessions = []
    ready.aio(ready.wiring.datasets.read_list())
    _refuse(ready, gone)
    _press(ready, qtbot, "dataset.session")
    assert ready.window.page == DATASETS


def test_what_the_models_page_can_link_is_shown_there(ready: Program, qtbot: QtBot) -> None:
    elsewhere = "is only in the Hugging Face cache of other programs."
    _refuse(ready, Problem("hp.base_model", "a/b", elsewhere, "", fix=SHOW_MODELS))
    _press(ready, qtbot, "hp.base_model")
    assert ready.window.page == MODELS


def test_another_model_is_chosen_from_the_list(
    ready: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QComboBox] = []
    monkeypatch.setattr(CalmComboBox, "showPopup", lambda combo: opened.append(combo))
    _refuse(ready, Problem("hp.base_model", "/x", "There is no folder /x.", "", fix=ANOTHER_MODEL))
    _press(ready, qtbot, "hp.base_model")
    assert opened == [ready.child("hp.base_model")]


def test_another_folder_is_chosen_with_the_systems_dialog(ready: Program, qtbot: QtBot) -> None:
    full = Problem("local.host_data_dir", "", "has too little room.", "", fix=ANOTHER_FOLDER)
    _refuse(ready, full)
    _press(ready, qtbot, "local.host_data_dir")
    dialog = ready.window.findChild(QWidget, "local.host_data_dir.dialog")
    assert dialog is not None
    dialog.close()


def test_offline_mode_is_turned_off(ready: Program, qtbot: QtBot) -> None:
    ready.services.offline.offline = True
    away = Problem("hp.base_model", "a/b", "is not here.", "", fix=TURN_OFFLINE_OFF)
    _refuse(ready, away)
    _press(ready, qtbot, "hp.base_model")
    assert not ready.services.offline.is_offline()


def test_a_missing_environment_is_told_together_with_the_rest(ready: Program) -> None:
    ready.services.runtime.ready = False
    ready.models.form.edit("local.runtime", "Python on this computer")
    ready.settle()
    _refuse(ready, ROOM)

    assert ready.models.form.problem("hp.save_total_limit") is not None
    assert ready.child("notice.title").text() == "The training environment is not set up yet"


def test_a_problem_without_a_remedy_has_no_button(ready: Program) -> None:
    _refuse(ready, IMAGE)
    _refuse(ready, Problem("local.image", "stranger:1", "is made for arm64.", "Pull it again."))
    assert not _fix(ready, "local.image").isVisibleTo(ready.window)
