"""What reads Parquet, Arrow and the Hub where there is Docker and no managed environment."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app import __main__ as main_program
from models.domain.config import DEFAULT_IMAGE
from models.domain.docker import TRAINER_LABEL, EngineInfo, GpuSupport, ImageInfo
from models.domain.errors import AppError
from services.dataset_import.container_exporting import ContainerExporters
from services.dataset_import.exporting import TrainerExporters
from services.offline import OfflinePolicy
from services.runners.container_program import ORDER_VARIABLE, with_places
from services.trainer_code import TrainerCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.dataset_import.messages import Exporter

TOKEN = "hf_planted"
SPEC: dict[str, Any] = {"Image": "trainer:1", "Env": ["A=1"], "HostConfig": {"Mounts": [{"a": 1}]}}
ENGINE = EngineInfo(
    version="27.0", api_version="1.46", kind="Docker Engine", endpoint="unix:///run/docker.sock",
    is_rootless=False, is_local=True, architecture="x86_64", cpus=8, memory=10**10,
    data_root="/var/lib/docker", gpu=GpuSupport(can_pass=False), cgroup_version=2,
)  # fmt: skip


@dataclass
class Runtime:
    """The managed environment, there or not."""

    ready: bool = False
    python: Path = Path("/runtime/python")

    def is_ready(self) -> bool:
        return self.ready


@dataclass
class Engine:
    """An engine with images, or none at all."""

    images: list[ImageInfo] = field(default_factory=list)
    is_there: bool = True

    def info(self) -> EngineInfo:
        if not self.is_there:
            raise AppError("docker_stopped", "It does not run.")
        return ENGINE

    def list(self, _also: object = ()) -> list[ImageInfo]:
        return self.images


def image(tag: str, created_at: float = 0, *, ours: bool = False) -> ImageInfo:
    labels = {TRAINER_LABEL: "1"} if ours else {}
    return ImageInfo(tag, tag, "", 1, created_at, labels=labels)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainerExporters]:
    monkeypatch.setattr(
        "services.dataset_import.exporting.dataset_problems",
        lambda _repo, token: [] if token() else [_gated()],
    )

    def exporters(engine: Engine, *, ready: bool = False, offline: bool = False) -> Any:
        code = lambda: TrainerCode(tmp_path / "code", "0")  # noqa: E731
        install_id: Any = type("Id", (), {"get": lambda _self: "abc"})()
        fakes: Any = engine
        runtime: Any = Runtime(ready)
        containers = ContainerExporters(fakes, fakes, install_id, code, lambda: tmp_path / "data")
        return TrainerExporters(
            runtime, code, lambda: tmp_path / "data", OfflinePolicy(forced=offline),
            lambda: TOKEN, containers,
        )  # fmt: skip

    return exporters


def _gated() -> Any:
    from models.domain.errors import Problem

    return Problem("dataset.hf_repo", "me/rows", "is gated.", "Accept.")


def order(exporter: Exporter) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(exporter.env[ORDER_VARIABLE])
    return found


def test_the_managed_environment_is_used_where_it_is_there(make: Callable[..., Any]) -> None:
    exporter = make(Engine([image("mine")]), ready=True)(None)
    assert exporter.argv == ("/runtime/python", "-m", "trainer_image.export_rows", "file")
    assert ORDER_VARIABLE not in exporter.env


def test_files_are_read_by_a_container_without_a_network_or_a_token(
    make: Callable[..., Any],
) -> None:
    exporter = make(Engine([image("mine")]))(None)
    assert exporter.argv[-3:] == (
        "services.runners.container_program", "trainer_image.export_rows", "file",
    )  # fmt: skip
    assert not exporter.is_source
    spec = order(exporter)["spec"]
    assert (spec["Image"], spec["HostConfig"]["NetworkMode"]) == ("mine", "none")
    assert "HF_HUB_OFFLINE=1" in spec["Env"]
    assert TOKEN not in json.dumps(exporter.env)
    assert not order(exporter)["has_input"]


def test_the_hub_is_read_with_a_network_and_the_token_is_in_no_command(
    make: Callable[..., Any],
) -> None:
    from models.domain.dataset_import import HubSource

    exporter = make(Engine([image("mine")]))(HubSource("me/rows", "one", "test"))
    assert exporter.argv[-5:] == ("trainer_image.export_rows", "hub", "me/rows", "one", "test")
    assert exporter.is_source
    spec = order(exporter)["spec"]
    assert spec["HostConfig"]["NetworkMode"] == "default"
    assert f"HF_TOKEN={TOKEN}" in spec["Env"]
    assert TOKEN not in " ".join(exporter.argv)
    with pytest.raises(AppError, match="Offline mode"):
        make(Engine([image("mine")]), offline=True)(HubSource("me/rows"))


def test_an_image_of_our_own_comes_before_one_of_a_configuration_and_the_default(
    make: Callable[..., Any],
) -> None:
    default, theirs, ours = image(DEFAULT_IMAGE, 9), image("theirs", 5), image("ours", 1, ours=True)
    for there, expected in (
        ([default, theirs, ours], "ours"),
        ([default, theirs], "theirs"),
        ([default], DEFAULT_IMAGE),
    ):
        assert order(make(Engine(there))(None))["spec"]["Image"] == expected


@pytest.mark.parametrize("engine", [Engine(), Engine([image("mine")], is_there=False)])
def test_without_environment_and_image_both_are_named(
    make: Callable[..., Any], engine: Engine
) -> None:
    with pytest.raises(AppError, match="Docker image") as caught:
        make(engine)(None)
    assert caught.value.kind == "runtime_missing"
    with pytest.raises(AppError, match="Docker image") as caught:
        make(engine).parquet_writer()
    assert caught.value.kind == "runtime_missing"


def test_the_frozen_program_starts_itself_for_a_container(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    exporter = make(Engine([image("mine")]))(None)
    assert exporter.argv[:2] == (sys.executable, main_program._CONTAINER_PROGRAM)
    started: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        started.append(arguments)
        return 7

    monkeypatch.setattr("services.runners.container_program.main", run)
    monkeypatch.delattr(sys, "frozen")
    assert main_program.main(list(exporter.argv[1:])) == 7
    assert started == [["trainer_image.export_rows", "file"]]


def test_a_writer_reads_its_input_and_has_room_for_what_it_puts_aside(
    make: Callable[..., Any],
) -> None:
    exporter = make(Engine([image("mine")])).parquet_writer()
    assert order(exporter)["has_input"]
    assert "TMPDIR=/data" in order(exporter)["spec"]["Env"]
    assert "TEMPER_ENDS_WITH_INPUT=1" not in order(exporter)["spec"]["Env"]


def test_the_file_is_given_to_the_container_alone_and_read_only() -> None:
    found = with_places(SPEC, ("trainer_image.export_rows", "file", "/home/me/a b.parquet"), {})
    assert found["Cmd"] == ["-m", "trainer_image.export_rows", "file", "/import/a b.parquet"]
    assert found["HostConfig"]["AutoRemove"]
    assert found["HostConfig"]["Mounts"] == [
        {"a": 1},
        {"Type": "bind", "Source": "/home/me/a b.parquet", "Target": "/import/a b.parquet",
         "ReadOnly": True},
    ]  # fmt: skip
    assert SPEC["HostConfig"] == {"Mounts": [{"a": 1}]}


def test_where_selinux_wants_labels_the_file_has_one_too() -> None:
    spec = SPEC | {"HostConfig": {"Binds": ["/a:/b:ro,z"]}}
    found = with_places(spec, ("m", "file", "/home/me/a.parquet"), {})
    assert found["HostConfig"]["Binds"][1] == "/home/me/a.parquet:/import/a.parquet:ro,z"


def test_what_the_hub_sends_lies_in_the_librarys_own_folder() -> None:
    environ = {"TEMPER_IMPORT_FOLDER": "/home/me/.temper/datasets/.1-a.tmp"}
    found = with_places(SPEC, ("m", "hub", "me/rows", "", "train"), environ)
    assert found["Cmd"] == ["-m", "m", "hub", "me/rows", "", "train"]
    assert found["Env"] == ["A=1", "TEMPER_IMPORT_FOLDER=/import-work"]
    assert found["HostConfig"]["Mounts"][1] == {
        "Type": "bind", "Source": "/home/me/.temper/datasets/.1-a.tmp", "Target": "/import-work",
        "ReadOnly": False,
    }  # fmt: skip
