"""With text of twice the size in a narrow window nothing lies beside the window: rows wrap."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, QRect
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

from models.domain.availability import Circumstances
from models.domain.config import (
    RUNTIME_DOCKER,
    SOURCE_HUB,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.inference import TunedModel
from models.domain.run import Failure, RunState, RunUpdate
from models.qt.memory_forecast import Fit
from models.qt.notice import Notice
from tests.qt.conftest import destroy
from tests.qt.fakes import make_run, make_session, progress_event
from views.main_window import DATASETS, DOCTOR, MODELS, RUNS, SETTINGS, STORAGE, TRAINING
from views.panels.row_tools import RowTools
from views.theme import current_theme
from views.widgets.elided_label import ElidedLabel
from views.widgets.fields import ChoiceField
from views.widgets.flow_row import FlowRow
from views.widgets.loss_chart import LossChart
from views.widgets.page_column import ScrollColumn, TwoColumns
from views.widgets.wrapped_button import WrappedButton, WrappedCheckBox, WrappedToolButton

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.qt.conftest import Program
    from views.main_window import MainWindow

pytestmark = pytest.mark.slow
LONG = "Use sequence length 1,024 and start again"


@pytest.fixture
def large_text() -> Iterator[None]:
    """Text of twice the size, until the test is over."""
    current_theme().set_text_size(200)
    yield
    current_theme().set_text_size(100)


def settle() -> None:
    for _ in range(6):  # a layout's request may bring another one
        QCoreApplication.processEvents()


def beside(window: MainWindow) -> dict[str, int]:
    """Of each part of the page that scrolls: by how many pixels sideways."""
    areas = [*window.findChildren(TwoColumns), *window.findChildren(ScrollColumn)]
    seen = [area for area in areas if area.isVisible()]
    over = {area: area.widget().width() - area.viewport().width() for area in seen}
    return {f"{type(area).__name__} {area.objectName()}": by for area, by in over.items() if by > 0}


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("page", [TRAINING, RUNS, DATASETS, MODELS, STORAGE, DOCTOR, SETTINGS])
def test_no_page_scrolls_sideways(program: Program, page: int) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    current_theme().set_text_size(200)  # after the settings, which say how large it is
    program.window.resize(640, 760)
    program.window.show_page(page)
    program.settle()
    settle()
    assert beside(program.window) == {}


def cut(window: MainWindow) -> list[str]:
    """The buttons and labels that are seen and have no room for all their words."""
    found = []
    for one in (*window.findChildren(QAbstractButton), *window.findChildren(QLabel)):
        gives_way = isinstance(
            one, ElidedLabel | WrappedButton | WrappedCheckBox | WrappedToolButton
        )
        wraps = isinstance(one, QLabel) and one.wordWrap()
        gives_way = gives_way or isinstance(one, QToolButton)  # an icon, which is as large as it is
        if one.isVisible() and not gives_way and not wraps and one.width() < one.sizeHint().width():
            found.append(f"{one.objectName()} {one.text()}")
    return found


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("page", [TRAINING, RUNS, DATASETS, MODELS, STORAGE, DOCTOR, SETTINGS])
def test_on_no_page_words_are_cut(program: Program, page: int) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    current_theme().set_text_size(200)  # after the settings, which say how large it is
    program.window.resize(640, 760)
    program.window.show_page(page)
    program.settle()
    settle()
    assert cut(program.window) == []


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("page", [TRAINING, RUNS])
def test_a_saved_setup_and_a_run_on_a_pod_scroll_no_page_sideways(
    program: Program, page: int
) -> None:
    """They bring what is not there at the first start: more buttons, and a second kind of log."""
    models = program.models
    program.services.configs.saved["Evening"] = TrainingConfig()
    run = make_run("run-1", RunState.FINISHED, ended_at=2.0)
    program.services.runs.stored = {"run-1": run}
    program.aio(program.wiring.fill())
    program.settle()
    current_theme().set_text_size(200)  # after the settings, which say how large it is
    program.window.resize(640, 760)
    program.window.show_page(page)
    models.runs.set_items([run])
    if page == RUNS:
        program.window.runs.table.select_items([run.id])  # type: ignore[union-attr]
    program.settle()
    for shown in (models.run, models.shown_run):
        shown.begin(run)
        shown.take(RunUpdate(run, (), "step 1\n"))
        shown.log.feed_system(["The image is there"])
    program.settle()
    settle()
    prefix = "run" if page == TRAINING else "runs"
    assert program.window.findChild(QWidget, f"{prefix}.log.source").isVisible()
    assert page == RUNS or program.child("config.rename").isVisible()
    assert beside(program.window) == {}


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("target", [TARGET_LOCAL, TARGET_RUNPOD])
def test_no_setup_scrolls_sideways_and_nothing_of_it_is_cut(
    window: MainWindow, target: str
) -> None:
    window.models.datasets.set_items([make_session()])
    for setting, value in (
        ("training.skill_level", "Expert"),
        ("training.target", target),
        ("dataset.source", SOURCE_HUB),
        ("local.runtime", RUNTIME_DOCKER),
    ):
        window.models.form.edit(setting, value)
    window.models.form.edit_text("hp.epochs", "0")
    for card in window.training.setup.cards:
        card.set_open(True)
    window.resize(640, 760)
    settle()
    assert beside(window) == {}
    for card in window.training.setup.cards:
        for one in card.findChildren(QWidget):
            right = one.mapTo(card, one.rect().topRight()).x()
            assert not one.isVisible() or right <= card.width(), one.objectName()


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("target", [TARGET_LOCAL, TARGET_RUNPOD])
@pytest.mark.parametrize("fit", [Fit.GOOD, Fit.OVER])
def test_the_words_about_a_start_are_whole(window: MainWindow, target: str, fit: Fit) -> None:
    bar = window.training.start_bar
    window.models.form.set_circumstances(Circumstances(has_runpod_key=True))
    window.models.form.edit("training.target", target)
    bar.show_fit(fit)
    window.resize(640, 760)
    settle()
    names = ("run.status", "start.problems", "runpod.quote")
    words = [one for name in names if (one := bar.findChild(QWidget, name)).isVisible()]
    assert words
    for one in words:
        assert one.width() >= one.sizeHint().width(), one.objectName()
        assert one.mapTo(bar, one.rect().topRight()).x() < bar.width(), one.objectName()
    start = bar.starts["runpod" if target == TARGET_RUNPOD else "local"]
    assert start.width() >= start.sizeHint().width()


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("target", [TARGET_LOCAL, TARGET_RUNPOD])
def test_no_word_of_a_choice_is_cut(window: MainWindow, target: str) -> None:
    window.models.form.apply({"training.target": target, "training.skill_level": "Expert"})
    for card in window.training.setup.cards:
        card.set_open(True)
    window.resize(640, 760)
    settle()
    shown = [one for one in window.findChildren(ChoiceField) if one.isVisible()]
    assert shown
    for one in shown:
        combo, letters = one.editor, one.editor.fontMetrics()
        option = QStyleOptionComboBox()
        combo.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        control = QStyle.ComplexControl.CC_ComboBox
        room = combo.style().subControlRect(control, option, part, combo).width()
        assert room >= letters.horizontalAdvance(combo.currentText()), one.info.path
    assert beside(window) == {}


@pytest.mark.usefixtures("large_text")
def test_the_buttons_of_a_run_that_failed_wrap_too(window: MainWindow) -> None:
    failure = Failure("cuda_oom", "The GPU ran out of memory at step 74.", "Use less.")
    run = make_run(state=RunState.FAILED, failure=failure, ended_at=2.0)
    window.models.run.begin(run)
    window.models.run.take(RunUpdate(run))
    window.models.run.inference.set_tuned(TunedModel("base/model", "/adapter", "/"))
    window.resize(640, 760)
    settle()
    assert window.findChild(QPushButton, "run.remedy").isVisible()
    assert beside(window) == {}


def test_two_columns_of_fields_come_back_with_the_room(window: MainWindow) -> None:
    epochs, batch = (window.findChild(QWidget, f"hp.{name}") for name in ("epochs", "max_steps"))
    window.models.form.edit("training.skill_level", "Expert")
    window.resize(1280, 800)
    settle()
    assert epochs.mapTo(window, epochs.pos()).y() == batch.mapTo(window, batch.pos()).y()
    current_theme().set_text_size(200)
    window.resize(640, 760)
    settle()
    try:
        assert epochs.mapTo(window, epochs.pos()).x() == batch.mapTo(window, batch.pos()).x()
    finally:
        current_theme().set_text_size(100)
    window.resize(1280, 800)
    settle()
    assert epochs.mapTo(window, epochs.pos()).y() == batch.mapTo(window, batch.pos()).y()


@pytest.mark.parametrize("kind", [WrappedButton, WrappedCheckBox])
def test_a_long_label_goes_on_in_another_line_and_comes_back(
    qapp: object, themed: None, kind: type[WrappedButton]
) -> None:
    holder = QWidget()
    button = kind(LONG)
    row = QHBoxLayout(holder)
    row.addWidget(button)
    holder.resize(button.sizeHint().width() + 40, 100)
    holder.show()
    settle()
    one_line = button.height()
    holder.resize(200, 100)
    settle()
    assert button.width() < button.sizeHint().width()
    lines = round((button.height() - one_line) / button.fontMetrics().lineSpacing())
    assert lines >= 1
    assert button.text() == LONG, "what it says is one text"
    button.setText("Short")
    settle()
    assert button.height() == one_line
    destroy(holder)


@pytest.mark.usefixtures("large_text")
def test_the_button_of_a_notice_stands_beneath_its_words(window: MainWindow) -> None:
    text = "Temper sets up its own Python with PyTorch once; it takes a few gigabytes."
    window.show_notice(Notice("The environment is not set up", text, "info", "go", "Set it up"))
    window.resize(640, 760)
    settle()
    action = window.findChild(QPushButton, "notice.action")
    words = window.findChild(QLabel, "notice.text")
    assert action.width() >= action.sizeHint().width()
    assert action.geometry().top() >= words.geometry().bottom()
    assert words.height() >= words.heightForWidth(words.width())
    current_theme().set_text_size(100)
    window.resize(1280, 760)
    settle()
    assert action.geometry().left() >= words.geometry().right()


@pytest.mark.usefixtures("large_text")
def test_offline_mode_is_told_beneath_its_title(window: MainWindow) -> None:
    window.models.form.set_circumstances(Circumstances(offline=True))
    window.resize(640, 760)
    settle()
    title, text = (window.findChild(QLabel, f"offline.{name}") for name in ("title", "text"))
    assert title.width() >= title.sizeHint().width()
    assert text.geometry().top() > title.geometry().bottom()
    assert text.height() >= text.heightForWidth(text.width())
    current_theme().set_text_size(100)
    window.resize(1280, 760)
    settle()
    assert text.geometry().left() > title.geometry().right()


@pytest.mark.usefixtures("large_text")
def test_the_legend_of_the_chart_breaks_between_its_entries_alone(window: MainWindow) -> None:
    run = make_run()
    window.models.run.begin(run)
    measured = replace(progress_event(2), type="eval", fields={"step": 1, "eval_loss": 3.0})
    window.models.run.take(RunUpdate(run, (progress_event(1, loss=1.154), measured)))
    chart = window.training.run_panel.findChild(LossChart)
    chart.redraw()
    document = QTextDocument()
    document.setDefaultFont(chart.legend.font())
    document.setHtml(chart.legend.text())
    for width in range(370, 700, 10):
        document.setTextWidth(width)
        assert document.size().width() <= width, "which lays it out"
        block = document.firstBlock()
        rows = [block.layout().lineAt(n) for n in range(block.layout().lineCount())]
        begins = [block.text()[row.textStart() :].strip() for row in rows]
        assert all(begin.startswith("●") for begin in begins), (width, begins)


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("name", ["pods", "prepare"])
def test_a_dialog_with_a_list_may_be_as_narrow_as_a_small_screen(
    program: Program, name: str
) -> None:
    getattr(program.window.actions_, name).trigger()
    program.settle()
    current_theme().set_text_size(200)
    dialog = program.child({"pods": "pods.dialog", "prepare": "offline.dialog"}[name])
    dialog.resize(640, 700)
    settle()
    assert dialog.width() == 640
    for button in dialog.findChildren(QPushButton):
        assert not button.isVisible() or button.width() >= button.sizeHint().width(), button.text()


def test_the_line_over_the_rows_breaks_and_nothing_lies_over_another(
    qapp: object, themed: None
) -> None:
    tools = RowTools()
    tools.show_count(635)
    tools.show_state("The rows go from 1 to 635.")
    tools.resize(1100, 40)
    tools.show()
    settle()
    parts = [one for one in tools.findChildren(QWidget) if one.objectName().startswith("datasets.")]
    heights = [one.mapTo(tools, one.rect().center()).y() for one in parts]
    assert max(heights) - min(heights) <= 1, "they stand in one line"
    assert tools.text.mapTo(tools, QPoint()).x() > 600, "what is found with stands at the right"
    tools.resize(400, 200)
    settle()
    assert tools.text.mapTo(tools, QPoint()).y() > tools.number.geometry().bottom()
    places = [QRect(one.mapTo(tools, QPoint()), one.size()) for one in parts]
    for first, second in combinations(places, 2):
        assert not first.intersects(second)
    assert all(tools.rect().contains(place) for place in places)
    destroy(tools)


def test_what_can_grow_takes_what_is_left_of_its_row(qapp: object, themed: None) -> None:
    holder = QWidget()
    row = FlowRow(holder)
    label, line, button = QLabel("Another model of Hugging Face"), QLineEdit(), QPushButton("Get")
    row.addWidget(label)
    row.add_growing(line)
    row.addWidget(button)
    holder.resize(800, 40)
    holder.show()
    settle()
    assert label.width() == label.sizeHint().width()
    assert button.geometry().right() == holder.width() - 1
    assert line.width() == 800 - label.width() - button.width() - 2 * row.spacing()
    holder.resize(label.width() + 10, 100)
    settle()
    assert line.geometry().top() > label.geometry().bottom()
    destroy(holder)


def test_the_end_of_a_row_stands_at_the_right_until_the_row_breaks(
    qapp: object, themed: None
) -> None:
    holder = QWidget()
    row = FlowRow(holder)
    first, last = QPushButton("Only those that fit"), QPushButton("Refresh")
    row.addWidget(first)
    row.add_spring()
    row.addWidget(last)
    holder.resize(600, 40)
    holder.show()
    settle()
    assert last.geometry().right() == holder.width() - 1
    assert first.geometry().left() == 0
    holder.resize(first.sizeHint().width() + 10, 100)
    settle()
    assert last.geometry().left() == 0
    assert last.geometry().top() > first.geometry().bottom()
    destroy(holder)
