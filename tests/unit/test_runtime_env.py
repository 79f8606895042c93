"""The managed environment against a uv that needs no network."""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest

from models.domain.errors import AppError
from services.environment.folder_lock import try_lock
from services.environment.runtime_env import EnvironmentState, RuntimeEnvironment
from services.environment.torch_source import Accelerator
from services.progress import Cancelled, CancelToken, Progress
from tests.fakes.uv import FakeUv, put_package

if TYPE_CHECKING:
    from pathlib import Path

    from services.environment.uv_tool import UvCall

NAMES = [f"package-{letter}" for letter in "abcdefghijklm"]
LOCK = "# made by hand\n" + "".join(f"{name}==1.2.3\n" for name in NAMES)
MARKED = "elsewhere==1.0 ; sys_platform == 'plan9'\n"


class World(NamedTuple):
    """An environment that can be made in no time, its uv and what was reported."""

    environment: RuntimeEnvironment
    uv: FakeUv
    reports: list[Progress]
    lock: Path

    def create(self, cancel: CancelToken | None = None, *, offline: bool = False) -> None:
        self.environment.create(self.reports.append, cancel or CancelToken(), offline=offline)

    @property
    def site(self) -> Path:
        return next(self.environment.root.glob("venv/**/site-packages"))

    def reopened(self, accelerator: Accelerator = Accelerator.CPU) -> RuntimeEnvironment:
        return _environment(self.lock.parent, self.uv, accelerator)


def _environment(folder: Path, uv: FakeUv, accelerator: Accelerator) -> RuntimeEnvironment:
    return RuntimeEnvironment(
        folder / "runtime",
        folder / "requirements.txt",
        folder / "requirements.lock",
        modules=("package_a", "package_b"),
        accelerator=accelerator,
        uv=uv,
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "requirements.txt").write_text("package-a\n")
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK + MARKED)
    uv = FakeUv()
    return World(_environment(tmp_path, uv, Accelerator.CPU), uv, [], lock)


def _fail_at_install(number: int, uv: FakeUv, failure: Exception) -> None:
    def before(_call: UvCall) -> None:
        if len(uv.installs) == number:
            raise failure

    uv.before = before


def test_create_makes_it_ready(world: World) -> None:
    assert world.environment.state() is EnvironmentState.MISSING
    world.create()
    assert world.environment.state() is EnvironmentState.READY
    assert world.environment.is_ready()
    assert world.environment.versions() == {"package_a": "1.2.3", "package_b": "1.2.3"}
    assert world.uv.installed == NAMES  # the marked one belongs elsewhere
    assert world.environment.python.exists()


