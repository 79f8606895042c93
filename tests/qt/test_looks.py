"""How the window looks at other sizes, and where the eye and the focus land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.paths import resource
from models.domain.base_models import load_base_models
from models.domain.config import TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.inference import TunedModel
from models.domain.run import RunState, RunUpdate
from models.qt.memory_forecast import Fit
from tests.qt.conftest import destroy
from tests.qt.fakes import make_run, make_session, progress_event
from views.dialogs.question_dialog import QuestionDialog
from views.main_window import DATASETS, DOCTOR, MODELS, RUNS, SETTINGS, STORAGE, TRAINING
from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.elided_label import ElidedLabel
from views.widgets.loss_chart import LossChart
from views.widgets.page_column import ScrollColumn, reveal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from views.main_window import MainWindow


def settle() -> None:
    for _ in range(4):  # a layout's request may bring another one
        QCoreApplication.processEvents()


@pytest.mark.parametrize("width", [640, 920, 1000, 1280])
def test_nothing_of_the_columns_is_cut_at_the_right(window: MainWindow, width: int) -> None:
    window.resize(width, 700)
    settle()
    for column in window.training.findChildren(ScrollColumn):
        assert column.widget().width() <= column.viewport().width(), column


@pytest.fixture
def large_text(window: MainWindow) -> Iterator[None]:
    """Text of twice the size, until the test is over."""
    current_theme().set_text_size(200)
    yield
    current_theme().set_text_size(100)


@pytest.mark.usefixtures("large_text")
def test_lines_and_icons_grow_with_the_text(window: MainWindow) -> None:
    settle()
    letters = window.fontMetrics().height()
    lines = [w for w in window.training.findChildren(QComboBox) if w.isVisible()]
    assert lines
    assert all(line.minimumSizeHint().height() > letters for line in lines)
    icons = [w for w in window.findChildren(IconButton) if w.isVisible()]
    assert icons
    assert all(icon.iconSize().height() > letters for icon in icons)


@pytest.mark.parametrize("risky", [True, False])
def test_return_never_takes_something_away_for_good(
    window: MainWindow, qtbot: QtBot, risky: bool
) -> None:
    answers: list[str] = []
    dialog = QuestionDialog("Delete it?", "", (("yes", "Delete"),), window, risky=risky)
    dialog.answered.connect(answers.append)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.focusWidget() is not None)
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not window.findChildren(QuestionDialog))
    assert answers == ([] if risky else ["yes"])


def test_return_presses_the_answer_that_has_the_focus(window: MainWindow, qtbot: QtBot) -> None:
    answers: list[str] = []
    dialog = QuestionDialog("Delete it?", "", (("yes", "Delete"),), window, risky=True)
    dialog.answered.connect(answers.append)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.focusWidget() is not None)
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Backtab)
    assert dialog.focusWidget().objectName() == "question.yes"
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    assert answers == ["yes"]


def test_the_words_of_every_answer_are_seen(window: MainWindow) -> None:
    words = "Use SmolLM2-135M-Instruct-bnb-4bit"
    answers = (("use", words), ("keep", "Keep the chosen model"))
    dialog = QuestionDialog("Use a smaller model?", "", answers, window)
    dialog.open()
    settle()
    for button in dialog.findChildren(QPushButton):
        needed = button.fontMetrics().horizontalAdvance(button.text())
        assert button.width() >= needed + 24, button.text()
    destroy(dialog)


def test_start_says_what_speaks_against_it(window: MainWindow, qtbot: QtBot) -> None:
    bar = window.training.start_bar
    status = window.findChild(QWidget, "run.status")
    attention = window.findChild(QPushButton, "start.problems")
    height = bar.height()
    assert (status.text(), attention.isVisible()) == ("Ready to train", False)
    bar.show_fit(Fit.OVER)
    settle()
    assert attention.text() == "Will probably not fit the memory"
    assert not status.isVisible()
    qtbot.mouseClick(attention, Qt.MouseButton.LeftButton)
    assert window.training.setup.memory.visibleRegion().boundingRect().height() > 20
    window.models.form.edit_text("hp.epochs", "0")
    settle()
    assert attention.text() == "1 setting needs attention"
    assert bar.height() == height
    window.models.form.edit_text("hp.epochs", "1")
    bar.show_fit(Fit.TIGHT)
    assert (status.text(), attention.isVisible()) == ("Ready to train", False)


@pytest.mark.parametrize("size", [(1280, 800), (640, 480)])
def test_the_first_problem_is_scrolled_into_view(
    window: MainWindow, qtbot: QtBot, size: tuple[int, int]
) -> None:
    window.resize(*size)
    settle()
    window.models.form.edit_text("output.directory", "/elsewhere")
    window.training.setup.show_first_problem()
    line = window.findChild(QWidget, "output.directory")
    qtbot.waitUntil(lambda: line.visibleRegion().boundingRect().height() == line.height())
    assert line.hasFocus()


def test_a_start_that_was_refused_keeps_the_focus(program: Program, qtbot: QtBot) -> None:
    program.services.datasets.sessions = [make_session()]
    program.services.runtime.ready = False
    program.aio(program.wiring.fill())
    start = program.child("local.start")
    start.setFocus()
    qtbot.keyClick(start, Qt.Key.Key_Space)
    program.settle()
    assert program.child("notice.action").isVisible()
    assert start.hasFocus()


def test_another_page_begins_without_a_chosen_button(window: MainWindow) -> None:
    window.findChild(QWidget, "hp.epochs").setFocus()
    window.show_page(SETTINGS)
    settle()
    assert not isinstance(QApplication.focusWidget(), QAbstractButton | QLineEdit | QComboBox)
    assert QApplication.focusWidget().accessibleName() == "Settings"


def test_a_narrow_window_keeps_the_words_of_start(window: MainWindow) -> None:
    window.resize(640, 480)
    settle()
    start = window.findChild(QPushButton, "local.start")
    assert start.width() >= start.sizeHint().width()
    assert not window.findChild(QWidget, "config.save_bar").isVisible()
    window.resize(1280, 800)
    settle()
    assert window.findChild(QWidget, "config.save_bar").isVisible()


@pytest.mark.parametrize("page", [TRAINING, RUNS, DATASETS, MODELS, STORAGE, DOCTOR, SETTINGS])
@pytest.mark.parametrize("skill", ["Beginner", "Expert"])
@pytest.mark.parametrize("has_data", [True, False])
def test_no_letter_has_two_meanings_on_a_page(
    window: MainWindow, page: int, skill: str, has_data: bool
) -> None:
    window.models.datasets.set_items([make_session()] if has_data else [])
    window.models.form.edit("training.skill_level", skill)
    window.models.run.inference.set_tuned(TunedModel("base/model", "/adapter", "/"))
    window.show_page(page)
    settle()
    labels = [one.text() for one in window.findChildren(QLabel) if one.isVisible() and one.buddy()]
    buttons = [one.text() for one in window.findChildren(QAbstractButton) if one.isVisible()]
    menus = [action.text() for action in window.menuBar().actions()]
    marked = [text for text in (*labels, *buttons, *menus) if "&" in text]
    letters = [text[text.index("&") + 1].lower() for text in marked]
    assert len(letters) == len(set(letters)), sorted(marked)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("target", "Local · Beginner · Quick local test"),
        ("dataset", "Database Session · Support answers"),
        ("model", "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"),
        ("training", "Epochs 1"),
        ("local", "Python on this computer · Use GPU"),
    ],
)
def test_a_folded_card_speaks_in_words(window: MainWindow, section: str, words: str) -> None:
    window.models.datasets.set_items([make_session()])
    window.models.form.load(
        with_values(TrainingConfig(), {"dataset.session": "1", "hp.packing": False})
    )
    window.findChild(QAbstractButton, f"section.{section}.fold").click()
    assert window.findChild(QLabel, f"section.{section}.summary").text() == words


@pytest.mark.qt_log_ignore("This plugin does not support")  # of a list that pops up, off screen
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_list_of_a_choice_has_the_frame_and_the_selection_of_the_theme(
    window: MainWindow, mode: str
) -> None:
    current_theme().set_mode(mode)
    combo = window.findChild(QComboBox, "training.target")
    combo.showPopup()
    settle()
    picture = combo.view().window().grab().toImage()
    right, foot = picture.width() - 1, picture.height() - 1
    edges = {(right // 2, 0), (right // 2, foot), (0, foot // 2), (right, foot // 2)}
    frame = {picture.pixelColor(*edge).name() for edge in edges}
    view = combo.view()
    chosen = view.visualRect(view.currentIndex())
    place = view.viewport().mapTo(view.window(), QPoint(chosen.right() - 4, chosen.center().y()))
    selection = picture.pixelColor(place).name()
    combo.hidePopup()
    tokens = current_theme().tokens
    current_theme().set_mode("light")
    assert frame == {tokens.field_border.lower()}
    assert selection == tokens.accent_soft.lower()


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_long_list_of_choices_shows_that_it_goes_on(window: MainWindow) -> None:
    models = load_base_models(resource("base_models.toml"))
    window.training.setup.model_card.base_model.set_models(models)
    combo = window.findChild(QComboBox, "hp.base_model")
    combo.showPopup()
    settle()
    bar = combo.view().verticalScrollBar()
    assert bar.maximum() > 0
    assert bar.isVisible()
    combo.hidePopup()


def test_the_tab_key_passes_by_the_chart(window: MainWindow) -> None:
    window.models.run.begin(make_run())
    window.models.run.take(RunUpdate(make_run(), (progress_event(1), progress_event(2))))
    window.training.run_panel.findChild(LossChart).redraw()
    inside = window.training.run_panel.findChild(LossChart).findChildren(QWidget)
    assert inside
    assert all(not one.focusPolicy() & Qt.FocusPolicy.TabFocus for one in inside)


def test_beside_a_start_that_is_switched_off_stands_why_and_the_way_out(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.models.form.edit("training.target", TARGET_RUNPOD)
    settle()
    attention = window.findChild(QPushButton, "start.problems")
    assert not window.findChild(QPushButton, "runpod.start").isEnabled()
    assert attention.isVisible()
    assert attention.text() == "Needs a Runpod API key"
    assert attention.toolTip() == "Needs a Runpod API key. Set one under Settings."
    assert not window.findChild(QWidget, "runpod.quote").isVisible(), "nothing can be paid"
    qtbot.mouseClick(attention, Qt.MouseButton.LeftButton)
    way = window.findChild(QPushButton, "runpod.open_settings")
    qtbot.waitUntil(lambda: way.visibleRegion().boundingRect().height() == way.height())
    assert way.hasFocus()


def test_without_a_key_there_is_a_way_to_where_it_is_set(program: Program, qtbot: QtBot) -> None:
    program.aio(program.wiring.fill())
    program.models.form.edit("training.target", TARGET_RUNPOD)
    program.settle()
    assert (
        program.child("runpod.reason").text() == "Needs a Runpod API key. Set one under Settings."
    )
    assert program.child("runpod.gpu.reason").text() == "Needs a Runpod API key."
    qtbot.mouseClick(program.child("runpod.open_settings"), Qt.MouseButton.LeftButton)
    assert program.window.page == SETTINGS


def test_the_runs_page_asks_for_a_choice(window: MainWindow) -> None:
    window.models.runs.put(make_run())
    window.show_page(RUNS)
    settle()
    assert window.findChild(QLabel, "runs.status").text() == "No run chosen"
    assert window.findChild(QLabel, "runs.facts").text().startswith("Choose a run")


def test_a_problem_says_what_to_do(window: MainWindow) -> None:
    window.models.form.check_all()
    settle()
    words = window.findChild(QLabel, "dataset.session.message").text()
    assert words == "Not chosen. Choose or import a dataset."


def test_a_long_name_is_cut_with_an_ellipsis(window: MainWindow) -> None:
    window.resize(640, 480)
    window.models.form.load(TrainingConfig(), name="A name that is long, " * 8)
    settle()
    name = window.findChild(ElidedLabel, "config.name")
    assert name.shown_text.endswith("…")
    assert name.geometry().right() < window.width()


def test_a_started_run_is_in_sight_in_a_narrow_window(program: Program) -> None:
    program.services.datasets.sessions = [make_session()]
    running = make_run(step=3, total_steps=10)
    program.services.runs.script = [
        RunUpdate(running),
        RunUpdate(make_run(state=RunState.FINISHED)),
    ]
    program.aio(program.wiring.fill())
    program.window.resize(640, 480)
    settle()
    facts = program.child("run.facts")
    assert facts.visibleRegion().isEmpty()
    program.child("local.start").click()
    program.settle()
    settle()
    assert not facts.visibleRegion().isEmpty()


@pytest.mark.parametrize("name", ["runs.use_setup", "runs.delete"])
def test_what_is_switched_off_says_why(window: MainWindow, name: str) -> None:
    window.models.runs.put(make_run())
    window.show_page(RUNS)
    window.findChild(QWidget, "runs.table").clearSelection()
    button = window.findChild(QPushButton, name)
    assert not button.isEnabled()
    assert button.toolTip() == "Choose a run in the table first"


def _top(window: MainWindow, name: str) -> int:
    widget = window.findChild(QWidget, name)
    return widget.mapTo(window, QPoint(0, 0)).y()


@pytest.mark.parametrize("size", [(1280, 800), (1000, 700), (640, 480)])
def test_what_is_being_edited_stays_where_it_is(
    program: Program, qtbot: QtBot, size: tuple[int, int]
) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    window = program.window
    window.resize(*size)
    settle()
    box, line = program.child("hp.packing"), program.child("hp.epochs")
    reveal(box)
    for _ in range(2):  # "Modified" comes and goes above, in the card of the preset
        before = _top(window, "hp.packing")
        place = QPoint(12, box.height() // 2)
        qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=place)
        program.settle()
        settle()
        assert _top(window, "hp.packing") == before
    line.setFocus()
    before = _top(window, "hp.epochs")
    for text in ("0", "3"):  # a message comes and goes beneath, in the same row of the grid
        line.selectAll()
        qtbot.keyClicks(line, text)
        settle()
        assert _top(window, "hp.epochs") == before
