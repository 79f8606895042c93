"""Names that engines take, what a new setup runs with, and words and numbers of images."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.availability import Circumstances, disabled_reason, is_shown
from models.domain.config import (
    DEFAULT_IMAGE,
    RUNTIME_DOCKER,
    RUNTIME_PYTHON,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import with_values
from models.domain.container_rules import devices_problem, image_problem, name_problem
from models.domain.docker import GpuSupport, ImageProgress, LayerProgress
from models.domain.errors import AppError
from models.domain.hardware import Gpu
from models.domain.runtime_choice import default_runtime
from models.domain.validation import validate
from models.qt.docker_words import age, engine_words, gpu_words, image_words, transfer_words
from models.qt.images_model import LayersModel
from models.qt.transfer_rate import TransferRate
from services.docker.engine import DockerEngine
from services.docker.references import parse_image
from tests.qt.fakes import GIB, make_engine, make_image

DOCKER = {"local.runtime": RUNTIME_DOCKER, "dataset.session": "1"}


@pytest.mark.parametrize("name", ["", "  ", "temper-1", "a1", "My.Run_2", "0-x"])
def test_names_that_containers_may_have(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a", "too short"),
        ("-run", "begin with a letter or a digit"),
        ("_run", "begin with a letter or a digit"),
        ("my run", "a space"),
        ("run/1", "“/”"),
        ("lauf-ä", "“ä”"),
        ("ärger", "begin with a letter or a digit, without an accent"),
        ("x" * 201, "too long"),
    ],
)
def test_names_that_they_may_not(name: str, words: str) -> None:
    problem = name_problem(name)
    assert problem is not None
    assert words in problem.message


IMAGES = (
    DEFAULT_IMAGE, "debian", "debian:12", "localhost:5000/me/trainer:1.0_a", "ghcr.io/a/b-c/d__e",
    "temper-trainer:0.1.0-cuda", f"me/x@sha256:{'a' * 64}", f"me/x:1@sha256:{'0' * 64}",
)  # fmt: skip


@pytest.mark.parametrize("tag", IMAGES)
def test_images_that_can_be_named_can_be_asked_for(tag: str) -> None:
    assert image_problem(tag) is None
    parse_image(tag)  # the service takes what the form lets through


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a b", "a space"),
        (" debian", "a space"),
        ("https://docker.io/x", "an address"),
        ("Debian", "capital letters"),
        ("me/Trainer:1", "no name of an image"),
        ("debian:", "no name of an image"),
        ("debian:-1", "no name of an image"),
        ("me//x", "no name of an image"),
        ("x@sha256:12", "no name of an image"),
    ],
)
def test_what_names_no_image_is_said(tag: str, words: str) -> None:
    problem = image_problem(tag)
    assert problem is not None
    assert words in problem.message


@pytest.mark.parametrize(
    ("devices", "right"),
    [("all", True), ("All", True), ("0", True), ("0, 2", True), ("", False), ("0,", False),
     ("-1", False), ("GPU", False)],
)  # fmt: skip
def test_gpus_are_all_or_numbers(devices: str, right: bool) -> None:
    assert (devices_problem(devices) is None) is right


def test_the_rules_hold_only_where_a_container_runs() -> None:
    wrong = {
        "local.container_name": "my run", "local.image": "a b", "local.gpu_devices": "x",
    }  # fmt: skip
    config = with_values(TrainingConfig(), {**DOCKER, **wrong})
    assert {problem.field for problem in validate(config)} == set(wrong)
    assert validate(with_values(config, {"training.target": TARGET_RUNPOD})) == []
    with_python = validate(with_values(config, {"local.runtime": RUNTIME_PYTHON}))
    assert [problem.field for problem in with_python] == ["local.gpu_devices"]
    without_gpu = with_values(config, {"local.use_gpu": False})
    assert "local.gpu_devices" not in {problem.field for problem in validate(without_gpu)}


@pytest.mark.parametrize("level", ["Beginner", "Expert"])
def test_gpus_are_chosen_among_only_where_there_are_several(level: str) -> None:
    config = with_values(TrainingConfig(), DOCKER | {"training.skill_level": level})
    path = "local.gpu_devices"
    assert not is_shown(config, path)
    assert not is_shown(config, path, Circumstances(gpu_count=1))
    assert is_shown(config, path, Circumstances(gpu_count=2))
    assert is_shown(with_values(config, {path: "0"}), path)  # else nobody could take it back
    assert not is_shown(
        with_values(config, {"local.use_gpu": False}), path, Circumstances(gpu_count=2)
    )


@pytest.mark.parametrize("what", ["docker.pull", "docker.build", "docker.login"])
def test_offline_nothing_is_fetched(what: str) -> None:
    assert "Offline mode" in disabled_reason(what, Circumstances(offline=True))
    assert disabled_reason(what, Circumstances()) == ""


WITH_GPU = make_engine(gpu=GpuSupport(True))


@pytest.mark.parametrize(
    ("engine", "there", "gpus", "runtime"),
    [
        (None, False, 1, RUNTIME_PYTHON),
        (make_engine(), False, 0, RUNTIME_PYTHON),
        (make_engine(), True, 0, RUNTIME_DOCKER),
        (make_engine(), False, 1, RUNTIME_PYTHON),
        (WITH_GPU, False, 1, RUNTIME_DOCKER),
        (WITH_GPU, False, 0, RUNTIME_PYTHON),
        (replace(WITH_GPU, is_local=False), True, 1, RUNTIME_PYTHON),
    ],
)
def test_a_new_setup_runs_in_docker_where_that_is_ready_or_uses_the_gpu(
    engine: object, there: bool, gpus: int, runtime: str
) -> None:
    choice = default_runtime(engine, image_is_there=there, gpu_count=gpus)  # type: ignore[arg-type]
    assert choice.runtime == runtime
    assert bool(choice.reason) is (runtime == RUNTIME_DOCKER)


def test_the_engine_in_a_line() -> None:
    assert engine_words(make_engine()) == "Docker Engine 28.2 · 2 CPUs · 23 GB"
    odd = make_engine(kind="Podman", version="4.9.3", cpus=1, memory=0, is_rootless=True)
    assert engine_words(odd) == "Podman 4.9 · 1 CPU · rootless"
    far = make_engine(is_local=False, endpoint="tcp://10.0.0.2:2375")
    assert engine_words(far).endswith("at tcp://10.0.0.2:2375")


def test_what_is_said_of_gpus() -> None:
    card = Gpu(0, "NVIDIA GeForce RTX 4090", 24 * GIB, 22 * GIB)
    assert gpu_words(WITH_GPU, (card,)) == ("Containers can use the GeForce RTX 4090.", "good")
    assert gpu_words(WITH_GPU, (card, card))[0] == "Containers can use 2 GPUs."
    assert gpu_words(make_engine(), (card,)) == (make_engine().gpu.reason, "warning")
    assert gpu_words(make_engine(), ())[1] == ""  # nothing to be warned of


def test_an_image_and_its_age() -> None:
    image = make_image(created_at=1000.0)
    day = 86_400
    assert image_words(image, 1000.0 + 3 * day) == "On this computer, 8.1 GB, 3 days old"
    assert image_words(replace(image, created_at=0.0), 5.0) == "On this computer, 8.1 GB"
    assert [age(n) for n in (-5, 60, 3600, 25 * 3600, 70 * day, 800 * day)] == [
        "less than an hour", "less than an hour", "1 hour", "1 day", "2 months", "2 years",
    ]  # fmt: skip


def test_speed_and_time_left_come_from_the_last_seconds() -> None:
    rate = TransferRate()
    rate.take(0.0, 0)
    assert rate.per_second is None
    rate.take(0.5, 1_000_000)
    assert rate.per_second is None  # too early to tell
    for second in range(1, 21):
        rate.take(float(second), 5_000_000 * second)
    assert rate.per_second == pytest.approx(5_000_000)
    assert rate.seconds_left(150_000_000) == pytest.approx(10.0)
    assert rate.seconds_left(None) is None
    for second in range(21, 32):
        rate.take(float(second), 100_000_000)  # nothing comes any more
    assert rate.per_second is None
    rate.take(40.0, 0)  # begun again
    assert rate.per_second is None


def test_how_far_a_pull_is_in_words() -> None:
    progress = ImageProgress("", 1_200_000_000, 8_100_000_000)
    assert transfer_words(progress, 24e6, 280.0) == (
        "1.2 GB of 8.1 GB · 24.0 MB a second · about 4 min 40 s left"
    )
    assert transfer_words(ImageProgress(""), None, None) == ""


def test_layers_stay_where_they_are_while_they_go_on() -> None:
    model = LayersModel()
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    first = tuple(LayerProgress(f"sha256:{n}", "Waiting") for n in range(3))
    model.show(first)
    model.show((first[0], replace(first[1], status="Downloading", done=5, total=9), first[2]))
    assert len(resets) == 1
    assert [model.index(row, 1).data() for row in range(3)] == ["Waiting", "Downloading", "Waiting"]
    model.show(first[:2])
    assert len(resets) == 2


def test_offline_an_engine_of_another_computer_is_not_asked() -> None:
    """192.0.2.1 is nobody's: a connection would wait for its time limit."""
    offline = [True]
    chosen = {"DOCKER_HOST": "tcp://192.0.2.1:2375"}
    engine = DockerEngine(chosen, is_offline=lambda: offline[0])
    for ask in (engine.info, engine.client, lambda: engine.client_at("tcp://192.0.2.1:2375")):
        with pytest.raises(AppError) as caught:
            ask()
        assert caught.value.kind == "offline"
        assert "another computer (tcp://192.0.2.1:2375)" in caught.value.message
        assert "DOCKER_HOST" in caught.value.hint
