"""The dialog of images: listed, removed, pulled, built, and the logins of registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.paths import guide_folder
from models.domain.config import DEFAULT_IMAGE, RUNTIME_DOCKER
from models.domain.docker import OUR_IMAGE_CPU, ImageProgress, RegistryLogin
from models.domain.errors import AppError
from models.domain.guide import load_guide
from models.domain.secrets import KEYCHAIN
from models.qt.docker_model import ImageState
from tests.qt.docker_steps import press
from tests.qt.fakes import make_engine, make_image
from views.theme import current_theme
from views.widgets.help_button import HelpButton

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


@pytest.fixture
def dialog(program: Program) -> Any:
    images = program.services.images
    images.there = {
        DEFAULT_IMAGE: make_image(),
        OUR_IMAGE_CPU: make_image(OUR_IMAGE_CPU, digest="", used_by=("temper-run-1",)),
    }
    program.services.docker.engine = make_engine()
    program.aio(program.wiring.fill())
    program.window.actions_.images.trigger()
    program.settle()
    return program.child("docker.images_dialog")


def _select(dialog: Any, tag: str) -> None:
    model = dialog.table.model()
    row = next(row for row in range(model.rowCount()) if model.index(row, 0).data() == tag)
    dialog.table.selectRow(row)


def test_every_help_button_of_the_dialog_leads_somewhere(dialog: Any) -> None:
    guide = load_guide(guide_folder())
    topics = [button.topic for button in dialog.findChildren(HelpButton)]
    assert topics
    assert [topic for topic in topics if guide.find(topic) is None] == []


def test_it_opens_as_large_as_it_is_meant_to_be(dialog: Any) -> None:
    assert (dialog.width(), dialog.height()) == (880, 720), "on a small screen, too"


def test_the_images_of_this_computer(program: Program, dialog: Any) -> None:
    model = dialog.table.model()
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(5)]
    assert titles == ["Image", "Size", "Age", "Made by", "Used by"]
    rows = {model.index(r, 0).data(): [model.index(r, c).data() for c in (1, 3, 4)] for r in (0, 1)}
    assert rows[DEFAULT_IMAGE] == ["8.1 GB", "Registry", "—"]
    assert rows[OUR_IMAGE_CPU] == ["8.1 GB", "This computer", "temper-run-1"]
    assert program.child("images.engine.state").text().startswith("Docker Engine 28.2")


def test_removing_asks_says_the_size_and_is_refused_in_use(
    program: Program, dialog: Any, qtbot: QtBot
) -> None:
    remove = program.child("images.remove")
    assert (remove.isEnabled(), remove.toolTip()) == (False, "Choose an image in the table first")
    _select(dialog, OUR_IMAGE_CPU)
    assert (remove.isEnabled(), remove.toolTip()) == (False, "In use by temper-run-1")
    _select(dialog, DEFAULT_IMAGE)
    press(qtbot, remove)
    question = dialog.findChild(QWidget, "question")
    words = " ".join(
        label.text() for label in question.findChildren(QWidget) if hasattr(label, "text")
    )
    assert "8.1 GB" in words
    press(qtbot, question.findChild(QWidget, "question.yes"))
    program.settle()
    assert DEFAULT_IMAGE not in program.services.images.there
    assert program.child("images.note").text() == f"{DEFAULT_IMAGE} was removed."
    program.services.images.there[DEFAULT_IMAGE] = make_image()
    program.services.images.error = AppError("image_in_use", "A container stands on it.")
    program.wiring.docker.controller.remove(DEFAULT_IMAGE)  # one that began since it was listed
    program.settle()
    assert program.child("images.note").text() == "A container stands on it."


def test_another_image_is_pulled_and_used(program: Program, dialog: Any, qtbot: QtBot) -> None:
    line = program.child("images.tag")
    line.selectAll()
    qtbot.keyClicks(line, "a b")
    assert not program.child("images.pull").isEnabled()
    line.selectAll()
    qtbot.keyClicks(line, "me/other:1")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    program.settle()
    assert ("pull", "me/other:1") in program.services.images.calls
    _select(dialog, "me/other:1")
    press(qtbot, program.child("images.use"))
    local = program.models.form.config.local
    assert (local.runtime, local.image) == (RUNTIME_DOCKER, "me/other:1")
    assert program.child("local.runtime").currentText() == RUNTIME_DOCKER
    assert program.child("local.image").currentText() == "me/other:1"


def test_ours_is_built_with_its_output_and_can_be_cancelled(
    program: Program, dialog: Any, qtbot: QtBot
) -> None:
    images, model = program.services.images, program.models.docker
    images.script = [
        ImageProgress("FROM debian", 1, 9, line="Step 1/9 : FROM debian"),
        ImageProgress("RUN apt", 2, 9, line="Step 2/9 : RUN apt"),
        ImageProgress("RUN apt", 2, 9, line="Get:1 python3"),
    ]
    images.hold = program.child("images.task.cancel").click
    variant = program.child("images.variant")
    variant.setCurrentIndex(variant.findData(OUR_IMAGE_CPU))
    press(qtbot, program.child("images.build"))
    program.settle()
    assert ("build", f"{OUR_IMAGE_CPU} cpu") in images.calls
    assert program.child("images.note").text() == "Cancelled."
    assert [model.output.index(row, 0).data() for row in range(model.output.rowCount())] == [
        "Step 1/9 : FROM debian", "Step 2/9 : RUN apt", "Get:1 python3",
    ]  # fmt: skip
    assert program.child("images.output").isVisible()
    assert not program.child("images.task").isVisible()


def test_a_pull_goes_on_when_the_dialog_is_closed(
    program: Program, dialog: Any, qtbot: QtBot
) -> None:
    program.models.form.edit("local.runtime", RUNTIME_DOCKER)
    program.services.images.hold = dialog.close
    shown: list[bool] = []
    program.models.docker.progressed.connect(
        lambda: shown.append(program.child("local.image.task").isVisible())
    )
    press(qtbot, program.child("images.pull"))
    program.settle()
    assert not dialog.isVisible()
    assert shown
    assert all(shown)
    assert program.models.docker.image_state is ImageState.THERE


def test_logging_in_to_a_registry_and_out_again(
    program: Program, dialog: Any, qtbot: QtBot
) -> None:
    program.child("section.registries.fold").setChecked(True)
    enter, lines = program.child("docker.login"), ("registry", "user", "password")
    assert not enter.isEnabled()
    password = program.child("docker.password")
    assert password.echoMode() is QLineEdit.EchoMode.Password
    for name, text in zip(lines, ("ghcr.io", "me", "open sesame"), strict=True):
        qtbot.keyClicks(program.child(f"docker.{name}"), text)
    press(qtbot, enter)
    program.settle()
    assert program.services.images.passwords == ["open sesame"]
    assert password.text() == ""
    assert not password.isUndoAvailable()
    assert program.models.docker.logins == (RegistryLogin("ghcr.io", "me", KEYCHAIN),)
    assert "open sesame" not in repr(vars(program.models.docker))
    press(qtbot, program.child("docker.logout.ghcr.io"))
    program.settle()
    assert program.models.docker.logins == ()


def test_a_refused_login_says_why_and_logins_of_docker_itself_stay(
    program: Program, dialog: Any
) -> None:
    images = program.services.images
    images.known["docker.io"] = RegistryLogin("docker.io", "me", "docker's own configuration")
    images.error = AppError("login_refused", "ghcr.io does not accept this.", "Check both.")
    program.wiring.docker.controller.login("ghcr.io", "me", "wrong")
    program.settle()
    assert program.child("images.note").text() == "ghcr.io does not accept this. Check both."
    program.wiring.docker.controller.refresh()
    program.settle()
    assert "docker's own" in program.models.docker.logins[0].where
    assert program.window.findChild(QWidget, "docker.logout.docker.io") is None


def test_the_dialog_without_an_engine_says_so(program: Program, qtbot: QtBot) -> None:
    program.aio(program.wiring.fill())
    program.window.actions_.images.trigger()
    program.settle()
    assert program.child("images.empty").text() == "Images show once an engine answers."
    for name in ("images.pull", "images.build", "images.use", "images.remove"):
        button = program.child(name)
        assert not button.isEnabled()
        assert button.toolTip()


def test_everything_of_the_dialog_can_be_done_with_keys(
    program: Program, dialog: Any, qtbot: QtBot
) -> None:
    dialog.activateWindow()
    qtbot.waitUntil(lambda: dialog.focusWidget() is dialog.table)
    reached = set()
    for _ in range(40):
        qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
        reached.add(dialog.focusWidget().objectName())
    assert {"images.engine.check", "images.tag", "images.pull", "images.variant", "images.build",
            "section.registries.fold"} <= reached  # fmt: skip
    before = program.services.docker.asked
    qtbot.keyClick(dialog, Qt.Key.Key_F5)
    program.settle()
    assert program.services.docker.asked == before + 1
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    program.window.actions_.images.trigger()
    asked: list[str] = []
    dialog.help_requested.connect(asked.append)
    qtbot.waitUntil(dialog.isActiveWindow)
    qtbot.keyClick(dialog, Qt.Key.Key_F1)
    assert asked == ["docker#managing-images"]
    program.settle()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_dialog_fits_at_twice_the_text(program: Program, dialog: Any, mode: str) -> None:
    theme = current_theme()
    theme.set_mode(mode)
    theme.set_text_size(200)
    try:
        dialog.resize(900, 700)
        dialog.table.selectRow(0)
        QApplication.processEvents()
        for name in ("images.use", "images.remove", "images.pull", "images.build"):
            button = program.child(name)
            assert button.width() >= button.fontMetrics().horizontalAdvance(button.text())
    finally:
        theme.set_text_size(100)
        theme.set_mode("light")