def test_progress_counts_packages_and_never_goes_back(world: World) -> None:
    world.create()
    fractions = [report.fraction for report in world.reports if report.fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions.count(1.0) == 1
    assert any("6 of 13 packages" in report.message for report in world.reports)


def test_a_ready_environment_is_left_alone(world: World) -> None:
    world.create()
    calls = len(world.uv.calls)
    world.create()
    assert len(world.uv.calls) == calls
    assert world.reports[-1].fraction == 1


@pytest.mark.parametrize("kind", ["network", "offline"])
def test_without_any_python_it_is_said_how_to_get_one(world: World, kind: str) -> None:
    def no_python(call: UvCall) -> None:
        if call.arguments[0] == "venv":
            raise AppError(kind, "The package server could not be reached.", "", "dns error")

    world.uv.before = no_python
    with pytest.raises(AppError, match=r"no Python 3\.11") as caught:
        world.create()
    assert caught.value.kind == "no_python"
    assert "python3" in caught.value.hint
    assert caught.value.details == "dns error"


def test_after_a_failure_only_the_rest_is_installed(world: World) -> None:
    _fail_at_install(3, world.uv, AppError("network", "no network"))
    with pytest.raises(AppError, match="no network"):
        world.create()
    assert world.environment.state() is EnvironmentState.INCOMPLETE
    world.uv.before = lambda call: None
    world.uv.calls.clear()
    world.create()
    assert world.uv.installed == NAMES[12:]
    assert world.environment.is_ready()


def test_what_a_killed_uv_was_unpacking_is_cleared_away(world: World) -> None:
    leftover = world.environment.root / "uv-cache" / ".tmpAbCdEf"
    kept = world.environment.root / "uv-cache" / "archive-v0" / "xyz"
    leftover.mkdir(parents=True)
    kept.mkdir(parents=True)
    world.create()
    assert not leftover.exists()
    assert kept.is_dir()


def test_cancel_stops_between_batches_and_can_be_resumed(world: World) -> None:
    cancel = CancelToken()
    world.uv.before = lambda call: cancel.cancel() if len(world.uv.installs) == 1 else None
    with pytest.raises(Cancelled):
        world.create(cancel)
    assert world.environment.state() is EnvironmentState.INCOMPLETE
    assert world.uv.installed == NAMES[:6]
    world.create()
    assert world.environment.is_ready()


def test_a_half_made_venv_is_made_anew(world: World) -> None:
    (world.environment.root / "venv" / "bin").mkdir(parents=True)
    assert world.environment.state() is EnvironmentState.INCOMPLETE
    world.create()
    assert world.environment.is_ready()


def test_a_python_that_vanished_is_noticed_and_replaced(world: World) -> None:
    world.create()
    world.environment.python.unlink()
    assert world.environment.state() is EnvironmentState.INCOMPLETE
    world.create()
    assert world.environment.is_ready()


def test_other_pins_are_outdated_and_made_anew(world: World) -> None:
    world.create()
    world.lock.write_text(LOCK.replace("package-c==1.2.3", "package-c==2.0"))
    assert world.environment.state() is EnvironmentState.OUTDATED
    world.create()
    assert world.environment.is_ready()
    assert (world.site / "package_c-2.0.dist-info").is_dir()
    assert not (world.site / "package_c-1.2.3.dist-info").exists()


def test_a_new_gpu_makes_it_outdated(world: World) -> None:
    world.create()
    assert world.reopened(Accelerator.CUDA).state() is EnvironmentState.OUTDATED
    assert world.reopened().state() is EnvironmentState.READY


def test_a_lost_file_is_found_and_repaired(world: World) -> None:
    world.create()
    (world.site / "package_d.py").unlink()
    with pytest.raises(AppError, match="package-d") as failure:
        world.environment.verify()
    assert failure.value.kind == "environment_damaged"
    assert "package_d.py is missing" in failure.value.details
    assert world.environment.state() is EnvironmentState.INCOMPLETE
    world.uv.calls.clear()
    world.create()
    assert world.uv.installed == ["package-d"]
    assert "package_a" in world.environment.verify()


def test_a_changed_file_is_not_taken_from_the_cache_again(world: World) -> None:
    world.create()
    (world.site / "package_e.py").write_text("")
    with pytest.raises(AppError, match="package-e"):
        world.environment.verify()
    world.create()
    assert ("cache", "clean", "package-e") in [call.arguments for call in world.uv.calls]
    assert world.environment.is_ready()


def test_a_version_that_is_not_the_pinned_one_is_refused(world: World) -> None:
    world.uv.versions["package-b"] = "9.9"
    with pytest.raises(AppError) as failure:
        world.create()
    assert failure.value.details == "package-b==1.2.3: 9.9"
    assert world.environment.state() is EnvironmentState.INCOMPLETE


def test_a_local_version_suffix_is_allowed(world: World) -> None:
    world.uv.versions["package-b"] = "1.2.3+cpu"
    world.create()
    assert world.environment.versions()["package_b"] == "1.2.3+cpu"


def test_a_module_that_cannot_be_imported_is_named(world: World) -> None:
    world.create()
    record = next(world.site.glob("package_a-*.dist-info/RECORD"))
    record.write_text(record.read_text().partition("\n")[2])
    (world.site / "package_a.py").write_text("raise ImportError('libcudart.so.13')")
    with pytest.raises(AppError, match="cannot be loaded: package_a") as failure:
        world.environment.verify()
    assert "libcudart" in failure.value.details


def test_verify_without_an_environment_says_so(world: World) -> None:
    with pytest.raises(AppError, match="has no Python"):
        world.environment.verify()
    assert not world.environment.root.exists()


def test_offline_reaches_uv(world: World) -> None:
    world.create(offline=True)
    assert all("--offline" in call.arguments for call in world.uv.calls)


def test_a_full_disk_is_said_before_anything_starts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(world.lock.parent)._replace(free=10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(AppError, match=r"0\.0 GB free, and 0\.2 GB are needed") as failure:
        world.create()
    assert failure.value.kind == "disk_full"
    assert not world.uv.calls


def test_a_folder_of_somebody_else_is_a_permission_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("services.environment.folder_lock.try_lock", refuse)
    with pytest.raises(AppError) as failure:
        world.create()
    assert failure.value.kind == "permission"


def test_remove_takes_only_what_is_ours(world: World) -> None:
    world.create()
    note = world.environment.root / "my notes.txt"
    note.write_text("keep")
    world.environment.remove()
    assert list(world.environment.root.iterdir()) == [note]
    assert world.environment.state() is EnvironmentState.MISSING
    note.unlink()
    world.create()
    world.environment.remove()
    world.environment.remove()
    assert not world.environment.root.exists()


def test_remove_refuses_while_it_is_being_made(world: World) -> None:
    held = try_lock(world.environment.root / ".lock")
    assert held is not None
    try:
        with pytest.raises(AppError) as failure:
            world.environment.remove()
    finally:
        os.close(held)
    assert failure.value.kind == "busy"


def test_the_second_one_waits_and_finds_it_ready(world: World) -> None:
    gate, entered = threading.Event(), threading.Event()

    def before(_call: UvCall) -> None:
        entered.set()
        assert gate.wait(60)

    world.uv.before = before
    first = threading.Thread(target=world.create)
    first.start()
    assert entered.wait(60)
    other: list[str] = []
    uv = FakeUv()

    def report(progress: Progress) -> None:
        other.append(progress.message)
        gate.set()

    try:
        _environment(world.lock.parent, uv, Accelerator.CPU).create(report, CancelToken())
    finally:
        gate.set()
        first.join()
    assert "waiting" in other[0]
    assert not uv.calls


def test_waiting_can_be_cancelled(world: World) -> None:
    held = try_lock(world.environment.root / ".lock")
    assert held is not None
    cancel = CancelToken()
    try:
        with pytest.raises(Cancelled):
            world.environment.create(lambda _progress: cancel.cancel(), cancel)
    finally:
        os.close(held)


def test_a_package_installed_twice_is_installed_again(world: World) -> None:
    _fail_at_install(2, world.uv, AppError("network", "no network"))
    with pytest.raises(AppError):
        world.create()
    put_package(world.site, "package-a", "1.0")
    world.uv.before = lambda call: None
    world.create()
    assert len(list(world.site.glob("package_a-*.dist-info"))) == 1
    assert world.environment.versions()["package_a"] == "1.2.3"
