"""For tests that walk all settings: another value for each, and a setup in which it is shown."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from models.domain.availability import Circumstances
from models.domain.config import (
    RUNTIME_DOCKER,
    SKILL_BEGINNER,
    SKILL_EXPERT,
    SOURCE_HUB,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import settings_index, with_values

EVERYTHING = Circumstances(has_hf_token=True, has_runpod_key=True, gpu_count=2)
"""Tokens and keys are there, the network, and several GPUs."""
_TEXTS = {
    "dataset.session": "Second",
    "dataset.hf_repo": "tatsu-lab/alpaca",
    "dataset.hf_split": "train[:1000]",
    "dataset.eval_split": "test",
    "output.directory": "/data/outputs/other",
    "hp.base_model": "me/my-model",
    "hp.hub_repo": "me/my-adapter",
    "hp.lora_targets": "q_proj, v_proj",
    "local.host_data_dir": "/tmp/test_data",
    "local.gpu_devices": "0,1",
}
_NUMBERS: dict[str, object] = {
    "hp.learning_rate": 3e-5, "hp.lora_dropout": 0.1, "hp.warmup_ratio": 0.2,
    "hp.weight_decay": 0.25, "dataset.eval_percent": 12.5, "hp.beta": 0.3,
}  # fmt: skip


def other_value(path: str) -> Any:
    """A valid value for this setting that is not its default."""
    info = settings_index()[path]
    if info.rule.choices:
        return next(choice for choice in reversed(info.rule.choices) if choice != info.default)
    if info.kind is bool:
        return not info.default
    if path in _NUMBERS:
        return _NUMBERS[path]
    if info.kind is str:
        return _TEXTS.get(path, f"other-{path.split('.')[1]}")
    number = (info.default or 40) + 3  # type: ignore[operator]
    return float(number) if info.kind is float else number


DOCKER_ONLY = {
    "local.image", "local.container_name", "local.gpu_devices", "local.memory_limit",
}  # fmt: skip


def setup_for(path: str) -> TrainingConfig:
    """A setup in which this setting is shown."""
    values: dict[str, object] = {"training.skill_level": SKILL_EXPERT}
    if path.startswith("runpod."):
        values["training.target"] = TARGET_RUNPOD
    if path.startswith("dataset.hf_"):
        values["dataset.source"] = SOURCE_HUB
    if path in DOCKER_ONLY:
        values["local.runtime"] = RUNTIME_DOCKER
    if path.startswith("hp.hub_"):
        values["hp.push_to_hub"] = True
    if path == "hp.beta":
        values["hp.method"] = "ORPO"
    if path == "training.preset":
        values["training.skill_level"] = SKILL_BEGINNER
    return with_values(TrainingConfig(), values)


def use(qtbot: Any, widget: QWidget, value: object) -> None:
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


def shown(widget: QWidget) -> object:
    """What a field shows."""
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    return widget.currentText() if isinstance(widget, QComboBox) else widget.text()  # type: ignore[attr-defined]
