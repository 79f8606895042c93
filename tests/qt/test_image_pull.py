"""The image in the window: looked for, pulled, gone on with, and a start that waits for it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from controllers.image_relay import ImageRelay
from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import (
    OUR_IMAGE_CPU,
    OUR_IMAGE_CUDA,
    PARTIAL_LABEL,
    ImageProgress,
    LayerProgress,
)
from models.domain.errors import AppError, ConfigError, Problem
from models.qt.docker_model import BUILD, ImageState, ImageTask
from tests.qt.docker_steps import finishes, in_docker, press, starts
from tests.qt.fakes import make_image

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow
MISSING = Problem("local.image", DEFAULT_IMAGE, "is not on this computer.", "Pull it.")


# The image


def test_an_image_that_is_typed_is_looked_for_once_the_typing_rests(
    program: Program, qtbot: QtBot
) -> None:
    in_docker(program, image=True)
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
    in_docker(program)
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
    press(qtbot, program.child("local.image.get"))
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
    assert starts(program) == []


def test_a_cancelled_pull_can_be_gone_on_with(program: Program, qtbot: QtBot) -> None:
    in_docker(program)
    images = program.services.images
    images.hold = program.child("local.image.task.cancel").click
    press(qtbot, program.child("local.image.get"))
    program.settle()
    assert program.child("local.image.note").text() == "Cancelled."
    assert "interrupted" in program.child("local.image.state").text()
    images.hold = None
    assert program.child("local.image.get").text() == "Resume pull"
    press(qtbot, program.child("local.image.get"))
    program.settle()
    assert program.models.docker.image_state is ImageState.THERE
    assert not program.models.docker.is_interrupted(DEFAULT_IMAGE)


def test_a_pull_that_was_interrupted_before_the_last_start_can_be_resumed(program: Program) -> None:
    left = make_image("temper-partial:1", labels={PARTIAL_LABEL: DEFAULT_IMAGE})
    program.services.images.there[left.tag] = left
    in_docker(program)
    assert program.child("local.image.get").text() == "Resume pull"


def test_why_a_pull_failed_stands_beneath_the_image(program: Program, qtbot: QtBot) -> None:
    in_docker(program)
    program.services.images.error = AppError("disk_full", "There is no room for it.", "Make room.")
    press(qtbot, program.child("local.image.get"))
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
    in_docker(program)
    finishes(program)
    program.models.form.edit("local.image", tag)
    program.services.runs.error = ConfigError([replace(MISSING, value=tag)])
    press(qtbot, program.child("local.start"))
    program.settle()
    assert program.child("local.image.message").text() == "Not on this computer. Pull it."
    button = program.child("local.image.get")
    assert button.text() == does
    assert button.property("role") == "primary"
    program.services.runs.error = None
    press(qtbot, button)
    program.settle()
    assert call in program.services.images.calls
    assert starts(program) == ["refuse", "refuse"]
    assert program.models.form.problems() == ()
    assert program.child("run.status").text() == "Training finished"


def test_start_while_the_image_is_pulled_waits_for_it(program: Program, qtbot: QtBot) -> None:
    in_docker(program)
    finishes(program)
    titles: list[str] = []

    def refuse_a_start() -> None:
        program.models.form.show_problems([MISSING])
        program.wiring.training.problems_found.emit()
        titles.append(program.models.docker.task.title)
        assert program.models.form.problems() == ()

    program.services.images.hold = refuse_a_start
    press(qtbot, program.child("local.image.get"))
    program.settle()
    assert titles == [f"Pulling {DEFAULT_IMAGE}, then the training starts"]
    assert starts(program) == ["refuse"]
    assert program.child("run.status").text() == "Training finished"


def test_a_pull_that_fails_starts_nothing(program: Program, qtbot: QtBot) -> None:
    in_docker(program)
    program.services.runs.error = ConfigError([MISSING])
    press(qtbot, program.child("local.start"))
    program.settle()
    program.services.images.error = AppError("network", "The registry cannot be reached.")
    press(qtbot, program.child("local.image.get"))
    program.settle()
    assert starts(program) == ["refuse"]
    assert program.child("local.image.get").text() == "Resume pull and start"


def test_a_start_is_given_up_where_another_image_was_chosen_meanwhile(
    program: Program, qtbot: QtBot
) -> None:
    in_docker(program)
    program.services.runs.error = ConfigError([MISSING])
    press(qtbot, program.child("local.start"))
    program.settle()
    program.services.images.hold = lambda: program.models.form.edit("local.image", "me/other:1")
    press(qtbot, program.child("local.image.get"))
    program.settle()
    assert starts(program) == ["refuse"]


def test_docker_needs_no_environment_of_python(program: Program, qtbot: QtBot) -> None:
    program.services.runtime.ready = False
    in_docker(program, image=True)
    finishes(program)
    press(qtbot, program.child("local.start"))
    program.settle()
    assert starts(program) == ["refuse"]


@pytest.mark.parametrize("there", [True, False])
def test_offline_nothing_is_fetched_and_what_is_there_can_be_used(
    program: Program, qtbot: QtBot, there: bool
) -> None:
    program.services.settings.now = replace(program.services.settings.now, offline=True)
    in_docker(program, image=there)
    finishes(program)
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
        press(qtbot, program.child("local.start"))
        program.settle()
        assert starts(program) == ["refuse"]


def test_the_known_images_are_offered_and_those_with_the_trainer_in_them(program: Program) -> None:
    program.services.images.there["me/mine:1"] = make_image("me/mine:1", has_code=True)
    program.services.images.there["debian:12"] = make_image("debian:12")
    in_docker(program)
    combo = program.child("local.image")
    offered = [combo.itemText(row) for row in range(combo.count())]
    assert offered == [DEFAULT_IMAGE, OUR_IMAGE_CUDA, OUR_IMAGE_CPU, "me/mine:1"]
    assert combo.currentText() == DEFAULT_IMAGE


def test_build_ours_leads_to_where_it_is_built(program: Program, qtbot: QtBot) -> None:
    in_docker(program)
    press(qtbot, program.child("local.image.build"))
    program.settle()
    assert program.child("docker.images_dialog").isVisible()
    assert program.child("images.variant").hasFocus()


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


def test_closing_the_program_ends_a_pull(program: Program) -> None:
    in_docker(program)
    program.services.images.hold = program.wiring.stop_work
    program.wiring.docker.controller.pull(DEFAULT_IMAGE)
    program.settle()
    assert program.models.docker.outcome.text == "Cancelled."


def test_a_build_is_no_pull_to_be_resumed(program: Program) -> None:
    model = program.models.docker
    model.begin(ImageTask(BUILD, OUR_IMAGE_CPU))
    model.end(model.outcome, interrupted=True)
    assert not model.is_interrupted(OUR_IMAGE_CPU)
