"""Offline mode in the form: what it enforces, what it keeps, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from models.domain.availability import Circumstances
from models.domain.config import (
    SOURCE_HUB,
    SOURCE_SESSION,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import with_values
from models.domain.run import RunState
from models.qt.form_model import FormModel
from tests.qt.every_setting import EVERYTHING, use
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program
    from views.main_window import MainWindow

OFFLINE = Circumstances(offline=True, has_hf_token=True, has_runpod_key=True)
CLOUD = {
    "training.target": TARGET_RUNPOD,
    "training.skill_level": "Expert",
    "training.preset": "Cheapest (Runpod)",
    "dataset.source": SOURCE_HUB,
    "dataset.hf_repo": "tatsu-lab/alpaca",
    "output.directory": "/data/outputs/cloud",
    "hp.push_to_hub": True,
    "hp.hub_repo": "me/mine",
}


def _cloud_form() -> FormModel:
    form = FormModel()
    form.set_circumstances(EVERYTHING)
    form.load(with_values(TrainingConfig(), CLOUD), "Cloud")
    return form


def _combo(window: MainWindow, name: str) -> QComboBox:
    found = window.findChild(QComboBox, name)
    assert isinstance(found, QComboBox)
    return found


def _can_choose(combo: QComboBox, text: str) -> bool:
    model = combo.model()
    index = model.index(combo.findText(text), 0)
    assert index.isValid(), "it stays visible"
    return bool(model.flags(index) & model.flags(index).ItemIsEnabled)


@pytest.mark.spec("The training target is forced to `Local`.")
@pytest.mark.spec(
    "If you were previously set to Hugging Face as a dataset source, the UI resets to Database."
)
@pytest.mark.spec("Push-to-Hub controls are disabled and the push toggle is forced off.")
def test_going_offline_enforces_and_going_online_brings_everything_back() -> None:
    form = _cloud_form()
    before = form.config
    form.set_circumstances(OFFLINE)
    assert form.value("training.target") == TARGET_LOCAL
    assert form.value("dataset.source") == SOURCE_SESSION
    assert form.value("hp.push_to_hub") is False
    assert form.value("output.directory") == "/data/outputs/local_run"
    form.set_circumstances(EVERYTHING)
    assert form.config == before
    assert not form.is_unsaved


def test_saving_while_offline_stores_what_the_user_chose() -> None:
    form = _cloud_form()
    before = form.config
    form.set_circumstances(OFFLINE)
    assert form.user_config == before
    assert not form.is_unsaved
    form.edit("hp.epochs", 3.0)
    assert form.user_config == with_values(before, {"hp.epochs": 3.0})
    assert form.config.training.target == TARGET_LOCAL


def test_a_runpod_configuration_loaded_offline_shows_local_until_online() -> None:
    form = FormModel()
    form.set_circumstances(OFFLINE)
    cloud = with_values(TrainingConfig(), CLOUD)
    form.load(cloud, "Cloud")
    assert form.config.training.target == TARGET_LOCAL
    assert not form.is_unsaved
    form.set_circumstances(EVERYTHING)
    assert form.config == cloud


def test_what_is_changed_offline_stays_changed_online() -> None:
    form = _cloud_form()
    form.set_circumstances(OFFLINE)
    form.edit("output.directory", "/data/outputs/on_the_train")
    form.edit("hp.seed", 7)
    form.set_circumstances(EVERYTHING)
    assert form.value("hp.seed") == 7
    form.edit("training.target", TARGET_LOCAL)
    assert form.value("output.directory") == "/data/outputs/on_the_train"


def test_what_is_chosen_for_the_forced_target_is_not_taken_for_the_other() -> None:
    form = _cloud_form()
    before = form.config
    form.set_circumstances(OFFLINE)
    form.edit("training.preset", "Auto Set (local)")
    form.edit("output.directory", "/data/outputs/on_the_train")
    assert form.user_config == before
    form.set_circumstances(EVERYTHING)
    assert form.config == before
    form.edit("training.target", TARGET_LOCAL)
    assert form.value("training.preset") == "Auto Set (local)"


def test_local_chosen_offline_is_the_users_choice_with_all_that_belongs_to_it() -> None:
    form = _cloud_form()
    form.set_circumstances(OFFLINE)
    form.edit("training.target", TARGET_LOCAL)
    form.set_circumstances(EVERYTHING)
    assert form.value("training.target") == TARGET_LOCAL
    assert form.value("output.directory") == "/data/outputs/local_run"
    assert form.value("training.preset") == "Quick local test"
    form.edit("training.target", TARGET_RUNPOD)
    assert form.value("output.directory") == "/data/outputs/cloud"


def test_a_push_that_is_on_can_be_switched_off_without_a_token(
    window: MainWindow, qtbot: QtBot
) -> None:
    form = window.models.form
    form.set_circumstances(Circumstances())
    form.load(with_values(TrainingConfig(), {"hp.push_to_hub": True, "hp.hub_repo": "me/mine"}))
    push = window.training.setup.form.fields["hp.push_to_hub"]
    assert push.isEnabled()
    use(qtbot, push.editor, False)
    assert form.value("hp.push_to_hub") is False
    assert not push.isEnabled()
    assert "token" in push.reason


def test_a_pod_cannot_be_started_without_a_key(window: MainWindow) -> None:
    form = window.models.form
    form.load(with_values(TrainingConfig(), {"training.target": TARGET_RUNPOD}))
    start = window.training.start_bar.starts["runpod"]
    assert not start.isEnabled()
    assert "API key" in start.toolTip()
    form.set_circumstances(EVERYTHING)
    assert start.isEnabled()


def test_each_target_keeps_its_own_values_and_brings_them_back() -> None:
    form = FormModel()
    form.edit("output.directory", "/data/outputs/mine")
    form.edit("local.use_gpu", False)
    form.edit("training.target", TARGET_RUNPOD)
    assert form.value("output.directory") == "/data/outputs/runpod_run"
    form.edit("runpod.gpu", "NVIDIA L4")
    form.edit("output.directory", "/data/outputs/theirs")
    form.edit("training.target", TARGET_LOCAL)
    assert form.value("output.directory") == "/data/outputs/mine"
    assert form.value("local.use_gpu") is False
    form.edit("training.target", TARGET_RUNPOD)
    assert form.value("output.directory") == "/data/outputs/theirs"
    assert form.value("runpod.gpu") == "NVIDIA L4"


@pytest.mark.spec("Hugging Face remains visible in dropdowns but is disabled.")
@pytest.mark.spec("Runpod cloud training is disabled.")
@pytest.mark.spec("Hugging Face datasets and Hub push are disabled.")
@pytest.mark.spec(
    "The UI shows an Offline banner at the top of the tab and inline helper text under key "
    "controls explaining why they are disabled."
)
def test_the_page_shows_what_is_off_and_why(window: MainWindow) -> None:
    window.models.form.set_circumstances(EVERYTHING)
    banner = window.findChild(QWidget, "offline.banner")
    assert banner is not None
    assert not banner.isVisible()
    target, source = _combo(window, "training.target"), _combo(window, "dataset.source")
    assert _can_choose(target, TARGET_RUNPOD)
    window.models.form.set_circumstances(OFFLINE)
    assert banner.isVisible()
    assert not _can_choose(target, TARGET_RUNPOD)
    assert _can_choose(target, TARGET_LOCAL)
    assert not _can_choose(source, SOURCE_HUB)
    push = window.training.setup.form.fields["hp.push_to_hub"]
    assert not push.isEnabled()
    for path in ("training.target", "dataset.source", "hp.push_to_hub"):
        reason = window.findChild(QWidget, f"{path}.reason")
        assert reason is not None
        assert reason.isVisible()
        assert reason.text().startswith("Offline mode:")  # type: ignore[attr-defined]
    window.models.form.set_circumstances(EVERYTHING)
    assert not banner.isVisible()
    assert _can_choose(target, TARGET_RUNPOD)
    assert push.isEnabled()


@pytest.mark.spec("Runpod infra and control actions are disabled.")
def test_runpod_settings_are_disabled_as_a_whole_with_the_reason(window: MainWindow) -> None:
    form = window.models.form
    form.set_circumstances(Circumstances(has_hf_token=True))
    form.load(with_values(TrainingConfig(), CLOUD))
    reason = window.findChild(QWidget, "runpod.reason")
    assert reason is not None
    assert "API key" in reason.text()  # type: ignore[attr-defined]
    fields = window.training.setup.form.fields
    assert not fields["runpod.gpu"].isEnabled()
    form.set_circumstances(EVERYTHING)
    assert fields["runpod.gpu"].isEnabled()
    assert reason.isHidden()
    form.set_circumstances(OFFLINE)
    assert not fields["runpod.gpu"].isEnabled()


def test_offline_mode_by_the_menu_and_back_by_the_banner(program: Program, qtbot: QtBot) -> None:
    program.aio(program.wiring.fill())
    program.settle()
    banner = program.child("offline.banner")
    assert not banner.isVisible()
    program.window.actions_.offline.trigger()
    program.settle()
    assert program.models.form.circumstances.offline
    assert banner.isVisible()
    qtbot.mouseClick(program.child("offline.leave"), Qt.MouseButton.LeftButton)
    program.settle()
    assert not program.models.form.circumstances.offline
    assert not banner.isVisible()


def test_a_run_on_a_pod_can_be_stopped_whatever_the_form_shows(
    program: Program, qtbot: QtBot
) -> None:
    cloud = with_values(TrainingConfig(), CLOUD)
    run = make_run(state=RunState.RUNNING, config=cloud, phase="training")
    program.services.runs.stored[run.id] = run
    program.models.run.begin(run)
    program.models.form.set_circumstances(OFFLINE)
    stop = program.child("runpod.stop")
    assert program.models.form.value("training.target") == TARGET_LOCAL
    assert stop.isVisible()
    assert stop.isEnabled()
    assert not program.child("local.stop").isVisible()
    qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    program.settle()
    assert ("stop", run.id) in program.services.runs.calls
