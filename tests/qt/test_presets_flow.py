"""Presets in the page: applied in full at every occasion, never by loading, and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from app.paths import resource
from models.domain.availability import Circumstances
from models.domain.base_models import load_base_models
from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.hardware import Gpu, Hardware
from models.qt.preset_model import WAITING
from tests.qt.every_setting import use
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
GIB = 1024**3
COMPUTER = Hardware(
    (Gpu(0, "NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB),), 64 * GIB, 50 * GIB, probed=True
)
QUICK = {"hp.batch_size": 1, "hp.grad_accum": 1, "hp.max_steps": 20, "hp.packing": False}
FASTEST = {"hp.batch_size": 8, "hp.grad_accum": 1, "hp.max_steps": 600, "hp.packing": True}


def _values(program: Program, paths: Any) -> dict[str, object]:
    return {path: program.models.form.value(path) for path in paths}


def _choose(qtbot: QtBot, program: Program, name: str, text: str) -> None:
    use(qtbot, program.child(name), text)


def _begin(program: Program) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()


def test_the_preset_is_applied_on_first_show(program: Program) -> None:
    _begin(program)
    assert _values(program, QUICK) == QUICK
    assert not program.models.form.is_unsaved
    assert program.child("training.preset.line").text()


@pytest.mark.spec(
    "Applies preset‑dependent defaults whenever skill level / preset / target changes."
)
def test_every_change_of_target_preset_or_skill_applies_it_in_full(
    program: Program, qtbot: QtBot
) -> None:
    _begin(program)
    _choose(qtbot, program, "training.target", TARGET_RUNPOD)
    assert program.models.form.value("training.preset") == "Fastest (Runpod)"
    assert _values(program, FASTEST) == FASTEST
    _choose(qtbot, program, "training.target", TARGET_LOCAL)
    assert _values(program, QUICK) == QUICK
    _choose(qtbot, program, "training.skill_level", "Expert")
    program.models.form.edit("hp.batch_size", 5)
    assert program.models.form.value("hp.batch_size") == 5
    _choose(qtbot, program, "training.skill_level", "Beginner")
    assert _values(program, QUICK) == QUICK


@pytest.mark.spec("Presets adapt to the current training target:")
@pytest.mark.spec("Beginner preset (visible in Beginner mode only)")
@pytest.mark.spec("Shows the Beginner preset dropdown.")
@pytest.mark.spec("Hides the Beginner preset dropdown.")
def test_each_target_offers_its_own_presets_to_beginners_only(
    program: Program, qtbot: QtBot
) -> None:
    _begin(program)
    combo = program.child("training.preset")
    assert isinstance(combo, QComboBox)
    texts = [combo.itemText(row) for row in range(combo.count())]
    assert texts == ["Quick local test", "Auto Set (local)"]
    _choose(qtbot, program, "training.target", TARGET_RUNPOD)
    texts = [combo.itemText(row) for row in range(combo.count())]
    assert texts == ["Fastest (Runpod)", "Cheapest (Runpod)"]
    assert combo.isVisible()
    _choose(qtbot, program, "training.skill_level", "Expert")
    assert not combo.isVisible()


def test_loading_a_configuration_never_applies_a_preset_and_shows_modified(
    program: Program, qtbot: QtBot
) -> None:
    _begin(program)
    stored = with_values(TrainingConfig(), {**QUICK, "hp.batch_size": 3, "hp.learning_rate": 2e-4})
    program.models.form.load(stored, "Mine")
    assert program.models.form.config == stored
    note = program.child("training.preset.modified")
    assert note.isVisible()
    assert "Per-device batch size" in note.text()
    qtbot.mouseClick(program.child("training.preset.apply"), Qt.MouseButton.LeftButton)
    assert _values(program, QUICK) == QUICK
    assert not note.isVisible()


@pytest.mark.spec("Reads local specs (especially GPU VRAM) and assigns:")
@pytest.mark.spec("`Auto Set (local)` for tuned defaults based on your GPU.")
def test_auto_set_waits_for_the_computer_and_then_says_what_it_found(
    program: Program, qtbot: QtBot
) -> None:
    _begin(program)
    program.models.hardware.set_hardware(Hardware())
    _choose(qtbot, program, "training.preset", "Auto Set (local)")
    card = Gpu(0, "NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB)
    program.models.hardware.set_hardware(Hardware((card,), 64 * GIB, 50 * GIB, probed=True))
    batch, accumulation = (
        program.models.form.value("hp.batch_size"),
        program.models.form.value("hp.grad_accum"),
    )
    assert isinstance(batch, int)
    assert isinstance(accumulation, int)
    assert batch * accumulation == 16
    assert "free" in program.child("training.preset.line").text()


def test_offline_the_local_preset_rules_and_the_cloud_values_come_back(
    program: Program, qtbot: QtBot
) -> None:
    _begin(program)
    _choose(qtbot, program, "training.target", TARGET_RUNPOD)
    program.models.form.set_circumstances(Circumstances(offline=True))
    assert _values(program, QUICK) == QUICK
    program.models.form.set_circumstances(Circumstances())
    assert program.models.form.value("training.target") == TARGET_RUNPOD
    assert _values(program, FASTEST) == FASTEST
    assert program.window.findChild(QWidget, "offline.banner") is not None


@pytest.mark.spec("Good default for first runs when you're unsure what hyperparameters to pick.")
def test_without_a_gpu_auto_set_asks_for_a_small_model(program: Program, qtbot: QtBot) -> None:
    _begin(program)
    program.models.base_models = load_base_models(resource("base_models.toml"))
    program.models.hardware.set_hardware(Hardware((), 16 * GIB, 12 * GIB, probed=True))
    before = program.models.form.value("hp.base_model")
    _choose(qtbot, program, "training.preset", "Auto Set (local)")
    assert program.models.form.value("hp.base_model") == before, "it asks first"
    qtbot.mouseClick(program.child("question.use"), Qt.MouseButton.LeftButton)
    chosen = str(program.models.form.value("hp.base_model"))
    assert chosen.startswith("HuggingFaceTB/SmolLM2")
    assert program.models.form.value("hp.learning_rate") == 1e-4
    assert program.models.form.value("hp.max_steps") == 50
    assert program.models.preset.modified == ()


def test_the_chosen_model_may_be_kept(program: Program, qtbot: QtBot) -> None:
    _begin(program)
    program.models.base_models = load_base_models(resource("base_models.toml"))
    program.models.hardware.set_hardware(Hardware((), 16 * GIB, 12 * GIB, probed=True))
    before = program.models.form.value("hp.base_model")
    _choose(qtbot, program, "training.preset", "Auto Set (local)")
    qtbot.mouseClick(program.child("question.keep"), Qt.MouseButton.LeftButton)
    assert program.models.form.value("hp.base_model") == before


def test_a_setup_loaded_before_the_computer_is_known_gets_its_own_line(program: Program) -> None:
    _begin(program)
    program.models.hardware.set_hardware(Hardware())
    stored = with_values(TrainingConfig(), {"training.preset": "Auto Set (local)"})
    program.models.form.load(stored, "Mine")
    assert program.child("training.preset.line").text() == WAITING
    program.models.hardware.set_hardware(COMPUTER)
    assert "22.0 GB free" in program.child("training.preset.line").text()
    assert program.models.form.config == stored


def test_auto_set_waits_for_the_size_of_a_model_that_it_does_not_know(program: Program) -> None:
    _begin(program)
    program.models.hardware.set_hardware(COMPUTER)
    program.models.form.edit("training.preset", "Auto Set (local)")
    program.models.form.edit("hp.base_model", "me/another")
    assert program.child("training.preset.line").text() == WAITING
    program.wiring.hardware.controller.look_up()
    program.settle()
    assert "the size of this model is not known" in program.child("training.preset.line").text()


def test_a_preset_that_was_given_up_is_not_applied_when_the_computer_is_known(
    program: Program,
) -> None:
    _begin(program)
    program.models.hardware.set_hardware(Hardware())
    program.models.form.edit("training.preset", "Auto Set (local)")
    program.models.form.edit("training.preset", "Quick local test")
    program.models.form.edit("hp.packing", True)
    program.models.hardware.set_hardware(COMPUTER)
    assert program.models.form.value("hp.packing") is True


def test_auto_set_that_waits_is_applied_though_the_network_goes(program: Program) -> None:
    _begin(program)
    program.models.hardware.set_hardware(Hardware())
    program.models.form.edit("training.preset", "Auto Set (local)")
    program.models.form.set_circumstances(Circumstances(offline=True))
    program.models.hardware.set_hardware(COMPUTER)
    assert program.models.form.value("hp.packing") is True
    assert program.models.preset.modified == ()


def test_a_preset_of_the_other_target_is_not_shown_as_one_of_this(program: Program) -> None:
    _begin(program)
    program.models.form.load(with_values(TrainingConfig(), {"training.preset": "Fastest (Runpod)"}))
    assert program.child("training.preset").currentText() == ""
    program.models.form.edit("training.preset", "Quick local test")
    assert _values(program, QUICK) == QUICK
