"""Runs in containers of a real engine, through the run service: started, followed, stopped."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError, ConfigError
from models.domain.run import ContainerHandle, RunState
from services.host_folder import User
from services.run_files import RunFolder
from tests.docker.programs import Program, containers, lines_of_talk, make_home, program
from tests.whole_model import WHOLE_MODEL, lay_whole_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient

    from tests.docker.engine import RealEngine


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def temper(home: Path, docker_engine: RealEngine, python_image: str) -> Iterator[Program]:
    with program(home, python_image) as started:
        yield started


def test_a_run_is_followed_to_its_result_and_leaves_no_container(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.start("talk-200")
    assert isinstance(run.handle, ContainerHandle)
    assert run.handle.name == f"temper-{run.id}"
    assert run.image_digest.startswith("sha256:")

    run = temper.follow(run)

    assert (run.state, run.exit_code, run.failure) == (RunState.FINISHED, 0, None)
    assert temper.seqs() == list(range(len(temper.events)))
    assert sorted(temper.log.splitlines()) == sorted(lines_of_talk(200))
    assert temper.log_file(run) == temper.log
    assert temper.runs.adapter_path(run).is_dir()
    assert containers(docker_client) == []


def seen_by_trainer(temper: Program, how: str = "look", **changes: object) -> dict[str, object]:
    """What the trainer sees around itself."""
    run = temper.follow(temper.start(how, **changes))
    assert run.state is RunState.FINISHED, temper.log
    folder = RunFolder(temper.home / "data", run.id)
    found: dict[str, object] = json.loads((folder.path / "seen.json").read_text())
    return found


@pytest.mark.spec("**Host data dir** – local folder mounted as `/data` in the container.")
def test_the_host_data_dir_is_data_and_all_else_is_read_only(
    temper: Program, tmp_path: Path
) -> None:
    chosen = tmp_path / "my data"

    run = temper.follow(temper.start("look", **{"local.host_data_dir": str(chosen)}))

    seen = json.loads((chosen / "runs" / run.id / "seen.json").read_text())
    assert seen["cwd"] == f"/data/runs/{run.id}"
    assert seen["env"]["TEMPER_DATA_ROOT"] == "/data"
    assert seen["file"] == "/opt/temper/trainer_image/train.py"
    assert seen["writable"] == ["/tmp", "/data"]
    assert seen["first"]  # a child of the first process, which passes signals on
    assert seen["shm"] > 1_000_000_000
    status = dict(line.split(":\t", 1) for line in seen["status"].splitlines())
    assert status["CapEff"] == status["CapBnd"] == "0" * 16
    assert status["NoNewPrivs"] == "1"


def test_outputs_belong_to_the_caller(temper: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever that is: here a user whom neither this machine nor the image knows."""
    stranger, start = 4321, temper.runner._start

    def give_away(spec: Mapping[str, Any], name: str, folder: RunFolder) -> str:
        for path in (folder.data_root, *folder.data_root.rglob("*")):
            os.chown(path, stranger, stranger)
        return start(spec, name, folder)

    caller = replace(User.caller(), uid=stranger, gid=stranger)
    monkeypatch.setattr(User, "caller", lambda **_: caller)
    monkeypatch.setattr(temper.runner, "_start", give_away)

    run = temper.follow(temper.start("talk-1"))

    assert run.state is RunState.FINISHED
    written = [path.stat() for path in temper.runs.adapter_path(run).rglob("*")]
    assert {(status.st_uid, status.st_gid) for status in written} == {(stranger, stranger)}


