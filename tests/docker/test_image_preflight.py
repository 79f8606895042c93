"""Images of all kinds on a real engine, asked what they hold before anything starts in them.

The five that are built here stand on the tests' own: their contents are real but for the version of
transformers, which is written into the metadata of the one that is installed.
"""

from __future__ import annotations

import io
import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from models.domain.docker import OUR_IMAGE_CPU
from models.domain.hardware import Gpu, Hardware
from models.domain.image_facts import BAD_PYTHON, NO_PYTHON
from services.docker.engine import DockerEngine
from services.docker.image_facts_store import ImageFactsStore
from services.docker.image_preflight import ImagePreflight
from services.host_folder import User
from services.install_id import InstallId
from tests.docker.programs import containers
from tests.docker.test_image_commands import environ, temper

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from docker import DockerClient

    from models.domain.errors import Problem
    from tests.docker.engine import RealEngine

__all__ = ["environ", "temper"]
pytestmark = pytest.mark.slow
TRAINER = Path(__file__).parents[2] / "trainer_image"
SECONDS = 10.0
"""In which any image has answered, the first time too."""
_SITE = "/opt/venv/lib/python3.11/site-packages"
DOCKERFILES = {
    "old": "USER 0\nRUN sed -i 's/^Version: .*/Version: 4.46.3/' "
    f"{_SITE}/transformers-*.dist-info/METADATA\nUSER 10001:10001\n",
    "shut": f"USER 0\nRUN chown 4321 {_SITE} && chmod 700 {_SITE}\nUSER 4321\n",
    "damaged": f"USER 0\nRUN rm {_SITE}/peft/__init__.py\n",
}
BROKEN = "RUN rm -r /usr/lib/python3.11/encodings\n"


@pytest.fixture
def preflight(docker_engine: RealEngine, tmp_path: Path) -> Iterator[ImagePreflight]:
    engine = DockerEngine()
    with closing(Database.open(tmp_path / "temper.db")) as database:
        store = ImageFactsStore(database)
        yield ImagePreflight(engine, InstallId(database), store, TRAINER, Hardware)
        engine.forget()


@pytest.fixture
def make(docker_client: DockerClient) -> Iterator[Callable[[str, str, str], str]]:
    """Builds an image on another, and takes it away again."""
    made: list[str] = []

    def build(name: str, base: str, steps: str) -> str:
        tag = f"temper-tests:preflight-{name}"
        made.append(tag)
        text = io.BytesIO(f"FROM {base}\n{steps}".encode())
        docker_client.images.build(fileobj=text, tag=tag, rm=True, network_mode="none")
        return tag

    yield build
    for tag in made:
        docker_client.images.remove(tag, force=True)


def test_images_say_what_they_hold_and_each_is_judged_rightly(
    preflight: ImagePreflight, make: Callable[[str, str, str], str], docker_client: DockerClient,
    trainer_image: str, python_image: str, small_image: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    tags = {name: make(name, trainer_image, steps) for name, steps in DOCKERFILES.items()}
    tags["broken"] = make("broken", python_image, BROKEN)
    tags |= {"ours": trainer_image, "bare": python_image, "tiny": small_image}
    found, took = {}, {}
    for name, tag in tags.items():
        began = time.monotonic()
        found[name] = preflight.check(tag, {"quantised", "wandb"})
        took[name] = time.monotonic() - began

    assert {name: seconds for name, seconds in took.items() if seconds > SECONDS} == {}
    ours = found["ours"]
    assert ours.can_train, ours
    assert ours.facts.packages["torch"].startswith("2.13.0")
    assert (ours.facts.python[:4], ours.facts.cuda, ours.facts.own_user) == (
        "3.11", "", "10001:10001",
    )  # fmt: skip
    assert [note for note in ours.notes if "tested" in note] == []
    assert found["old"].lacks == ("its transformers is 4.46.3, and 5.2 or later is needed",)
    assert found["damaged"].lacks == ("its peft is damaged: Python does not find its code",)
    assert found["bare"].lacks[0].startswith("it has no torch, transformers, trl, peft,")
    assert found["shut"].lacks[0].startswith("it has no torch,")
    assert found["shut"].lacks[1].startswith(f"{_SITE} can be read by the image's own user only")
    assert found["shut"].facts.own_user == "4321"
    assert (found["tiny"].facts.trouble, found["broken"].facts.trouble) == (NO_PYTHON, BAD_PYTHON)
    assert "encodings" in found["broken"].facts.details
    assert containers(docker_client) == []

    monkeypatch.setattr(ImagePreflight, "_ask", _never)
    again = {name: preflight.check(tag, {"quantised", "wandb"}) for name, tag in tags.items()}
    assert again == found  # known by the hash of its content, whatever it is called


def _never(*_: object) -> None:
    raise AssertionError("an image was asked a second time")


def test_a_setup_is_refused_for_its_image_with_ours_as_the_remedy(
    preflight: ImagePreflight, python_image: str, trainer_image: str
) -> None:
    refused = _problems(preflight, python_image)

    (problem,) = refused
    assert problem.field == "local.image"
    assert problem.message.startswith("cannot train: it has no torch")
    assert problem.fix is not None
    assert problem.fix.values == (("local.image", OUR_IMAGE_CPU),)
    assert _problems(preflight, trainer_image, **{"hp.quantization": "4-bit"}) == []


def _problems(preflight: ImagePreflight, image: str, **changes: object) -> list[Problem]:
    values = {"local.runtime": RUNTIME_DOCKER, "local.image": image, **changes}
    config = with_values(TrainingConfig(), values)
    return preflight.problems(config, preflight._engine.info())


def test_it_asks_as_the_user_that_a_training_is(
    preflight: ImagePreflight, trainer_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = User(4321, 4322, (), Path("/"))
    monkeypatch.setattr(User, "caller", lambda **_: own)

    assert preflight.check(trainer_image).facts.user == "4321:4322"


def test_the_command_line_asks_an_image_and_its_exit_code_says_whether_it_can_train(
    temper: Callable[..., subprocess.CompletedProcess[str]],
    python_image: str, trainer_image: str,
) -> None:  # fmt: skip
    good = json.loads(temper("image", "check", trainer_image, "--json").stdout)
    assert good["can_train"]
    assert good["facts"]["packages"]["transformers"].startswith("5.")

    bad = temper("image", "check", python_image, code=1)
    assert "It cannot train: it has no torch" in bad.stdout

    missing = temper("image", "check", "temper-tests:never", code=1)
    assert "temper-tests:never" in missing.stderr


def test_a_gpu_whose_driver_is_older_than_the_images_cuda(
    preflight: ImagePreflight, trainer_image: str
) -> None:
    """The image is real, its CUDA and the driver are made up: this machine has neither."""
    from dataclasses import replace

    found = preflight.check(trainer_image)
    found = replace(found, facts=replace(found.facts, cuda="13.0"))
    gpu = Gpu(0, "NVIDIA T4", 16, 16, driver="550.54.15", cuda="12.4")
    preflight._hardware = lambda: Hardware((gpu,), probed=True)

    (problem,) = preflight._problems(found, on_gpu=True)

    assert problem.field == "local.use_gpu"
    assert "needs CUDA 13.0" in problem.message
    assert "550.54.15" in problem.message
    assert problem.fix is not None
    assert problem.fix.values == (("local.use_gpu", False),)
