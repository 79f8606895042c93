"""How remote runs end that do not end well: given up, at their limit, with what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from models.domain.remote_money import GRACE
from models.domain.remote_run import FAILED, FINISHED, LOST, RemotePhase
from services.remote.inputs import needs_hub
from services.remote.runner import RemoteRunner
from services.remote.steps import STEPS
from tests.integration.remote_world import RemoteWorld, remote_world
from tests.integration.runpod_world import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt
    from services.remote.steps import Step
    from services.remote.work import Work

pytestmark = pytest.mark.slow
ALWAYS = 1_000_000
QUICK = {"hp.max_steps": 6, "hp.save_steps": 2}
PLACED = {RemotePhase.PLACING: lambda _attempt, work: work.save(phase=RemotePhase.RENTING)}


def to(phase: RemotePhase, **changes: Any) -> Step:
    """A step that does nothing but go on."""
    return lambda _attempt, work: work.save(phase=phase, **changes)


def once(error: AppError, step: Step) -> Step:
    """A step that does not go well the first time."""
    tries: list[int] = []

    def taken(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        tries.append(1)
        if len(tries) == 1:
            raise error
        return step(attempt, work)

    return taken


def wait_here(_attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    while True:
        work.pause(60)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


def first(there: RemoteWorld, run: Any) -> RemoteAttempt:
    return there.store.of_run(run.id)[0]


@pytest.mark.parametrize("phase", [RemotePhase.DELIVERING, RemotePhase.STARTING])
def test_a_pod_whose_agent_falls_silent_before_the_training_is_given_up_after_ten_minutes(
    there: RemoteWorld, phase: RemotePhase
) -> None:
    began: list[float] = []

    def cut(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        if not began:
            began.append(work.now())
            there.runpod.broken.add(" /proxy/", times=ALWAYS, status=502)
        return STEPS[phase](attempt, work)

    run = there.add_run()
    there.attempt(run)
    earlier = {} if phase is RemotePhase.DELIVERING else {RemotePhase.DELIVERING: to(phase)}
    there.program(PLACED | earlier | {phase: cut}).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (LOST, "pod_silent", [])
    assert "has not answered for 10 minutes" in over.trouble
    assert over.trouble_hint == "Resume: another pod is rented."
    assert began[0] + 600 < (over.gone_at or 0) < (over.ends_at or 0) - 3600


def test_the_program_that_drives_a_run_ends_a_pod_that_is_past_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no window is open, and whatever the step waits for."""
    with remote_world(tmp_path, monkeypatch, speed=8) as there:  # a minute takes some seconds
        run = there.add_run()
        there.attempt(run)
        there.program(PLACED | {RemotePhase.DELIVERING: wait_here}).wake(run.id)
        there.wait(run, 1, RemotePhase.DELIVERING)
        ends = there.runpod.cloud.clock.now() + 10
        there.store.change(run.id, 1, ends_at=ends)
        pod = first(there, run).pod_id
        gone = wait_for(lambda: there.runpod.cloud.ended_at.get(pod))
        assert GRACE <= gone - ends < 60


@pytest.mark.parametrize(
    "phase", [RemotePhase.BOOTING, RemotePhase.DELIVERING, RemotePhase.STARTING,
              RemotePhase.TRAINING],
)  # fmt: skip
def test_a_pod_that_is_gone_at_its_limit_is_not_said_to_be_deleted_by_somebody(
    there: RemoteWorld, phase: RemotePhase
) -> None:
    def limited(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        return STEPS[phase](work.save(ends_at=work.now() + 30), work)

    there.runpod.broken.add(" /proxy/", times=ALWAYS, status=502)
    boot = {} if phase is RemotePhase.BOOTING else {RemotePhase.BOOTING: to(phase)}
    run = there.add_run()
    there.attempt(run)
    there.program(PLACED | boot | {phase: limited}).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (LOST, "limit", [])
    assert "ended at its limit of time or money" in over.trouble
    assert "Raise the limit and resume" in over.trouble_hint


@pytest.mark.parametrize(
    ("phase", "age", "itself"),
    [
        (RemotePhase.DELIVERING, 1200, ""),
        (RemotePhase.DELIVERING, 2400, "after half an hour in which nothing came"),
        (RemotePhase.TRAINING, 2400, ""),
        (RemotePhase.TRAINING, 4800, "an hour after the training had ended"),
    ],
)
def test_a_pod_that_was_left_alone_may_have_ended_itself(
    there: RemoteWorld, phase: RemotePhase, age: int, itself: str
) -> None:
    """As where the window was closed meanwhile."""
    run = there.add_run()
    now = there.runpod.cloud.clock.now()
    there.attempt(
        run, phase=phase, pod_id="gone", rented_at=now - age, ends_at=now + 36_000, volume_id="v"
    )
    there.runpod.broken.add(" /proxy/", times=ALWAYS, status=502)
    there.program().wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind) == (LOST, "pod_gone")
    assert ("by itself" in over.trouble) is bool(itself)
    assert itself in over.trouble


def test_a_run_whose_key_is_refused_for_good_is_told_when_its_limit_is_past(
    there: RemoteWorld,
) -> None:
    """The pod has ended itself; nobody can be asked, and it stays to be confirmed."""
    run = there.add_run()
    there.attempt(run)
    refused = AppError("auth", "The key is not valid.", "Set another one.")

    def ask(_attempt: RemoteAttempt, _work: Work) -> RemoteAttempt:
        raise refused

    there.program(PLACED | {RemotePhase.DELIVERING: ask, RemotePhase.ENDING: wait_here}).wake(
        run.id
    )
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.store.change(run.id, 1, ends_at=there.runpod.cloud.clock.now())
    told = there.wait(run, 1, RemotePhase.ENDING)
    assert (told.outcome, told.trouble_kind, told.is_told, told.may_cost) == (
        LOST, "limit", True, True,
    )  # fmt: skip


