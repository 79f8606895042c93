"""Pages are built when they are first shown, and then are as if they had been there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QTableView, QWidget

from models.domain.run import RunState
from models.qt.app_models import AppModels
from tests.qt.conftest import build_pages, destroy
from tests.qt.fakes import make_run
from views.main_window import DOCTOR, MODELS, RUNS, SETTINGS, STORAGE, MainWindow

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
LATE = {RUNS: "runs.search", STORAGE: "storage.again", DOCTOR: "doctor.again"}


class Shown(QObject):
    """Notes what is shown as a window of its own."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self.windows: list[str] = []
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        is_show = event.type() == QEvent.Type.Show
        if is_show and isinstance(watched, QWidget) and watched.isWindow():
            self.windows.append(type(watched).__name__)
        return False


def test_no_part_of_a_page_is_seen_as_a_window_while_it_is_built(
    qapp: QApplication, themed: None
) -> None:
    made = MainWindow(AppModels())
    made.models.setParent(made)
    shown = Shown(qapp)
    try:
        made.complete()
        made.models.runs.set_items([make_run("a", RunState.FINISHED)])
        build_pages(made)
    finally:
        qapp.removeEventFilter(shown)
        destroy(made)
    assert shown.windows == []


def test_a_page_is_built_when_it_is_first_shown_and_only_then(program: Program) -> None:
    program.aio(program.wiring.fill())
    window = program.window
    for page, name in LATE.items():
        assert window.findChild(QWidget, name) is None, name
        for _ in range(2):
            window.show_page(page)
            window.show_page(MODELS)
        assert len(window.findChildren(QWidget, name)) == 1


def test_a_page_tells_what_came_to_be_before_it_was_built(program: Program) -> None:
    program.services.runs.stored = {"a": make_run("a", RunState.FINISHED, name="Best so far")}
    program.aio(program.wiring.fill())
    program.settle()
    program.window.show_page(RUNS)
    program.settle()
    assert program.child("runs.name").text() == "Best so far"
    assert program.window.actions_.open_folder.isEnabled()


def test_a_queue_that_was_filled_before_has_the_height_it_needs(window: MainWindow) -> None:
    waiting = [
        make_run(name, RunState.QUEUED, name=name, queued_at=1.0, started_at=None)
        for name in ("Rank 64", "Rank 128")
    ]
    window.models.queue.set_queue(waiting, "Rank 32")
    window.show_page(RUNS)
    QCoreApplication.processEvents()
    table = window.findChild(QTableView, "runs.queue.table")
    assert table is not None
    assert table.isVisible()
    assert table.verticalScrollBar().maximum() == 0


@pytest.mark.parametrize("page", [RUNS, MODELS, STORAGE, DOCTOR, SETTINGS])
def test_tab_goes_from_the_rail_through_the_page_to_the_window_foot(
    program: Program, qtbot: QtBot, page: int
) -> None:
    window = program.window
    program.aio(program.wiring.fill())
    program.settle()
    foot = program.window.findChild(QWidget, "pods.indicator")
    assert foot is not None
    foot.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.show_page(page)
    program.settle()
    window._pages.setFocus()
    seen: list[QWidget] = []
    while window.focusWidget() is not foot:
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        seen.append(window.focusWidget())
        assert len(seen) < 100
    shown = window._pages.currentWidget()
    assert shown is not None
    assert len(seen) > 1
    assert all(shown.isAncestorOf(one) for one in seen[:-1])
