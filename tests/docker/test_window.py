"""The window on a real engine: its images with real pulls, and a run from its Start button."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from models.domain.config import RUNTIME_DOCKER
from models.domain.run import RunState
from models.qt.docker_model import ImageState
from services.docker.docker_logins import DockerLogins
from services.docker.image_space import ImageSpace
from services.docker.images import ImageService
from services.docker.logins import LoginStore
from services.offline import OfflinePolicy
from tests.docker.image_steps import NoKeychain
from tests.docker.programs import Program, containers, make_home, program
from tests.e2e.real_window import RealWindow, run_in, until
from tests.emulators.registry import Registry, Trouble
from tests.qt.fakes import FakeDatasets, FakeRuntime, FakeServices, make_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

    from models.domain.run import Run
    from tests.docker.engine import RealEngine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("does not support propagateSizeHints"),
]
ROOT = Path(__file__).parents[2]
R = TypeVar("R")
SIZES = (300_000, 200_000, 2_000_000)


class _Window(RealWindow):
    """One start of the program over real runs, a real engine and real images."""

    def __init__(self, real: Program, tmp_path: Path) -> None:
        logins = LoginStore(NoKeychain(), DockerLogins({}, tmp_path))
        images = ImageService(
            real.engine, OfflinePolicy(), logins, tmp_path, space=ImageSpace(lambda _: 10**15)
        )
        services = FakeServices(
            datasets=FakeDatasets([make_session()]), runtime=FakeRuntime(ready=False)
        )
        services.runs = real.runs  # type: ignore[assignment]
        services.docker = real.engine  # type: ignore[assignment]
        services.images = images  # type: ignore[assignment]
        super().__init__(lambda: services)


@pytest.fixture
def real(docker_engine: RealEngine, python_image: str, tmp_path: Path) -> Iterator[Program]:
    with program(make_home(tmp_path), python_image) as started:
        yield started


def test_a_run_from_the_start_button_to_its_end_in_a_container(
    qapp: QApplication, real: Program, tmp_path: Path
) -> None:
    run_in(qapp, _train(real, tmp_path, "test/talk-200", "hello from the container"))


@pytest.mark.spec(
    "**Local**: train in a local Docker container on your own GPU/CPU.",
    "For local: configure Docker image, host mount, GPU use, and start local training.",
)
def test_a_real_model_is_trained_in_a_container_from_the_start_button(
    qapp: QApplication,
    docker_engine: RealEngine,
    trainer_image: str,
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    home = make_home(tmp_path)
    code = home / "code" / "trainer_image"
    shutil.rmtree(code)
    shutil.copytree(ROOT / "trainer_image", code, ignore=shutil.ignore_patterns("__pycache__"))
    with program(home, trainer_image) as started:
        run = run_in(qapp, _train(started, tmp_path, str(tiny_model), "", seconds=300))
        adapter = started.runs.adapter_path(run)
        assert (adapter / "adapter_model.safetensors").stat().st_size > 0
        assert run.eval_loss_after is not None
        assert containers(started.engine.client()) == []


async def _train(
    real: Program, tmp_path: Path, model: str, first_line: str, seconds: float = 240
) -> Run:
    async with _Window(real, tmp_path) as window:
        form, docker = window.models.form, window.models.docker
        for path, value in (
            ("local.image", real.image),
            ("local.runtime", RUNTIME_DOCKER),
            ("local.use_gpu", False),
            ("hp.base_model", model),
            ("hp.max_steps", 2),
            ("dataset.session", "1"),
        ):
            form.edit(path, value)
        await until(lambda: docker.image_state is ImageState.THERE)
        assert window.child("docker.engine.state").text().startswith("Docker Engine")
        assert window.child("local.image.state").text().startswith("On this computer, ")
        window.child("local.start").click()
        await until(lambda: window.models.run.status.run is not None)
        await until(lambda: window.models.run.status.run.state.is_over, seconds)  # type: ignore[union-attr]
        run = window.models.run.status.run
        assert run is not None
        window.models.run.log.flush_all()
        assert run.state is RunState.FINISHED, (run.failure, window.models.run.log.last_lines(50))
        assert window.child("run.status").text() == "Training finished"
        assert str(window.models.run.log.index(0, 0).data()).startswith(first_line)
        return run


def test_an_image_that_is_missing_is_pulled_cancelled_and_gone_on_with(
    qapp: QApplication, real: Program, docker_engine: RealEngine, tmp_path: Path
) -> None:
    with Registry() as registry:
        pushed = registry.push("a/window", SIZES)
        registry.trouble[pushed.layers[-1]] = Trouble(speed=200_000)
        tag = f"{registry.host}/a/window:latest"
        run_in(qapp, _pull(real, tmp_path, tag, registry))
        assert [registry.served(layer).requests for layer in pushed.layers] == [1, 1, 2]


async def _pull(real: Program, tmp_path: Path, tag: str, registry: Registry) -> None:
    async with _Window(real, tmp_path) as window:
        form, docker = window.models.form, window.models.docker
        form.edit("local.image", tag)
        form.edit("local.runtime", RUNTIME_DOCKER)
        form.edit("dataset.session", "1")
        await until(lambda: docker.image_state is ImageState.MISSING)
        window.child("local.start").click()
        await until(lambda: form.problem("local.image") is not None)
        assert window.child("local.image.get").text() == "Pull and start"
        form.edit("local.image", tag)  # the message goes: only fetch it
        await until(lambda: window.child("local.image.get").text() == "Pull")
        await until(window.child("local.image.get").isEnabled)
        window.child("local.image.get").click()
        await until(lambda: sum(one.is_complete for one in docker.progress.layers) >= 2)
        assert window.child("local.image.task").isVisible()
        assert docker.progress.total
        await until(lambda: " of " in window.child("local.image.task.facts").text())
        window.child("local.image.task.cancel").click()
        await until(lambda: docker.task is None)
        assert docker.outcome.text == "Cancelled."
        registry.trouble.clear()
        await until(lambda: window.child("local.image.get").text() == "Resume pull")
        await until(window.child("local.image.get").isEnabled)
        window.child("local.image.get").click()
        await until(lambda: docker.image_state is ImageState.THERE)
        await until(lambda: docker.task is None)
        window.wiring.docker.controller.remove(tag)
        await until(lambda: docker.outcome.text == f"{tag} was removed.")
        window.wiring.docker.controller.look()
        await until(lambda: docker.image_state is ImageState.MISSING)


def test_an_engine_that_stops_and_comes_back_is_seen(
    qapp: QApplication, real: Program, docker_engine: RealEngine, tmp_path: Path
) -> None:
    run_in(qapp, _engine_goes(real, tmp_path, docker_engine))


async def _engine_goes(real: Program, tmp_path: Path, engine: RealEngine) -> None:
    async with _Window(real, tmp_path) as window:
        docker, words = window.models.docker, window.child("docker.engine.state")
        window.models.form.edit("local.runtime", RUNTIME_DOCKER)
        await until(lambda: docker.engine is not None)
        await asyncio.to_thread(engine.stop)
        window.window.actions_.refresh_configs.trigger()
        await until(lambda: docker.problem is not None)
        assert "does not answer" in words.text()
        assert window.child("docker.engine.step").text()
        await asyncio.to_thread(engine.start)
        window.child("docker.engine.check").click()
        await until(lambda: docker.engine is not None)
        assert words.text().startswith("Docker Engine")
