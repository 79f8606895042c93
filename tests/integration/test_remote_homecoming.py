"""What a run made comes home or is said to be where it is, whatever the pod, its agent or the
volume's S3 service does in the meantime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.remote_run import FINISHED, LOST, RemotePhase
from services.remote import training
from tests.emulators.runpod.mishaps import MISHAPS
from tests.integration.remote_world import remote_world
from tests.integration.runpod_world import wait_for
from tests.integration.test_remote_delivery import S3, Pods

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run

pytestmark = pytest.mark.slow

NO_VOLUME = {"runpod.cloud": "Community", "runpod.data_center": ""}
ALWAYS = 1_000_000


@pytest.fixture
def pods(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pods]:
    with remote_world(tmp_path, monkeypatch, speed=25) as made:
        yield Pods(made, tmp_path_factory.mktemp("python"))


def test_a_pod_that_loses_its_disk_before_all_is_here_is_not_said_to_have_brought_everything(
    pods: Pods,
) -> None:
    def restart(_run: Run, attempt: RemoteAttempt) -> None:
        MISHAPS["restart"].strike(pods.there.runpod)
        pod = pods.there.runpod.cloud.pods[attempt.pod_id]
        wait_for(lambda: pod.container_since is not None)

    run, _ = pods.struck(RemotePhase.FETCHING, restart, **NO_VOLUME)
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind, pods.there.pods) == (LOST, "not_fetched", [])
    assert "lost its disk" in over.trouble
    assert "start again with one" in over.trouble_hint


def test_an_agent_that_is_away_for_a_moment_is_waited_for_where_the_volume_knows_no_list_yet(
    pods: Pods,
) -> None:
    """The hashes of large files take minutes, and the list is written when all are known."""

    def away(run: Run, _attempt: RemoteAttempt) -> None:
        manifest = pods.volume.folder / "runs" / run.id / "manifest.json"
        wait_for(manifest.exists)
        manifest.unlink()
        pods.there.runpod.broken.add("/proxy/", times=12, status=502)

    pods.there.environ |= S3
    run, _ = pods.struck(RemotePhase.FETCHING, away)
    over = pods.over(run)
    assert (over.outcome, over.trouble) == (FINISHED, "")
    pods.check_home(run)


@pytest.mark.parametrize("phase", [RemotePhase.TRAINING, RemotePhase.FETCHING])
def test_s3_keys_that_are_refused_keep_no_run_on_a_pod_that_is_gone(
    pods: Pods, phase: RemotePhase
) -> None:
    pods.there.environ |= S3 | {"RUNPOD_S3_SECRET_KEY": "rps_" + "x" * 40}
    pods.there.runpod.broken.add("GET /proxy/.*/v1/artifacts", times=ALWAYS, status=502)
    run, _ = pods.struck(phase, lambda _, attempt: pods.there.runpod.end_in_console(attempt.pod_id))
    over = pods.over(run)
    assert over.outcome == LOST
    assert "network volume" in over.trouble_hint


def test_s3_keys_that_are_refused_keep_no_silent_pod_alive(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SILENT_SECONDS", 60.0)
    monkeypatch.setattr(training, "GIVEN_UP_SECONDS", 120.0)
    pods.there.environ |= S3 | {"RUNPOD_S3_SECRET_KEY": "rps_" + "x" * 40}
    run, _ = pods.struck(
        RemotePhase.TRAINING, lambda _, attempt: pods.there.runpod.host_dies(attempt.pod_id)
    )
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind, pods.there.pods) == (LOST, "pod_silent", [])


def test_an_s3_service_that_is_away_ends_no_training_that_cannot_be_heard_for_some_minutes(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SILENT_SECONDS", 30.0)
    pods.there.environ |= S3
    pods.python.standin = {"step_seconds": 20}
    run, _ = pods.start()
    pods.training(run)
    pods.there.runpod.broken.add(" /s3", times=ALWAYS, status=503)
    pods.there.runpod.broken.add("/proxy/", times=ALWAYS, status=502)
    wait_for(lambda: pods.there.store.get(run.id, 1).trouble)
    pods.there.runpod.cloud.clock.sleep(150)
    now = pods.there.store.get(run.id, 1)
    assert (now.phase, now.outcome) == (RemotePhase.TRAINING, ""), now
    pods.there.runpod.broken.calm()
    assert pods.over(run).outcome == FINISHED
    pods.check_home(run)


@pytest.mark.parametrize("damage", ["adapter", "result"])
def test_what_will_never_fit_together_is_given_up_and_costs_nothing_more(
    pods: Pods, damage: str
) -> None:
    """As where another run has written into the same output directory meanwhile."""

    def overwrite(run: Run, _attempt: RemoteAttempt) -> None:
        adapter = pods.there_output(run) / "adapter" / "adapter_model.safetensors"
        result = pods.volume.folder / "runs" / run.id / "result.json"
        (adapter if damage == "adapter" else result).write_bytes(b"of another run")

    run, _ = pods.struck(RemotePhase.FETCHING, overwrite)
    over = pods.over(run)
    assert (over.outcome, over.trouble_kind) == (LOST, "bad_result")
    assert "network volume" in over.trouble_hint
    assert pods.there.pods == []
    assert (over.gone_at or 0) < (over.ends_at or 0) - 3600


def test_a_token_that_is_taken_away_ends_no_training_that_its_pod_began_anew(pods: Pods) -> None:
    """The agent forgets secrets with a restart of its pod, asks, and goes on without in the end."""
    pods.there.environ["HF_TOKEN"] = "hf_" + "t" * 34
    pods.python.standin = {"step_seconds": 20}
    run, _ = pods.start(**{"hp.push_to_hub": True, "hp.hub_repo": "me/mine"})
    pods.training(run, 5)
    del pods.there.environ["HF_TOKEN"]
    MISHAPS["restart"].strike(pods.there.runpod)
    over = pods.over(run)
    assert (over.outcome, over.trouble) == (FINISHED, "")
    pods.check_home(run)
