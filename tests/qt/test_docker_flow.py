"""Docker in the window: the engine, the image and its pull, the default, the dialog of images."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.paths import guide_folder
from controllers.desk import Desk
from controllers.docker_controller import DockerController
from controllers.image_relay import ImageRelay
from controllers.lanes import Lane, Lanes
from controllers.tasks import Tasks
from models.domain.config import DEFAULT_IMAGE, RUNTIME_DOCKER, RUNTIME_PYTHON, TrainingConfig
from models.domain.config_io import with_values
from models.domain.docker import (
    OUR_IMAGE_CPU,
    OUR_IMAGE_CUDA,
    PARTIAL_LABEL,
    GpuSupport,
    ImageProgress,
    LayerProgress,
    RegistryLogin,
)
from models.domain.errors import AppError, ConfigError, Problem
from models.domain.guide import load_guide
from models.domain.hardware import Gpu, Hardware
from models.domain.run import RunState, RunUpdate
from models.domain.secrets import KEYCHAIN
from models.qt.app_models import AppModels
from models.qt.docker_model import BUILD, PULL, EngineState, ImageState, ImageTask
from tests.qt.fakes import (
    GIB,
    FakeDocker,
    FakeImages,
    SyncLane,
    make_engine,
    make_image,
    make_run,
    make_session,
)
from views.theme import current_theme
from views.widgets.help_button import HelpButton

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Aio, Program

CARD = Gpu(0, "NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB)
WITH_GPU = Hardware((CARD,), 32 * GIB, 20 * GIB, probed=True)
MISSING = Problem("local.image", DEFAULT_IMAGE, "is not on this computer.", "Pull it.")


def _press(qtbot: QtBot, widget: QWidget) -> None:
    assert widget.isEnabled(), widget.toolTip()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def _docker(program: Program, *, engine: bool = True, image: bool = False) -> None:
    """A filled window whose setup runs in Docker."""
    services = program.services
    services.datasets.sessions = [make_session()]
    services.docker.engine = make_engine() if engine else None
    if image:
        services.images.there[DEFAULT_IMAGE] = make_image(created_at=time.time() - 3 * 86_400 - 9)
    program.aio(program.wiring.fill())
    program.models.form.edit("local.runtime", RUNTIME_DOCKER)
    program.settle()


def _finishes(program: Program) -> None:
    run = make_run("run-1", RunState.FINISHED, config=program.models.form.config)
    program.services.runs.script = [RunUpdate(run)]


def _starts(program: Program) -> list[Any]:
    return [how for what, how in program.services.runs.calls if what == "start"]


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
    _docker(program, image=True)
    _finishes(program)
    assert program.child("docker.engine.state").text() == "Docker Engine 28.2 · 2 CPUs · 23 GB"
    assert program.child("local.image").currentText() == DEFAULT_IMAGE
    assert program.child("local.image.state").text() == "On this computer, 8.1 GB, 3 days old"
    for name in ("local.host_data_dir", "local.use_gpu"):
        assert program.child(name).isVisible()
    _press(qtbot, program.child("local.start"))
    program.settle()
    assert _starts(program) == ["refuse"]
    assert program.child("run.status").text() == "Training finished"


@pytest.mark.parametrize(
    "kind", ["docker_missing", "docker_stopped", "docker_denied", "docker_old"]
)
def test_what_is_the_matter_with_the_engine_and_what_to_do(
    program: Program, qtbot: QtBot, kind: str
) -> None:
    program.services.docker.error = AppError(kind, f"It is {kind}.", "Do this.")
    _docker(program, engine=False)
    assert program.child("docker.engine.state").text() == f"It is {kind}."
    assert program.child("docker.engine.step").text() == "Do this."
    assert not program.child("local.image.get").isEnabled()
    assert program.child("local.image.get").toolTip() == f"It is {kind}."
    asked: list[str] = []
    program.window.help_requested.connect(asked.append)
    _press(qtbot, program.child("docker.engine.help"))
    assert asked[0].startswith("docker")
    assert program.wiring.help.guide._read().find(asked[0]) is not None  # type: ignore[union-attr]
    program.services.docker.engine = make_engine()
    _press(qtbot, program.child("docker.engine.check"))
    program.settle()
    assert program.child("docker.engine.state").text().startswith("Docker Engine")
    assert not program.child("docker.engine.step").isVisible()
    assert not program.child("docker.engine.help").isVisible()


def test_an_engine_that_went_is_looked_for_anew_and_the_same_one_is_kept(program: Program) -> None:
    _docker(program)
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
    _docker(program)
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
    _docker(program, engine=False)
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
    _docker(program)
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
    _docker(program)
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
    _docker(program, image=True)
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
    _docker(program, image=True)
    problem = Problem("local.host_data_dir", "/", "is the root of a disk.", "Choose a folder.")
    program.services.runs.error = ConfigError([problem])
    line = program.child("local.host_data_dir")
    qtbot.keyClicks(line, "/")
    _press(qtbot, program.child("local.start"))
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


def test_an_image_that_is_typed_is_looked_for_once_the_typing_rests(
    program: Program, qtbot: QtBot
) -> None:
    _docker(program, image=True)
    images = program.services.images
    images.there["me/trainer:2"] = make_image("me/trainer:2")
    images.calls.clear()
    line = program.child("local.image").lineEdit()
    line.selectAll()
    qtbot.keyClicks(line, "me/trainer:2")
    assert program.models.docker.image_state is ImageState.UNKNOWN
    program.aio.until(lambda: program.models.docker.image_state is ImageState.THERE)
    assert images.calls == [("find", "me/trainer:2")]
    line.selectAll()
    qtbot.keyClicks(line, "Me/")
    assert "No name of an image" in program.child("local.image.message").text()


def test_a_pull_shows_bytes_layers_and_ends_with_the_image(program: Program, qtbot: QtBot) -> None:
    _docker(program)
    assert program.child("local.image.state").text() == "Not on this computer."
    model, images = program.models.docker, program.services.images
    layers = (
        LayerProgress("sha256:aaaaaaaaaaaa1", "Complete", 2_000, 2_000, is_complete=True),
        LayerProgress("sha256:bbbbbbbbbbbb2", "Downloading", 1_000_000, 8_000_000),
    )
    images.script = [ImageProgress("Downloading 2 layers", 1_002_000, 8_002_000, layers)]
    view = program.child("local.image.task")
    seen: list[object] = []

    def look() -> None:
        program.wiring.docker.controller._relay.flush()
        program.child("local.image.task.details").click()
        bar = program.child("local.image.task.progress")
        table = program.child("local.image.task.layers")
        seen.extend((view.isVisible(), bar.value(), bar.maximum(), table.isVisible()))
        seen.append(program.child("local.image.task.facts").text())
        rows = [[table.model().index(row, column).data() for column in range(3)] for row in (0, 1)]
        seen.extend(rows)
        assert not program.child("local.image.get").isEnabled()

    images.hold = look
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    assert seen == [
        True, 125, 1000, True, "1.0 MB of 8.0 MB",
        ["aaaaaaaa", "Complete", "2 kB of 2 kB"],
        ["bbbbbbbb", "Downloading", "1.0 MB of 8.0 MB"],
    ]  # fmt: skip
    assert not view.isVisible()
    assert model.image_state is ImageState.THERE
    assert program.child("local.image.note").text() == f"{DEFAULT_IMAGE} is on this computer now."
    assert program.child("local.image.get").text() == "Update"
    assert _starts(program) == []


def test_a_cancelled_pull_can_be_gone_on_with(program: Program, qtbot: QtBot) -> None:
    _docker(program)
    images = program.services.images
    images.hold = program.child("local.image.task.cancel").click
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    assert program.child("local.image.note").text() == "Cancelled."
    assert "interrupted" in program.child("local.image.state").text()
    images.hold = None
    assert program.child("local.image.get").text() == "Resume pull"
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    assert program.models.docker.image_state is ImageState.THERE
    assert not program.models.docker.is_interrupted(DEFAULT_IMAGE)


def test_a_pull_that_was_interrupted_before_the_last_start_can_be_resumed(program: Program) -> None:
    left = make_image("temper-partial:1", labels={PARTIAL_LABEL: DEFAULT_IMAGE})
    program.services.images.there[left.tag] = left
    _docker(program)
    assert program.child("local.image.get").text() == "Resume pull"


def test_why_a_pull_failed_stands_beneath_the_image(program: Program, qtbot: QtBot) -> None:
    _docker(program)
    program.services.images.error = AppError("disk_full", "There is no room for it.", "Make room.")
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    note = program.child("local.image.note")
    assert note.text() == "There is no room for it. Make room."
    assert note.property("tone") == "bad"
    assert program.child("local.image.get").isEnabled()


@pytest.mark.parametrize(
    ("tag", "does", "call"),
    [
        (DEFAULT_IMAGE, "Pull and start", ("pull", DEFAULT_IMAGE)),
        (OUR_IMAGE_CPU, "Build and start", ("build", f"{OUR_IMAGE_CPU} cpu")),
    ],
)
def test_start_without_the_image_offers_to_get_it_and_start(
    program: Program, qtbot: QtBot, tag: str, does: str, call: tuple[str, str]
) -> None:
    _docker(program)
    _finishes(program)
    program.models.form.edit("local.image", tag)
    program.services.runs.error = ConfigError([replace(MISSING, value=tag)])
    _press(qtbot, program.child("local.start"))
    program.settle()
    assert program.child("local.image.message").text() == "Not on this computer. Pull it."
    button = program.child("local.image.get")
    assert button.text() == does
    assert button.property("role") == "primary"
    program.services.runs.error = None
    _press(qtbot, button)
    program.settle()
    assert call in program.services.images.calls
    assert _starts(program) == ["refuse", "refuse"]
    assert program.models.form.problems() == ()
    assert program.child("run.status").text() == "Training finished"


def test_start_while_the_image_is_pulled_waits_for_it(program: Program, qtbot: QtBot) -> None:
    _docker(program)
    _finishes(program)
    titles: list[str] = []

    def refuse_a_start() -> None:
        program.models.form.show_problems([MISSING])
        program.wiring.training.problems_found.emit()
        titles.append(program.models.docker.task.title)
        assert program.models.form.problems() == ()

    program.services.images.hold = refuse_a_start
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    assert titles == [f"Pulling {DEFAULT_IMAGE}, then the training starts"]
    assert _starts(program) == ["refuse"]
    assert program.child("run.status").text() == "Training finished"


def test_a_pull_that_fails_starts_nothing(program: Program, qtbot: QtBot) -> None:
    _docker(program)
    program.services.runs.error = ConfigError([MISSING])
    _press(qtbot, program.child("local.start"))
    program.settle()
    program.services.images.error = AppError("network", "The registry cannot be reached.")
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    assert _starts(program) == ["refuse"]
    assert program.child("local.image.get").text() == "Resume pull and start"


def test_a_start_is_given_up_where_another_image_was_chosen_meanwhile(
    program: Program, qtbot: QtBot
) -> None:
    _docker(program)
    program.services.runs.error = ConfigError([MISSING])
    _press(qtbot, program.child("local.start"))
    program.settle()
    program.services.images.hold = lambda: program.models.form.edit("local.image", "me/other:1")
    _press(qtbot, program.child("local.image.get"))
    program.settle()
    assert _starts(program) == ["refuse"]


def test_docker_needs_no_environment_of_python(program: Program, qtbot: QtBot) -> None:
    program.services.runtime.ready = False
    _docker(program, image=True)
    _finishes(program)
    _press(qtbot, program.child("local.start"))
    program.settle()
    assert _starts(program) == ["refuse"]


@pytest.mark.parametrize("there", [True, False])
def test_offline_nothing_is_fetched_and_what_is_there_can_be_used(
    program: Program, qtbot: QtBot, there: bool
) -> None:
    program.services.settings.now = replace(program.services.settings.now, offline=True)
    _docker(program, image=there)
    _finishes(program)
    for name in ("get", "build"):
        button = program.child(f"local.image.{name}")
        assert not button.isEnabled()
        assert "Offline mode" in button.toolTip()
    note = program.child("local.image.note")
    assert note.isVisible() is not there
    program.wiring.docker.controller.pull(DEFAULT_IMAGE)
    program.settle()
    assert program.services.images.calls.count(("pull", DEFAULT_IMAGE)) == 0
    if there:
        _press(qtbot, program.child("local.start"))
        program.settle()
        assert _starts(program) == ["refuse"]


def test_the_known_images_are_offered_and_those_with_the_trainer_in_them(program: Program) -> None:
    program.services.images.there["me/mine:1"] = make_image("me/mine:1", has_code=True)
    program.services.images.there["debian:12"] = make_image("debian:12")
    _docker(program)
    combo = program.child("local.image")
    offered = [combo.itemText(row) for row in range(combo.count())]
    assert offered == [DEFAULT_IMAGE, OUR_IMAGE_CUDA, OUR_IMAGE_CPU, "me/mine:1"]
    assert combo.currentText() == DEFAULT_IMAGE


def test_build_ours_leads_to_where_it_is_built(program: Program, qtbot: QtBot) -> None:
    _docker(program)
    _press(qtbot, program.child("local.image.build"))
    program.settle()
    assert program.child("docker.images_dialog").isVisible()
    assert program.child("images.variant").hasFocus()


def test_back_from_offline_an_engine_elsewhere_is_asked_again(program: Program) -> None:
    program.services.settings.now = replace(program.services.settings.now, offline=True)
    program.services.docker.error = AppError("offline", "Offline mode: it is not asked.")
    _docker(program, engine=False)
    assert program.child("docker.engine.state").text() == "Offline mode: it is not asked."
    program.services.docker.engine = make_engine()
    program.wiring.settings.controller.set_offline(False)
    program.settle()
    assert program.models.docker.engine_state is EngineState.THERE


# What a new setup runs with


def _fill(program: Program, *, image: bool = False, gpu: bool = False) -> None:
    services = program.services
    services.docker.engine = make_engine(gpu=GpuSupport(gpu))
    if gpu:
        services.gpus.hardware = WITH_GPU
    if image:
        services.images.there[DEFAULT_IMAGE] = make_image()
    program.aio(program.wiring.fill())
    program.settle()


@pytest.mark.parametrize(
    ("image", "gpu", "runtime"),
    [(True, False, RUNTIME_DOCKER), (False, True, RUNTIME_DOCKER), (False, False, RUNTIME_PYTHON)],
)
def test_a_new_setup_begins_with_what_this_computer_is_ready_for(
    program: Program, image: bool, gpu: bool, runtime: str
) -> None:
    _fill(program, image=image, gpu=gpu)
    form = program.models.form
    assert form.value("local.runtime") == runtime
    assert not form.is_unsaved  # nobody has changed anything
    note = program.child("docker.engine.note")
    assert note.isVisible() is (runtime == RUNTIME_DOCKER)
    assert note.text().startswith("Chosen for you") is (runtime == RUNTIME_DOCKER)


def test_what_the_user_chose_is_never_changed(program: Program) -> None:
    form, controller = program.models.form, program.wiring.docker.controller
    _fill(program, image=True)
    form.edit("local.runtime", RUNTIME_PYTHON)
    assert program.models.docker.chosen_because == ""
    controller.look()
    program.settle()
    program.models.hardware.set_hardware(WITH_GPU)
    assert form.value("local.runtime") == RUNTIME_PYTHON


def test_what_was_chosen_before_the_engine_answered_stays(program: Program) -> None:
    form = program.models.form
    form.edit("local.runtime", RUNTIME_DOCKER)
    form.edit("local.runtime", RUNTIME_PYTHON)
    _fill(program, image=True)
    assert form.value("local.runtime") == RUNTIME_PYTHON


def test_a_loaded_setup_runs_as_it_was_saved(program: Program) -> None:
    services = program.services
    services.configs.saved = {"Mine": TrainingConfig()}
    services.configs.last = "Mine"
    _fill(program, image=True)
    assert program.models.form.name == "Mine"
    assert program.models.form.value("local.runtime") == RUNTIME_PYTHON
    assert services.docker.asked == 0  # it decides nothing
    program.models.form.load(with_values(TrainingConfig(), {"hp.epochs": 2.0}))  # a run's setup
    program.settle()
    assert program.models.form.value("local.runtime") == RUNTIME_PYTHON
    program.models.form.load(TrainingConfig())  # New
    program.settle()
    assert program.models.form.value("local.runtime") == RUNTIME_DOCKER


def test_the_choice_waits_until_the_graphics_cards_are_known(program: Program) -> None:
    program.services.gpus.hardware = Hardware()
    _fill(program, image=True)
    form = program.models.form
    assert form.value("local.runtime") == RUNTIME_PYTHON
    program.models.hardware.set_hardware(WITH_GPU)
    assert form.value("local.runtime") == RUNTIME_DOCKER


def test_a_living_run_keeps_its_setup(program: Program) -> None:
    program.models.run.begin(make_run())
    _fill(program, image=True)
    assert program.models.form.value("local.runtime") == RUNTIME_PYTHON


# The dialog of images


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
    _press(qtbot, remove)
    question = dialog.findChild(QWidget, "question")
    words = " ".join(
        label.text() for label in question.findChildren(QWidget) if hasattr(label, "text")
    )
    assert "8.1 GB" in words
    _press(qtbot, question.findChild(QWidget, "question.yes"))
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
    _press(qtbot, program.child("images.use"))
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
    _press(qtbot, program.child("images.build"))
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
    _press(qtbot, program.child("images.pull"))
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
    _press(qtbot, enter)
    program.settle()
    assert program.services.images.passwords == ["open sesame"]
    assert password.text() == ""
    assert not password.isUndoAvailable()
    assert program.models.docker.logins == (RegistryLogin("ghcr.io", "me", KEYCHAIN),)
    assert "open sesame" not in repr(vars(program.models.docker))
    _press(qtbot, program.child("docker.logout.ghcr.io"))
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


# Threads


def test_reports_come_in_order_ten_times_a_second_and_no_line_is_lost(qtbot: QtBot) -> None:
    relay = ImageRelay()
    got: list[tuple[int, tuple[str, ...]]] = []
    relay.reported.connect(lambda progress, lines: got.append((progress.done, lines)))
    relay.start()

    def work() -> None:
        for number in range(2000):
            relay.report(ImageProgress("", number, 2000, line=f"line {number}"))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    qtbot.waitUntil(lambda: bool(got))
    relay.stop()
    assert got[-1][0] == 1999
    assert len(got) < 100
    assert [line for _, lines in got for line in lines] == [f"line {n}" for n in range(2000)]


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
    lanes.close(5.0)
    assert bugs == []
    models.deleteLater()


def _wait(go: threading.Event) -> None:
    go.wait(5.0)


def test_closing_the_program_ends_a_pull(program: Program) -> None:
    _docker(program)
    program.services.images.hold = program.wiring.stop_work
    program.wiring.docker.controller.pull(DEFAULT_IMAGE)
    program.settle()
    assert program.models.docker.outcome.text == "Cancelled."


def test_a_build_is_no_pull_to_be_resumed(program: Program) -> None:
    model = program.models.docker
    model.begin(ImageTask(BUILD, OUR_IMAGE_CPU))
    model.end(model.outcome, interrupted=True)
    assert not model.is_interrupted(OUR_IMAGE_CPU)


def test_asked_while_it_looks_it_looks_once_more(program: Program) -> None:
    _docker(program)
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
