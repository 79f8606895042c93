"""A whole run on a rented pod, as the window and the command line start, follow and stop it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.config import RUNTIME_RUNPOD
from models.domain.errors import AppError
from models.domain.remote_run import CANCELLED, FINISHED, RemotePhase, Teardown
from models.domain.run import PodHandle, Run, RunState
from services.run_follower import run_folder
from tests.integration.remote_world import RemoteWorld, remote_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.runs import RunService

pytestmark = pytest.mark.slow


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        made.train_quickly(step_seconds=5.0)
        yield made


def follow(
    runs: RunService, run: Run, until: Callable[[Run], bool] = lambda run: run.state.is_over
) -> Run:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        run = runs.poll(run.id).run
        if until(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"still {run}")


def is_training(run: Run) -> bool:
    return run.state is RunState.RUNNING and run.step >= 6


def test_a_run_trains_on_a_pod_and_its_adapter_is_here_and_the_pod_gone(
    there: RemoteWorld,
) -> None:
    runs = there.service(there.program())
    run = runs.start(there.config(**{"hp.max_steps": 12}), name="on a pod")
    assert (run.runtime, run.handle) == (RUNTIME_RUNPOD, PodHandle(run.id, 1))
    ended = follow(runs, run)
    assert (ended.state, ended.exit_code, ended.step, ended.failure) == (
        RunState.FINISHED, 0, 12, None,
    )  # fmt: skip
    assert (Path(ended.adapter_path) / "adapter_model.safetensors").is_file()
    assert [event.seq for event in there.records.events(run.id)]
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.teardown, there.pods) == (FINISHED, Teardown.CONFIRMED, [])
    assert there.records.get(run.id).cost_usd == pytest.approx(over.cost)
    (volume,) = there.runpod.cloud.volumes.values()
    assert [*volume.folder.glob("datasets/*.jsonl")]
    on_the_pod = (volume.folder / "runs" / run.id / "events.jsonl").read_bytes()
    assert run_folder(ended).events.read_bytes() == on_the_pod


def test_a_stopped_run_goes_on_on_another_pod_from_its_checkpoint(there: RemoteWorld) -> None:
    there.train_quickly(step_seconds=20.0)
    runs = there.service(there.program())
    run = runs.start(there.config(**{"hp.max_steps": 30, "hp.save_steps": 5}), name="stopped")
    follow(runs, run, is_training)
    runs.stop(run.id)
    stopped = follow(runs, run)
    assert (stopped.state, stopped.failure) == (RunState.CANCELLED, None)
    assert there.wait(run, 1, RemotePhase.OVER).outcome == CANCELLED
    assert there.pods == []
    there.train_quickly(step_seconds=1.0)
    resumed = runs.resume(run.id)
    assert resumed.handle == PodHandle(run.id, 2)
    ended = follow(runs, resumed)
    assert (ended.state, ended.step, ended.failure) == (RunState.FINISHED, 30, None)
    events = there.records.events(run.id)
    assert [event.seq for event in events] == list(range(len(events)))
    later = [one for one in events if one.seq >= stopped.next_seq and one.type == "progress"]
    assert min(one.number("step") or 0 for one in later) >= 5, "it began anew"
    there.wait(run, 2, RemotePhase.OVER)


def test_a_killed_run_ends_its_pod_at_once(there: RemoteWorld) -> None:
    there.train_quickly(step_seconds=60.0)
    runs = there.service(there.program())
    run = runs.start(there.config(**{"hp.max_steps": 100}), name="killed")
    follow(runs, run, lambda run: run.state is RunState.RUNNING)
    runs.kill(run.id)
    assert follow(runs, run).state is RunState.CANCELLED
    assert there.wait(run, 1, RemotePhase.OVER).teardown is Teardown.CONFIRMED
    assert there.pods == []


def test_a_program_that_is_ended_in_the_middle_is_followed_by_the_next(there: RemoteWorld) -> None:
    there.train_quickly(step_seconds=10.0)
    first = there.program()
    runs = there.service(first)
    run = runs.start(there.config(**{"hp.max_steps": 20}), name="left")
    follow(runs, run, is_training)
    first.close()
    later = there.service(there.program())
    ended = follow(later, run)
    assert (ended.state, ended.step) == (RunState.FINISHED, 20)
    there.wait(run, 1, RemotePhase.OVER)
    assert there.asked("POST") == 1


def test_a_run_that_gets_no_pod_fails_and_says_why(there: RemoteWorld) -> None:
    there.runpod.broken.add("POST /v2/pods$", status=402, times=9)
    runs = there.service(there.program())
    ended = follow(runs, runs.start(there.config(), name="poor"))
    assert ended.state is RunState.FAILED
    assert ended.failure is not None
    assert ended.failure.kind == "no_balance"
    assert "balance is too low" in ended.failure.message


def test_an_image_without_the_stack_ends_its_pod_before_anything_is_uploaded(
    there: RemoteWorld,
) -> None:
    for found in (there.home / "pod-python").rglob("torch-*.dist-info"):
        shutil.rmtree(found)
    runs = there.service(there.program())
    run = follow(runs, runs.start(there.config(), name="a stranger's image"))
    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.kind == "bad_image"
    assert run.failure.message == (
        "The image docker.io/sbussiso/unsloth-trainer:latest cannot train: it has no torch."
    )
    there.wait(run, 1, RemotePhase.OVER)
    assert (there.pods, len(there.store.of_run(run.id))) == ([], 1)
    assert there.asked("POST") == 1, "another pod would have the same image"
    (volume,) = there.runpod.cloud.volumes.values()
    assert [*volume.folder.glob("datasets/*.jsonl")] == []


def test_a_setup_without_a_key_says_so_before_anything_is_asked(there: RemoteWorld) -> None:
    there.environ.clear()
    runs = there.service(there.program())
    with pytest.raises(AppError) as caught:
        runs.start(there.config(), name="no key")
    assert "needs a Runpod API key" in str(caught.value)
    assert there.store.all() == ()
