"""What the tests of Docker in the window share: a filled window, a run that ends well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from models.domain.config import DEFAULT_IMAGE, RUNTIME_DOCKER
from models.domain.hardware import Gpu, Hardware
from models.domain.run import RunState, RunUpdate
from tests.qt.fakes import GIB, make_engine, make_image, make_run, make_session

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

CARD = Gpu(0, "NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB)
WITH_GPU = Hardware((CARD,), 32 * GIB, 20 * GIB, probed=True)


def press(qtbot: QtBot, widget: QWidget) -> None:
    """Press a button that can be pressed."""
    assert widget.isEnabled(), widget.toolTip()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def in_docker(program: Program, *, engine: bool = True, image: bool = False) -> None:
    """A filled window whose setup runs in Docker."""
    services = program.services
    services.datasets.sessions = [make_session()]
    services.docker.engine = make_engine() if engine else None
    if image:
        services.images.there[DEFAULT_IMAGE] = make_image(created_at=time.time() - 3 * 86_400 - 9)
    program.aio(program.wiring.fill())
    program.models.form.edit("local.runtime", RUNTIME_DOCKER)
    program.settle()


def finishes(program: Program) -> None:
    """The next run that starts ends well."""
    run = make_run("run-1", RunState.FINISHED, config=program.models.form.config)
    program.services.runs.script = [RunUpdate(run)]


def starts(program: Program) -> list[Any]:
    """How each run was told to start, in order."""
    return [how for what, how in program.services.runs.calls if what == "start"]
