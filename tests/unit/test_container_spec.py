"""What the engine is asked for, literally."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from models.domain.config import LocalSection
from models.domain.docker import EngineInfo, GpuSupport
from services.docker.gpu import device_request
from services.run_files import RunFolder
from services.runners.base import Launch
from services.runners.container_spec import Caller, Extras, container_name, container_spec
from services.trainer_code import TrainerCode

GIGABYTE = 1_000_000_000
ENGINE = EngineInfo(
    version="27.0", api_version="1.46", kind="Docker Engine", endpoint="unix:///run/docker.sock",
    is_rootless=False, is_local=True, architecture="x86_64", cpus=8, memory=64 * GIGABYTE,
    data_root="/var/lib/docker", gpu=GpuSupport(can_pass=True), cgroup_version=2,
)  # fmt: skip
CALLER = Caller("linux", 1000, 100)
EXTRAS = Extras(install_id="abc", started=12.5)
TOKEN = "hf_planted"


def launch(**local: Any) -> Launch:
    return Launch(
        RunFolder(Path("/home/me/data"), "run-1"),
        TrainerCode(Path("/home/me/code/1234"), "0" * 64),
        LocalSection(image="trainer:1", **local),
    )


def spec(
    info: EngineInfo = ENGINE, caller: Caller = CALLER, extras: Extras = EXTRAS, *,
    offline: bool = False, **local: Any,
) -> dict[str, Any]:  # fmt: skip
    return container_spec(replace(launch(**local), offline=offline), info, caller, extras)


def host(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return dict(spec(*args, **kwargs)["HostConfig"])


def environment(*args: Any, **kwargs: Any) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in spec(*args, **kwargs)["Env"])
    return {name: value for name, _, value in pairs}


def test_the_whole_request() -> None:
    assert spec() == {
        "Image": "trainer:1",
        "Entrypoint": ["python3"],
        "Cmd": ["-m", "trainer_image.train", "--job", "/data/runs/run-1/job.json"],
        "Env": [
            "DISABLE_TELEMETRY=1",
            "DO_NOT_TRACK=1",
            "HF_HOME=/data/cache/huggingface",
            "HF_HUB_CACHE=/data/cache/huggingface/hub",
            "HF_HUB_DISABLE_SHARED_BLOBS=1",
            "HF_HUB_DISABLE_TELEMETRY=1",
            "HF_HUB_DISABLE_UPDATE_CHECK=1",
            "HOME=/tmp",
            "LOGNAME=temper",
            "MALLOC_MMAP_MAX_=0",
            "MALLOC_TRIM_THRESHOLD_=-1",
            "NVIDIA_VISIBLE_DEVICES=void",
            "PYTHONNOUSERSITE=1",
            "PYTHONPATH=/opt/temper",
            "PYTHONUNBUFFERED=1",
            "TEMPER_DATA_ROOT=/data",
            "TOKENIZERS_PARALLELISM=false",
            "UNSLOTH_COMPILE_LOCATION=/tmp/unsloth_compiled_cache",
            "UNSLOTH_DISABLE_STATISTICS=1",
            "USER=temper",
        ],
        "User": "1000:100",
        "WorkingDir": "/data/runs/run-1",
        "Labels": {
            "org.temper.run-id": "run-1",
            "org.temper.install-id": "abc",
            "org.temper.started": "12.500",
        },
        "StopSignal": "SIGTERM",
        "StopTimeout": 120,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "Init": True,
            "RestartPolicy": {"Name": "no"},
            "AutoRemove": False,
            "NetworkMode": "default",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Tmpfs": {"/tmp": "rw,exec,nosuid,nodev,mode=1777,size=4000000000"},
            "ShmSize": 8 * GIGABYTE,
            "OomScoreAdj": 500,
            "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
            "LogConfig": {
                "Type": "json-file",
                "Config": {"max-size": "1t", "max-file": "2", "mode": "blocking"},
            },
            "Mounts": [
                {
                    "Type": "bind",
                    "Source": "/home/me/data",
                    "Target": "/data",
                    "ReadOnly": False,
                },
                {
                    "Type": "bind",
                    "Source": "/home/me/code/1234",
                    "Target": "/opt/temper",
                    "ReadOnly": True,
                },
            ],
            "PidsLimit": 8192,
        },
    }


@pytest.mark.spec("**GPU usage** – whether to expose local GPUs (`--gpus all` when available).")
def test_gpus_are_asked_for_all_or_by_number() -> None:
    every = replace(EXTRAS, gpu=device_request("all"))
    some = replace(EXTRAS, gpu=device_request("0, 1"))

    (asked,) = host(extras=every)["DeviceRequests"]
    assert (asked["Count"], asked["Capabilities"]) == (-1, [["gpu"]])
    (asked,) = host(extras=some)["DeviceRequests"]
    assert (asked["DeviceIDs"], asked["Capabilities"]) == (["0", "1"], [["gpu"]])
    assert "NVIDIA_VISIBLE_DEVICES" not in environment(extras=every)
    assert "DeviceRequests" not in host(use_gpu=False)
    assert environment(use_gpu=False)["CUDA_VISIBLE_DEVICES"] == ""


def test_offline_there_is_no_network_and_no_proxy() -> None:
    caller = replace(CALLER, environ={"HTTPS_PROXY": "http://proxy", "no_proxy": "localhost"})

    assert environment(caller=caller)["HTTPS_PROXY"] == "http://proxy"
    assert environment(caller=caller)["no_proxy"] == "localhost"
    offline = environment(caller=caller, offline=True)
    assert host(offline=True)["NetworkMode"] == "none"
    assert offline["HF_HUB_OFFLINE"] == offline["HF_DATASETS_OFFLINE"] == "1"
    assert not [name for name in offline if "proxy" in name.lower()]


def test_of_the_programs_environment_only_what_means_the_same_goes_along() -> None:
    caller = replace(
        CALLER, environ={"HF_TOKEN": TOKEN, "PATH": "/bin", "OMP_NUM_THREADS": "2", "HOME": "/h"}
    )

    assert environment(caller=caller) == environment() | {"OMP_NUM_THREADS": "2"}


def test_the_token_is_in_two_variables_and_nowhere_else() -> None:
    asked = spec(extras=replace(EXTRAS, token=TOKEN))

    holders = [entry for entry in asked["Env"] if TOKEN in entry]
    assert holders == [f"HF_TOKEN={TOKEN}", f"HUGGINGFACE_HUB_TOKEN={TOKEN}"]
    assert TOKEN not in str({**asked, "Env": ()})


def test_a_memory_limit_has_no_swap_beside_it_and_bounds_what_lies_in_memory() -> None:
    limited = host(memory_limit=4.0)

    assert limited["Memory"] == limited["MemorySwap"] == 4 * GIGABYTE
    assert limited["ShmSize"] == 2 * GIGABYTE
    assert limited["Tmpfs"]["/tmp"].endswith("size=1000000000")


@pytest.mark.parametrize(
    ("info", "caller", "user"),
    [
        (ENGINE, CALLER, "1000:100"),
        (ENGINE, Caller("linux", 0, 0), "0:0"),
        (replace(ENGINE, is_rootless=True), CALLER, "0:0"),
        (replace(ENGINE, kind="Podman", is_rootless=True), CALLER, "0:0"),
        (replace(ENGINE, kind="Podman"), CALLER, "1000:100"),
        (replace(ENGINE, kind="Docker Desktop"), CALLER, "0:0"),
        (replace(ENGINE, kind="Docker Desktop"), Caller("darwin", 501, 20), "501:20"),
        (replace(ENGINE, kind="Docker Desktop"), Caller("win32", 0, 0), "0:0"),
    ],
)
def test_the_user_inside_is_the_one_whose_files_are_the_callers(
    info: EngineInfo, caller: Caller, user: str
) -> None:
    assert spec(info, caller)["User"] == user


def test_a_group_that_opens_the_folder_goes_along() -> None:
    assert host(caller=replace(CALLER, group=44))["GroupAdd"] == ["44"]
    rootless = replace(ENGINE, is_rootless=True)
    assert "GroupAdd" not in host(rootless, replace(CALLER, group=44))


def test_mapped_users_are_switched_off_so_that_outputs_are_the_callers() -> None:
    assert host(replace(ENGINE, security=("userns", "seccomp")))["UsernsMode"] == "host"


def test_under_selinux_folders_are_labelled() -> None:
    asked = host(replace(ENGINE, security=("selinux",)))

    assert asked["Binds"] == ["/home/me/data:/data:rw,z", "/home/me/code/1234:/opt/temper:ro,z"]
    assert "Mounts" not in asked


def test_a_rootless_engine_without_cgroups_v2_is_asked_for_no_limit() -> None:
    asked = host(replace(ENGINE, is_rootless=True, cgroup_version=1), memory_limit=4.0)

    assert not {"Memory", "MemorySwap", "PidsLimit"} & set(asked)


def test_a_model_in_a_folder_is_read_only_at_its_own_path() -> None:
    asked = host(extras=replace(EXTRAS, model_folders=(Path("/models/x"), Path("/blobs"))))

    assert asked["Mounts"][2:] == [
        {"Type": "bind", "Source": "/models/x", "Target": "/models/x", "ReadOnly": True},
        {"Type": "bind", "Source": "/blobs", "Target": "/blobs", "ReadOnly": True},
    ]


def test_on_windows_a_model_lies_where_the_job_then_names_it() -> None:
    extras = replace(EXTRAS, model_folders=(PureWindowsPath("C:\\models\\x"),))  # type: ignore[arg-type]
    asked = host(replace(ENGINE, kind="Docker Desktop"), Caller("win32", 0, 0), extras)

    assert asked["Mounts"][2]["Source"] == "C:\\models\\x"
    assert asked["Mounts"][2]["Target"] == "/opt/temper-model"


@pytest.mark.spec("**Container name** – name for the training container.")
def test_the_name_is_the_users_or_the_runs() -> None:
    assert container_name(launch(container_name=" mine ")) == "mine"
    assert container_name(launch()) == "temper-run-1"