@pytest.mark.spec("**Container name** – name for the training container.")
def test_the_container_has_the_name_that_was_chosen(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.start("wait", **{"local.container_name": "my-training"})

    container = docker_client.containers.get("my-training")
    assert isinstance(run.handle, ContainerHandle)
    assert container.id == run.handle.id
    with pytest.raises(ConfigError) as caught:
        temper.start("wait", **{"local.container_name": "my-training",
                                "output.directory": "/data/outputs/other"})  # fmt: skip
    assert [problem.field for problem in caught.value.problems] == ["local.container_name"]
    assert "taken" in str(caught.value)
    temper.runs.stop(run.id)
    temper.follow(run)


def test_a_name_that_is_taken_between_check_and_start_leaves_nothing_behind(
    temper: Program, docker_client: DockerClient, python_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runners.docker_checks.name_problems", lambda *_: ())
    docker_client.containers.create(python_image, "true", name="my-training")

    with pytest.raises(AppError) as caught:
        temper.start("wait", **{"local.container_name": "my-training"})

    assert caught.value.kind == "name_taken"
    assert len(containers(docker_client)) == 1
    assert temper.runs.list()[0].state is RunState.FAILED


@pytest.mark.spec("**Docker image** – training image (e.g. `sbussiso/unsloth-trainer:latest`).")
def test_an_image_that_is_not_there_is_a_problem_of_its_field(temper: Program) -> None:
    with pytest.raises(ConfigError) as caught:
        temper.start("wait", **{"local.image": "sbussiso/unsloth-trainer:latest"})

    problem = caught.value.problems[0]
    assert (problem.field, problem.value) == ("local.image", "sbussiso/unsloth-trainer:latest")
    assert "temper image pull sbussiso/unsloth-trainer:latest" in problem.remedy


@pytest.mark.spec("**GPU usage** – whether to expose local GPUs (`--gpus all` when available).")
def test_without_gpus_to_pass_the_training_is_on_the_processor_and_says_so(
    temper: Program, docker_client: DockerClient
) -> None:
    run = temper.start("wait", **{"local.use_gpu": True})

    assert isinstance(run.handle, ContainerHandle)
    asked = docker_client.containers.get(run.handle.id).attrs["HostConfig"]["DeviceRequests"]
    assert not asked
    temper.follow_to(run, "hello")
    assert "no NVIDIA runtime" in temper.log.splitlines()[0]
    temper.runs.stop(run.id)
    temper.follow(run)


def test_gpus_that_were_chosen_and_cannot_be_passed_are_a_problem(temper: Program) -> None:
    with pytest.raises(ConfigError) as caught:
        temper.start("wait", **{"local.use_gpu": True, "local.gpu_devices": "0,1"})

    assert [problem.field for problem in caught.value.problems] == ["local.gpu_devices"]
    assert "nvidia-ctk" in str(caught.value)


def test_the_engines_refusal_of_a_gpu_is_a_clear_sentence(
    temper: Program, docker_client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.docker.engine_info.gpu_support", lambda *_, **__: can_pass())

    with pytest.raises(AppError) as caught:
        temper.start("wait", **{"local.use_gpu": True})

    assert caught.value.kind == "docker_no_gpu"
    assert "Container Toolkit" in caught.value.hint
    assert containers(docker_client) == []


def can_pass() -> object:
    from models.domain.docker import GpuSupport

    return GpuSupport(can_pass=True)


def test_offline_the_container_has_no_network(home: Path, docker_engine: RealEngine,
                                              python_image: str) -> None:  # fmt: skip
    with program(home, python_image, offline=True) as temper:
        lay_whole_model(home / "model")
        seen = seen_by_trainer(temper, str(home / "model"))

    assert seen["network"] == ["lo"]
    environment = seen["env"]
    assert isinstance(environment, dict)
    assert environment["HF_HUB_OFFLINE"] == environment["TRANSFORMERS_OFFLINE"] == "1"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_online_it_has_one(temper: Program) -> None:
    assert seen_by_trainer(temper)["network"] == ["eth0", "lo"]


@pytest.mark.spec(
    "**Pass HF token to container** – forwards `HF_TOKEN` / `HUGGINGFACE_HUB_TOKEN` so `--push` "
    "works inside the container."
)
@pytest.mark.parametrize("passed", [True, False])
def test_the_token_is_only_in_the_containers_environment_and_only_when_ticked(
    home: Path, docker_engine: RealEngine, python_image: str, docker_client: DockerClient,
    passed: bool,
) -> None:  # fmt: skip
    token = "hf_" + "planted" * 5
    with program(home, python_image, token=token) as temper:
        run = temper.start("wait", **{"local.pass_hf_token": passed})
        assert isinstance(run.handle, ContainerHandle)
        attributes = docker_client.containers.get(run.handle.id).attrs
        environment = attributes["Config"].pop("Env")
        temper.runs.stop(run.id)
        temper.follow(run)

    found = [entry.partition("=")[0] for entry in environment if token in entry]
    assert sorted(found) == (["HF_TOKEN", "HUGGINGFACE_HUB_TOKEN"] if passed else [])
    assert token not in json.dumps(attributes)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if token.encode() in path.read_bytes()]


def test_a_base_model_in_a_folder_is_there_at_the_same_path_with_what_it_links_to(
    temper: Program, tmp_path: Path
) -> None:
    snapshot = tmp_path / "hub" / "snapshots" / "abc"
    blobs = tmp_path / "hub" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "123").write_text("{}")
    for name in WHOLE_MODEL:
        (snapshot / name).symlink_to("../../blobs/123")

    seen = seen_by_trainer(temper, str(snapshot))

    assert (seen["model"], seen["config"]) == (sorted(WHOLE_MODEL), "{}")


def test_redrawn_lines_keep_their_last_state_and_long_lines_stay_whole(temper: Program) -> None:
    run = temper.follow(temper.start("redraw"))

    long = "long " + "x" * 40_000 + " end"
    expected = ["hello from the container", "100 %", long, "not ended"]
    assert temper.log_file(run).splitlines() == expected
    assert temper.log.splitlines() == expected


@pytest.mark.parametrize("how", ["import", "wait"])
def test_stop_is_heard_while_python_starts_and_while_it_trains(temper: Program, how: str) -> None:
    run = temper.start(how)
    if how == "wait":
        temper.follow(run, lambda run: run.state is RunState.RUNNING)
    else:
        temper.follow_to(run, "importing")

    temper.runs.stop(run.id)
    run = temper.follow(run)

    assert run.state is RunState.CANCELLED
    assert run.failure is None
    assert ("saved" in temper.log) is (how == "wait")


def test_stop_right_after_the_start_ends_it(temper: Program, docker_client: DockerClient) -> None:
    run = temper.start("wait")
    temper.runs.stop(run.id)

    run = temper.follow(run)

    assert run.state is RunState.CANCELLED
    assert containers(docker_client) == []


def test_a_stop_while_it_saves_lets_it_finish(temper: Program) -> None:
    run = temper.start("save")
    temper.follow_to(run, "part 3")
    temper.runs.stop(run.id)

    run = temper.follow(run)

    assert (run.state, run.exit_code) == (RunState.FINISHED, 0)


def test_kill_ends_it_at_once(temper: Program) -> None:
    run = temper.follow(temper.start("wait"), lambda run: run.state is RunState.RUNNING)
    temper.runs.kill(run.id)

    run = temper.follow(run)

    assert (run.state, run.exit_code) == (RunState.CANCELLED, 137)


def test_without_a_first_process_of_the_engine_a_stop_is_heard_all_the_same(
    temper: Program, docker_client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = temper.runner._create_and_start

    def without_init(spec: dict[str, object], name: str, folder: RunFolder) -> str:
        host = spec["HostConfig"]
        assert isinstance(host, dict)
        if host["Init"]:
            raise AppError("docker", 'exec: "docker-init": executable file not found in $PATH')
        return create(spec, name, folder)

    monkeypatch.setattr(temper.runner, "_create_and_start", without_init)
    run = temper.start("import")
    temper.follow_to(run, "importing")
    temper.runs.stop(run.id)

    run = temper.follow(run)

    assert run.state is RunState.CANCELLED


def test_a_stopped_run_is_resumed_in_a_new_container_and_its_log_goes_on(temper: Program) -> None:
    run = temper.follow(temper.start("wait"), lambda run: run.state is RunState.RUNNING)
    temper.runs.stop(run.id)
    run = temper.follow(run)
    first = temper.log_file(run)

    resumed = temper.follow(temper.runs.resume(run.id), lambda run: run.state is RunState.RUNNING)
    temper.runs.stop(resumed.id)
    resumed = temper.follow(resumed)

    assert temper.log_file(resumed) == first + first
    assert temper.log == first + first
