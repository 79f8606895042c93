"""Saved configurations in the window, over the real store: saved, loaded, listed, last used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.domain.availability import Circumstances
from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import settings_index, with_values
from tests.qt import config_store
from tests.qt.config_store import choose, click, enter_name, fill, listed, setup
from tests.qt.fakes import make_session

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from services.configs import ConfigStore
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
services, elsewhere = config_store.services, config_store.elsewhere

WHOLE: dict[str, object] = {
    "training.target": TARGET_RUNPOD,
    "training.skill_level": "Expert",
    "training.preset": "Cheapest (Runpod)",
    "dataset.source": "Hugging Face",
    "dataset.session": "Old",
    "dataset.hf_repo": "tatsu-lab/alpaca",
    "dataset.hf_split": "train[:1000]",
    "dataset.hf_config": "clean",
    "dataset.eval_percent": 5.0,
    "output.directory": "/data/outputs/whole",
    "hp.base_model": "me/mine",
    "hp.epochs": 2.5,
    "hp.learning_rate": 3e-5,
    "hp.lora_r": 8,
    "hp.optimizer": "adafactor",
    "hp.max_steps": 77,
    "runpod.gpu": "NVIDIA A40",
    "runpod.max_cost": 3.5,
    "runpod.volume_name": "mine",
    "local.host_data_dir": "/home/me/data",
    "local.container_name": "mine",
    "local.use_gpu": False,
}


@pytest.mark.spec("Click a **Save current setup** button.", "Enter a descriptive name.")
@pytest.mark.spec("One in the Configuration section.")
@pytest.mark.spec("The name is recorded as the **last used config** for auto‑load on startup.")
@pytest.mark.spec("**Save current setup** buttons")
def test_save_in_the_section_asks_for_a_name_and_remembers_it(
    program: Program, qtbot: QtBot
) -> None:
    fill(program)
    program.models.form.edit("hp.epochs", 3.0)
    click(qtbot, program, "config.save")
    enter_name(program, "Known good")
    store = program.services.configs
    assert store.get("Known good").hp.epochs == 3.0
    assert store.last_used()[0].name == "Known good"
    assert listed(program) == ["Known good"]
    assert program.child("config.list").currentText() == "Known good"
    assert program.child("config.status").text().startswith("Loaded, as it was saved today")
    assert program.window.windowTitle() == "Known good[*] — Temper"


@pytest.mark.spec("Additional convenience buttons near training controls.")
def test_save_beside_the_start_button_does_the_same(program: Program, qtbot: QtBot) -> None:
    fill(program)
    click(qtbot, program, "config.save_bar")
    enter_name(program, "Quick")
    assert [saved.name for saved in program.services.configs.list()] == ["Quick"]


@pytest.mark.spec(
    "You can still use **Save current setup** in Expert mode to snapshot tuned configurations."
)
@pytest.mark.spec("At any time, **Save current setup** as a config and reload it later.")
@pytest.mark.spec("Save a **known‑good config** after a successful run; reload it for variants.")
def test_an_experts_setup_is_saved_and_reloaded(program: Program, qtbot: QtBot) -> None:
    fill(program)
    program.models.form.edit("training.skill_level", "Expert")
    program.models.form.edit("hp.learning_rate", 7e-5)
    program.models.form.edit("hp.lora_r", 64)
    tuned = program.models.form.user_config
    click(qtbot, program, "config.save")
    enter_name(program, "Tuned")
    program.window.actions_.new.trigger()
    program.settle()
    assert program.models.form.user_config != tuned
    choose(program, "Tuned")
    click(qtbot, program, "config.load")
    assert program.models.form.user_config == tuned


@pytest.mark.spec(
    "Save and reload complete training setups as reusable configurations (stored in database)"
)
@pytest.mark.spec(
    "Training configs are stored in the database and capture the **entire training setup**."
)
@pytest.mark.spec("All configurations are stored in the SQLite database.")
@pytest.mark.spec("Training target (Runpod vs local).", "Dataset source and splits.")
@pytest.mark.spec("Dataset source + split / session ID.")
@pytest.mark.spec("Hyperparameters and skill level / Beginner preset.")
@pytest.mark.spec("Hyperparameters, skill level, and Beginner preset key.")
@pytest.mark.spec("Runpod infra settings or local Docker settings.")
@pytest.mark.spec("Runpod infra or local Docker settings.")
@pytest.mark.spec("Configs include:")
@pytest.mark.spec("The app saves a configuration capturing:")
def test_what_is_saved_is_the_entire_setup(program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    fill(program)
    for path, value in WHOLE.items():
        program.models.form.edit(path, value)
    whole = program.models.form.user_config
    assert whole.training.target == TARGET_RUNPOD
    click(qtbot, program, "config.save")
    enter_name(program, "Whole")
    assert program.services.configs.get("Whole") == whole
    with closing(sqlite3.connect(tmp_path / "temper.db")) as connection:
        (data,) = connection.execute("SELECT data FROM configurations").fetchone()
    assert all(path.split(".")[1] in data for path in settings_index())


@pytest.mark.spec("Use the **Saved configuration** dropdown in the Configuration section.")
@pytest.mark.spec("Click **Load** to apply it to the UI.")
@pytest.mark.spec(
    "Load – apply a saved config to all UI fields (dataset, hyperparameters, target, infra)."
)
@pytest.mark.spec("Populates dataset, hyperparameters, infra, and presets.")
@pytest.mark.spec("Updates the last used config marker.")
@pytest.mark.spec("The app:")
def test_load_fills_every_field(program: Program, qtbot: QtBot) -> None:
    values = {**WHOLE, "training.target": TARGET_LOCAL, "training.preset": "Auto Set (local)"}
    values |= {"dataset.source": "Database Session"}
    program.services.datasets.sessions = [make_session(2, "New"), make_session(1, "Old")]
    program.services.configs.save("Whole", with_values(TrainingConfig(), values))
    program.services.configs.save("Other", TrainingConfig())
    fill(program)
    choose(program, "Whole")
    assert program.models.form.name == "Other"  # selecting alone changes nothing
    assert "Load puts it into the form" in program.child("config.status").text()
    click(qtbot, program, "config.load")
    assert program.models.form.user_config == with_values(TrainingConfig(), values)
    assert program.child("dataset.session").currentText() == "Old"
    assert program.child("hp.base_model").currentText() == "me/mine"
    assert program.child("hp.learning_rate").text() == "3e-5"
    assert program.child("hp.lora_r").text() == "8"
    assert program.child("hp.optimizer").currentText() == "adafactor"
    assert program.child("local.host_data_dir").text() == "/home/me/data"
    assert not program.child("local.use_gpu").isChecked()
    assert program.child("training.skill_level").currentText() == "Expert"
    assert program.services.configs.last_used()[0].name == "Whole"
    assert program.window.statusBar().currentMessage() == "Loaded Whole"


@pytest.mark.spec("Switches the Training target to match the config.")
def test_a_recent_setup_of_the_other_target_switches_to_it(program: Program) -> None:
    cloud = setup(training__target=TARGET_RUNPOD, runpod__gpu="NVIDIA A40")
    program.services.configs.save("Cloud", cloud)
    program.services.configs.save("Here", TrainingConfig())
    fill(program)
    assert program.child("training.target").currentText() == TARGET_LOCAL
    recent = program.window.actions_.recent_menu.actions()
    assert [action.text() for action in recent] == ["Here  ·  Local", "Cloud  ·  Runpod - Pod"]
    recent[1].trigger()
    program.settle()
    assert program.child("training.target").currentText() == TARGET_RUNPOD
    assert program.child("runpod.gpu").isVisible()
    assert program.models.form.user_config == cloud
    assert listed(program) == ["Cloud"]


@pytest.mark.spec(
    "Saved config dropdown – list of configs from the database, filtered by current "
    "training target."
)
@pytest.mark.spec(
    "Configurations are **filtered by Training target** in the dropdown to reduce mistakes (e.g., "
    "accidentally applying a Runpod‑specific config while in local mode)."
)
def test_the_list_has_the_setups_of_the_present_target(program: Program) -> None:
    program.services.configs.save("Cloud", setup(training__target=TARGET_RUNPOD))
    program.services.configs.save("One", TrainingConfig())
    program.services.configs.save("Two", TrainingConfig())
    fill(program)
    assert listed(program) == ["Two", "One"]
    menu = program.window.actions_.load_menu
    assert [action.text() for action in menu.actions()] == ["Two", "One"]
    program.models.form.edit("training.target", TARGET_RUNPOD)
    assert listed(program) == ["Cloud"]
    assert [action.text() for action in menu.actions()] == ["Cloud"]
    program.models.form.edit("training.target", TARGET_LOCAL)
    assert listed(program) == ["Two", "One"]
    assert program.child("config.list").currentText() == "Two"  # the one that is loaded


def test_offline_lists_what_can_run_here(program: Program) -> None:
    program.services.configs.save("Here", TrainingConfig())
    program.services.configs.save("Cloud", setup(training__target=TARGET_RUNPOD))
    fill(program)
    assert listed(program) == ["Cloud"]
    program.models.form.set_circumstances(Circumstances(offline=True))
    assert listed(program) == ["Here"]
    assert "is for Runpod - Pod" in program.child("config.status").text()
    assert "Offline mode" in program.child("config.status").text()
    program.models.form.set_circumstances(Circumstances())
    assert listed(program) == ["Cloud"]


@pytest.mark.spec("Refresh list – reload configs from the database.")
def test_refresh_shows_what_was_saved_elsewhere(
    program: Program,
    qtbot: QtBot,
    elsewhere: ConfigStore,
) -> None:
    program.services.configs.save("Mine", TrainingConfig())
    fill(program)
    elsewhere.save("Theirs", TrainingConfig())
    assert listed(program) == ["Mine"]
    click(qtbot, program, "config.refresh")
    assert listed(program) == ["Theirs", "Mine"]
    elsewhere.delete(elsewhere.entry("Theirs"))
    program.window.actions_.refresh_configs.trigger()
    program.settle()
    assert listed(program) == ["Mine"]


@pytest.mark.spec("Rename – change config name from within the app.")
def test_rename_keeps_everything_else(program: Program, qtbot: QtBot) -> None:
    config = setup(hp__epochs=4.0)
    saved = program.services.configs.save("Mine", config)
    program.services.configs.save("Other", TrainingConfig())
    program.services.configs.load(saved.id)
    fill(program)
    click(qtbot, program, "config.rename")
    dialog = program.child("config.name_dialog")
    line = program.child("config.name_dialog.name")
    assert line.text() == "Mine"
    assert not dialog._save.isEnabled()  # it has this name already
    line.setText("OTHER")
    assert "exists already" in program.child("config.name_dialog.warning").text()
    assert not dialog._save.isEnabled()
    enter_name(program, "MINE")
    assert program.models.form.name == "MINE"
    assert program.window.windowTitle() == "MINE[*] — Temper"
    assert not program.window.isWindowModified()
    assert sorted(listed(program)) == ["MINE", "Other"]
    assert program.services.configs.last_used() == (program.models.configs.current, config)


@pytest.mark.spec("Delete – remove a config from the database.")
def test_delete_asks_and_leaves_the_form_as_it_is(program: Program, qtbot: QtBot) -> None:
    program.services.configs.save("Mine", setup(hp__epochs=4.0))
    fill(program)
    program.models.form.edit("hp.seed", 5)
    click(qtbot, program, "config.delete")
    assert "Delete “Mine”?" in program.child("question").windowTitle()
    assert len(program.services.configs.list()) == 1
    click(qtbot, program, "question.yes")
    assert list(program.services.configs.list()) == []
    assert program.services.configs.last_used() is None
    assert program.models.form.value("hp.epochs") == 4.0
    assert program.models.form.value("hp.seed") == 5
    assert program.models.form.name == ""
    assert program.wiring.configs.has_changes  # what was edited is still nowhere saved
    assert program.child("config.empty").isVisible()
    assert not program.child("config.list").isVisible()


@pytest.mark.spec("The last used config is tracked and **auto‑loads on startup**.")
def test_the_last_used_setup_stands_in_the_form_at_the_start(program: Program) -> None:
    first = program.services.configs.save("First", setup(hp__epochs=7.0))
    program.services.configs.save("Second", TrainingConfig())
    program.services.configs.load(first.id)
    fill(program)
    assert program.child("hp.epochs").text() == "7"
    assert program.child("config.list").currentText() == "First"
    assert not program.window.isWindowModified()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{damaged", "cannot be read: A configuration must be a mapping"),
        ('{"version": 2}', "This configuration has format 2"),
        ('{"version": 1, "hp": {"epochs": "many"}}', "hp.epochs: must be a number"),
        ('{"version": 1, "hp": {"scheduler": "zigzag"}}', "is not one of the choices"),
    ],
)
def test_a_last_used_setup_that_no_longer_loads_says_why(
    program: Program, tmp_path: Path, data: str, words: str
) -> None:
    program.services.configs.save("Mine", setup(hp__epochs=7.0))
    with closing(sqlite3.connect(tmp_path / "temper.db")) as connection, connection:
        connection.execute("UPDATE configurations SET data = ?", (data,))
    before = program.models.form.user_config
    fill(program)
    assert program.child("notice.title").text() == "The last used configuration was not loaded"
    assert words in program.child("notice.text").text()
    assert '"Mine"' in program.child("notice.text").text()
    assert listed(program) == ["Mine"]
    assert program.models.form.name == ""
    assert program.models.form.user_config.hp.epochs == before.hp.epochs
    assert program.child("local.start").isEnabled()


def test_without_saved_setups_there_is_a_sentence(program: Program, qtbot: QtBot) -> None:
    program.services.configs.save("Cloud", setup(training__target=TARGET_RUNPOD))
    program.services.configs.delete(program.services.configs.save("Here", TrainingConfig()))
    fill(program)
    assert program.child("config.empty").text() == "No setup is saved for Local yet."
    assert program.child("config.list").placeholderText() == "1 setup for the other target"
    assert not program.child("config.mode.run_saved").isEnabled()
    assert program.child("config.save").isEnabled()
    for name in ("config.load", "config.rename", "config.delete", "config.list"):
        assert not program.child(name).isEnabled()
