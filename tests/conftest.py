"""What several kinds of tests share: the trainer's environment, made by the product itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.progress import CancelToken, Progress
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.sample_model import SampleModel
from services.trainer_code import place_trainer_code

if TYPE_CHECKING:
    from services.trainer_code import TrainerCode

ROOT = Path(__file__).parents[1]
TEST_HOME = ROOT / ".cache" / "test-home"
"""Kept between runs: the environment's own fingerprint says when it is out of date."""


@dataclass(frozen=True)
class TrainerHome:
    """A home whose trainer environment and sample model are ready."""

    runtime: Path
    python: Path
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

    with capture.global_and_fixture_disabled():
        environment.create(_print, CancelToken())
        model = SampleModel(TEST_HOME / "data", environment, code).ensure(_print, CancelToken())
    return TrainerHome(environment.root, environment.python, model)


def _print(progress: Progress) -> None:
    if progress.fraction is not None:
        print(f"\r\x1b[K{progress.fraction:4.0%} {progress.message[:80]}", end="", flush=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the trainer's environment is slow."""
    for item in items:
        if "trainer_home" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
