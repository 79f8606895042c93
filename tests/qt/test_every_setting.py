"""Every setting: in the form by its name, from its widget to the configuration and to the job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from models.domain.config import SOURCE_HUB, TrainingConfig
from models.domain.config_io import settings_index, with_values
from models.qt.app_models import AppModels
from models.qt.wording import value_text
from services.job_builder import JobBuilder, build_job
from tests.qt.conftest import ICONS, destroy
from tests.qt.every_setting import EVERYTHING, other_value, setup_for, shown, use
from tests.qt.fakes import make_session
from views.main_window import MainWindow
from views.theme import current_theme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

ALL = tuple(settings_index())
IN_THE_JOB = tuple(path for path in ALL if path.split(".")[0] in {"hp", "dataset", "output"})


@pytest.fixture(scope="module")
def one_window(qapp: QApplication) -> Iterator[MainWindow]:
    """One window for all settings: each test loads a setup of its own."""
    theme = current_theme()
    if not theme.is_started:
        theme.prepare("light")
        theme.start(ICONS)
    made = MainWindow(AppModels())
    made.models.setParent(made)
    made.complete()
    made.set_ready(True)
    made.show()
    yield made
    destroy(made)


@pytest.fixture
def window(one_window: MainWindow) -> MainWindow:
    """The one window, with nothing of the last test left in it."""
    one_window.models.form.set_circumstances(EVERYTHING)
    one_window.models.form.load(TrainingConfig())
    return one_window


def _child(window: MainWindow, name: str) -> Any:
    found = window.findChildren(QWidget, name)
    assert len(found) == 1, name
    return found[0]


def _show(window: MainWindow, path: str) -> Any:
    window.models.datasets.set_items([make_session(1, "First"), make_session(2, "Second")])
    window.models.form.set_circumstances(EVERYTHING)
    window.models.form.load(setup_for(path))
    for card in window.training.setup.cards:
        card.set_open(True)
    return _child(window, path)


def test_the_form_has_a_field_for_every_setting(window: MainWindow) -> None:
    assert set(window.training.setup.form.fields) == set(ALL)


@pytest.mark.parametrize("path", ALL)
def test_from_the_widget_to_the_configuration_and_back(
    window: MainWindow, qtbot: QtBot, path: str
) -> None:
    widget = _show(window, path)
    assert widget.isVisible()
    assert widget.isEnabled()
    wanted = other_value(path)
    use(qtbot, widget, value_text(wanted) if not isinstance(wanted, bool) else wanted)
    form = window.models.form
    assert form.value(path) == wanted
    if path not in {"training.target", "training.skill_level", "training.preset"}:
        assert form.config == with_values(setup_for(path), {path: wanted})
    changed = form.config
    form.load(TrainingConfig())
    form.load(changed)
    assert form.config == changed
    assert shown(widget) == (wanted if isinstance(wanted, bool) else value_text(wanted))


@pytest.mark.parametrize("path", ALL)
def test_named_for_screen_readers_and_explained(window: MainWindow, path: str) -> None:
    widget = _show(window, path)
    rule = settings_index()[path].rule
    assert widget.accessibleName() == rule.label
    assert widget.toolTip() == rule.help
    assert rule.help, "every setting explains itself"


@pytest.mark.parametrize("path", IN_THE_JOB)
def test_what_is_shown_reaches_the_job_file(window: MainWindow, qtbot: QtBot, path: str) -> None:
    widget = _show(window, path)
    wanted = other_value(path)
    use(qtbot, widget, value_text(wanted) if not isinstance(wanted, bool) else wanted)
    config = window.models.form.config
    if config.dataset.source == SOURCE_HUB:
        config = with_values(config, {"dataset.hf_repo": config.dataset.hf_repo or "a/b"})
    session = window.models.datasets.by_reference(config.dataset.session or "First")
    hub = config.dataset.source == SOURCE_HUB
    job = json.loads(build_job(config, None if hub else session).model_dump_json())
    assert _in_job(job, path) == (True if path == "dataset.source" else wanted)


def _in_job(job: dict[str, Any], path: str) -> object:
    section, name = path.split(".")
    special = {
        "hp.base_model": job["base_model"],
        "output.directory": job["output_directory"],
        "dataset.session": job["dataset"]["name"],
        "dataset.source": bool(job["dataset"]["hf_repo"]),
    }
    return special[path] if path in special else job[section][name]


class _Library:
    def find(self, _reference: str) -> Any:
        return make_session(1, "First")

    def has_rows(self, _session: Any) -> bool:
        return True


@pytest.mark.spec("Set **Host data dir** (e.g., `~/Desktop/test_data`).")
@pytest.mark.spec("Check **Use GPU** if you have a CUDA‑capable GPU.")
def test_what_is_set_for_this_computer_reaches_the_run(tmp_path: Path) -> None:
    chosen = {
        "dataset.session": "First", "local.host_data_dir": str(tmp_path / "mine"),
        "local.use_gpu": False,
    }  # fmt: skip
    config = with_values(TrainingConfig(), chosen)
    builder = JobBuilder(_Library(), tmp_path / "default")  # type: ignore[arg-type]
    planned = builder.plan(config, name="", offline=False)
    assert planned.data_root == tmp_path / "mine"
    assert planned.output == tmp_path / "mine" / "outputs" / "local_run"
    assert planned.job.use_gpu is False


def test_a_setting_without_a_meaning_is_not_shown(window: MainWindow) -> None:
    """Nothing is visible that the trainer would not read in this setup."""
    window.models.form.set_circumstances(EVERYTHING)
    hidden = {
        "dataset.session": {"dataset.source": SOURCE_HUB},
        "hp.hub_repo": {"hp.push_to_hub": False},
        "hp.lora_r": {"hp.tuning": "full"},
        "hp.early_stopping": {"dataset.eval_percent": 0.0},
        "runpod.gpu": {"training.target": "Local"},
        "local.use_gpu": {"training.target": "Runpod - Pod"},
        "local.image": {"local.runtime": "Python on this computer"},
    }
    for path, values in hidden.items():
        window.models.form.load(with_values(setup_for("hp.seed"), values))
        assert _child(window, path).isHidden() or not _child(window, path).isVisible(), path
