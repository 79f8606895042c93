"""The frame: pages, menus, shortcuts, themes, keyboard, widths, crash report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget

from app.crash import CrashReporter
from app.crash_report import report_text
from tests.qt.conftest import destroy
from views.dialogs.crash_dialog import CrashDialog
from views.main_window import DATASETS, RUNS, TRAINING
from views.stylesheet import DARK, LIGHT, Tokens
from views.theme import current_theme

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow

CONTROLS = (
    "local.start", "local.stop", "runpod.start", "runpod.stop", "runpod.quote", "run.status",
    "run.progress", "run.time_left", "run.chart", "run.log", "run.download_logs", "infer.status",
    "infer.meta", "infer.preset", "infer.samples", "infer.refresh_samples", "infer.prompt",
    "infer.temperature", "infer.max_new_tokens", "infer.compare", "infer.run", "infer.spinner",
    "infer.cancel", "infer.clear", "infer.export", "infer.history", "dataset.refresh",
    "dataset.preview", "config.mode", "config.list", "config.refresh", "config.load",
    "config.rename", "config.delete", "config.save", "config.save_bar", "offline.banner",
    "hp.memory", "training.preset.line", "output.folder", "hp.estimate",
)  # fmt: skip


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_has_its_name(window: MainWindow, name: str) -> None:
    assert len(window.findChildren(QWidget, name)) == 1


def test_what_can_be_operated_has_a_name_for_screen_readers(window: MainWindow) -> None:
    operated = (QAbstractButton, QComboBox, QLineEdit)
    silent = [
        widget
        for kind in operated
        for widget in window.findChildren(kind)
        if widget.isVisible() and not (widget.accessibleName() or getattr(widget, "text", str)())
    ]
    assert silent == []


def test_pages_by_rail_menu_and_shortcut(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.findChild(QWidget, "nav.runs"), Qt.MouseButton.LeftButton)
    assert window.page == RUNS
    window.actions_.pages[DATASETS].trigger()
    assert window.page == DATASETS
    assert window.findChild(QAbstractButton, "nav.datasets").isChecked()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.page == TRAINING


def test_shortcuts_and_mnemonics_are_unique(window: MainWindow) -> None:
    keys = [a.shortcut().toString() for a in window.actions_.all if not a.shortcut().isEmpty()]
    assert len(keys) == len(set(keys))
    for menu in window.menuBar().actions():
        letters = [
            action.text().split("&")[1][0].lower()
            for action in menu.menu().actions()  # type: ignore[attr-defined]
            if "&" in action.text()
        ]
        assert len(letters) == len(set(letters)), menu.text()


def test_what_cannot_be_done_is_disabled(window: MainWindow) -> None:
    actions = window.actions_
    assert actions.start.isEnabled()
    assert not actions.stop.isEnabled()
    assert not actions.open_folder.isEnabled()
    window.set_ready(False)
    assert not actions.start.isEnabled()
    assert not window.findChild(QAbstractButton, "local.start").isEnabled()


def test_the_tab_key_walks_the_form_in_reading_order(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.findChild(QWidget, "training.target").setFocus()
    seen: list[str] = []
    for _ in range(60):
        name = _focused_name()
        if not name.startswith(("section.", "help.")):
            seen.append(name)
        if name == "config.save_bar":
            break
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    wanted = [
        "training.target", "training.skill_level", "training.preset", "dataset.source",
        "dataset.session", "dataset.refresh", "dataset.import", "hp.base_model",
        "hp.memory.measure", "hp.epochs",
        "hp.packing", "output.directory", "hp.auto_resume", "local.runtime", "local.use_gpu",
        "local.host_data_dir", "local.host_data_dir.browse", "local.pass_hf_token",
    ]  # fmt: skip
    assert seen[: len(wanted)] == wanted
    assert seen.index("run.log") < seen.index("local.start") < seen.index("config.save_bar")


def _focused_name() -> str:
    widget = QApplication.focusWidget()
    while widget is not None and (not widget.objectName() or widget.objectName().startswith("qt_")):
        widget = widget.parentWidget()
    return widget.objectName() if widget is not None else ""


def test_the_theme_changes_everything_and_back(window: MainWindow) -> None:
    theme = current_theme()
    theme.set_mode("dark")
    assert QApplication.palette().window().color() == QColor(DARK.window)
    dark = window.grab().toImage().pixelColor(700, 80)
    theme.set_mode("light")
    light = window.grab().toImage().pixelColor(700, 80)
    assert dark.lightness() < 60 < 200 < light.lightness()


def test_both_themes_name_every_colour() -> None:
    assert set(vars(LIGHT)) == set(vars(DARK)) == set(Tokens.__annotations__)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("text", "window"), ("text", "surface"), ("text", "field"), ("muted", "surface"),
        ("muted", "window"), ("muted", "rail"), ("on_accent", "accent"),
        ("on_accent", "accent_hover"), ("accent_text", "accent_soft"), ("accent_text", "surface"),
        ("good", "surface"), ("bad", "surface"), ("bad", "field"), ("warning", "field"),
        ("text", "good_soft"), ("text", "bad_soft"), ("text", "warning_soft"),
        ("text", "accent_soft"), ("placeholder", "field"), ("bad", "window"),
    ],
)  # fmt: skip
def test_words_can_be_read(tokens: Tokens, ink: str, ground: str) -> None:
    first, second = (_luminance(QColor(getattr(tokens, name))) for name in (ink, ground))
    bright, dark = max(first, second), min(first, second)
    assert (bright + 0.05) / (dark + 0.05) >= (4.0 if ground == "accent_hover" else 4.5)


def _luminance(color: QColor) -> float:
    parts = [color.redF(), color.greenF(), color.blueF()]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (640, 400), (900, 500)])
def test_nothing_is_wider_than_the_window(window: MainWindow, width: int, height: int) -> None:
    window.resize(width, height)
    QCoreApplication.processEvents()
    QCoreApplication.processEvents()
    assert window.width() == width
    for page in (TRAINING, RUNS, DATASETS):
        window.show_page(page)
        QCoreApplication.processEvents()
        assert window.width() == width
    start = window.findChild(QWidget, "local.start")
    window.show_page(TRAINING)
    place = start.mapTo(window, start.rect().topRight())
    assert place.x() <= width


def test_a_narrow_window_has_one_column(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(640, 400)
    start = window.findChild(QWidget, "local.start")
    status = window.findChild(QWidget, "run.facts")

    def one_column() -> bool:
        return status.mapTo(window, status.rect().topLeft()).x() < 120

    qtbot.waitUntil(one_column)
    assert start.mapTo(window, start.rect().topLeft()).x() < 120
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: not one_column())


def test_a_bug_is_a_report_that_can_be_copied(
    window: MainWindow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = CrashReporter(tmp_path / "logs")
    seen: list[object] = []
    reporter.crashed.connect(seen.append)
    with pytest.raises(ZeroDivisionError) as caught:
        _divide()
    reporter.report(caught.value)
    text = report_text(caught.value)
    assert "ZeroDivisionError: one by nothing" in text
    assert "test_window.py" in text
    assert len(list((tmp_path / "logs").glob("crash-*.txt"))) == 1
    assert "one by nothing" in capsys.readouterr().err
    dialog = CrashDialog("It broke", text, window)
    dialog.open()
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == text
    destroy(dialog)
    assert len(seen) == 1


def _divide() -> None:
    raise ZeroDivisionError("one by nothing")


def test_the_hooks_are_put_back(tmp_path: Path) -> None:
    before = sys.excepthook
    reporter = CrashReporter(tmp_path)
    reporter.install()
    assert reporter.watch_faults() == ""
    assert sys.excepthook != before
    reporter.uninstall()
    assert sys.excepthook == before
