"""The form: messages as one types, what is shown to whom, and what stands beneath the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.domain.errors import Problem
from tests.qt.every_setting import other_value, use
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow

pytestmark = pytest.mark.slow


def _expert(window: MainWindow) -> MainWindow:
    window.models.datasets.set_items([make_session(1, "First"), make_session(2, "Second")])
    config = with_values(TrainingConfig(), {"training.skill_level": "Expert"})
    window.models.form.load(config)
    _open_all(window)
    return window


def _open_all(window: MainWindow) -> None:
    for card in window.training.setup.cards:
        card.set_open(True)


def _child(window: MainWindow, name: str) -> Any:
    found = window.findChild(QWidget, name)
    assert found is not None, name
    return found


def test_loading_shows_every_value(window: MainWindow) -> None:
    _expert(window)
    loaded = {
        "training.skill_level": "Expert", "dataset.session": "Second", "hp.packing": False,
        "hp.base_model": "me/my-model", "hp.learning_rate": 3e-5, "hp.max_steps": 99,
        "hp.scheduler": "linear",
    }  # fmt: skip
    window.models.form.load(with_values(TrainingConfig(), loaded), "Mine")
    assert _child(window, "hp.learning_rate").text() == "3e-5"
    assert _child(window, "hp.max_steps").text() == "99"
    assert _child(window, "dataset.session").currentText() == "Second"
    assert _child(window, "hp.base_model").currentText() == "me/my-model"
    assert _child(window, "hp.scheduler").currentText() == "linear"
    assert not _child(window, "hp.packing").isChecked()
    assert window.windowTitle() == "Mine[*] — Temper"
    assert not window.isWindowModified()


@pytest.mark.spec("Exposes full hyperparameter controls directly.")
def test_beginners_see_no_expert_field_and_experts_all(window: MainWindow, qtbot: QtBot) -> None:
    everywhere = {"local.runtime": RUNTIME_DOCKER, "hp.push_to_hub": True}
    window.models.form.load(with_values(TrainingConfig(), everywhere))
    _open_all(window)
    expert = [path for path, info in settings_index().items() if info.rule.expert]
    expert.remove("hp.beta")  # another method's
    expert.remove("local.gpu_devices")  # of several
    assert not any(_child(window, path).isVisible() for path in expert)
    use(qtbot, _child(window, "training.skill_level"), "Expert")
    assert all(_child(window, path).isVisible() for path in expert)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("hp.epochs", "0", "Out of range. Use a value of more than 0 and at most 1000."),
        ("hp.epochs", "two", "Must be a number. Use a value of more than 0 and at most 1000."),
        ("hp.batch_size", "1.5", "Must be a whole number. Use a value of at least 1"),
        ("hp.learning_rate", "", "Must be a number."),
        ("hp.base_model", "", "Empty. Choose a model or enter a repo id."),
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
    use(qtbot, widget, other_value(path))
    assert label.isHidden()
    assert widget.property("invalid") == "false"
    assert window.models.form.config != before


def test_text_that_is_no_value_stands_beside_its_message_until_it_is_mended(
    window: MainWindow, qtbot: QtBot
) -> None:
    _expert(window)
    line = _child(window, "hp.epochs")
    line.selectAll()
    qtbot.keyClicks(line, "two")
    window.models.form.set_default("dataset.session", "Second")  # every field is shown anew
    assert line.text() == "two"
    assert window.models.form.problem("hp.epochs") is not None
    window.models.form.apply({"hp.epochs": 2.0})
    assert line.text() == "2"
    assert window.models.form.problem("hp.epochs") is None


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
    use(qtbot, _child(window, "hp.seed"), "abc")
    assert window.models.form.value("hp.seed") == 3407
    assert window.models.form.is_unsaved
    assert "hp.seed" in {problem.field for problem in window.models.form.check_all()}


def test_problems_of_a_service_go_when_their_field_is_edited(
    window: MainWindow, qtbot: QtBot
) -> None:
    _expert(window)
    window.models.form.show_problems([Problem("hp.seed", "3407", "is unlucky.", "Take 4.")])
    label = _child(window, "hp.seed.message")
    assert label.text() == "Unlucky. Take 4."
    use(qtbot, _child(window, "hp.seed"), 4)
    assert label.isHidden()


def test_the_real_folder_stands_beneath_the_output_directory(
    window: MainWindow, qtbot: QtBot, tmp_path: Any
) -> None:
    window.training.setup.set_data_root(tmp_path)
    use(qtbot, _child(window, "output.directory"), "/data/outputs/mine")
    expected = f"On this computer: {tmp_path / 'outputs' / 'mine'}"
    assert _child(window, "output.folder").text() == expected
    use(qtbot, _child(window, "output.directory"), "/data/../etc")
    assert _child(window, "output.folder").isHidden()


def test_the_estimate_follows_the_form(window: MainWindow, qtbot: QtBot) -> None:
    _expert(window)
    use(qtbot, _child(window, "dataset.session"), "First")
    assert "Effective batch 8" in _child(window, "hp.estimate").text()
    use(qtbot, _child(window, "hp.batch_size"), 16)
    assert "Effective batch 64" in _child(window, "hp.estimate").text()
    use(qtbot, _child(window, "hp.batch_size"), 0)
    assert _child(window, "hp.estimate").isHidden()


def test_a_start_counts_the_problems_and_jumps_to_the_first(
    window: MainWindow, qtbot: QtBot
) -> None:
    form = window.models.form
    form.load(with_values(TrainingConfig(), {"training.skill_level": "Expert"}))
    form.edit("hp.lora_r", 0)
    form.edit("hp.seed", -1)
    link = _child(window, "start.problems")
    assert link.isVisible()
    assert link.text() == "2 settings need attention"
    assert not _child(window, "hp.lora_r").isVisible(), "its card is folded"
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    assert _child(window, "hp.lora_r").hasFocus()
    use(qtbot, _child(window, "hp.lora_r"), 8)
    assert link.text() == "1 setting needs attention"
    use(qtbot, _child(window, "hp.seed"), 8)
    assert not link.isVisible()


def test_a_wrong_setting_is_shown_to_beginners_too(window: MainWindow) -> None:
    """Nobody can mend what cannot be seen."""
    form = window.models.form
    form.load(with_values(TrainingConfig(), {"hp.warmup_ratio": 7.0}))
    window.training.setup.show_first_problem()
    assert _child(window, "hp.warmup_ratio").isVisible()
    assert _child(window, "hp.warmup_ratio.message").isVisible()
    form.edit("hp.warmup_ratio", 0.1)
    assert not _child(window, "hp.warmup_ratio").isVisible()


def test_sections_fold_and_say_what_is_inside(window: MainWindow, qtbot: QtBot) -> None:
    _expert(window)
    fold = _child(window, "section.lora.fold")
    qtbot.mouseClick(fold, Qt.MouseButton.LeftButton)
    assert not _child(window, "hp.lora_r").isVisible()
    assert "LoRA rank 16" in _child(window, "section.lora.summary").text()
    qtbot.mouseClick(fold, Qt.MouseButton.LeftButton)
    assert _child(window, "hp.lora_r").isVisible()
