"""What is said before a container is started, where it depends on what the engine is."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import ImageNotFound

from models.domain.config import LocalSection
from models.domain.docker import OUR_IMAGE_CPU, EngineInfo, GpuSupport
from models.domain.errors import AppError, Fix, Problem
from models.domain.start_fixes import TURN_OFFLINE_OFF
from services.runners import docker_checks as checks
from services.runners.docker import _understood
from tests.unit.test_container_spec import ENGINE


class Images:
    """An engine with one image."""

    def __init__(self, architecture: str) -> None:
        self.api = self
        self._architecture = architecture

    def inspect_image(self, name: str) -> dict[str, Any]:
        return {"Architecture": self._architecture}


def only(problems: Any) -> Problem:
    (found,) = problems
    assert isinstance(found, Problem)
    assert found.remedy
    return found


@pytest.mark.parametrize(
    ("image", "engine", "is_fine"),
    [
        ("amd64", "x86_64", True),
        ("arm64", "aarch64", True),
        ("arm64", "x86_64", False),
        ("amd64", "aarch64", False),
        ("", "x86_64", True),
        ("amd64", "riscv64", True),
    ],
)
def test_an_image_is_for_this_kind_of_processor(image: str, engine: str, is_fine: bool) -> None:
    info = replace(ENGINE, architecture=engine, gpu=GpuSupport(can_pass=False))
    found = list(checks.image_problems(Images(image), info, "trainer:1"))  # type: ignore[arg-type]
    if is_fine:
        assert found == []
    else:
        assert f"made for {image} processors" in only(found).message
        assert only(found).fix == Fix("Use ours", (("local.image", OUR_IMAGE_CPU),))


@pytest.mark.parametrize("image", ["theirs:1", OUR_IMAGE_CPU])
def test_offline_an_image_that_is_not_here_is_no_pull_away(image: str) -> None:
    def gone(_name: str) -> Any:
        raise ImageNotFound("no such image")

    client: Any = SimpleNamespace(api=SimpleNamespace(inspect_image=gone))
    online = only(checks.image_problems(client, ENGINE, image))
    assert "with the button beneath its name" in online.remedy
    offline = only(checks.image_problems(client, ENGINE, image, offline=True))
    assert offline.message == "is not on this computer, and Offline mode is on."
    assert "button beneath" not in offline.remedy
    assert offline.fix == TURN_OFFLINE_OFF


def test_an_engine_on_another_computer_sees_no_folder_of_this_one() -> None:
    far = replace(ENGINE, is_local=False, endpoint="tcp://elsewhere:2375")
    problem = only(checks.engine_problems(far, "Docker"))
    assert problem.field == "local.runtime"
    assert "another computer" in problem.message
    assert list(checks.engine_problems(ENGINE, "Docker")) == []


def devices(text: str, info: EngineInfo = ENGINE, **local: Any) -> list[Problem]:
    section = LocalSection(gpu_devices=text, **local)
    return list(checks.device_problems(section, info, [0, 1]))


def test_gpus_chosen_by_number_have_to_be_there() -> None:
    assert devices("all") == devices("0, 1") == devices("7", use_gpu=False) == []
    assert "not there: 2, 3" in only(devices("0,2,3")).message


def test_gpus_chosen_by_number_have_to_be_passed_but_all_may_be_none() -> None:
    without = replace(ENGINE, gpu=GpuSupport(can_pass=False, reason="There is no runtime."))
    assert devices("all", without) == []
    assert "There is no runtime." in only(devices("0", without)).message


def test_a_memory_limit_has_to_be_one_that_the_engine_keeps() -> None:
    def found(limit: float | None, info: EngineInfo = ENGINE) -> list[Problem]:
        return list(checks.memory_problems(LocalSection(memory_limit=limit), info))

    old = replace(ENGINE, is_rootless=True, cgroup_version=1)
    assert found(None) == found(8.0) == found(None, old) == []
    assert "less than any container" in only(found(0.001)).message
    assert "rootless" in only(found(8.0, old)).message


@pytest.mark.parametrize(
    ("kind", "words", "understood"),
    [
        ("conflict", 'Conflict. The container name "/mine" is already in use.', "name_taken"),
        ("docker", "mounts denied: The path /x is not shared from the host.", "not_shared"),
        ("docker", 'exec: "python3": executable file not found in $PATH', "bad_image"),
        ("docker_no_gpu", "could not select device driver", "docker_no_gpu"),
    ],
)
def test_refusals_of_the_engine_have_words_of_ours(kind: str, words: str, understood: str) -> None:
    error = _understood(AppError(kind, "The engine could not.", "Do.", words), "mine")
    assert error.kind == understood
    assert error.hint
