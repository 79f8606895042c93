"""A whole run on an emulated pod: brought, trained by the stand-in, followed, fetched, ended."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from models.domain.remote_run import (
    CANCELLED,
    FAILED,
    FINISHED,
    LOST,
    RemoteAttempt,
    RemotePhase,
    Teardown,
)
from services.remote import fetching, training
from services.remote.marks import pod_name
from services.remote.steps import STEPS
from services.run_files import RunFolder, host_path
from tests.emulators.runpod.pod_python import PodPython
from tests.integration.remote_world import INSTALL, RemoteWorld, remote_world
from tests.integration.runpod_world import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.domain.run import Run
    from services.remote.driver import RemoteDriver
    from services.remote.work import Work
    from tests.emulators.runpod.cloud import Volume

pytestmark = pytest.mark.slow
S3_ACCESS, S3_SECRET = "user_" + "a" * 30, "rps_" + "s" * 40
MODEL = "/data/models/small"
S3 = {"RUNPOD_S3_ACCESS_KEY": S3_ACCESS, "RUNPOD_S3_SECRET_KEY": S3_SECRET}


class Pods:
    """A world whose pods train with the stand-in."""

    def __init__(self, there: RemoteWorld, folder: Path) -> None:
        self.there = there
        self.python = PodPython(folder, there.runpod.cloud.clock, step_seconds=5)
        there.runpod.cloud.machine = self.python.machine
        model = there.data_root / "models" / "small"
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
        (model / "weights.safetensors").write_bytes(b"w" * 300_000)

    def run(self, **changes: object) -> Run:
        return self.there.add_run(
            **{"hp.max_steps": 12, "hp.save_steps": 4, "hp.base_model": MODEL, **changes}
        )

    def start(self, **changes: object) -> tuple[Run, RemoteDriver]:
        run = self.run(**changes)
        self.there.attempt(run)
        driver = self.there.program()
        driver.wake(run.id)
        return run, driver

    def struck(
        self, phase: RemotePhase, strike: Callable[[Run, RemoteAttempt], object], **changes: object
    ) -> tuple[Run, RemoteDriver]:
        """A run to which something happens, once, as soon as it comes to a phase."""
        struck: list[bool] = []

        def step(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
            if not struck:
                struck.append(True)
                strike(run, attempt)
            return STEPS[phase](attempt, work)

        run = self.run(**changes)
        self.there.attempt(run)
        driver = self.there.program({phase: step})
        driver.wake(run.id)
        return run, driver

    @property
    def volume(self) -> Volume:
        (found,) = self.there.runpod.cloud.volumes.values()
        return found

    def folder(self, run: Run) -> RunFolder:
        return RunFolder(self.there.data_root, run.id)

    def output(self, run: Run) -> Path:
        return host_path(self.there.data_root, run.config.output.directory)

    def there_output(self, run: Run) -> Path:
        return host_path(self.volume.folder, run.config.output.directory)

    def seqs(self, run: Run) -> list[int]:
        lines = self.folder(run).events.read_bytes().splitlines()
        return [json.loads(line)["seq"] for line in lines]

    def again(self, run: Run, number: int = 2) -> None:
        """What resuming writes down."""
        name, now = pod_name(INSTALL, run.id, number), self.there.runpod.cloud.clock.now()
        self.there.store.add(RemoteAttempt(run.id, number, name, created_at=now))

    def over(self, run: Run, number: int = 1, seconds: float = 120) -> Any:
        return self.there.wait(run, number, RemotePhase.OVER, seconds)

    def training(self, run: Run, step: int = 1) -> None:
        """Wait until the pod has taken so many steps, and they are known here."""
        wait_for(lambda: f"step {step} of" in self.log(run), 120)

    def log(self, run: Run) -> str:
        path = self.folder(run).log
        return path.read_text() if path.exists() else ""

    def check_home(self, run: Run) -> None:
        """Everything that the pod made is here, and is what the volume has."""
        folder = self.folder(run)
        result = folder.result()
        assert result is not None
        adapter = self.output(run) / "adapter"
        content = (adapter / "adapter_model.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == result.adapter_sha256
        assert sorted(path.name for path in adapter.iterdir()) == [
            "adapter_config.json",
            "adapter_model.safetensors",
        ]
        seqs = self.seqs(run)
        assert seqs == list(range(len(seqs)))
        assert folder.samples.is_file()
        assert self.there.pods == []

    def check_same(self, run: Run) -> None:
        """Log and events are the volume's, byte for byte."""
        there = self.volume.folder / "runs" / run.id
        for name in ("events.jsonl", "train.log"):
            assert (self.folder(run).path / name).read_bytes() == (there / name).read_bytes()


@pytest.fixture
def pods(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pods]:
    # Slow enough that a busy machine's real seconds are not taken for a pod that does not come up.
    with remote_world(tmp_path, monkeypatch, speed=25) as made:
        yield Pods(made, tmp_path_factory.mktemp("python"))


