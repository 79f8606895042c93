"""What the user's document says of the page, in the order in which it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QComboBox, QWidget

from models.domain.config import (
    RUNTIME_DOCKER,
    SOURCE_HUB,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import settings_index
from models.domain.hyperparameters import DEFAULT_MODEL
from tests.qt.every_setting import EVERYTHING, use
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow


def _child(window: MainWindow, name: str) -> Any:
    found = window.findChild(QWidget, name)
    assert found is not None, name
    return found


def _ready(window: MainWindow, **values: object) -> MainWindow:
    window.models.form.set_circumstances(EVERYTHING)
    window.models.form.load(TrainingConfig())
    window.models.form.apply({path.replace("__", "."): value for path, value in values.items()})
    for card in window.training.setup.cards:
        card.set_open(True)
    return window


def _shown(window: MainWindow) -> set[str]:
    fields = window.training.setup.form.fields
    return {path for path, field in fields.items() if field.isVisible()}


def _choices(combo: QComboBox) -> list[str]:
    return [combo.itemText(row) for row in range(combo.count())]


@pytest.mark.spec("Choose a **Training target** (Runpod pod or local Docker).")
@pytest.mark.spec("In **Training target**, choose **Runpod - Pod**.")
@pytest.mark.spec("In **Training target**, choose **local**.")
@pytest.mark.spec("Visible when Training target = **Runpod - Pod**:")
@pytest.mark.spec("Visible when Training target = **local**:")
def test_the_target_is_chosen_and_brings_its_section(window: MainWindow, qtbot: QtBot) -> None:
    _ready(window)
    target = _child(window, "training.target")
    assert _choices(target) == [TARGET_RUNPOD, TARGET_LOCAL]
    use(qtbot, target, TARGET_RUNPOD)
    assert _child(window, "section.runpod").isVisible()
    assert not _child(window, "section.local").isVisible()
    assert _child(window, "runpod.start").isVisible()
    assert not _child(window, "local.start").isVisible()
    use(qtbot, target, TARGET_LOCAL)
    assert _child(window, "section.local").isVisible()
    assert not _child(window, "section.runpod").isVisible()
    assert _child(window, "local.start").isVisible()


@pytest.mark.spec("Pick a **Skill level** and (optionally) a **Beginner preset**.")
@pytest.mark.spec("Fine‑tune models with beginner‑friendly presets or full expert control")
@pytest.mark.spec("**Beginner**: simplifies choices and exposes safe presets.")
@pytest.mark.spec("**Expert**: shows full hyperparameter and infra controls.")
@pytest.mark.spec("Use **Skill level** and **Beginner presets** if desired.")
def test_beginners_see_a_preset_and_little_else_experts_everything(
    window: MainWindow, qtbot: QtBot
) -> None:
    _ready(window, local__runtime=RUNTIME_DOCKER)  # which has settings of its own
    for_beginners = _shown(window)
    assert "training.preset" in for_beginners
    use(qtbot, _child(window, "training.skill_level"), "Expert")
    for_experts = _shown(window)
    assert "training.preset" not in for_experts
    expert = {path for path, info in settings_index().items() if info.rule.expert}
    expert.remove("local.gpu_devices")  # everybody's, where there are several
    expert -= {"hp.beta", "hp.hub_content"}  # another method's, and of what is uploaded
    assert not for_beginners & expert
    assert expert <= for_experts
    assert len(for_beginners) * 2 < len(for_experts)


@pytest.mark.spec("Configure **dataset source**, **hyperparameters**, and **output directory**.")
@pytest.mark.spec("Configure **dataset source**, **output dir**, and **hyperparameters**.")
@pytest.mark.parametrize("target", [TARGET_LOCAL, TARGET_RUNPOD])
def test_dataset_hyperparameters_and_output_are_set_for_either_target(
    window: MainWindow, target: str
) -> None:
    _ready(window, training__target=target)
    shown = _shown(window)
    assert {"dataset.source", "hp.base_model", "hp.epochs", "output.directory"} <= shown


@pytest.mark.spec("Select from your scrape history.")
def test_a_session_of_the_library_is_selected(window: MainWindow, qtbot: QtBot) -> None:
    _ready(window)
    window.models.datasets.set_items([make_session(1, "First"), make_session(2, "Second")])
    use(qtbot, _child(window, "dataset.session"), "Second")
    assert window.models.form.value("dataset.session") == "Second"
    assert "400 rows" in _child(window, "dataset.caption").text()


@pytest.mark.spec("`Dataset repo`, `Split`, optional `Config`.")
def test_a_hugging_face_dataset_has_repo_split_and_config(window: MainWindow, qtbot: QtBot) -> None:
    _ready(window)
    use(qtbot, _child(window, "dataset.source"), SOURCE_HUB)
    fields = window.training.setup.form.fields
    labels = [fields[path].label for path in _HUB]
    assert [label.text() for label in labels if label] == ["Dataset repo", "Split", "Config"]
    assert all(fields[path].isVisible() for path in _HUB)
    assert not _child(window, "dataset.session").isVisible()
    use(qtbot, _child(window, "dataset.hf_split"), "train[:1000]")
    assert window.models.form.problem("dataset.hf_config") is None, "it is optional"


_HUB = ("dataset.hf_repo", "dataset.hf_split", "dataset.hf_config")


@pytest.mark.spec("Path used **inside the container** (usually under `/data/outputs/...`).")
@pytest.mark.spec(
    "Mapped back to a real directory on your Runpod network volume or local host mount."
)
def test_the_output_directory_and_the_real_folder_it_maps_to(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    _ready(window)
    directory, caption = _child(window, "output.directory"), _child(window, "output.folder")
    assert directory.text() == "/data/outputs/local_run"
    use(qtbot, _child(window, "local.host_data_dir"), str(tmp_path))
    assert caption.text() == f"On this computer: {tmp_path / 'outputs' / 'local_run'}"
    use(qtbot, _child(window, "training.target"), TARGET_RUNPOD)
    assert directory.text() == "/data/outputs/runpod_run"
    assert "network volume temper-volume" in caption.text()
    use(qtbot, directory, "/home/me")
    assert "under /data" in _child(window, "output.directory.message").text()


@pytest.mark.spec("**Base model** (default `unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit`).")
@pytest.mark.spec(
    "**Epochs**, **Learning rate**, **Per‑device batch size**, **Gradient accumulation steps**."
)
def test_the_main_hyperparameters_stand_on_the_page(window: MainWindow) -> None:
    _ready(window, training__skill_level="Expert")
    assert _child(window, "hp.base_model").currentText() == DEFAULT_MODEL
    wanted = {
        "hp.epochs": "Epochs", "hp.learning_rate": "Learning rate",
        "hp.batch_size": "Per-device batch size", "hp.grad_accum": "Gradient accumulation steps",
    }  # fmt: skip
    for path, words in wanted.items():
        assert _child(window, path).isVisible()
        assert _child(window, path).accessibleName() == words


@pytest.mark.spec("**Max steps** – upper bound on steps; useful for short experiments.")
def test_max_steps_bounds_the_steps(window: MainWindow, qtbot: QtBot) -> None:
    window.models.datasets.set_items([make_session(1, "First", 4000)])
    _ready(window, training__skill_level="Expert", dataset__session="First", hp__packing=False)
    use(qtbot, _child(window, "hp.max_steps"), "12")
    assert "12 steps in all" in _child(window, "hp.estimate").text()


@pytest.mark.spec("(Optional) Set **Skill level = Beginner** and pick a preset:")
@pytest.mark.spec("`Quick local test` for very short runs.")
def test_a_local_setup_begins_with_a_very_short_run(window: MainWindow) -> None:
    from controllers.preset_controller import PresetController

    _ready(window)
    controller = PresetController(window.models, window)
    controller.begin()
    assert window.models.form.value("training.preset") == "Quick local test"
    assert window.models.form.value("hp.max_steps") == 20
