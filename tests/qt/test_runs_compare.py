"""Several runs beside each other: their curves, their results, and the settings that differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt

from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from models.domain.run_history import BY_TIME, Curve, Difference
from models.qt.compare_model import CompareModel, distinct_names
from tests.qt.fakes import make_run, progress_event
from tests.qt.runs_steps import calls, choose, open_page
from views.stylesheet import DARK, LIGHT
from views.widgets.run_colors import stroke_of

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from models.domain.run import Run
    from tests.qt.conftest import Program
    from views.stylesheet import Tokens


def _runs(count: int = 3) -> list[Run]:
    return [
        make_run(
            f"r{number}", RunState.FINISHED, name=f"Run {number}",
            train_loss=2.0 - number / 10, best_eval_loss=1.5 + number / 10,
            eval_loss_after=1.5 + number / 10,
        )
        for number in range(count)
    ]  # fmt: skip


def _prepare(program: Program, count: int = 3) -> None:
    history = program.services.history
    for number in range(count):
        for metric in ("loss", "eval_loss"):
            if (number, metric) != (1, "eval_loss"):
                ys = (3.0, 2.0, 1.0 + number / 10)
                history.drawn[f"r{number}", metric] = Curve(f"r{number}", metric, (0, 300, 600), ys)
    history.different = [
        Difference("hp.learning_rate", "Learning rate", tuple("121"[:count])),
        Difference("", "Trainer's code", tuple("aab"[:count])),
    ]
    open_page(program, _runs(count))


def _all(program: Program, count: int = 3) -> None:
    choose(program, *(f"Run {number}" for number in range(count)))


def _cells(program: Program) -> dict[str, list[str]]:
    table = program.child("runs.compare.table")
    return {
        table.verticalHeaderItem(row).text(): [
            table.item(row, column).text() for column in range(table.columnCount())
        ]
        for row in range(table.rowCount())
    }


def _marked(program: Program, label: str) -> list[int]:
    table = program.child("runs.compare.table")
    row = list(_cells(program)).index(label)
    grounds = Qt.ItemDataRole.BackgroundRole
    return [
        column for column in range(table.columnCount()) if table.item(row, column).data(grounds)
    ]


def test_several_selected_runs_are_compared_and_one_is_shown(program: Program) -> None:
    _prepare(program)
    assert not program.child("runs.compare").isVisible()
    _all(program)
    assert program.child("runs.compare").is_drawn
    assert program.child("runs.compare").isVisible()
    assert program.child("runs.compare.legend").texts == ("Run 0 1", "Run 1 1.1", "Run 2 1.2")
    choose(program, "Run 1")
    assert not program.child("runs.compare").isVisible()
    assert program.models.shown_run.run_id == "r1"


def test_shift_and_the_arrows_select_several(program: Program, qtbot: QtBot) -> None:
    _prepare(program)
    table = program.child("runs.table")
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    program.settle()
    assert [run.id for run in program.models.compared.runs] == ["r0", "r1"]


def test_the_held_out_loss_and_the_time_are_a_switch_away(program: Program) -> None:
    _prepare(program)
    _all(program)
    program.child("runs.compare.loss.eval_loss").click()
    program.settle()
    assert program.child("runs.compare.legend").texts == ("Run 0 1", "Run 1 –", "Run 2 1.2")
    program.child("runs.compare.axis.time").click()
    program.settle()
    asked = [(metric, over) for _, metric, over in calls(program, "curves")]
    assert asked == [("loss", "step"), ("eval_loss", "step"), ("eval_loss", "time")]
    model = program.models.compared
    assert (model.axis_label, model.lines()[0].places) == ("Minutes", (0, 5, 10))
    assert model.place_words(5.0) == "After 5 min 00 s"
    program.child("runs.compare.axis.step").click()
    program.settle()
    assert len(calls(program, "curves")) == 3  # what is known is not asked for again


def test_the_pointer_shows_the_values_at_its_place(program: Program) -> None:
    _prepare(program)
    _all(program)
    chart = program.child("runs.compare")
    chart._show_values(310.0)
    assert program.child("runs.compare.place").text() == "At step 310"
    assert chart.legend.texts == ("Run 0 2", "Run 1 2", "Run 2 2")
    chart._show_values(None)
    assert program.child("runs.compare.place").text() == "Newest values"


def test_results_and_only_what_differs_stand_in_the_table(program: Program) -> None:
    _prepare(program)
    _all(program)
    assert _cells(program) == {
        "State": ["Finished"] * 3,
        "Final loss": ["1.5", "1.6", "1.7"],
        "Best loss": ["1.5", "1.6", "1.7"],
        "Took": ["1 min 01 s"] * 3,
        "Learning rate": ["1", "2", "1"],
        "Trainer's code": ["a", "a", "b"],
    }
    assert _marked(program, "Final loss") == [0]
    assert _marked(program, "Learning rate") == [1]
    assert _marked(program, "Trainer's code") == [2]
    assert _marked(program, "Took") == []


def test_equal_settings_are_said_to_be_so(program: Program) -> None:
    _prepare(program, 2)
    program.services.history.different = []
    _all(program, 2)
    assert program.child("runs.compare.note").text() == "All settings are the same."


def test_more_than_can_be_told_apart_are_not_drawn(program: Program) -> None:
    _prepare(program)
    program.services.runs.stored = {run.id: run for run in _runs(11)}
    program.wiring.runs.refresh()
    program.settle()
    program.child("runs.table").selectAll()
    program.settle()
    assert len(program.models.compared.runs) == 8
    many = program.child("runs.compare.many")
    assert (many.isVisible(), many.text()) == (
        True, "The first 8 of 11 selected runs are compared.",
    )  # fmt: skip


def test_runs_without_curves_say_so(program: Program) -> None:
    open_page(program, _runs(2))
    _all(program, 2)
    assert not program.child("runs.compare").is_drawn
    empty = program.child("runs.compare")._empty.sentence
    assert empty.text() == "None of these runs has a training loss."


def test_curves_that_cannot_be_read_are_told(program: Program) -> None:
    _prepare(program)
    program.services.history.error = AppError("io", "The disk does not answer.")
    _all(program)
    assert not program.models.compared.is_reading
    assert "The disk does not answer." in program.child("runs.notice.text").text()


def test_what_comes_too_late_is_dropped(program: Program) -> None:
    _prepare(program)
    comparison = program.wiring.history.comparison
    slow = comparison._curves("loss", "step")
    comparison.compare(tuple(_runs(2)))
    slow_too = comparison._curves("loss", "step")
    comparison.compare(tuple(_runs(3)))
    program.aio(slow_too)
    program.aio(slow)
    program.settle()
    assert [line.number for line in program.models.compared.lines()] == [0, 1, 2]


def test_the_curve_of_a_run_that_goes_on_grows(program: Program) -> None:
    live = make_run("r0", RunState.RUNNING, name="Run 0")
    _prepare(program)
    comparison = program.wiring.history.comparison
    comparison._again.setInterval(0)
    _all(program)
    grown = Curve("r0", "loss", (0, 1, 2, 3), (4, 3, 2, 1))
    program.services.history.drawn["r0", "loss"] = grown
    program.wiring.follower.updated.emit(RunUpdate(live, (progress_event(3),)))
    program.aio.until(lambda: len(program.models.compared.lines()[0].places) == 4)
    program.settle()


def test_names_that_several_share_are_told_apart() -> None:
    twins = [make_run("a", name="Twin"), make_run("b", name="Twin"), make_run("c", name="Other")]
    first, second, other = distinct_names(twins)
    assert first != second
    assert first.startswith("Twin, ")
    assert other == "Other"


@pytest.mark.parametrize(
    ("seconds", "label", "last"),
    [(100.0, "Seconds", 100.0), (600.0, "Minutes", 10.0), (7200.0, "Hours", 2.0)],
)
def test_the_time_is_in_units_that_are_read_easily(seconds: float, label: str, last: float) -> None:
    model = CompareModel()
    model.begin(_runs(2))
    model.set_axis(BY_TIME)
    model.set_curves("loss", BY_TIME, [Curve("r0", "loss", (0.0, seconds), (2.0, 1.0))])
    assert (model.axis_label, model.lines()[0].places[-1]) == (label, last)


# Of Machado, Oliveira and Fernandes (2009), severity 1: what red-blind and green-blind eyes see.
_BLIND: dict[str, tuple[tuple[float, float, float], ...]] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}  # fmt: skip


def _linear(color: str) -> list[float]:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _lab(linear: list[float]) -> tuple[float, float, float]:
    red, green, blue = (min(1.0, max(0.0, part)) for part in linear)
    axes = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (a ** (1 / 3) if a > 0.008856 else 7.787 * a + 16 / 116 for a in axes)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _seen(color: str, eye: str) -> tuple[float, float, float]:
    linear = _linear(color)
    return _lab([sum(m * c for m, c in zip(row, linear, strict=True)) for row in _BLIND[eye]])


def _luminance(color: str) -> float:
    red, green, blue = _linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("eye", _BLIND)
@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_curves_of_one_stroke_are_told_apart_by_every_eye(tokens: Tokens, eye: str) -> None:
    colors: list[Any] = [getattr(tokens, f"run_{number}") for number in range(1, 9)]
    for one in range(8):
        for other in range(one):
            if stroke_of(one) is stroke_of(other):
                apart = math.dist(_seen(colors[one], eye), _seen(colors[other], eye))
                assert apart > 12, (one + 1, other + 1, round(apart, 1))


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_curves_stand_out_from_their_ground(tokens: Tokens) -> None:
    ground = _luminance(tokens.surface)
    for number in range(1, 9):
        own = _luminance(getattr(tokens, f"run_{number}"))
        bright, dark = max(own, ground) + 0.05, min(own, ground) + 0.05
        assert bright / dark >= 3.0, number
