"""The Doctor page: it looks when it is opened, tells what it found, and helps where it can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from models.domain.doctor import (
    COMPUTER,
    CONTAINERS,
    GRAPHICS,
    MANAGE_IMAGE,
    NETWORK,
    OPEN_SETTINGS,
    PYTHON,
    SET_UP_PYTHON,
    Check,
    CheckState,
)
from models.domain.errors import AppError
from models.domain.secrets import HF_TOKEN
from models.qt.doctor_model import DoctorModel
from tests.qt.fakes import make_engine, make_image
from views.main_window import DATASETS, DOCTOR, SETTINGS, TRAINING
from views.theme import current_theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from tests.qt.fakes import FakeServices

OK, NOTE, FAIL = CheckState.OK, CheckState.NOTE, CheckState.FAIL
CHECKS = (
    Check(COMPUTER, "Memory", OK, "20 GB free", "Rows lie in it."),
    Check(GRAPHICS, "GPU", OK, "NVIDIA H200", "It is quick."),
    Check(CONTAINERS, "Docker engine", NOTE, "Docker is not running.", "One way.", "Start it."),
    Check(PYTHON, "Python environment", NOTE, "Not set up.", "The other.", "Set it up.",
          SET_UP_PYTHON),
    Check(NETWORK, "Hugging Face token", FAIL, "It is refused.", "Gated models need it.",
          "Make a new one.", OPEN_SETTINGS),
)  # fmt: skip


@pytest.fixture
def services(services: FakeServices) -> FakeServices:
    services.doctor.found = CHECKS
    return services


def open_page(program: Program) -> None:
    program.window.show_page(DOCTOR)
    program.settle()


def words(program: Program, name: str) -> str:
    return str(program.child(f"doctor.{name}").text())


def press(program: Program, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(program.child(f"doctor.{name}"), Qt.MouseButton.LeftButton)
    program.settle()


def shown(program: Program, name: str) -> str:
    """Everything that a row says."""
    row = program.child(f"doctor.{name}")
    texts = [str(label.property("text") or "") for label in row.findChildren(QWidget)
             if label.isVisibleTo(row)]  # fmt: skip
    return " ".join(text for text in texts if text)


def test_the_page_is_reached_by_rail_menu_and_shortcuts(program: Program, qtbot: QtBot) -> None:
    window = program.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    for key, modifiers in ((Qt.Key.Key_6, control), (Qt.Key.Key_D, control | shift)):
        window.show_page(TRAINING)
        qtbot.keyClick(window, key, modifiers)
        assert window.page == DOCTOR
    window.show_page(TRAINING)
    qtbot.mouseClick(program.child("nav.doctor"), Qt.MouseButton.LeftButton)
    assert window.page == DOCTOR
    rail = [program.child(f"nav.{name}").y() for name in ("datasets", "doctor", "settings")]
    assert rail == sorted(rail)
    assert rail[1] > window.height() / 2
    program.settle()


def test_it_looks_when_it_is_opened_and_tells_everything(program: Program) -> None:
    assert program.services.doctor.looked == 0  # not at the program's start
    open_page(program)
    assert words(program, "summary") == ("Something will not work. 1 problem, 2 notes, 2 in order.")
    token = shown(program, "hugging_face_token")
    for part in ("Hugging Face token", "It is refused.", "Gated models need it.",
                 "Next: Make a new one.", "Open Settings"):  # fmt: skip
        assert part in token
    memory = shown(program, "memory")
    assert "20 GB free" in memory
    assert "Rows lie in it." in memory
    assert "Next" not in memory
    row = program.child("doctor.docker_engine")
    assert row.accessibleName() == "Docker engine, a note: Docker is not running."
    assert row.accessibleDescription() == "One way. Start it."


def test_opening_it_again_looks_again_only_when_something_changed(program: Program) -> None:
    open_page(program)
    program.window.show_page(TRAINING)
    open_page(program)
    assert program.services.doctor.looked == 1
    program.window.show_page(TRAINING)
    program.wiring.settings.controller.save_secret(HF_TOKEN, "hf_" + "t" * 34)
    program.settle()
    assert program.services.doctor.looked == 1  # nobody looks at it
    open_page(program)
    assert program.services.doctor.looked == 2
    program.wiring.settings.controller.set_offline(True)
    program.settle()
    assert program.services.doctor.looked == 3  # it is in sight


def test_how_the_program_looks_is_no_reason_to_look_again(program: Program) -> None:
    program.wiring.settings.controller.set_value("proxy", "http://proxy.example:3128")
    program.settle()
    open_page(program)
    looked = program.services.doctor.looked
    program.wiring.settings.controller.set_value("theme", "dark")
    program.settle()
    assert program.services.doctor.looked == looked


def test_check_again_shows_what_is_new(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    gone = tuple(replace(check, state=OK, next_step="") for check in CHECKS[:3])
    program.services.doctor.found = gone
    press(program, qtbot, "again")
    assert words(program, "summary") == "Everything that a training needs is in order."
    assert program.window.findChild(QWidget, "doctor.hugging_face_token") is None
    assert not program.child("doctor.go").isVisible()
    assert "Next" not in shown(program, "docker_engine")


def test_while_it_looks_the_button_stops_it(program: Program, qtbot: QtBot) -> None:
    seen: list[tuple[str, str, bool]] = []

    def hold() -> None:
        button, copy = program.child("doctor.again"), program.child("doctor.copy")
        seen.append((button.text(), words(program, "summary"), copy.isEnabled()))
        button.click()

    program.services.doctor.hold = hold
    open_page(program)
    assert seen == [("Sto&p", "Looking… 2 of 5 done.", False)]
    assert words(program, "summary") == "Stopped before everything was looked at."
    assert program.window.findChild(QWidget, "doctor.docker_engine") is None
    program.services.doctor.hold = None
    press(program, qtbot, "again")
    assert "1 problem" in words(program, "summary")


def test_what_is_asked_for_while_it_looks_comes_after(program: Program) -> None:
    def hold() -> None:
        program.services.doctor.hold = None
        program.wiring.doctor.controller.check()

    program.services.doctor.hold = hold
    open_page(program)
    assert program.services.doctor.looked == 2


def test_the_report_goes_to_the_clipboard(program: Program, qtbot: QtBot) -> None:
    assert not program.child("doctor.copy").isEnabled()
    open_page(program)
    press(program, qtbot, "copy")
    assert "Hugging Face token: It is refused." in QApplication.clipboard().text()
    assert "clipboard" in program.window.statusBar().currentMessage()


def test_settings_are_a_button_away(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    press(program, qtbot, "hugging_face_token.remedy")
    assert program.window.page == SETTINGS


def test_a_missing_image_is_a_button_away_and_its_arrival_is_seen(
    program: Program, qtbot: QtBot
) -> None:
    image = Check(CONTAINERS, "Training image", NOTE, "None is there.", "Docker needs it.",
                  "Get it.", MANAGE_IMAGE)  # fmt: skip
    program.services.doctor.found = (image,)
    program.services.docker.engine = make_engine()
    open_page(program)
    looked = program.services.doctor.looked
    press(program, qtbot, "training_image.remedy")
    dialog = program.window.findChild(QDialog)
    assert dialog is not None
    assert dialog.isVisible()
    program.services.images.there["temper-trainer:1"] = make_image("temper-trainer:1")
    program.wiring.docker.controller.refresh()
    program.settle()
    assert program.services.doctor.looked > looked
    dialog.close()


def test_the_environment_is_set_up_without_a_training_after_it(
    program: Program, qtbot: QtBot
) -> None:
    program.services.runtime.ready = False
    open_page(program)
    press(program, qtbot, "python_environment.remedy")
    assert program.window.page == TRAINING  # where its progress is seen
    assert program.services.runtime.created == 1
    assert program.services.runs.calls == []
    open_page(program)
    assert program.services.doctor.looked == 2


def test_a_set_up_that_fails_can_be_tried_again(program: Program, qtbot: QtBot) -> None:
    runtime = program.services.runtime
    runtime.ready, runtime.error = False, AppError("network", "No connection.", "Check it.")
    open_page(program)
    press(program, qtbot, "python_environment.remedy")
    banner = program.window.training.banner
    assert banner.isVisible()
    runtime.error = None
    banner.action_requested.emit(SET_UP_PYTHON)
    program.settle()
    assert (runtime.created, runtime.ready) == (2, True)
    assert program.services.runs.calls == []


def test_the_keyboard_goes_through_all_checks(program: Program, qtbot: QtBot) -> None:
    window = program.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    open_page(program)
    program.child("doctor.again").setFocus()
    while not (now := QApplication.focusWidget()) or now.objectName() != "doctor.memory":
        qtbot.keyClick(now, Qt.Key.Key_Tab)
    passed = ["doctor.memory"]
    for _ in CHECKS:
        focused = QApplication.focusWidget()
        assert focused is not None
        qtbot.keyClick(focused, Qt.Key.Key_Down)
        passed.append(QApplication.focusWidget().objectName())  # type: ignore[union-attr]
    assert passed == [
        "doctor.memory", "doctor.gpu", "doctor.docker_engine", "doctor.python_environment",
        "doctor.hugging_face_token", "doctor.hugging_face_token",
    ]  # fmt: skip
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget().objectName().endswith(".remedy")  # type: ignore[union-attr]
    qtbot.keyClick(program.child("doctor.hugging_face_token"), Qt.Key.Key_Home)
    assert program.child("doctor.memory").hasFocus()


def test_show_next_leads_to_problems_first_and_round_again(program: Program, qtbot: QtBot) -> None:
    program.window.activateWindow()
    qtbot.waitUntil(program.window.isActiveWindow)
    open_page(program)
    visited = []
    for _ in range(4):
        press(program, qtbot, "go")
        visited.append(QApplication.focusWidget().objectName())  # type: ignore[union-attr]
    assert visited == [
        "doctor.hugging_face_token", "doctor.docker_engine", "doctor.python_environment",
        "doctor.hugging_face_token",
    ]  # fmt: skip


def test_the_focus_stays_where_it_is_while_results_change(program: Program, qtbot: QtBot) -> None:
    program.window.activateWindow()
    qtbot.waitUntil(program.window.isActiveWindow)
    open_page(program)
    program.child("doctor.gpu").setFocus()
    program.services.doctor.found = tuple(replace(one, message="new") for one in CHECKS)
    program.wiring.doctor.controller.check()
    program.settle()
    assert program.child("doctor.gpu").hasFocus()
    assert "new" in shown(program, "gpu")


def test_help_on_the_page_opens_its_place(program: Program) -> None:
    from app.paths import guide_folder
    from models.domain.guide import Place, load_guide

    guide = load_guide(guide_folder())
    for name in ("doctor.memory", "doctor.summary"):
        assert guide.near(name) == Place("doctor")
    assert guide.find("doctor.copy") == Place("doctor", "the-report")


@pytest.mark.parametrize("percent", [100, 200])
def test_nothing_is_cut_off(program: Program, percent: int) -> None:
    theme = current_theme()
    program.window.resize(1280, 800)
    program.wiring.settings.controller.set_value("text_size", percent)
    program.settle()
    try:
        open_page(program)
        program.aio.until(lambda: program.child("doctor.gpu").width() > 0)
        for check in CHECKS:
            row = program.child(f"doctor.{check.name.lower().replace(' ', '_')}")
            for label in row.findChildren(QWidget):
                if label.isVisible() and label.property("text"):
                    assert label.width() >= label.minimumSizeHint().width()
                    assert label.geometry().right() <= row.width()
    finally:
        theme.set_text_size(100)


def test_before_the_services_are_there_nothing_can_be_asked(qtbot: QtBot, themed: None) -> None:
    from views.panels.doctor_panel import DoctorPanel

    model = DoctorModel()
    panel = DoctorPanel(model)
    qtbot.addWidget(panel)
    button = panel.findChild(QWidget, "doctor.again")
    assert button is not None
    assert not button.isEnabled()
    model.set_ready()
    assert button.isEnabled()


def test_what_was_found_before_stays_until_its_group_is_known_anew() -> None:
    model = DoctorModel()
    model.begin()
    model.show(CHECKS)
    model.end()
    model.begin()
    waiting = tuple(replace(one, state=CheckState.WAITING, message="Looking…") for one in CHECKS)
    model.show((replace(CHECKS[0], message="new"), *waiting[1:]))
    assert [one.message for one in model.checks if one.name == "Memory"] == ["new"]
    assert {one.state for one in model.checks} == {OK, NOTE, FAIL}
    assert len(model.checks) == len(CHECKS)
    model.end(stopped=True)
    assert len(model.checks) == len(CHECKS)
    late = (replace(CHECKS[0], message="too late"),)
    model.show(late)
    assert "too late" not in {one.message for one in model.checks}


def test_pages_keep_their_numbers(program: Program) -> None:
    for page in (DATASETS, DOCTOR, SETTINGS):
        program.window.show_page(page)
        assert program.window.page == page
    program.settle()
