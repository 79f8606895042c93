"""A dataset of the Hub in the window: asked for, refused, cancelled, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QDialog, QPushButton

from models.domain.dataset_import import HubSource
from models.domain.errors import AppError
from tests.qt.import_steps import dialog, is_open, needs_environment, press
from views.main_window import SETTINGS

if TYPE_CHECKING:
    from tests.qt.conftest import Program


def ask_hub(program: Program, repo: str = "openai/gsm8k") -> QDialog:
    program.window.actions_.import_hub.trigger()
    shown = dialog(program, "import.hub")
    program.child("import.hub.repo").setText(repo)
    return shown


def test_a_dataset_of_the_hub_is_imported(program: Program) -> None:
    ask_hub(program, "https://huggingface.co/datasets/openai/gsm8k/viewer")
    program.child("import.hub.config").setText("main")
    program.child("import.hub.split").setText("train[:100]")
    press(program, "import.hub.import")
    program.settle()
    assert program.services.datasets.imported == [HubSource("openai/gsm8k", "main", "train[:100]")]
    assert not is_open(program, "import.hub")
    assert program.models.datasets.rowCount() == 1


@pytest.mark.parametrize("repo", ["", "a b", "a/b/c", "me/"])
def test_what_is_no_repo_cannot_be_imported(program: Program, repo: str) -> None:
    shown = ask_hub(program, repo)
    expected = repo == "me/"  # a slash at the end is a slip
    assert program.child("import.hub.import").isEnabled() is expected
    shown.close()


def test_what_the_hub_refuses_is_said_where_it_can_be_changed(program: Program) -> None:
    sentence = "openai/gsm8k: BuilderConfig 'x' not found. Available: ['main', 'socratic']"
    program.services.datasets.error = AppError("bad_dataset", sentence, "Choose one of these.")
    shown = ask_hub(program)
    press(program, "import.hub.import")
    program.settle()
    assert shown.isVisible()
    assert program.child("import.hub.problem").text() == f"{sentence} Choose one of these."
    assert program.child("import.hub.repo").isEnabled()
    repo, config = program.child("import.hub.repo"), program.child("import.hub.config")
    assert repo.geometry().bottom() < config.geometry().top()  # it has grown with its words
    choices = program.window.findChildren(QPushButton, "import.hub.config.choice")
    assert [one.text() for one in choices] == ["main", "socratic"]
    choices[1].click()
    assert program.child("import.hub.config").text() == "socratic"
    assert program.child("import.hub.problem").isHidden()
    assert not any(one.isVisible() for one in choices)
    assert program.child("notice").isHidden()
    shown.close()


def test_cancelling_the_hub_ends_its_import_first(program: Program) -> None:
    shown = ask_hub(program)
    seen: list[bool] = []

    def cancel(_path: object) -> None:
        seen.append(program.child("import.hub.repo").isEnabled())
        press(program, "import.hub.cancel")

    program.services.datasets.on_import = cancel
    press(program, "import.hub.import")
    program.settle()
    assert seen == [False]
    assert shown.isVisible()
    assert program.child("import.hub.repo").isEnabled()
    press(program, "import.hub.cancel")
    assert not is_open(program, "import.hub")
    assert program.models.datasets.rowCount() == 0


def test_offline_the_hub_cannot_be_chosen_and_says_why(program: Program) -> None:
    program.services.settings.set("offline", True)
    program.aio(program.wiring.fill())
    action = program.window.actions_.import_hub
    assert not action.isEnabled()
    assert "Offline mode is on" in action.text()
    program.wiring.importing.ask_hub_for("me/rows")
    shown = dialog(program, "import.hub")
    assert not program.child("import.hub.import").isEnabled()
    assert "Offline mode is on" in program.child("import.hub.problem").text()
    shown.close()


def test_a_token_is_set_on_the_settings_page(program: Program) -> None:
    ask_hub(program)
    press(program, "import.hub.settings")
    assert program.window.page == SETTINGS
    assert not is_open(program, "import.hub")


def test_a_dataset_can_be_proposed_for_the_hub(program: Program) -> None:
    program.wiring.importing.ask_hub_for("me/rows", "small", "test")
    shown = dialog(program, "import.hub")
    values = [program.child(f"import.hub.{name}").text() for name in ("repo", "config", "split")]
    assert values == ["me/rows", "small", "test"]
    shown.close()


def test_the_environment_is_set_up_for_a_dataset_of_the_hub_too(program: Program) -> None:
    program.services.runtime.ready = False
    program.services.datasets.on_import = needs_environment(program)
    ask_hub(program)
    press(program, "import.hub.import")
    program.settle()
    assert not is_open(program, "import.hub")
    press(program, "notice.action")
    program.settle()
    assert program.child("dataset.session").currentText() == "openai/gsm8k"
