"""The managed environment with the real uv and a few small real packages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from models.domain.errors import AppError
from services.environment.runtime_env import EnvironmentState, RuntimeEnvironment
from services.environment.torch_source import Accelerator
from services.progress import Cancelled, CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.progress import Reporter

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]
_MODULES = ("idna", "six", "packaging")
_PINS = """idna==3.10
six==1.17.0
packaging==25.0
attrs==25.3.0
certifi==2025.4.26
colorama==0.4.6
filelock==3.18.0
iniconfig==2.1.0
mpmath==1.3.0
networkx==3.4.2
pygments==2.19.1
sympy==1.14.0
typing-extensions==4.13.2
"""
_ALONE = """
import sys
from pathlib import Path
from services.progress import CancelToken
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.torch_source import Accelerator
folder = Path(sys.argv[1])
environment = RuntimeEnvironment(
    folder / "runtime", folder / "requirements.txt", folder / "requirements.lock",
    modules=("idna", "six", "packaging"), accelerator=Accelerator.CPU)
environment.create(lambda report: print(report.message, flush=True), CancelToken())
"""


@pytest.fixture
def environment(tmp_path: Path) -> RuntimeEnvironment:
    (tmp_path / "requirements.txt").write_text("idna\nsix\npackaging\n")
    (tmp_path / "requirements.lock").write_text(_PINS)
    return _open(tmp_path)


def _open(folder: Path) -> RuntimeEnvironment:
    return RuntimeEnvironment(
        folder / "runtime",
        folder / "requirements.txt",
        folder / "requirements.lock",
        modules=_MODULES,
        accelerator=Accelerator.CPU,
    )


def _create(
    environment: RuntimeEnvironment,
    report: Reporter = lambda _progress: None,
    cancel: CancelToken | None = None,
    *,
    offline: bool = False,
) -> None:
    environment.create(report, cancel or CancelToken(), offline=offline)


def test_made_checked_made_again_offline_and_removed(environment: RuntimeEnvironment) -> None:
    reports: list[Progress] = []
    _create(environment, reports.append)
    assert environment.state() is EnvironmentState.READY
    assert environment.versions() == {"idna": "3.10", "six": "1.17.0", "packaging": "25.0"}
    fractions = [report.fraction for report in reports if report.fraction is not None]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 3

    (environment.root / "environment.json").unlink()  # as if it had been made for other pins
    _create(environment, offline=True)
    assert environment.is_ready()

    environment.remove()
    assert environment.state() is EnvironmentState.MISSING
    assert not environment.root.exists()


def test_offline_without_downloads_says_so(environment: RuntimeEnvironment) -> None:
    with pytest.raises(AppError) as failure:
        _create(environment, offline=True)
    assert failure.value.kind == "offline"
    assert environment.state() is EnvironmentState.INCOMPLETE


def test_a_server_that_is_not_there_says_so(
    environment: RuntimeEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(AppError) as failure:
        _create(_open(environment.root.parent))
    assert failure.value.kind == "network"
    monkeypatch.undo()
    _create(_open(environment.root.parent))
    assert environment.is_ready()


def test_a_version_nobody_has_says_so(environment: RuntimeEnvironment) -> None:
    lock = environment.root.parent / "requirements.lock"
    lock.write_text("idna==999.0\n")
    with pytest.raises(AppError) as failure:
        _create(environment)
    assert failure.value.kind == "not_found"
    assert "999.0" in failure.value.details


@pytest.mark.parametrize("when", [0, 1, 2, 3])
def test_cancelled_at_each_step_then_finished(environment: RuntimeEnvironment, when: int) -> None:
    cancel = CancelToken()
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) > when:
            cancel.cancel()

    with pytest.raises(Cancelled):
        _create(environment, report, cancel)
    assert environment.state() is not EnvironmentState.READY
    _create(environment)
    assert environment.verify()["idna"] == "3.10"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.35, 0.5, 0.8, 1.1])
def test_killed_at_any_moment_then_finished(environment: RuntimeEnvironment, delay: float) -> None:
    _kill(environment, lambda _program: time.sleep(delay))
    _create(environment)
    assert environment.is_ready()
    assert environment.verify()["packaging"] == "25.0"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_together_with_uv_then_finished(
    environment: RuntimeEnvironment, number: int
) -> None:
    _kill(environment, lambda program: _kill_uv(program, number))
    _create(environment)
    assert environment.verify()["six"] == "1.17.0"


def _kill(environment: RuntimeEnvironment, wait: Callable[[psutil.Process], None]) -> None:
    """Start the same installation in another program and kill that without a warning."""
    with subprocess.Popen(
        [sys.executable, "-c", _ALONE, str(environment.root.parent)],
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        wait(psutil.Process(program.pid))
        program.send_signal(signal.SIGKILL)


def _kill_uv(program: psutil.Process, number: int) -> None:
    """Wait for the program's child of that number, and kill it in the middle, parent first."""
    seen: set[int] = set()
    while len(seen) < number and program.status() != psutil.STATUS_ZOMBIE:
        for child in program.children():
            seen.add(child.pid)
            if len(seen) == number:
                program.kill()
                child.kill()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_half_unpacked_packages_are_completed(
    environment: RuntimeEnvironment, share: float
) -> None:
    """The state a kill in the middle of linking leaves: files missing, the claim present."""
    _create(environment)
    site = next(environment.root.glob("venv/**/site-packages"))
    files = sorted(path for path in site.glob("sympy/**/*.py") if path.is_file())
    for path in files[int(len(files) * share) :]:
        path.unlink()
    (next(site.glob("attrs-*.dist-info")) / "RECORD").unlink()
    with pytest.raises(AppError):
        environment.verify()
    _create(environment, offline=True)
    assert environment.is_ready()
    assert all(path.is_file() for path in files)


def test_damage_that_reached_the_cache_is_fetched_again(environment: RuntimeEnvironment) -> None:
    _create(environment)
    site = next(environment.root.glob("venv/**/site-packages"))
    with (site / "six.py").open("r+b") as file:
        file.truncate(100)  # a hard link: uv's copy is as short now
    with pytest.raises(AppError, match="six"):
        environment.verify()
    _create(environment)
    assert environment.verify()["six"] == "1.17.0"
