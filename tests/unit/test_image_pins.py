"""The image's Dockerfile and its lists of packages agree with the trainer's own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from models.domain.docker import TRAINER_LABEL
from services.environment.lock_file import is_cuda_library, pins_for, read_pins

TRAINER = Path(__file__).parents[2] / "trainer_image"
DOCKERFILE = (TRAINER / "Dockerfile").read_text(encoding="utf-8")
IMAGE = {
    "python_full_version": "3.12.3", "sys_platform": "linux", "platform_machine": "x86_64",
}  # fmt: skip
"""What the Dockerfile's base image is, in the terms of environment markers."""

DIFFERENT_FOR_UNSLOTH = {"certifi", "python-dateutil"}
"""Of these it, or what it needs, wants another version than the trainer's own lock has."""


def pins(name: str) -> dict[str, str]:
    found = read_pins((TRAINER / name).read_text(encoding="utf-8"))
    return {pin.name: pin.version for pin in pins_for(found, IMAGE)}


def requirements(name: str) -> list[Requirement]:
    lines = (TRAINER / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def test_the_gpu_image_has_the_pins_of_the_managed_environment() -> None:
    ours, image = pins("requirements.lock"), pins("requirements-gpu.lock")

    different = {name for name in ours.keys() & image.keys() if ours[name] != image[name]}

    assert different == DIFFERENT_FOR_UNSLOTH


def test_the_gpu_images_lock_holds_every_requirement() -> None:
    locked = pins("requirements-gpu.lock")

    for wanted in (*requirements("requirements.txt"), *requirements("requirements-gpu.txt")):
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), wanted


@pytest.mark.parametrize(("name", "version"), [("unsloth", "2026.10.9"), ("runpod", "1.12.0")])
def test_the_gpu_image_has_what_only_it_needs(name: str, version: str) -> None:
    assert pins("requirements-gpu.lock")[name] == version
    assert name not in pins("requirements.lock")


def test_what_is_installed_comes_from_the_locks_alone() -> None:
    """No version of a package stands in the Dockerfile or the script, save the tool's own."""
    script = (TRAINER / "install.sh").read_text(encoding="utf-8")

    assert re.findall(r"==\d[\w.]*", DOCKERFILE + script) == []
    assert "COPY install.sh requirements.lock requirements-gpu.lock " in DOCKERFILE
    Version(argument("UV_VERSION"))


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-gpu.lock"])
def test_the_script_leaves_out_the_same_cuda_libraries_as_the_managed_environment(
    lock: str,
) -> None:
    script = (TRAINER / "install.sh").read_text(encoding="utf-8")
    pattern = re.search(r"^cuda_libraries='(.*)'$", script, re.MULTILINE)
    assert pattern is not None

    done = subprocess.run(
        ["grep", "-E", pattern[1], str(TRAINER / lock)], capture_output=True, text=True, check=True
    )

    names = {pin.name for pin in read_pins((TRAINER / lock).read_text(encoding="utf-8"))}
    left_out = {pin.name for pin in read_pins(done.stdout)}
    assert left_out == {name for name in names if is_cuda_library(name)}


def test_the_base_image_has_cuda_and_a_python_for_which_the_lock_was_made() -> None:
    """Ubuntu 24.04 has Python 3.12, and the wheels of torch in the lock are CUDA 13.0's."""
    assert re.fullmatch(r"nvidia/cuda:13\.0\.\d-base-ubuntu24\.04", argument("BASE_IMAGE"))
    head = (TRAINER / "requirements-gpu.lock").read_text(encoding="utf-8").partition("\nabs")[0]
    assert "--python-version 3.12" in head
    assert pins("requirements-gpu.lock")["nvidia-cuda-runtime"].startswith("13.0.")


def test_the_image_runs_as_somebody_and_tells_whose_it_is() -> None:
    assert re.search(r"^USER \$\{RUN_AS\}$", DOCKERFILE, re.MULTILINE)
    assert argument("RUN_AS") == "10001:10001"
    assert f'{TRAINER_LABEL}="${{VARIANT}}"' in DOCKERFILE
    assert "VARIANT=cuda" in DOCKERFILE


def test_no_proxy_is_written_into_the_image() -> None:
    """Proxies are predefined build arguments: declared, they would be kept in its history."""
    assert re.findall(r"(?i)^\s*(?:ARG|ENV)\b.*(?:proxy|token|password)", DOCKERFILE, re.M) == []


def argument(name: str) -> str:
    found = re.search(rf"^ARG {name}=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    return found[1]