def test_a_run_goes_through_a_pod_and_its_adapter_comes_home(pods: Pods) -> None:
    run, _ = pods.start()
    over = pods.over(run)
    assert (over.outcome, over.exit_code, over.trouble) == (FINISHED, 0, "")
    pods.check_home(run)
    pods.check_same(run)
    assert (pods.volume.folder / "models" / "small" / "config.json").is_file()
    assert not (pods.output(run) / "checkpoints").exists()


def test_with_s3_keys_everything_is_there_before_a_pod_is_rented(pods: Pods) -> None:
    pods.there.environ |= S3
    run, driver = pods.start()
    assert pods.over(run).outcome == FINISHED
    (rows,) = (pods.volume.folder / "datasets").glob("*.jsonl")
    assert rows.stem == hashlib.sha256(rows.read_bytes()).hexdigest()
    sent = [one for one in pods.there.runpod.requests if "/inputs/" in one.target]
    assert not [one for one in sent if one.method == "PUT"]
    pods.check_home(run)
    puts = len([one for one in pods.there.runpod.s3.requests if one.method == "PUT"])
    assert puts == 8
    driver.close()


def test_wrong_s3_keys_are_no_reason_not_to_train(pods: Pods) -> None:
    pods.there.environ |= S3 | {"RUNPOD_S3_SECRET_KEY": "rps_wrong"}
    run, _ = pods.start()
    assert pods.over(run).outcome == FINISHED
    pods.check_home(run)


def test_windows_that_are_killed_all_the_time_lose_nothing_and_double_nothing(pods: Pods) -> None:
    pods.python.standin = {"step_seconds": 20}
    run, driver = pods.start()
    for step in (2, 5, 9):
        pods.training(run, step)
        driver.close()
        wait_for(lambda: not pods.there.store.get(run.id, 1).driver)
        driver = pods.there.program()
        driver.resume_all()
    assert pods.over(run).outcome == FINISHED
    pods.check_home(run)
    pods.check_same(run)


def test_a_proxy_that_cuts_everything_is_no_obstacle(pods: Pods) -> None:
    broken = pods.there.runpod.broken
    run = pods.run()
    pods.there.attempt(run)
    for verb in ("inputs", "artifacts", "log", "events"):
        broken.add(f"/proxy/.*/v1/{verb}", times=4, cut_reply=20)
    broken.add("PUT /proxy/.*/v1/inputs", times=3, corrupt_request=True)
    broken.add("GET /proxy/.*/v1/artifacts/", times=2, corrupt_reply=True)
    broken.add("/proxy/", times=10, status=502)
    pods.there.program().wake(run.id)
    assert pods.over(run).outcome == FINISHED
    pods.check_home(run)
    pods.check_same(run)


def test_a_stop_saves_brings_what_there_is_and_ends_the_pod(pods: Pods) -> None:
    pods.python.standin = {"step_seconds": 20}
    run, driver = pods.start(**{"hp.max_steps": 1000})
    pods.training(run, 1)
    pods.there.store.ask_stop(run.id)
    driver.wake(run.id)
    over = pods.over(run)
    assert (over.outcome, over.exit_code) == (CANCELLED, 130)
    state = pods.folder(run).state()
    assert state is not None
    assert state.phase == "cancelled"
    assert pods.folder(run).result() is None
    assert list((pods.there_output(run) / "checkpoints").iterdir())
    assert not (pods.output(run) / "checkpoints").exists()
    pods.check_same(run)


def test_a_run_that_fails_tells_how_and_its_pod_is_gone(pods: Pods) -> None:
    pods.python.standin = {"fail_at": 3}
    run, _ = pods.start()
    over = pods.over(run)
    assert (over.outcome, over.exit_code) == (FAILED, 1)
    last = json.loads(pods.folder(run).events.read_bytes().splitlines()[-1])
    assert (last["type"], last["kind"]) == ("failed", "internal")
    assert pods.there.pods == []


def test_a_pod_that_is_deleted_while_it_trains_is_lost_and_its_run_goes_on_on_another(
    pods: Pods,
) -> None:
    pods.python.standin = {"step_seconds": 30}
    run, driver = pods.start()
    pods.training(run, 5)
    pods.there.runpod.end_in_console(pods.there.store.get(run.id, 1).pod_id)
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind) == (LOST, "pod_gone")
    pods.python.standin = {"step_seconds": 5}
    pods.again(run)
    driver.wake(run.id)
    assert pods.over(run, 2).outcome == FINISHED
    assert pods.log(run).count("Going on from step") == 1
    pods.check_home(run)


