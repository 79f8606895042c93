"""The form: every shown field to the configuration and back, and messages as one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from models.domain.config import TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.errors import Problem
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow

SHOWN = (
    "training.skill_level", "dataset.session", "dataset.eval_percent", "dataset.eval_split",
    "output.directory", "hp.base_model", "hp.epochs", "hp.learning_rate", "hp.batch_size",
    "hp.grad_accum", "hp.max_steps", "hp.packing", "hp.auto_resume", "hp.max_seq_length",
    "hp.assistant_only_loss", "hp.lora_r", "hp.lora_alpha", "hp.lora_dropout", "hp.lora_variant",
    "hp.scheduler", "hp.warmup_ratio", "hp.seed",
)  # fmt: skip
OTHER: dict[str, object] = {
    "training.skill_level": "Expert",
    "dataset.session": "Second",
    "dataset.eval_percent": 12.5,
    "dataset.eval_split": "test",
    "output.directory": "/data/outputs/other",
    "hp.base_model": "me/my-model",
    "hp.epochs": 2.5,
    "hp.learning_rate": 3e-5,
    "hp.batch_size": 7,
    "hp.grad_accum": 3,
    "hp.max_steps": 99,
    "hp.packing": False,
    "hp.auto_resume": False,
    "hp.max_seq_length": 512,
    "hp.assistant_only_loss": False,
    "hp.lora_r": 8,
    "hp.lora_alpha": 12,
    "hp.lora_dropout": 0.1,
    "hp.lora_variant": "DoRA",
    "hp.scheduler": "linear",
    "hp.warmup_ratio": 0.2,
    "hp.seed": 1,
}


def _expert(window: MainWindow) -> MainWindow:
    window.models.datasets.set_items([make_session(1, "First"), make_session(2, "Second")])
    config = with_values(TrainingConfig(), {"training.skill_level": "Expert"})
    window.models.form.load(config)
    return window


def _child(window: MainWindow, name: str) -> Any:
    found = window.findChild(QWidget, name)
    assert found is not None, name
    return found


def _use(qtbot: QtBot, widget: QWidget, value: object) -> None:
    """Do what a user does to give a field this value."""
    if isinstance(widget, QCheckBox):
        if widget.isChecked() != value:
            inside = QPoint(12, widget.height() // 2)  # the box itself, whatever the font
            qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=inside)
        return
    line = widget.lineEdit() if isinstance(widget, QComboBox) and widget.isEditable() else widget
    if isinstance(line, QLineEdit):
        line.selectAll()
        qtbot.keyClicks(line, str(value))
    elif isinstance(widget, QComboBox):
        widget.setCurrentText(str(value))
        widget.activated.emit(widget.currentIndex())
        widget.textActivated.emit(widget.currentText())


def test_the_form_holds_every_setting_that_is_shown_and_no_other(window: MainWindow) -> None:
    assert set(window.training.setup.form.fields) == set(SHOWN) == set(OTHER)
    assert set(SHOWN) <= set(settings_index())


@pytest.mark.parametrize("path", SHOWN)
def test_field_to_configuration_and_back(window: MainWindow, qtbot: QtBot, path: str) -> None:
    _expert(window)
    widget = _child(window, path)
    _use(qtbot, widget, "Beginner" if path == "training.skill_level" else OTHER[path])
    wanted = "Beginner" if path == "training.skill_level" else OTHER[path]
    changed = window.models.form.config
    assert changed == with_values(
        TrainingConfig(), {"training.skill_level": "Expert", path: wanted}
    )
    window.models.form.load(with_values(TrainingConfig(), OTHER))
    window.models.form.load(changed)
    assert window.models.form.config == changed
    assert _shown(widget) in {wanted, str(wanted), "3e-5" if path == "hp.learning_rate" else None}


def _shown(widget: QWidget) -> object:
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    return widget.currentText() if isinstance(widget, QComboBox) else widget.text()  # type: ignore[attr-defined]


def test_loading_shows_every_value(window: MainWindow) -> None:
    _expert(window)
    window.models.form.load(with_values(TrainingConfig(), OTHER), "Mine")
    assert _child(window, "hp.learning_rate").text() == "3e-5"
    assert _child(window, "hp.max_steps").text() == "99"
    assert _child(window, "dataset.session").currentText() == "Second"
    assert _child(window, "hp.base_model").currentText() == "me/my-model"
    assert _child(window, "hp.scheduler").currentText() == "linear"
    assert not _child(window, "hp.packing").isChecked()
    assert window.windowTitle() == "Mine[*] — Temper"
    assert not window.isWindowModified()


@pytest.mark.parametrize("path", SHOWN)
def test_fields_are_named_for_screen_readers_and_explained(window: MainWindow, path: str) -> None:
    widget = _child(window, path)
    rule = settings_index()[path].rule
    assert widget.accessibleName() == rule.label
    assert widget.toolTip() == rule.help


def test_beginners_see_no_expert_field_and_experts_all(window: MainWindow, qtbot: QtBot) -> None:
    expert = [path for path in SHOWN if settings_index()[path].rule.expert]
    assert not any(_child(window, path).isVisible() for path in expert)
    _use(qtbot, _child(window, "training.skill_level"), "Expert")
    assert all(_child(window, path).isVisible() for path in expert)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("hp.epochs", "0", "Is out of range. Use a value of more than 0 and at most 1000."),
        ("hp.epochs", "two", "Must be a number. Use a value of more than 0 and at most 1000."),
        ("hp.batch_size", "1.5", "Must be a whole number. Use a value of at least 1"),
        ("hp.learning_rate", "", "Must be a number."),
        ("hp.base_model", "", "Is empty. Choose a model or enter a repo id."),
        ("output.directory", "/tmp/x", "Must be a folder under /data"),
    ],
)
def test_messages_come_as_one_types_and_go_when_it_is_mended(
    window: MainWindow, qtbot: QtBot, path: str, text: str, message: str
) -> None:
    _expert(window)
    before = window.models.form.config
    widget = _child(window, path)
    line = widget.lineEdit() if isinstance(widget, QComboBox) else widget
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    qtbot.keyClicks(line, text)
    label = _child(window, f"{path}.message")
    assert label.text().startswith(message)
    assert label.isVisible()
    assert widget.property("invalid") == "true"
    _use(qtbot, widget, OTHER[path])
    assert label.isHidden()
    assert widget.property("invalid") == "false"
    assert window.models.form.config != before


def test_an_empty_optional_number_means_none(window: MainWindow, qtbot: QtBot) -> None:
    _expert(window)
    line = _child(window, "hp.max_steps")
    assert line.placeholderText() == "no limit"
    qtbot.keyClicks(line, "5")
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Backspace)
    assert window.models.form.value("hp.max_steps") is None
    assert window.models.form.problem("hp.max_steps") is None


def test_arrow_keys_step_whole_numbers(window: MainWindow, qtbot: QtBot) -> None:
    _expert(window)
    line = _child(window, "hp.lora_r")
    qtbot.keyClick(line, Qt.Key.Key_Up)
    qtbot.keyClick(line, Qt.Key.Key_Up)
    qtbot.keyClick(line, Qt.Key.Key_Down)
    assert window.models.form.value("hp.lora_r") == 17


def test_unreadable_text_keeps_the_value_but_forbids_the_start(
    window: MainWindow, qtbot: QtBot
) -> None:
    _expert(window)
    _use(qtbot, _child(window, "hp.seed"), "abc")
    assert window.models.form.value("hp.seed") == 3407
    assert window.models.form.is_unsaved
    assert "hp.seed" in {problem.field for problem in window.models.form.check_all()}


def test_problems_of_a_service_go_when_their_field_is_edited(
    window: MainWindow, qtbot: QtBot
) -> None:
    _expert(window)
    window.models.form.show_problems([Problem("hp.seed", "3407", "is unlucky.", "Take 4.")])
    label = _child(window, "hp.seed.message")
    assert label.text() == "Is unlucky. Take 4."
    _use(qtbot, _child(window, "hp.seed"), 4)
    assert label.isHidden()


def test_the_real_folder_stands_beneath_the_output_directory(
    window: MainWindow, qtbot: QtBot, tmp_path: Any
) -> None:
    window.training.setup.set_data_root(tmp_path)
    _use(qtbot, _child(window, "output.directory"), "/data/outputs/mine")
    expected = f"On this computer: {tmp_path / 'outputs' / 'mine'}"
    assert _child(window, "output.folder").text() == expected
    _use(qtbot, _child(window, "output.directory"), "/data/../etc")
    assert _child(window, "output.folder").isHidden()


def test_the_estimate_follows_the_form(window: MainWindow, qtbot: QtBot) -> None:
    _expert(window)
    _use(qtbot, _child(window, "dataset.session"), "First")
    assert "Effective batch 8" in _child(window, "hp.estimate").text()
    _use(qtbot, _child(window, "hp.batch_size"), 16)
    assert "Effective batch 64" in _child(window, "hp.estimate").text()
    _use(qtbot, _child(window, "hp.batch_size"), 0)
    assert _child(window, "hp.estimate").isHidden()
