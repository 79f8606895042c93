"""The Settings page: Offline mode, the proxy, and what the settings change in the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from models.domain.config import SOURCE_HUB, SOURCE_SESSION, TARGET_LOCAL, TARGET_RUNPOD
from models.domain.errors import AppError
from models.domain.secrets import HF_TOKEN, SECRETS
from models.qt import wording
from tests.qt import settings_steps
from tests.qt.settings_steps import TOKEN, open_page, text
from views.main_window import SETTINGS, TRAINING
from views.theme import current_theme
from views.widgets.page_column import TwoColumns

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

plain_look = settings_steps.plain_look


def choose(program: Program, name: str, value: object) -> None:
    combo = program.child(f"settings.{name}")
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())
    program.settle()


@pytest.mark.parametrize("name", [*SECRETS, "offline", "theme", "data_root", "proxy", "language"])
def test_every_control_has_its_name(program: Program, name: str) -> None:
    assert program.child(f"settings.{name}").accessibleName()


def test_the_page_is_reached_by_rail_menu_and_shortcuts(program: Program, qtbot: QtBot) -> None:
    window = program.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_7, Qt.KeyboardModifier.ControlModifier)
    assert window.page == SETTINGS
    window.show_page(TRAINING)
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    assert window.page == SETTINGS
    window.show_page(TRAINING)
    qtbot.mouseClick(program.child("nav.settings"), Qt.MouseButton.LeftButton)
    assert window.page == SETTINGS
    rail = [program.child(f"nav.{name}").y() for name in ("training", "datasets", "settings")]
    assert rail[2] > window.height() * 0.6 > rail[1] > rail[0]


def test_before_anything_is_known_nothing_can_be_changed(program: Program) -> None:
    program.window.show_page(SETTINGS)
    for name in ("offline", "proxy", "theme", "hf_token.set", "hf_token.test"):
        assert not program.child(f"settings.{name}").isEnabled()
    assert text(program, "hf_token.state") == "Looking…"


@pytest.mark.spec("When Offline Mode is enabled, the Training tab enforces local-only workflows:")
def test_offline_is_switched_on_the_page_and_in_the_menu(program: Program) -> None:
    form = program.models.form
    form.apply({"training.target": TARGET_RUNPOD, "dataset.source": SOURCE_HUB})
    form.edit("hp.push_to_hub", True)
    chosen = form.config
    open_page(program)
    heard: list[bool] = []
    program.wiring.settings.controller.offline_changed.connect(heard.append)
    program.child("settings.offline").click()
    program.settle()
    action = program.window.actions_.offline
    assert program.services.settings.now.offline
    assert program.models.settings.is_offline
    assert action.isChecked()
    assert (form.config.training.target, form.config.dataset.source) == (
        TARGET_LOCAL,
        SOURCE_SESSION,
    )
    assert not form.config.hp.push_to_hub
    assert form.user_config == chosen
    assert not program.child("offline.banner").isHidden()
    action.trigger()
    program.settle()
    assert not program.child("settings.offline").isChecked()
    assert not program.services.settings.now.offline
    assert form.config == chosen
    assert program.child("offline.banner").isHidden()
    assert heard == [True, False]
    assert "Offline mode" in [a.text().replace("&", "") for a in _tools_menu(program)]


def test_forced_offline_is_shown_and_cannot_be_left(program: Program) -> None:
    program.services.offline.is_forced = True
    heard: list[bool] = []
    program.wiring.settings.controller.offline_changed.connect(heard.append)
    open_page(program)
    box = program.child("settings.offline")
    assert (box.isChecked(), box.isEnabled()) == (True, False)
    assert "started offline" in text(program, "offline.reason")
    action = program.window.actions_.offline
    assert (action.isChecked(), action.isEnabled()) == (True, False)
    assert heard == [True]


def test_a_switch_that_cannot_be_stored_goes_back(program: Program) -> None:
    open_page(program)
    program.services.settings.error = AppError("disk_full", "The disk is full.", "Free some space.")
    program.child("settings.offline").click()
    program.settle()
    assert not program.child("settings.offline").isChecked()
    assert not program.window.actions_.offline.isChecked()
    notice = program.window.training.banner.notice
    assert notice is not None
    assert notice.title == "Offline mode was not changed"


def test_a_wrong_proxy_is_told_beneath_and_stays_to_be_mended(
    program: Program, qtbot: QtBot
) -> None:
    open_page(program)
    line = program.child("settings.proxy")
    qtbot.keyClicks(line, "proxy.example")
    assert "proxy" not in program.services.settings.stored  # not at each key
    qtbot.keyClick(line, Qt.Key.Key_Return)
    program.settle()
    message = program.child("settings.proxy.message")
    assert "http://" in message.text()
    assert line.text() == "proxy.example"
    line.selectAll()
    qtbot.keyClicks(line, "http://proxy.example:3128")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    program.settle()
    assert program.services.settings.now.proxy == "http://proxy.example:3128"
    assert not message.isVisible()


def test_what_is_being_typed_outlives_other_changes(program: Program, qtbot: QtBot) -> None:
    open_page(program)
    line = program.child("settings.proxy")
    qtbot.keyClicks(line, "http://pro")
    program.models.settings.changed.emit()
    assert line.text() == "http://pro"


def test_the_theme_is_one_truth_for_page_menu_and_store(program: Program) -> None:
    open_page(program)
    choose(program, "theme", "dark")
    assert current_theme().mode == "dark"
    assert program.services.settings.now.theme == "dark"
    ticked = [
        action.data() for action in program.window.actions_.themes.actions() if action.isChecked()
    ]
    assert ticked == ["dark"]
    heard: list[tuple[str, int]] = []
    program.wiring.settings.look_changed.connect(lambda theme, size: heard.append((theme, size)))
    program.window.theme_chosen.emit("light")
    program.settle()
    assert program.child("settings.theme").currentData() == "light"
    assert heard == [("light", 100)]


def test_the_first_frames_theme_counts_until_one_is_stored(program: Program) -> None:
    current_theme().set_mode("dark")
    program.aio(program.wiring.settings.read())
    assert program.services.settings.now.theme == "dark"
    program.services.settings.set("theme", "light")  # by the command line, say
    program.aio(program.wiring.settings.read())
    assert current_theme().mode == "light"


def test_text_grows_and_shrinks_by_page_and_menu(program: Program) -> None:
    open_page(program)
    before = QApplication.font().pointSizeF()
    actions = program.window.actions_
    for action, expected in (
        (actions.larger, 115), (actions.larger, 130), (actions.smaller, 115),
        (actions.normal_size, 100), (actions.smaller, 100),
    ):  # fmt: skip
        action.trigger()
        program.settle()
        assert program.services.settings.now.text_size == expected
    choose(program, "text_size", 200)
    assert QApplication.font().pointSizeF() == pytest.approx(before * 2)
    actions.larger.trigger()
    program.settle()
    assert program.services.settings.now.text_size == 200
    actions.normal_size.trigger()
    program.settle()
    assert QApplication.font().pointSizeF() == pytest.approx(before)


def test_large_text_gets_its_room(program: Program) -> None:
    open_page(program)
    columns = next(one for one in program.window.findChildren(TwoColumns) if one.isVisible())
    button = program.child("nav.settings")
    assert not columns.is_narrow
    assert button.toolTip() == ""
    choose(program, "text_size", 200)
    assert columns.is_narrow  # one column, and the rail's words give way to icons
    assert button.toolTip() == "Settings"
    choose(program, "text_size", 130)
    assert not columns.is_narrow
    assert button.fontMetrics().horizontalAdvance("Datasets") < button.width()


def test_a_size_that_is_not_on_offer_is_shown_as_it_is(program: Program) -> None:
    program.services.settings.set("text_size", 120)
    open_page(program)
    assert program.child("settings.text_size").currentText() == "120 %"


def test_the_data_folder_is_where_setups_without_one_go(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    program.models.settings.set_data_folder("/home/me/temper/data")
    open_page(program)
    line = program.child("settings.data_root")
    assert line.placeholderText() == "/home/me/temper/data"
    qtbot.keyClicks(line, str(tmp_path))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    program.settle()
    assert program.services.settings.now.data_root == str(tmp_path)
    assert program.window.training.setup._data_root == tmp_path
    line.clear()
    line.setModified(True)
    line.editingFinished.emit()
    program.settle()
    assert program.window.training.setup._data_root == Path("/home/me/temper/data")


def test_the_language_decides_how_times_are_written(program: Program) -> None:
    open_page(program)
    then = 1_700_000_000.0
    english = wording.when(then)
    choose(program, "language", "System")
    system = wording.when(then)
    assert english != system
    assert "23" in system
    choose(program, "language", "English")
    assert wording.when(then) == english


def test_keys_walk_through_a_row(program: Program, qtbot: QtBot) -> None:
    program.services.secrets.kept[HF_TOKEN] = TOKEN
    open_page(program)
    window = program.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    program.child("settings.hf_token.set").setFocus()
    seen = []
    for _ in range(4):
        widget = QApplication.focusWidget()
        assert widget is not None
        seen.append(widget.objectName())
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    assert seen == [
        "settings.hf_token.set",
        "settings.hf_token.test",
        "settings.hf_token.remove",
        "settings.runpod_key.set",
    ]


def test_an_old_look_is_reported_when_settings_cannot_be_read(program: Program) -> None:
    program.services.settings.error = AppError("database_locked", "It is locked.", "Wait.")
    program.aio(program.wiring.settings.read())
    notice = program.window.training.banner.notice
    assert notice is not None
    assert notice.title == "The settings cannot be read"
    assert not program.child("settings.theme").isEnabled()


def _tools_menu(program: Program) -> list[object]:
    bar = program.window.menuBar().actions()
    titles = [action.text().replace("&", "") for action in bar]
    assert titles == ["File", "Configuration", "Run", "View", "Tools", "Help"]
    return list(bar[4].menu().actions())  # type: ignore[attr-defined]