def test_a_dead_host_is_given_up_and_what_is_on_the_volume_comes_by_s3(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SILENT_SECONDS", 60.0)
    pods.there.environ |= S3
    broken = pods.there.runpod.broken
    run, _ = pods.struck(
        RemotePhase.TRAINING, lambda *_: broken.add("/proxy/", times=10_000, status=502)
    )
    over = pods.over(run)
    assert over.outcome == FINISHED
    pods.check_home(run)
    pods.check_same(run)


def test_without_a_volume_the_checkpoint_comes_home_and_goes_to_the_next_pod(pods: Pods) -> None:
    pods.python.standin = {"step_seconds": 30}
    changes = {"runpod.cloud": "Community", "runpod.data_center": ""}
    run, driver = pods.start(**changes)
    pods.training(run, 5)
    pods.there.store.ask_stop(run.id)
    driver.wake(run.id)
    assert pods.over(run).outcome == CANCELLED
    assert not pods.there.runpod.cloud.volumes
    checkpoints = list(
        (pods.output(run) / "checkpoints").glob("checkpoint-*/temper-checkpoint.json")
    )
    assert len(checkpoints) == 1
    before = pods.seqs(run)
    pods.python.standin = {"step_seconds": 5}
    pods.again(run)
    driver.wake(run.id)
    assert pods.over(run, 2).outcome == FINISHED
    assert pods.seqs(run)[: len(before)] == before
    assert pods.log(run).count("Going on from step") == 1
    pods.check_home(run)


def test_a_silent_pod_without_s3_keys_is_given_up_and_its_result_is_not_lost(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SILENT_SECONDS", 60.0)
    monkeypatch.setattr(training, "GIVEN_UP_SECONDS", 120.0)
    broken = pods.there.runpod.broken
    run, driver = pods.struck(
        RemotePhase.TRAINING, lambda *_: broken.add("/proxy/", times=10_000, status=502)
    )
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind) == (LOST, "pod_silent")
    assert over.gone_at is not None
    assert pods.there.pods == []
    broken.calm()
    pods.again(run)
    driver.wake(run.id)
    assert pods.over(run, 2).outcome == FINISHED
    pods.check_home(run)
    pods.check_same(run)


def test_what_a_run_lies_on_top_of_goes_to_the_pod_with_it(pods: Pods) -> None:
    below = pods.there.data_root / "outputs" / "parent run" / "adapter"
    below.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (below / name).write_text(name)
    run = pods.run()
    job = json.loads(pods.folder(run).job.read_text())
    job["on_top_of"] = "/data/outputs/parent run/adapter"
    pods.folder(run).job.write_text(json.dumps(job))
    pods.there.attempt(run)
    pods.there.program().wake(run.id)
    assert pods.over(run).outcome == FINISHED
    there = pods.volume.folder / "outputs" / "parent run" / "adapter"
    assert sorted(path.read_text() for path in there.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_what_is_missing_here_costs_nothing(pods: Pods) -> None:
    (pods.there.data_root / "models" / "small" / "config.json").unlink()
    (pods.there.data_root / "models" / "small" / "weights.safetensors").unlink()
    (pods.there.data_root / "models" / "small").rmdir()
    run, _ = pods.start()
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind, over.cost or 0) == (FAILED, "not_found", 0)
    assert pods.there.asked("POST", "/v2/pods") == 0


def test_a_full_disk_at_home_is_waited_for_and_the_adapter_comes_when_there_is_room(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, real = [3], fetching.download

    def download(*args: Any) -> None:
        if full[0]:
            full[0] -= 1
            raise AppError("disk_full", "There is no room left.", "Free some space.")
        real(*args)

    monkeypatch.setattr(fetching, "download", download)
    run, _ = pods.start()
    assert pods.over(run).outcome == FINISHED
    assert full == [0]
    pods.check_home(run)


def test_a_pod_that_is_gone_while_its_adapter_is_fetched_loses_nothing_of_a_volume(
    pods: Pods,
) -> None:
    pods.there.runpod.broken.add("GET /proxy/.*/v1/artifacts", times=10_000, status=502)
    run, driver = pods.start()
    fetching = pods.there.wait(run, 1, RemotePhase.FETCHING)
    pods.there.runpod.end_in_console(fetching.pod_id)
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind) == (LOST, "not_fetched")
    assert "volume" in over.trouble_hint
    pods.there.runpod.broken.requests.clear()
    pods.again(run)
    driver.wake(run.id)
    assert pods.over(run, 2).outcome == FINISHED
    pods.check_home(run)
    pods.check_same(run)


def test_a_window_that_is_killed_when_it_let_the_pod_go_knows_that_all_is_here(
    pods: Pods,
) -> None:
    run, driver = pods.start()
    over = pods.over(run)
    driver.close()
    pods.there.store.release(run.id, 1, driver.id)
    before = {"phase": RemotePhase.FETCHING, "teardown": Teardown.NONE, "gone_at": None}
    pods.there.store.change(run.id, 1, **before)
    pods.there.program().wake(run.id)
    assert pods.over(run).outcome == over.outcome == FINISHED
    pods.check_home(run)