def test_a_run_that_has_finished_keeps_no_trouble_that_has_passed(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    away = AppError("agent_unreachable", "It does not answer.", "Wait.")
    cut = AppError("network", "There is no network.", "Wait.")

    def trained(_attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        work.save(trouble_kind=away.kind, trouble=away.message, trouble_hint=away.hint)
        return work.save(phase=RemotePhase.FETCHING, outcome=FINISHED, exit_code=0)

    steps = {
        RemotePhase.DELIVERING: to(RemotePhase.TRAINING),
        RemotePhase.TRAINING: trained,
        RemotePhase.FETCHING: once(cut, to(RemotePhase.ENDING)),
    }
    there.program(PLACED | steps).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble, over.trouble_hint) == (FINISHED, "", "")


def test_what_goes_wrong_on_the_way_home_does_not_hide_why_a_run_failed(
    there: RemoteWorld,
) -> None:
    run = there.add_run()
    there.attempt(run)
    failed = to(
        RemotePhase.FETCHING, outcome=FAILED, trouble_kind="limit", trouble="It came to its limit.",
        trouble_hint="Raise it.",
    )  # fmt: skip
    cut = AppError("network", "There is no network.", "Wait.")
    steps = {
        RemotePhase.DELIVERING: failed,
        RemotePhase.FETCHING: once(cut, to(RemotePhase.ENDING)),
    }
    there.program(PLACED | steps).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble) == (FAILED, "It came to its limit.")


def first_then(strike: Any, step: Step) -> Step:
    """A step before which something happens, once."""
    struck: list[int] = []

    def taken(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        if not struck:
            struck.append(1)
            strike()
        return step(attempt, work)

    return taken


@pytest.mark.parametrize("phase", [RemotePhase.DELIVERING, RemotePhase.TRAINING])
def test_a_volume_that_is_full_is_said_to_be(there: RemoteWorld, phase: RemotePhase) -> None:
    def fill() -> None:
        for volume in there.runpod.cloud.volumes.values():
            volume.full_at = volume.used()

    there.train_quickly(step_seconds=60)  # it must not be done before the volume is full
    run = there.add_run(**QUICK)
    there.attempt(run)
    there.program({phase: first_then(fill, STEPS[phase])}).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "pod_disk_full", [])
    assert "disk is full" in over.trouble
    assert "Make it larger" in over.trouble_hint


def test_a_volume_that_is_roots_is_told_with_the_image_that_helps(there: RemoteWorld) -> None:
    """Network volumes are mounted as root's; an image of another user cannot write there."""

    def mount() -> None:
        for volume in there.runpod.cloud.volumes.values():
            volume.foreign = True

    there.train_quickly(step_seconds=5)
    run = there.add_run(**QUICK)
    there.attempt(run)
    there.program({RemotePhase.RENTING: first_then(mount, STEPS[RemotePhase.RENTING])}).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "not_writable", [])
    assert "user may not write on the network volume" in over.trouble
    assert "RUN_AS=0:0" in over.trouble_hint


def test_what_a_run_costs_is_told_while_it_goes_on(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    driver = there.program(PLACED | {RemotePhase.DELIVERING: wait_here})
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    early = wait_for(lambda: there.records.get(run.id).cost_usd)
    wait_for(lambda: there.records.get(run.id).cost_usd > early)
    told = there.records.get(run.id).cost_usd
    spent = RemoteRunner(driver).spent(run.id)
    assert spent is not None
    assert spent >= told
    assert RemoteRunner(driver).spent("another") is None


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, True),
        ({"hp.base_model": "/data/models/small"}, False),
        ({"hp.base_model": "/data/models/small", "dataset.source": "Hugging Face"}, True),
        ({"hp.base_model": "/data/models/small", "hp.push_to_hub": True}, True),
    ],
)
def test_a_pod_needs_the_hub_for_what_is_there_or_goes_there(
    there: RemoteWorld, changes: dict[str, object], needed: bool
) -> None:
    assert needs_hub(there.config(**changes)) is needed


@pytest.mark.parametrize("model", ["test/small", "/data/models/small"])
def test_a_token_that_is_set_goes_to_a_pod_that_needs_the_hub_into_memory_alone(
    there: RemoteWorld, model: str
) -> None:
    token = "hf_" + "t" * 34
    there.environ["HF_TOKEN"] = token
    folder = there.data_root / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    there.train_quickly(step_seconds=5)
    run = there.add_run(**QUICK | {"hp.base_model": model})
    there.attempt(run)
    variables: list[str] = []

    def look() -> None:
        variables.extend(repr(pod.record) for pod in there.runpod.cloud.pods.values())

    there.program({RemotePhase.TRAINING: first_then(look, STEPS[RemotePhase.TRAINING])}).wake(
        run.id
    )
    over = there.wait(run, 1, RemotePhase.OVER)
    assert over.outcome == FINISHED
    asked = there.asked("POST", f"/proxy/{over.pod_id}/8000/v1/secrets")
    assert asked == (1 if model == "test/small" else 0)
    assert variables
    (volume,) = there.runpod.cloud.volumes.values()
    kept = [one for root in (volume.folder, there.data_root) for one in root.rglob("*")]
    texts = [one.read_bytes() for one in kept if one.is_file()]
    assert not any(token.encode() in text for text in texts)
    assert token not in "".join(variables)
