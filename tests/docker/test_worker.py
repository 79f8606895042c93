"""Quick Local Inference in a container: the same worker, over the container's standard streams."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_DOCKER, LocalSection
from models.domain.docker import INSTALL_LABEL
from models.domain.errors import AppError
from models.domain.inference import BASE, INFERENCE_PRESETS, TUNED, Answer, TunedModel
from services.docker.engine import DockerEngine
from services.inference_engine import InferenceEngine
from services.install_id import InstallId
from services.runners.docker_worker import ContainerPlace
from services.trainer_code import TrainerCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

ROOT = Path(__file__).parents[2]
GREEDY = INFERENCE_PRESETS["Deterministic"]
pytestmark = pytest.mark.slow


class Lab:
    """An engine whose worker runs in containers of the real image, with a stand-in for a model."""

    def __init__(self, root: Path, image: str, client: DockerClient) -> None:
        package = root / "code" / "trainer_image"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copy(ROOT / "tests" / "data" / "scripted_worker.py", package / "infer.py")
        (root / "d").mkdir()
        self.root = root
        self.client = client
        self.offline = False
        self.database = Database.open(root / "temper.db")
        self.local = LocalSection(runtime=RUNTIME_DOCKER, image=image)
        self.model = TunedModel("org/base", f"{root}/d/outputs/a/adapter", f"{root}/d")
        self.docker = DockerEngine()
        self.engine = InferenceEngine(self._place)

    def _place(self, model: TunedModel) -> ContainerPlace:
        return ContainerPlace(
            engine=self.docker,
            install_id=InstallId(self.database),
            local=self.local,
            code=TrainerCode(self.root / "code", "0"),
            data_root=Path(model.data_root),
            log=self.root / "logs" / "inference.log",
            base_model=model.base_model,
            offline=self.offline,
        )

    def ask(self, prompt: str, use: str = TUNED, **more: Any) -> Answer:
        on_token = more.pop("on_token", lambda _text: None)
        return self.engine.generate(prompt, use=use, settings=GREEDY, on_token=on_token, **more)

    def where(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.ask("where").text)
        return told

    def containers(self) -> list[Any]:
        return list(self.client.containers.list(all=True, filters={"label": INSTALL_LABEL}))

    def close(self) -> None:
        self.engine.close()
        self.docker.forget()
        self.database.close()


@pytest.fixture
def lab(tmp_path: Path, trainer_image: str, docker_client: DockerClient) -> Iterator[Lab]:
    with closing(Lab(tmp_path, trainer_image, docker_client)) as made:
        yield made


def test_a_model_answers_in_a_container_with_the_limits_of_a_trainings(lab: Lab) -> None:
    pieces: list[str] = []
    lab.engine.load(lab.model)
    answer = lab.ask("Grüße 🚀, " + "x" * 100_000, on_token=pieces.append)
    assert answer.text == "Grüße 🚀, " + "x" * 100_000
    assert pieces == [answer.text]
    assert lab.where()["loaded"]["adapter"] == "/data/outputs/a/adapter"
    (container,) = lab.containers()
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["NetworkMode"] == "default"
    lab.engine.unload()
    assert lab.containers() == []


def test_offline_the_container_has_no_network_and_the_libraries_know(lab: Lab) -> None:
    lab.offline = True
    lab.engine.load(lab.model)
    assert lab.where()["env"]["HF_HUB_OFFLINE"] == "1"
    (container,) = lab.containers()
    assert container.attrs["HostConfig"]["NetworkMode"] == "none"


def test_a_base_model_of_another_folder_is_given_to_the_container(lab: Lab, tmp_path: Path) -> None:
    model = tmp_path / "models" / "mine"
    model.mkdir(parents=True)
    lab.engine.load(TunedModel(str(model), lab.model.adapter, lab.model.data_root))
    (container,) = lab.containers()
    mounts = {one["Destination"]: one["RW"] for one in container.attrs["Mounts"]}
    assert mounts == {"/data": True, "/opt/temper": False, str(model): False}
    assert lab.where()["loaded"]["base_model"] == str(model)


def test_an_answer_is_cancelled_and_the_model_stays(lab: Lab) -> None:
    from services.progress import CancelToken

    lab.engine.load(lab.model)
    cancel = CancelToken()
    seen: list[str] = []

    def on_token(text: str) -> None:
        seen.append(text)
        if len(seen) == 3:
            cancel.cancel()

    answer = lab.ask("long", use=BASE, on_token=on_token, cancel=cancel)
    assert answer.finish == "cancelled"
    assert lab.engine.is_loaded(lab.model)


@pytest.mark.parametrize("how", ["die", "killed"])
def test_a_worker_that_dies_is_a_sentence_and_the_next_request_works(lab: Lab, how: str) -> None:
    lab.engine.load(lab.model)
    with pytest.raises(AppError) as caught:
        lab.ask(how)
    assert caught.value.kind == "worker_died"
    assert ("for want of memory" in caught.value.message) is (how == "killed")
    assert lab.ask("Why?").text == "Why?"
    assert len(lab.containers()) == 1


def test_unloading_from_another_thread_ends_an_answer(lab: Lab) -> None:
    lab.engine.load(lab.model)
    came = threading.Event()
    errors: list[AppError] = []

    def ask() -> None:
        try:
            lab.ask("long", on_token=lambda _text: came.set())
        except AppError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert came.wait(60)
    lab.engine.unload()
    thread.join(60)
    assert [error.kind for error in errors] == ["unloaded"]
    assert lab.containers() == []


def test_a_worker_ends_with_the_program_however_that_ends(lab: Lab, tmp_path: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from models.db.database import Database
        from models.domain.config import LocalSection
        from services.docker.engine import DockerEngine
        from services.install_id import InstallId
        from services.runners.docker_worker import ContainerPlace
        from services.trainer_code import TrainerCode

        root = Path({str(tmp_path)!r})
        link = ContainerPlace(
            DockerEngine(), InstallId(Database.open(root / "temper.db")),
            LocalSection(runtime="Docker", image={lab.local.image!r}),
            TrainerCode(root / "code", "0"), root / "d", root / "log", "org/base",
        ).start()
        print(link.container_id, flush=True)
        time.sleep(60)
    """
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout
    with program:
        container = lab.client.containers.get(program.stdout.readline().strip())
        assert container.status == "running"
        program.kill()
    end = time.monotonic() + 60
    while container.status == "running":
        assert time.monotonic() < end, "the worker outlives its program"
        time.sleep(0.1)
        container.reload()


def test_an_image_that_is_no_trainer_is_a_sentence(lab: Lab, small_image: str) -> None:
    lab.local = LocalSection(runtime=RUNTIME_DOCKER, image=small_image)
    with pytest.raises(AppError) as caught:
        lab.engine.load(lab.model)
    assert "Traceback" not in str(caught.value)
    assert lab.containers() == []
