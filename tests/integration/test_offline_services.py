"""Offline mode and the Hugging Face token in the services, whatever a window shows."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import (
    RUNTIME_PYTHON,
    RUNTIME_RUNPOD,
    SOURCE_HUB,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError
from models.domain.run import ProcessHandle, RunState
from models.domain.validation import validate
from services.app_settings import SettingsStore
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.environment.runtime_env import RuntimeEnvironment
from services.environment.sample_model import SampleModel
from services.environment.torch_source import Accelerator
from services.hub_cache import hub_cache
from services.job_builder import JobBuilder, token_problems
from services.models.cached import is_cached_model
from services.offline import OfflinePolicy
from services.process_environment import ProcessEnvironment
from services.progress import CancelToken
from services.run_files import RunFolder
from services.run_records import RunRecords
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.trainer_code import TrainerCode
from tests.fakes.uv import FakeUv
from tests.integration.remote_world import runner_of
from tests.whole_model import WHOLE_MODEL
from trainer_image.contract import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.run import Run

ROOT = Path(__file__).parents[2]
TOKEN = "hf_" + "t" * 34


class World:
    """The run service of one program, with a switch and a token to set."""

    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self.token: str | None = None
        self.policy = OfflinePolicy(environment=ProcessEnvironment({}))
        self.policy.start(SettingsStore(database))
        library = DatasetLibrary(database, DatasetStore(home / "datasets"), home / "rows.jsonl")
        library.add_sample()
        self.runs = RunService(
            records=RunRecords(database),
            library=library,
            builder=JobBuilder(library, lambda: home / "data", lambda: self.token),
            runners={
                RUNTIME_PYTHON: ProcessRunner(lambda: Path(sys.executable), lambda: self.token),
                RUNTIME_RUNPOD: runner_of(database, {}, self.policy, home),
            },
            code=lambda: TrainerCode(home / "code", "0" * 64),
            offline=self.policy,
        )

    def start(self, how: str = "wait", **changes: object) -> Run:
        return self.runs.start(config(how, **changes))

    def refused(self, how: str = "wait", **changes: object) -> dict[str, str]:
        """The fields that keep a setup from starting, and what is said of them."""
        with pytest.raises(ConfigError) as caught:
            self.start(how, **changes)
        assert not self.runs.list()
        return {one.field: f"{one.message} {one.remedy}" for one in caught.value.problems}

    def wait(self, run: Run, until: Callable[[Run], bool]) -> Run:
        end = time.monotonic() + 120
        while not until(now := self.runs.poll(run.id).run):
            assert time.monotonic() < end, now
            time.sleep(0.02)
        return now


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    package = tmp_path / "code" / "trainer_image"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(ROOT / "tests" / "data" / "scripted_trainer.py", package / "train.py")
    rows = (json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(5))
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    with closing(Database.open(tmp_path / "temper.db")) as database:
        made = World(tmp_path, database)
        yield made
        for run in made.runs.list():
            made.runs.kill(run.id)


def config(how: str = "wait", **changes: object) -> TrainingConfig:
    values = {"dataset.session": "1", "hp.base_model": f"test/{how}", **changes}
    return with_values(TrainingConfig(), values)


def cache_model(root: Path, repo: str, *files: str) -> Path:
    """Lay files out as huggingface_hub keeps what it downloaded."""
    folder = hub_cache(root) / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    for name in files:
        (snapshot / name).write_text("{}")
    return snapshot


def environment_of(run: Run) -> dict[str, str]:
    """The variables of a run's process, as the system tells them."""
    assert isinstance(run.handle, ProcessHandle)
    path, end = Path(f"/proc/{run.handle.pid}/environ"), time.monotonic() + 60
    while not (data := path.read_bytes().decode()) and time.monotonic() < end:
        time.sleep(0.01)  # it is empty until the new program has been loaded
    return dict(part.split("=", 1) for part in data.split("\0") if "=" in part)


