"""Docker in the window: the engine, what is the matter with it, and what a container gets."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from controllers.desk import Desk
from controllers.docker_controller import DockerController
from controllers.lanes import Lane, Lanes
from controllers.tasks import Tasks
from models.domain.config import DEFAULT_IMAGE, RUNTIME_PYTHON
from models.domain.docker import OUR_IMAGE_CPU, GpuSupport
from models.domain.errors import AppError, ConfigError, Problem
from models.qt.app_models import AppModels
from models.qt.docker_model import PULL, EngineState, ImageTask
from tests.qt.docker_steps import CARD, WITH_GPU, finishes, in_docker, press, starts
from tests.qt.fakes import FakeDocker, FakeImages, SyncLane, make_engine, make_session

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Aio, Program

pytestmark = pytest.mark.slow


# The engine


def test_with_python_nothing_of_docker_is_shown_but_the_choice(program: Program) -> None:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    assert program.child("local.runtime").currentText() == RUNTIME_PYTHON
    hidden = (
        "docker.engine", "docker.engine.state", "local.image", "local.image.get",
        "local.image.manage", "local.container_name", "local.gpu_devices", "local.memory_limit",
    )  # fmt: skip
    assert [name for name in hidden if program.child(name).isVisible()] == []


@pytest.mark.spec(
    "**Docker image** – training image (e.g. `sbussiso/unsloth-trainer:latest`).",
    "For local: configure Docker image, host mount, GPU use, and start local training.",
)
def test_the_engine_and_the_image_are_said_in_a_line_each(program: Program, qtbot: QtBot) -> None:
    in_docker(program, image=True)
    finishes(program)
    assert program.child("docker.engine.state").text() == "Docker Engine 28.2 · 2 CPUs · 23 GB"
    assert program.child("local.image").currentText() == DEFAULT_IMAGE
    assert program.child("local.image.state").text() == "On this computer, 8.1 GB, 3 days old"
    for name in ("local.host_data_dir", "local.use_gpu"):
        assert program.child(name).isVisible()
    press(qtbot, program.child("local.start"))
    program.settle()
    assert starts(program) == ["refuse"]
    assert program.child("run.status").text() == "Training finished"


@pytest.mark.parametrize(
    "kind", ["docker_missing", "docker_stopped", "docker_denied", "docker_old"]
)
def test_what_is_the_matter_with_the_engine_and_what_to_do(
    program: Program, qtbot: QtBot, kind: str
) -> None:
    program.services.docker.error = AppError(kind, f"It is {kind}.", "Do this.")
    in_docker(program, engine=False)
    assert program.child("docker.engine.state").text() == f"It is {kind}."
    assert program.child("docker.engine.step").text() == "Do this."
    assert not program.child("local.image.get").isEnabled()
    assert program.child("local.image.get").toolTip() == f"It is {kind}."
    asked: list[str] = []
    program.window.help_requested.connect(asked.append)
    press(qtbot, program.child("docker.engine.help"))
    assert asked[0].startswith("docker")
    assert program.wiring.help.guide._read().find(asked[0]) is not None  # type: ignore[union-attr]
    program.services.docker.engine = make_engine()
    press(qtbot, program.child("docker.engine.check"))
    program.settle()
    assert program.child("docker.engine.state").text().startswith("Docker Engine")
    assert not program.child("docker.engine.step").isVisible()
    assert not program.child("docker.engine.help").isVisible()


def test_an_engine_that_went_is_looked_for_anew_and_the_same_one_is_kept(program: Program) -> None:
    in_docker(program)
    docker = program.services.docker
    before = docker.forgotten
    program.wiring.docker.controller.look()
    program.settle()
    assert docker.forgotten == before
    docker.engine = None
    program.wiring.docker.controller.look()
    program.settle()
    assert docker.forgotten == before + 1


def test_f5_looks_again_where_docker_is_wanted_and_only_there(program: Program) -> None:
    in_docker(program)
    docker = program.services.docker
    before = docker.asked
    program.window.actions_.refresh_configs.trigger()
    program.settle()
    assert docker.asked == before + 1
    program.models.form.edit("local.runtime", RUNTIME_PYTHON)
    program.window.actions_.refresh_configs.trigger()
    program.settle()
    assert docker.asked == before + 1


def test_coming_back_to_the_window_looks_again_while_something_is_the_matter(
    program: Program,
) -> None:
    in_docker(program, engine=False)
    docker = program.services.docker
    docker.engine = make_engine()
    before = docker.asked
    QApplication.sendEvent(program.window, QEvent(QEvent.Type.WindowActivate))
    program.settle()
    assert program.models.docker.engine_state is EngineState.THERE
    QApplication.sendEvent(program.window, QEvent(QEvent.Type.WindowActivate))
    program.settle()
    assert docker.asked == before + 1


@pytest.mark.spec("**GPU usage** – whether to expose local GPUs (`--gpus all` when available).")
def test_whether_containers_get_the_gpu_is_said_while_it_is_wanted(program: Program) -> None:
    program.services.gpus.hardware = WITH_GPU
    in_docker(program)
    line = program.child("docker.engine.gpu")
    assert line.text() == make_engine().gpu.reason
    assert line.property("tone") == "warning"
    program.services.docker.engine = make_engine(gpu=GpuSupport(True))
    program.wiring.docker.controller.look()
    program.settle()
    assert line.text() == "Containers can use the GeForce RTX 4090."
    program.models.form.edit("local.use_gpu", False)
    assert not line.isVisible()


def test_several_gpus_can_be_chosen_from_by_their_numbers(program: Program, qtbot: QtBot) -> None:
    program.services.gpus.hardware = WITH_GPU
    in_docker(program)
    field = program.child("local.gpu_devices")
    assert not field.isVisible()
    both = replace(WITH_GPU, gpus=(CARD, replace(CARD, index=1, name="NVIDIA A40")))
    program.models.hardware.set_hardware(both)
    assert field.isVisible()
    assert program.child("local.gpu_devices.list").text() == "0: RTX 4090, 24.0 GB\n1: A40, 24.0 GB"
    field.selectAll()
    qtbot.keyClicks(field, "1,")
    assert "numbers such as 0,1" in program.child("local.gpu_devices.message").text()
    qtbot.keyClicks(field, "0")
    assert program.models.form.config.local.gpu_devices == "1,0"
    assert program.models.form.problem("local.gpu_devices") is None


@pytest.mark.spec("**Container name** – name for the training container.")
def test_the_containers_name_is_checked_while_it_is_typed(program: Program, qtbot: QtBot) -> None:
    in_docker(program, image=True)
    line = program.child("local.container_name")
    assert line.placeholderText() == "temper-<run>"
    qtbot.keyClicks(line, "my run")
    assert program.child("local.container_name.message").text() == (
        "Cannot hold a space. Use letters, digits, and . _ - between them."
    )
    line.selectAll()
    qtbot.keyClicks(line, "my-run")
    assert program.models.form.problem("local.container_name") is None
    assert program.models.form.config.local.container_name == "my-run"


@pytest.mark.spec("**Host data dir** – local folder mounted as `/data` in the container.")
def test_what_is_wrong_with_the_folder_stands_beneath_it(program: Program, qtbot: QtBot) -> None:
    in_docker(program, image=True)
    problem = Problem("local.host_data_dir", "/", "is the root of a disk.", "Choose a folder.")
    program.services.runs.error = ConfigError([problem])
    line = program.child("local.host_data_dir")
    qtbot.keyClicks(line, "/")
    press(qtbot, program.child("local.start"))
    program.settle()
    assert program.child("local.host_data_dir.message").text() == (
        "The root of a disk. Choose a folder."
    )
    line.selectAll()
    qtbot.keyClicks(line, "/tmp/mine")
    assert program.child("output.folder").text() == (
        "On this computer: /tmp/mine/outputs/local_run"
    )


# The image


def test_back_from_offline_an_engine_elsewhere_is_asked_again(program: Program) -> None:
    program.services.settings.now = replace(program.services.settings.now, offline=True)
    program.services.docker.error = AppError("offline", "Offline mode: it is not asked.")
    in_docker(program, engine=False)
    assert program.child("docker.engine.state").text() == "Offline mode: it is not asked."
    program.services.docker.engine = make_engine()
    program.wiring.settings.controller.set_offline(False)
    program.settle()
    assert program.models.docker.engine_state is EngineState.THERE


# Threads


def test_the_window_lives_while_engine_and_registry_hang(qapp: QApplication, aio: Aio) -> None:
    """With real lanes: a pull that hangs stops neither the window nor looking at the engine."""
    models = AppModels()
    models.complete()
    go = threading.Event()
    docker, images = FakeDocker(make_engine()), FakeImages(hold=lambda: _wait(go))
    lanes = Lanes(*(SyncLane() for _ in range(6)), Lane("docker"), SyncLane(), Lane("pulls"))  # type: ignore[arg-type]
    bugs: list[BaseException] = []
    desk = Desk(lanes, Tasks(aio.loop, bugs.append))
    controller = DockerController(desk, models, docker, images, models)
    controller.pull(DEFAULT_IMAGE)
    controller.look()
    aio.until(lambda: models.docker.engine is not None)  # though the pull has not ended
    assert models.docker.task == ImageTask(PULL, DEFAULT_IMAGE)
    controller.build(OUR_IMAGE_CPU)
    assert models.docker.outcome.text.startswith("One image at a time")
    go.set()
    aio.until(lambda: models.docker.task is None)
    assert models.docker.outcome.tone == "good"
    aio(desk.tasks.settle())
    lanes.close(60.0)
    assert bugs == []
    models.deleteLater()


def _wait(go: threading.Event) -> None:
    go.wait(60.0)


def test_asked_while_it_looks_it_looks_once_more(program: Program) -> None:
    in_docker(program)
    docker, controller = program.services.docker, program.wiring.docker.controller
    before, info = docker.asked, docker.info

    def asked_again() -> Any:
        if docker.asked == before:
            controller.look()
            controller.look()
        return info()

    docker.info = asked_again  # type: ignore[method-assign]
    controller.look()
    program.settle()
    assert docker.asked == before + 2
    assert not program.models.docker.is_looking
