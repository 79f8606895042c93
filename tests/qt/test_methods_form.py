"""A form shows what has a meaning with the chosen method, and what of it deserves a warning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from models.domain.availability import Circumstances
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.data_report import TokenView
from tests.qt.fakes import make_session
from views.widgets.token_text import TokenText

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow

_OF_METHODS = ("hp.beta", "hp.packing", "hp.train_on", "hp.assistant_only_loss")


def _load(window: MainWindow, **values: object) -> None:
    window.models.datasets.set_items([make_session(1, "Rows")])
    changes = {"training.skill_level": "Expert", "dataset.session": "Rows"}
    hp = {f"hp.{name}": value for name, value in values.items()}
    window.models.form.load(with_values(TrainingConfig(), changes | hp))
    for card in window.training.setup.cards:
        card.set_open(True)


def _shown(window: MainWindow) -> set[str]:
    found = {name: window.findChild(QWidget, name) for name in _OF_METHODS}
    return {name for name, widget in found.items() if widget is not None and widget.isVisible()}


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("SFT", {"hp.packing", "hp.train_on", "hp.assistant_only_loss"}),
        ("DPO", {"hp.beta"}),
        ("ORPO", {"hp.beta", "hp.assistant_only_loss"}),
        ("KTO", {"hp.beta"}),
    ],
)
def test_each_method_shows_its_own_settings(
    window: MainWindow, method: str, shown: set[str]
) -> None:
    _load(window, method=method)
    assert _shown(window) == shown


def test_choosing_a_method_shows_its_settings_at_once(window: MainWindow) -> None:
    _load(window, method="SFT")
    method: Any = window.findChild(QComboBox, "hp.method")
    for name, shown in (("KTO", {"hp.beta"}), ("SFT", set(_OF_METHODS) - {"hp.beta"})):
        method.setCurrentText(name)
        method.textActivated.emit(name)
        assert window.models.form.value("hp.method") == name
        assert _shown(window) == shown


def test_kto_takes_one_row_at_a_time_where_two_gpus_train(window: MainWindow) -> None:
    _load(window, method="KTO", batch_size=1, grad_accum=1)
    form = window.models.form
    assert form.problem("hp.grad_accum") is not None
    form.set_circumstances(Circumstances(gpu_count=2))
    assert form.problem("hp.grad_accum") is None
    form.edit("local.use_gpu", False)
    assert form.problem("hp.grad_accum") is not None


def test_kto_with_a_full_fine_tune_is_told_in_one_line_at_the_tuning(window: MainWindow) -> None:
    _load(window, method="KTO", tuning="full", base_model="someone/model")
    window.models.datasets.set_items([replace(make_session(1, "Rows"), format="preference")])
    (problem,) = window.models.form.problems()
    message: Any = window.findChild(QLabel, "hp.tuning.message")
    assert problem.field == "hp.tuning"
    assert message.text() == (
        "Cannot be used with KTO, which compares with the untrained model. Tune with LoRA."
    )


def test_a_method_that_the_rows_do_not_suit_is_told_at_both(window: MainWindow) -> None:
    def told(path: str) -> str:
        label: Any = window.findChild(QLabel, f"{path}.message")
        return "" if label is None or not label.isVisible() else str(label.text())

    _load(window, method="SFT")
    method: Any = window.findChild(QComboBox, "hp.method")
    assert (told("dataset.session"), told("hp.method")) == ("", "")
    method.setCurrentText("DPO")
    method.textActivated.emit("DPO")
    remedy = "Choose the method SFT, or another dataset."
    assert told("hp.method") == f"Does not suit the dataset. {remedy}"
    assert told("dataset.session") == (
        f"Holds nothing to compare: DPO learns from good and bad answers. {remedy}"
    )
    window.models.datasets.set_items([replace(make_session(1, "Rows"), format="preference")])
    assert (told("dataset.session"), told("hp.method")) == ("", "")
    window.models.form.edit("dataset.source", "Hugging Face")
    window.models.datasets.set_items([make_session(1, "Rows")])
    assert (told("dataset.session"), told("hp.method")) == ("", "")  # of those nothing is known


def test_a_beginner_whose_rows_are_pairs_is_shown_the_method(window: MainWindow) -> None:
    pairs = replace(make_session(1, "Pairs"), format="preference")
    window.models.datasets.set_items([pairs])
    window.models.form.set_default("dataset.session", "Pairs")  # as the newest one is
    method: Any = window.findChild(QComboBox, "hp.method")
    assert method.isVisible()
    assert {one.field for one in window.models.form.problems()} == {"dataset.session", "hp.method"}
    method.setCurrentText("DPO")
    method.textActivated.emit("DPO")
    assert window.models.form.problems() == ()


def test_a_rate_that_is_high_for_the_method_is_told(window: MainWindow) -> None:
    def shown(name: str) -> str:
        label: Any = window.findChild(QLabel, name)
        return "" if label is None or not label.isVisible() else str(label.text())

    at_field, below = "hp.learning_rate.note", "hp.rate_note"
    _load(window, method="SFT", learning_rate=2e-4)
    assert (shown(at_field), shown(below)) == ("", "")
    _load(window, method="DPO", learning_rate=2e-4)
    sentence = "A learning rate of 2e-4 is high for DPO: 5e-6 to 5e-5 is usual."
    assert (shown(at_field), shown(below)) == (sentence, "")
    note: Any = window.findChild(QLabel, at_field)
    assert note.property("tone") == "warning"
    assert "up to" not in shown("hp.estimate")  # nothing is packed
    window.models.form.edit("training.skill_level", "Beginner")
    assert (shown(at_field), shown(below)) == ("", sentence)
    _load(window, method="DPO", learning_rate=2e-5)
    assert (shown(at_field), shown(below)) == ("", "")


def test_a_pair_says_which_side_is_made_likelier(qtbot: QtBot, themed: None) -> None:
    def side(part: str) -> TokenView:
        pieces = (("Why? ", False), ("So.", True))
        return TokenView("Why? So.", (1, 2), (-100, 2), pieces, 2, 9, (1, 1), (), part)

    shown = TokenText()
    qtbot.addWidget(shown)
    shown.show_texts([side("chosen"), side("rejected")])
    words = shown.toPlainText()
    assert words.index("Chosen answer: made likelier") < words.index("Rejected answer: made less")
    shown.show_texts([side("bad")])
    assert "Marked as a bad answer: made less likely" in shown.toPlainText()
    shown.show_texts([side("")])
    assert "Text 1" not in shown.toPlainText()