@pytest.mark.spec("Runpod cloud training is disabled.")
@pytest.mark.spec("Hugging Face datasets and Hub push are disabled.")
def test_offline_everything_that_needs_the_network_is_refused_at_once(world: World) -> None:
    world.policy.set(True)
    wanted = {
        "training.target": TARGET_RUNPOD,
        "dataset.source": SOURCE_HUB,
        "dataset.hf_repo": "me/data",
        "hp.push_to_hub": True,
        "hp.hub_repo": "me/model",
    }
    said = world.refused(**wanted)
    assert set(said) == {"training.target", "dataset.source", "hp.push_to_hub"}
    assert all("Offline mode" in words for words in said.values())
    assert "Choose Local, or turn Offline mode off." in said["training.target"]


def test_offline_a_model_that_was_never_downloaded_is_refused_with_the_way_out(
    world: World,
) -> None:
    world.policy.set(True)
    assert world.refused() == {
        "hp.base_model": "is not on this computer, and Offline mode is on. Choose a folder or a "
        "model that was used before, or turn Offline mode off to download it."
    }
    cache_model(world.home / "data", "test/wait", *WHOLE_MODEL)
    run = world.start()
    job = Job.model_validate_json(RunFolder(world.home / "data", run.id).job.read_bytes())
    assert job.offline
    assert environment_of(run)["HF_HUB_OFFLINE"] == "1"


def test_the_switch_is_asked_at_each_start_and_not_remembered(world: World) -> None:
    world.policy.set(True)
    assert "hp.base_model" in world.refused()
    world.policy.set(False)
    run = world.start()
    assert "HF_HUB_OFFLINE" not in environment_of(run)


def test_a_run_is_resumed_by_the_switch_of_today(world: World) -> None:
    run = world.start("crash")
    world.wait(run, lambda now: now.state is RunState.FAILED)
    world.policy.set(True)
    with pytest.raises(ConfigError) as caught:
        world.runs.resume(run.id)
    assert [problem.field for problem in caught.value.problems] == ["hp.base_model"]
    assert world.runs.get(run.id).state is RunState.FAILED
    cache_model(world.home / "data", "test/crash", *WHOLE_MODEL)
    world.runs.resume(run.id)
    job = Job.model_validate_json(RunFolder(world.home / "data", run.id).job.read_bytes())
    assert job.offline
    world.wait(run, lambda now: now.state is RunState.FINISHED)


@pytest.mark.parametrize(
    ("files", "whole"),
    [
        ((), False),
        (("config.json",), False),
        (("model.safetensors",), False),
        (("config.json", "model.safetensors"), False),
        (("config.json", "model.safetensors", "tokenizer.json"), True),
        (("config.json", "pytorch_model.bin", "tokenizer.model"), True),
    ],
)
def test_a_cached_model_is_whole_or_none(
    tmp_path: Path, files: tuple[str, ...], whole: bool
) -> None:
    cache_model(tmp_path, "me/model", *files)
    assert is_cached_model("me/model", tmp_path) is whole


def test_a_cached_model_in_parts_needs_all_of_them(tmp_path: Path) -> None:
    snapshot = cache_model(tmp_path, "me/model", "config.json", "tokenizer.json", "one.safetensors")
    parts = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(parts))
    assert not is_cached_model("me/model", tmp_path)
    (snapshot / "two.safetensors").touch()
    assert is_cached_model("me/model", tmp_path)


@pytest.mark.parametrize("repo", ["never/heard", "no repo id", "a/b/c", "", "../etc"])
def test_what_was_never_cached_or_is_no_repo_is_not_there(tmp_path: Path, repo: str) -> None:
    assert not is_cached_model(repo, tmp_path)


@pytest.mark.spec("Push to Hub – upload final adapters/weights; requires HF token and repo id.")
@pytest.mark.spec("Enable Pass HF token to container if you need `--push`.")
@pytest.mark.parametrize(
    ("repo", "ticked", "token", "wrong"),
    [
        ("", False, None, {"hp.hub_repo", "local.pass_hf_token", "hp.push_to_hub"}),
        ("me/model", False, TOKEN, {"local.pass_hf_token"}),
        ("me/model", True, None, {"hp.push_to_hub"}),
        ("", True, TOKEN, {"hp.hub_repo"}),
        ("me/model", True, TOKEN, set()),
    ],
)
def test_push_needs_a_token_a_repo_and_the_tick(
    repo: str, ticked: bool, token: str | None, wrong: set[str]
) -> None:
    values = {"hp.push_to_hub": True, "hp.hub_repo": repo, "local.pass_hf_token": ticked}
    wanted = config(**values)
    found = validate(wanted) + token_problems(wanted, lambda: token)
    assert {problem.field for problem in found} == wrong


