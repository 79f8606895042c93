"""What the doctor says about computers of many kinds: its sentences, states and next steps."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import OUR_IMAGE_CPU, PARTIAL_LABEL, EngineInfo, GpuSupport, ImageInfo
from models.domain.doctor import OPEN_SETTINGS, SET_UP_PYTHON, Check, CheckState
from models.domain.errors import AppError
from models.domain.hardware import Gpu, Hardware
from services.doctor import computer, graphics, program
from services.doctor.containers import ContainerProbe, is_engine_far
from services.environment.runtime_env import EnvironmentState
from services.gpu_probe import NO_DRIVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GB = 1_000_000_000
_GIB = 1024**3
_CARD = Gpu(0, "NVIDIA H200", 140 * _GIB, 130 * _GIB, "", "570.86.15", "12.8")
_NO_GPU = Hardware((), 16 * _GIB, 8 * _GIB, probed=True, reason=NO_DRIVER)
_WITH_GPU = replace(_NO_GPU, gpus=(_CARD,), reason="")
_PASSES = GpuSupport(True)
_ENGINE = EngineInfo(
    "27.3.1", "1.47", "Docker Engine", "unix:///var/run/docker.sock", False, True, "x86_64", 8,
    16 * _GIB, "", _PASSES,
)  # fmt: skip


@dataclass
class Engine:
    """An engine that answers, or one that says why not."""

    here: EngineInfo | AppError = _ENGINE
    tried: GpuSupport | AppError = _PASSES
    tries: list[str] = field(default_factory=list)
    asked: int = 0

    def info(self) -> EngineInfo:
        self.asked += 1
        if isinstance(self.here, AppError):
            raise self.here
        return self.here

    def try_gpu(self, image: str, devices: str = "all") -> GpuSupport:
        self.tries.append(image)
        if isinstance(self.tried, AppError):
            raise self.tried
        return self.tried


@dataclass
class Images:
    """The images with these tags."""

    tags: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def list(self, also: Iterable[str] = ()) -> Sequence[ImageInfo]:
        wanted = {*also, *self.tags}
        return [ImageInfo(t, "sha256:1", "", 9 * _GB, 0.0, labels=self.labels)
                for t in self.tags if t in wanted]  # fmt: skip


@dataclass
class Environment:
    """A managed environment in some state."""

    now: EnvironmentState
    root: Path = Path("/home/me/runtime")

    def state(self) -> EnvironmentState:
        return self.now

    def versions(self) -> dict[str, str]:
        return {"torch": "2.13.0"}


@dataclass
class Keychain:
    problem: str = ""

    def keychain_problem(self) -> str:
        return self.problem

    def get(self, name: str) -> str | None:
        return None


def containers(engine: Engine, *tags: str, barred: bool = False) -> ContainerProbe:
    return ContainerProbe(engine, Images(tags), lambda: barred)


def named(checks: Sequence[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def assert_complete(*checks: Check) -> None:
    """What wants attention says why it matters and what to do."""
    for check in checks:
        assert check.meaning
        assert bool(check.next_step) == check.wants_attention, check


def test_system_and_version_are_named() -> None:
    found = named(computer.system_checks())
    assert "Python 3." in found["Version"].message
    assert found["System"].message
    assert_complete(*found.values(), computer.processor_check(), computer.memory_of_now())


@pytest.mark.parametrize(
    ("library", "state"),
    [
        (("glibc", "2.35"), CheckState.OK),
        (("glibc", "2.28"), CheckState.OK),
        (("glibc", "2.17"), CheckState.FAIL),
        (("", ""), CheckState.NOTE),
    ],
)
def test_pytorch_needs_a_glibc_that_is_new_enough(
    library: tuple[str, str], state: CheckState
) -> None:
    (found,) = computer.glibc_checks(*library)
    assert found.state is state
    assert "2.28" in found.meaning
    assert_complete(found)


@pytest.mark.parametrize(("free", "state"), [(8, CheckState.OK), (2, CheckState.NOTE)])
def test_little_free_memory_is_noted(free: int, state: CheckState) -> None:
    found = computer.memory_check(free * _GIB, 16 * _GIB)
    assert (found.state, found.message) == (state, f"{free}.0 GB free of 16.0 GB")
    assert_complete(found)


@pytest.mark.parametrize(
    ("free", "state"), [(100, CheckState.OK), (10, CheckState.NOTE), (1, CheckState.FAIL)]
)
def test_a_disk_that_is_nearly_full(free: int, state: CheckState, tmp_path: Path) -> None:
    found = computer.folder_check(
        "Data folder", tmp_path / "later", "Why.", "Do this.", free_bytes=lambda _: free * _GB
    )
    assert found.state is state
    assert f"{free}.0 GB free at {tmp_path}" in found.message
    assert_complete(found)


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    found = computer.folder_check("Data folder", tmp_path, "Why.", "", may_write=lambda _: False)
    assert found.state is CheckState.FAIL
    assert str(tmp_path) in found.next_step
    (tmp_path / "file").write_text("")
    below_a_file = computer.folder_check("Data folder", tmp_path / "file" / "data", "Why.", "")
    assert below_a_file.state is CheckState.FAIL


def test_the_data_folder_is_a_check_of_its_own_only_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert len(computer.disk_checks(home, home / "data")) == 1
    _, data = computer.disk_checks(home, tmp_path / "large disk")
    assert "large disk" in data.message


def test_the_disk_of_an_engine_is_seen_where_it_is_on_this_computer(tmp_path: Path) -> None:
    (found,) = computer.engine_disk_check("Docker", str(tmp_path))
    assert str(tmp_path) in found.message
    assert computer.engine_disk_check("Docker", str(tmp_path / "in a machine of its own")) == ()
    assert computer.engine_disk_check("Docker", "") == ()


def test_a_gpu_is_named_with_driver_cuda_and_memory(tmp_path: Path) -> None:
    (found,) = graphics.gpu_checks(_WITH_GPU, tmp_path)
    assert found.message == (
        "NVIDIA H200: 130.0 GB free of 140.0 GB, driver 570.86.15, CUDA up to 12.8"
    )
    assert found.state is CheckState.OK


def test_several_cards_are_told_apart_and_a_full_one_is_noted(tmp_path: Path) -> None:
    full = replace(_CARD, index=1, free=2 * _GIB)
    first, second = graphics.gpu_checks(replace(_WITH_GPU, gpus=(_CARD, full)), tmp_path)
    assert (first.name, second.name) == ("GPU 0", "GPU 1")
    assert (first.state, second.state) == (CheckState.OK, CheckState.NOTE)
    assert_complete(first, second)


def test_a_driver_that_is_too_old_for_pytorch_fails(tmp_path: Path) -> None:
    old = replace(_CARD, cuda="11.4", driver="470.57")
    (found,) = graphics.gpu_checks(replace(_WITH_GPU, gpus=(old,)), tmp_path)
    assert found.state is CheckState.FAIL
    assert "12.0" in found.meaning
    assert "driver" in found.next_step


def test_no_gpu_is_in_order(tmp_path: Path) -> None:
    (found,) = graphics.gpu_checks(_NO_GPU, tmp_path)
    assert found.state is CheckState.OK
    assert "CPU" in found.message


def test_a_driver_that_does_not_work_is_noted(tmp_path: Path) -> None:
    broken = replace(_NO_GPU, reason="NVIDIA's driver is installed but not running.")
    (found,) = graphics.gpu_checks(broken, tmp_path)
    assert found.state is CheckState.NOTE
    assert broken.reason in found.message
    assert_complete(found)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux lists the devices in files")
def test_a_card_without_a_driver_is_noticed(tmp_path: Path) -> None:
    for name, vendor, kind in (("0", "0x8086", "0x030000"), ("1", "0x10de", "0x040300")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
        (tmp_path / name / "class").write_text(f"{kind}\n")
    assert graphics.gpu_checks(_NO_GPU, tmp_path)[0].state is CheckState.OK
    (tmp_path / "1" / "class").write_text("0x030200\n")
    (found,) = graphics.gpu_checks(_NO_GPU, tmp_path)
    assert found.state is CheckState.NOTE
    assert "no driver" in found.message
    assert_complete(found)


@pytest.mark.parametrize(
    "kind", ["docker_missing", "docker_stopped", "docker_denied", "docker_old"]
)
def test_without_an_engine_its_reason_and_next_step_are_said(kind: str) -> None:
    error = AppError(kind, f"The sentence of {kind}.", "The step on this system.")
    engine = Engine(error)
    (found,) = containers(engine).engine_checks()
    assert (found.message, found.next_step) == (error.message, error.hint)
    assert found.state is CheckState.NOTE  # there is Python on this computer
    assert containers(engine).gpu_checks(_WITH_GPU) == []


def test_an_engine_is_named_with_its_image(tmp_path: Path) -> None:
    engine = Engine(replace(_ENGINE, data_root=str(tmp_path), is_rootless=True))
    found = named(containers(engine, OUR_IMAGE_CPU).engine_checks())
    assert found["Docker engine"].message.startswith("Docker Engine 27.3.1, rootless at unix://")
    assert str(tmp_path) in found["Docker's disk"].message
    assert found["Training image"].message == f"{OUR_IMAGE_CPU} (9.0 GB)"
    missing = named(containers(engine).engine_checks())["Training image"]
    assert missing.state is CheckState.NOTE
    assert_complete(missing, *found.values())


def test_an_image_of_which_only_the_beginning_is_there_does_not_count() -> None:
    half = Images((DEFAULT_IMAGE,), {PARTIAL_LABEL: DEFAULT_IMAGE})
    found = named(ContainerProbe(Engine(), half, lambda: False).engine_checks())
    assert found["Training image"].state is CheckState.NOTE


def test_the_disk_of_an_engine_elsewhere_is_not_taken_for_ours(tmp_path: Path) -> None:
    far = replace(_ENGINE, data_root=str(tmp_path), is_local=False)
    assert "Docker's disk" not in named(containers(Engine(far)).engine_checks())


def test_the_gpu_is_tried_out_in_a_container() -> None:
    engine = Engine()
    (found,) = containers(engine, DEFAULT_IMAGE).gpu_checks(_WITH_GPU)
    assert engine.tries == [DEFAULT_IMAGE]
    assert found.state is CheckState.OK
    assert "works" in found.message


def test_without_an_image_the_engine_is_believed() -> None:
    engine = Engine()
    (found,) = containers(engine).gpu_checks(_WITH_GPU)
    assert engine.tries == []
    assert "says" in found.message


@pytest.mark.parametrize(
    "engine",
    [
        Engine(replace(_ENGINE, gpu=GpuSupport(False, "It has no runtime. Install the toolkit."))),
        Engine(tried=GpuSupport(False, "It has no runtime. Install the toolkit.")),
        Engine(tried=AppError("docker", "It has no runtime.", "Install the toolkit.")),
    ],
    ids=["says so", "refuses", "fails"],
)
def test_a_gpu_that_containers_do_not_get_is_noted(engine: Engine) -> None:
    (found,) = containers(engine, OUR_IMAGE_CPU).gpu_checks(_WITH_GPU)
    assert found.state is CheckState.NOTE
    assert found.message.endswith("It has no runtime.")
    assert found.next_step == "Install the toolkit."


def test_without_a_gpu_there_is_none_to_pass() -> None:
    engine = Engine(replace(_ENGINE, gpu=GpuSupport(False, "It has no runtime.")))
    (found,) = containers(engine).gpu_checks(_NO_GPU)
    assert (found.state, engine.tries) == (CheckState.OK, [])


def test_an_engine_elsewhere_is_not_asked_in_offline_mode() -> None:
    engine = Engine()
    (found,) = containers(engine, barred=True).engine_checks()
    assert "Offline mode" in found.message
    assert containers(engine, barred=True).gpu_checks(_WITH_GPU) == []
    assert engine.asked == 0


@pytest.mark.parametrize(
    ("host", "far"),
    [("tcp://build.example:2376", True), ("unix:///tmp/x.sock", False), ("ssh://me@box", True)],
)
def test_an_engine_elsewhere_is_known_by_its_address(
    host: str, far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert is_engine_far() is far


def test_the_environment_is_shown_with_its_versions() -> None:
    environment, uv = program.python_checks(Environment(EnvironmentState.READY))
    assert environment.state is CheckState.OK
    assert "torch 2.13.0" in environment.message
    assert uv.state is CheckState.OK


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (EnvironmentState.MISSING, "without Docker"),
        (EnvironmentState.INCOMPLETE, "interrupted"),
        (EnvironmentState.OUTDATED, "another version"),
    ],
)
def test_an_environment_that_is_not_ready_can_be_set_up(
    state: EnvironmentState, words: str
) -> None:
    found = program.python_checks(Environment(state))[0]
    assert words in found.message
    assert found.remedy == SET_UP_PYTHON
    assert_complete(found)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "temper.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE a (b)")
    connection.commit()
    connection.close()
    return path


def test_a_database_that_can_be_written_is_left_as_it_was(database: Path) -> None:
    before = database.read_bytes()
    found = program.database_check(database)
    assert found.state is CheckState.OK
    assert "can be written" in found.message
    assert database.read_bytes() == before


def test_a_database_that_another_program_holds_is_noted(database: Path) -> None:
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    found = program.database_check(database, busy_seconds=0.1)
    holder.execute("ROLLBACK")
    holder.close()
    assert found.state is CheckState.NOTE
    assert "another program" in found.message
    assert program.database_check(database).state is CheckState.OK


def test_a_database_that_is_damaged_or_gone_fails(database: Path) -> None:
    database.write_bytes(b"no database at all" * 100)
    damaged = program.database_check(database)
    database.unlink()
    gone = program.database_check(database)
    assert (damaged.state, gone.state) == (CheckState.FAIL, CheckState.FAIL)
    assert_complete(damaged, gone)
    assert not database.exists()


def test_a_database_that_could_not_be_opened_says_why() -> None:
    error = AppError("newer_version", "It was made by a newer Temper.", "Update Temper.")
    found = program.unopened_database_check(error)
    assert (found.state, found.next_step) == (CheckState.FAIL, "Update Temper.")


def test_without_a_keychain_the_settings_are_a_button_away() -> None:
    assert program.keychain_check(Keychain()).state is CheckState.OK
    found = program.keychain_check(Keychain("This system has no keychain."))
    assert (found.state, found.remedy) == (CheckState.NOTE, OPEN_SETTINGS)
    assert_complete(found)
