"""What a new setup runs with: Docker or Python, as this computer is ready for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.config import DEFAULT_IMAGE, RUNTIME_DOCKER, RUNTIME_PYTHON, TrainingConfig
from models.domain.config_io import with_values
from models.domain.docker import GpuSupport
from models.domain.hardware import Hardware
from tests.qt.docker_steps import WITH_GPU
from tests.qt.fakes import make_engine, make_image, make_run

if TYPE_CHECKING:
    from tests.qt.conftest import Program

pytestmark = pytest.mark.slow


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
