"""Which torch is installed, and from where."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, NamedTuple

import pytest

from models.domain.errors import AppError
from services.environment.runtime_builder import is_supported, python_requests
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.torch_source import (
    Accelerator,
    detect_accelerator,
    local_cpu_wheels,
    torch_sources,
)
from services.progress import CancelToken
from tests.fakes.uv import FakeUv

if TYPE_CHECKING:
    from pathlib import Path

_LOCK = "jinja2==3.1\nnvidia-cublas==13.1\ntorch==2.13.0\ntriton==3.7\n"
_CPU_INDEX, _AUTO_INDEX = "--torch-backend=cpu", "--torch-backend=auto"
_UNREACHABLE = AppError("network", "The package server could not be reached.")


class World(NamedTuple):
    environment: RuntimeEnvironment
    uv: FakeUv
    said: list[str]

    def create(self) -> list[tuple[str, ...]]:
        """Make it; what torch was installed with, behind the interpreter's name."""
        self.environment.create(lambda report: self.said.append(report.message), CancelToken())
        installs = [call.arguments[4:] for call in self.uv.installs]
        return [tail for tail in installs if tail[0].startswith("torch")]


def _world(folder: Path, accelerator: Accelerator) -> World:
    (folder / "requirements.txt").write_text("torch\n")
    (folder / "requirements.lock").write_text(_LOCK)
    uv = FakeUv()
    environment = RuntimeEnvironment(
        folder / "runtime",
        folder / "requirements.txt",
        folder / "requirements.lock",
        modules=("torch",),
        accelerator=accelerator,
        uv=uv,
    )
    return World(environment, uv, [])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A computer without a GPU."""
    return _world(tmp_path, Accelerator.CPU)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with torch's CPU build for this Python and this machine."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    minor = platform.python_version_tuple()[1]
    name = f"torch-2.13.0+cpu-cp3{minor}-cp3{minor}-manylinux_2_28_{platform.machine()}.whl"
    (folder / name).touch()
    return folder


@pytest.mark.skipif(platform.system() != "Linux", reason="the wheel's name is a Linux one")
def test_a_local_cpu_wheel_comes_before_any_server(world: World, wheels: Path) -> None:
    world.uv.variables = {"UV_FIND_LINKS": str(wheels)}
    world.uv.answers = {"torch==2.13.0+cpu": " + torch==2.13.0+cpu\n"}
    assert [tail[0] for tail in world.create()] == ["torch==2.13.0+cpu"]
    asked = [call.arguments for call in world.uv.calls if "--dry-run" in call.arguments]
    assert not any(_CPU_INDEX in arguments for arguments in asked)
    assert any("your own folder of wheels" in message for message in world.said)


def test_a_cpu_takes_the_cpu_index(world: World) -> None:
    world.uv.answers = {_CPU_INDEX: " + jinja2==3.1\n + torch==2.13.0+cpu\n"}
    assert [tail[:2] for tail in world.create()] == [("torch==2.13.0", _CPU_INDEX)]
    assert "nvidia" not in (world.environment.root / "constraints.txt").read_text()
    assert "triton" not in world.uv.installed
    assert "nvidia-cublas" not in world.uv.installed


def test_an_index_that_cannot_be_reached_is_said_and_the_next_one_asked(world: World) -> None:
    world.uv.answers = {_CPU_INDEX: _UNREACHABLE, "torch==2.13.0": " + torch==2.13.0\n"}
    assert [tail[0] for tail in world.create()] == ["torch==2.13.0"]
    assert any("No torch from PyTorch's index" in message for message in world.said)


def test_cuda_on_a_cpu_is_the_last_resort_and_is_announced(world: World) -> None:
    heavy = " + nvidia-cublas==13.1\n + torch==2.13.0\n + triton==3.7\n"
    world.uv.answers = {_CPU_INDEX: _UNREACHABLE, "torch==2.13.0": heavy}
    assert [tail[0] for tail in world.create()] == ["torch==2.13.0"]
    announced = next(i for i, text in enumerate(world.said) if "about 3 GB" in text)
    installing = next(i for i, text in enumerate(world.said) if text.startswith("Installing torch"))
    assert announced < installing
    assert "nvidia-cublas==13.1" in (world.environment.root / "constraints.txt").read_text()


def test_when_no_source_answers_the_last_reason_is_given(world: World) -> None:
    last = AppError("not_found", "The package index does not have torch.")
    world.uv.answers = {_CPU_INDEX: _UNREACHABLE, "torch==2.13.0": last}
    with pytest.raises(AppError, match="does not have torch"):
        world.create()


def test_asking_costs_little_time_but_downloading_may_take_its_own(world: World) -> None:
    world.create()
    for call in world.uv.calls:
        assert ("UV_HTTP_RETRIES" in call.variables) == ("--dry-run" in call.arguments)


def test_a_gpu_takes_what_fits_its_driver(tmp_path: Path) -> None:
    world = _world(tmp_path, Accelerator.CUDA)
    world.uv.answers = {_AUTO_INDEX: " + nvidia-cublas==13.1\n + torch==2.13.0+cu130\n"}
    assert [tail[:2] for tail in world.create()] == [("torch==2.13.0", _AUTO_INDEX)]


def test_a_gpu_falls_back_to_the_configured_index(tmp_path: Path) -> None:
    world = _world(tmp_path, Accelerator.CUDA)
    world.uv.answers = {_AUTO_INDEX: " + torch==2.13.0+cpu\n", "torch==2.13.0": " + torch==2.13.0"}
    assert [tail[1] for tail in world.create()] == ["--constraints"]


def test_torch_comes_first_and_is_not_fetched_again(world: World) -> None:
    world.create()
    assert world.uv.installed == ["torch", "jinja2"]
    (next(world.environment.root.glob("venv/**/site-packages")) / "jinja2.py").unlink()
    with pytest.raises(AppError):
        world.environment.verify()
    world.uv.calls.clear()
    assert world.create() == []
    assert world.uv.installed == ["jinja2"]


def test_a_backend_the_user_chose_is_tried_first() -> None:
    sources = torch_sources("2.13.0", Accelerator.CPU, local_wheel=True, chosen_backend="rocm6.4")
    assert sources[0].arguments == ("torch==2.13.0", "--torch-backend=rocm6.4")
    assert [source.backend for source in sources] == ["rocm6.4", "", "cpu", ""]


def test_a_mac_takes_the_default_build() -> None:
    sources = torch_sources("2.13.0", Accelerator.METAL, local_wheel=False)
    assert [source.arguments for source in sources] == [("torch==2.13.0",)]


_DRIVER, _DEVICE, _WSL = (
    "/proc/driver/nvidia/version",
    "/dev/nvidiactl",
    "/usr/lib/wsl/lib/libcuda.so.1",
)


@pytest.mark.parametrize(
    ("system", "files", "tools", "expected"),
    [
        ("linux", [], [], Accelerator.CPU),
        ("linux", [], ["nvidia-smi"], Accelerator.CPU),
        ("linux", [_DRIVER], [], Accelerator.CPU),
        ("linux", [_DRIVER, _DEVICE], [], Accelerator.CUDA),
        ("linux", [_DRIVER], ["nvidia-smi"], Accelerator.CUDA),
        ("linux", [_WSL], [], Accelerator.CUDA),
        ("darwin", [_DRIVER, _DEVICE], [], Accelerator.METAL),
        ("win32", [], [], Accelerator.CPU),
        ("win32", ["C:\\Windows\\System32\\nvcuda.dll"], [], Accelerator.CUDA),
    ],
)
def test_detection(
    system: str,
    files: list[str],
    tools: list[str],
    expected: Accelerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SystemRoot", raising=False)
    found = detect_accelerator(
        system, files.__contains__, lambda name: name if name in tools else None
    )
    assert found is expected


@pytest.mark.skipif(platform.system() != "Linux", reason="the wheels' names are Linux ones")
def test_wheels_for_other_machines_do_not_count(wheels: Path) -> None:
    minor = f"3.{platform.python_version_tuple()[1]}"
    for name in (
        "torch-2.13.0+cpu-cp312-cp312-win_amd64.whl",
        "torch-2.13.0+cpu-cp313-cp313-manylinux_2_28_s390x.whl",
        "torch-2.12.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.13.0+cu130-cp311-cp311-manylinux_2_28_x86_64.whl",
    ):
        (wheels / name).touch()
    assert local_cpu_wheels("2.13.0", [wheels]) == [minor]


def test_the_frozen_program_asks_for_a_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(python_requests(["3.11"])) == 1
    monkeypatch.setattr("sys.frozen", True, raising=False)
    assert python_requests(["3.12", "3.10"]) == ["3.12", ">=3.11,<3.14"]
    assert [is_supported(version) for version in ((3, 10), (3, 11), (3, 13, 2), (3, 14))] == [
        False, True, True, False,
    ]  # fmt: skip