def test_a_token_that_is_to_be_passed_must_be_there(world: World) -> None:
    said = world.refused(**{"local.pass_hf_token": True})
    assert "Set one under Settings." in said["local.pass_hf_token"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
def test_offline_no_token_is_asked_for_or_passed(world: World) -> None:
    """A setup with a gated model has it ticked, and may come in a bundle to a computer that never
    had a token: nothing can be done with one there."""
    cache_model(world.home / "data", "test/wait", *WHOLE_MODEL)
    world.policy.set(True)
    for number, world.token in enumerate((None, TOKEN)):
        values = {"local.pass_hf_token": True, "output.directory": f"/data/outputs/{number}"}
        found = environment_of(world.start(**values))
        assert found["HF_HUB_OFFLINE"] == "1"
        assert "HF_TOKEN" not in found


def test_a_keychain_that_is_locked_stops_the_start_with_its_own_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked() -> str | None:
        raise AppError("keychain_locked", "The system keychain is locked.", "Unlock it.")

    monkeypatch.setattr(world.runs.starter._builder, "_hf_token", locked)
    with pytest.raises(AppError, match="The system keychain is locked"):
        world.start(**{"local.pass_hf_token": True})
    world.start()  # a run that needs no token asks no keychain


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
@pytest.mark.spec(
    "Pass HF token to container – forwards `HF_TOKEN` / `HUGGINGFACE_HUB_TOKEN` so `--push` works "
    "inside the container."
)
@pytest.mark.parametrize("ticked", [True, False])
def test_the_token_reaches_the_run_by_environment_only_when_ticked(
    world: World, monkeypatch: pytest.MonkeyPatch, ticked: bool
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of-the-shell-that-started-us")
    world.token = TOKEN
    found = environment_of(world.start(**{"local.pass_hf_token": ticked}))
    names = ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN")
    assert [found.get(name) for name in names] == ([TOKEN] * 2 if ticked else [None] * 2)
    assert "hf_of-the-shell-that-started-us" not in found.values()


def test_the_environment_is_made_offline_by_the_switch_of_that_moment(
    tmp_path: Path, world: World
) -> None:
    (tmp_path / "requirements.txt").write_text("package-a\n")
    (tmp_path / "requirements.lock").write_text("package-a==1.2.3\n")
    uv = FakeUv()
    environment = RuntimeEnvironment(
        tmp_path / "runtime",
        tmp_path / "requirements.txt",
        tmp_path / "requirements.lock",
        modules=("package_a",),
        accelerator=Accelerator.CPU,
        uv=uv,
        is_offline=world.policy.is_offline,
    )
    world.policy.set(True)
    environment.create(lambda _progress: None, CancelToken())
    assert uv.calls
    assert all("--offline" in call.arguments for call in uv.calls)
    world.policy.set(False)
    environment.remove()
    uv.calls.clear()
    environment.create(lambda _progress: None, CancelToken())
    assert not any("--offline" in call.arguments for call in uv.calls)
    _check_sample_model(environment, uv, world)


def _check_sample_model(environment: RuntimeEnvironment, uv: FakeUv, world: World) -> None:
    """The model is asked of uv, too: here only what is asked counts, so uv refuses."""

    def refuse(call: object) -> None:
        raise AppError("not_found", "There is none here.")

    uv.before = refuse
    code = TrainerCode(world.home / "code", "0" * 64)
    model = SampleModel(
        lambda: world.home / "data", environment, lambda: code, world.policy.is_offline
    )
    for offline in (True, False):
        world.policy.set(offline)
        with pytest.raises(AppError, match="There is none here"):
            model.ensure(lambda _progress: None, CancelToken())
        assert ("--offline" in uv.calls[-1].arguments) is offline


def test_uv_takes_the_proxy_of_that_moment_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.environment.uv_tool import UvTool

    tool = UvTool(tmp_path)
    for name in ("HF_TOKEN", "RUNPOD_API_KEY"):
        monkeypatch.setenv(name, "a-secret-of-the-shell")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert tool.variables["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert "a-secret-of-the-shell" not in tool.variables.values()
    assert os.environ["HF_TOKEN"] == "a-secret-of-the-shell"
