"""What doctor says about computers of several kinds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from models.domain.hardware import Gpu, Hardware
from services import host_info
from services.environment.runtime_env import RuntimeEnvironment
from services.host_info import Check, CheckState, disk_check, gpu_check, memory_check
from tests.fakes.uv import FakeUv

if TYPE_CHECKING:
    from pathlib import Path

_GB = 1_000_000_000
_NO_GPU = Hardware((), 16 * _GB, 8 * _GB, probed=True, reason="No NVIDIA driver is installed.")


@pytest.fixture
def environment(tmp_path: Path) -> RuntimeEnvironment:
    for name in ("requirements.txt", "requirements.lock"):
        (tmp_path / name).write_text("six==1.0\n")
    return RuntimeEnvironment(
        tmp_path / "runtime",
        tmp_path / "requirements.txt",
        tmp_path / "requirements.lock",
        modules=("six",),
        uv=FakeUv(),
    )


def _by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.mark.parametrize(
    ("free", "state"), [(100, CheckState.OK), (10, CheckState.WARN), (1, CheckState.FAIL)]
)
def test_disk(free: int, state: CheckState, tmp_path: Path) -> None:
    check = disk_check(tmp_path, free * _GB)
    assert check.state is state
    assert bool(check.next_step) == (state is not CheckState.OK)


@pytest.mark.parametrize(("free", "state"), [(8, CheckState.OK), (2, CheckState.WARN)])
def test_memory(free: int, state: CheckState) -> None:
    assert memory_check(Hardware(ram_total=16 * _GB, ram_free=free * _GB)).state is state


def test_probes_of_this_computer(tmp_path: Path) -> None:
    assert host_info.cpu_count() >= 1
    assert host_info.free_disk(tmp_path / "not" / "yet" / "there") > 0


def test_without_gpu_and_docker_everything_still_works(
    environment: RuntimeEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    checks = _by_name(host_info.doctor_checks(environment, tmp_path, _NO_GPU))
    assert checks["GPU"].state is CheckState.OK
    assert "CPU" in checks["GPU"].message
    assert checks["GPU"].next_step == "No NVIDIA driver is installed."
    assert checks["Docker"].state is CheckState.WARN
    assert "not installed" in checks["Docker"].message
    assert checks["Python environment"].state is CheckState.WARN
    assert checks["uv"].state is CheckState.OK


def test_the_environment_is_shown_with_its_versions(
    environment: RuntimeEnvironment, tmp_path: Path
) -> None:
    from services.progress import CancelToken

    environment.create(lambda _report: None, CancelToken())
    check = _by_name(host_info.doctor_checks(environment, tmp_path, _NO_GPU))["Python environment"]
    assert check.state is CheckState.OK
    assert "six 1.0" in check.message


@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts stand for the programs")
@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        ("echo 27.1", CheckState.OK, "engine 27.1"),
        ("echo cannot connect >&2; exit 1", CheckState.WARN, "does not answer"),
        ("exec sleep 30", CheckState.WARN, "does not answer"),
    ],
)
def test_docker(
    body: str,
    state: CheckState,
    message: str,
    environment: RuntimeEnvironment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(host_info, "_PROBE_SECONDS", 0.5 if "sleep" in body else 30)
    check = _by_name(host_info.doctor_checks(environment, tmp_path, _NO_GPU))["Docker"]
    assert check.state is state
    assert message in check.message


def test_a_gpu_is_named() -> None:
    gpu = Gpu(0, "NVIDIA H200", 143771 * 1024**2, 0, driver="570.86.15")
    check = gpu_check(Hardware((gpu,), 16 * _GB, 8 * _GB, probed=True))
    assert check.message == "NVIDIA H200 (151 GB, driver 570.86.15)"
