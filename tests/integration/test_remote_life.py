"""The life of a rented pod against the emulated Runpod: got, watched, given up, ended for sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from models.domain.gpu_offer import GpuOffer
from models.domain.remote_run import (
    AGAIN,
    CANCELLED,
    FAILED,
    FINISHED,
    LOST,
    RemoteAttempt,
    RemotePhase,
    Teardown,
)
from services.remote import booting
from services.remote import store as attempts
from services.remote.marks import pod_name
from services.remote.plans import limits
from services.remote.work import Work
from tests.emulators.runpod.faults import Boot
from tests.integration.remote_world import INSTALL, RemoteWorld, remote_world
from tests.integration.runpod_world import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def to(phase: RemotePhase, **changes: Any) -> Any:
    """A step that does nothing but go on."""

    def step(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        return work.save(phase=phase, **changes)

    return step


def wait_here(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """A step that never ends by itself."""
    while True:
        work.pause(60)


STEPS = {
    RemotePhase.PLACING: to(RemotePhase.RENTING),
    RemotePhase.DELIVERING: to(RemotePhase.ENDING, outcome=FINISHED, exit_code=0),
}
STAYS = STEPS | {RemotePhase.DELIVERING: wait_here}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


def test_a_pod_is_rented_boots_is_ended_and_is_known_to_be_gone(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.teardown, over.gpu) == (
        FINISHED,
        Teardown.CONFIRMED,
        run.config.runpod.gpu,
    )
    assert over.name == pod_name(INSTALL, run.id, 1)
    assert over.rented_at is not None
    assert over.gone_at is not None
    assert over.ends_at is not None
    assert over.rented_at < over.gone_at < over.ends_at
    assert over.data_center == "EU-RO-1"
    assert [(one.id, one.name) for one in there.runpod.cloud.volumes.values()] == [
        (over.volume_id, run.config.runpod.volume_name)
    ]
    assert there.pods == []
    assert there.records.get(run.id).cost_usd == over.cost
    assert over.cost is not None
    assert over.cost > 0


def test_what_was_asked_for_without_an_answer_is_found_and_not_rented_twice(
    there: RemoteWorld,
) -> None:
    run = there.add_run()
    there.attempt(run)
    there.runpod.broken.add("POST /v2/pods$", after=True)
    there.program(STAYS).wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    assert there.asked("POST") == 1
    assert list(there.runpod.cloud.pods) == [found.pod_id]


def test_a_gpu_that_is_not_given_makes_room_for_the_next(there: RemoteWorld) -> None:
    run = there.add_run(**{"runpod.gpu": ""})
    there.attempt(run)
    there.runpod.broken.add(
        "POST /v2/pods$", status=400, times=2,
        body="There are no longer any instances available with the requested specifications.",
    )  # fmt: skip
    there.program(STAYS).wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    assert len(found.tried) == 2
    assert all("no such GPU free" in line for line in found.tried)
    assert len(there.pods) == 1


def test_where_no_gpu_is_given_the_run_fails_with_all_that_was_tried(there: RemoteWorld) -> None:
    run = there.add_run(**{"runpod.gpu": ""})
    there.attempt(run)
    there.runpod.broken.add("POST /v2/pods$", status=400, times=99, body="No.")
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, over.cost) == (FAILED, "no_capacity", 0.0)
    assert f"None of {len(over.tried)} fitting GPUs" in over.trouble
    assert there.pods == []


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "auth"), (402, "no_balance"), (422, "bad_request")]
)
def test_what_no_other_gpu_would_help_ends_the_run_at_once(
    there: RemoteWorld, status: int, kind: str
) -> None:
    run = there.add_run()
    there.attempt(run)
    there.runpod.broken.add("POST /v2/pods$", status=status, times=9)
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.asked("POST")) == (FAILED, kind, 1)


def test_an_account_without_an_hour_of_money_rents_nothing(there: RemoteWorld) -> None:
    there.runpod.cloud.balance = 0.05
    run = there.add_run()
    there.attempt(run)
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.trouble_kind, there.asked("POST")) == ("no_balance", 0)
    assert "$0.05" in over.trouble


@pytest.mark.parametrize(
    ("price", "hours", "left"),
    [(0.25, 1.0, 2400), (1.0, 1.0, 2400), (0.1, 1.0, 2400), (1.0, 0.4, 240), (0.25, 0.34, None)],
)
def test_pods_that_did_not_come_up_have_used_hours_and_dollars(
    there: RemoteWorld, price: float, hours: float, left: float | None
) -> None:
    """A dearer GPU gets no more hours, and what is less than a minute is not rented."""
    run = there.add_run(**{"runpod.max_hours": hours, "runpod.gpu": ""})
    now = there.runpod.cloud.clock.now()
    there.attempt(
        run, outcome=AGAIN, phase=RemotePhase.OVER, pod_id="first", per_hour=0.25,
        rented_at=now - 1200, gone_at=now,
    )  # fmt: skip
    second = there.store.add(
        RemoteAttempt(run.id, 2, pod_name(INSTALL, run.id, 2), created_at=now, driver="me")
    )
    offer = GpuOffer("gpu", "GPU", 24, "SECURE", price, 8)
    work = Work(second, there.tools(), "me")
    if left is None:
        with pytest.raises(AppError, match="have used up the limit of time or money"):
            limits(second, work, offer)
        return
    found = limits(second, work, offer)
    assert found.seconds == pytest.approx(left)
    assert found.cost == pytest.approx(left / 3600 * found.per_hour)


@pytest.mark.parametrize("fault", [Boot.OLD_DRIVER, Boot.STUCK_PULL, Boot.NEVER])
def test_a_pod_that_does_not_come_up_is_ended_and_the_next_gpu_is_tried(
    there: RemoteWorld, monkeypatch: pytest.MonkeyPatch, fault: Boot
) -> None:
    monkeypatch.setattr(booting, "PULL_SECONDS", 400.0)
    there.runpod.broken.boots.append(fault)
    run = there.add_run(**{"runpod.gpu": "", "runpod.cloud": "Secure"})
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    found = there.wait(run, 2, RemotePhase.DELIVERING)
    first, second = there.store.of_run(run.id)
    assert (first.outcome, first.teardown) == (AGAIN, Teardown.CONFIRMED)
    assert len(second.tried) == 1
    assert list(there.runpod.cloud.pods) == [found.pod_id]
    assert there.wait(run, 1, RemotePhase.OVER).cost


def test_an_image_that_no_registry_has_is_not_tried_elsewhere(there: RemoteWorld) -> None:
    run = there.add_run(**{"runpod.image": "nobody/has-this:1"})
    there.attempt(run)
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "pod_not_ready", [])
    assert "registry does not have the image" in over.trouble


def test_a_pod_that_cannot_end_itself_is_given_back(there: RemoteWorld) -> None:
    there.runpod.broken.own_key_refused = True
    run = there.add_run()
    there.attempt(run)
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "no_self_delete", [])


def test_a_pod_that_was_deleted_in_the_console_is_a_lost_run(there: RemoteWorld) -> None:
    there.runpod.cloud.delays.pull = 1e6
    run = there.add_run()
    there.attempt(run)
    there.program(STEPS).wake(run.id)
    pod = there.wait(run, 1, RemotePhase.BOOTING).pod_id
    there.runpod.end_in_console(pod)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind) == (LOST, "pod_gone")


def test_a_pod_whose_deletion_is_refused_is_ended_again_and_again(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    there.runpod.broken.add("DELETE /v2/pods/", times=12)
    there.program(STEPS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.teardown, there.pods) == (FINISHED, Teardown.CONFIRMED, [])
    assert over.teardown_tries > 1


def test_a_stop_before_the_training_ends_the_pod(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    driver = there.program(STAYS)
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.store.ask_stop(run.id)
    driver.wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, there.pods) == (CANCELLED, [])


def test_a_stop_works_in_offline_mode(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    driver = there.program(STAYS)
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.offline.on = True
    there.store.ask_end(run.id)
    driver.wake(run.id)
    assert there.wait(run, 1, RemotePhase.OVER).teardown is Teardown.CONFIRMED
    assert there.pods == []


def test_a_limit_that_was_reached_is_told_as_the_reason(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    driver = there.program(STAYS)
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.store.ask_end(run.id, "limit", "The limit of 6 hours was reached.", "Resume it.")
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble) == (FAILED, "The limit of 6 hours was reached.")


@pytest.mark.parametrize("phase", [RemotePhase.VOLUME, RemotePhase.BOOTING, RemotePhase.DELIVERING])
def test_another_program_goes_on_where_one_was_ended(
    there: RemoteWorld, phase: RemotePhase
) -> None:
    run = there.add_run()
    there.attempt(run)
    first = there.program(STAYS)
    first.wake(run.id)
    wait_for(lambda: _has_reached(there.store.of_run(run.id)[0].phase, phase))
    first.close()
    second = there.program(STEPS)
    second.resume_all()
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, there.asked("POST"), there.pods) == (FINISHED, 1, [])


def test_of_two_programs_one_drives_a_run(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    one, other = there.program(STAYS), there.program(STEPS)
    one.wake(run.id)
    other.wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    assert there.store.of_run(run.id)[0].driver == one.id
    with pytest.raises(attempts.LeaseLostError):
        there.store.change(run.id, 1, driver=other.id, doing="mine")
    assert there.asked("POST") == 1


def test_a_driver_that_has_not_been_seen_for_long_is_taken_over(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run, driver="gone", driver_seen=1000.0)
    assert there.store.claim(run.id, 1, "new", 1010.0) is None
    claimed = there.store.claim(run.id, 1, "new", 1031.0)
    assert claimed is not None
    assert claimed.driver == "new"


def test_a_pod_that_is_kept_stays_until_it_is_ended(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run, keep=True)
    driver = there.program(STEPS)
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.ENDING)
    wait_for(lambda: "is kept" in there.store.of_run(run.id)[0].doing)
    assert there.store.of_run(run.id)[0].is_told
    assert len(there.pods) == 1
    there.store.ask_end(run.id)
    driver.wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, there.pods) == (FINISHED, [])


@pytest.mark.parametrize("cloud", ["Secure", "Community"])
def test_without_a_volume_the_pod_waits_to_its_limit_for_whoever_fetches_its_result(
    there: RemoteWorld, cloud: str
) -> None:
    """The result is nowhere else; with a volume it is, and the pod need not wait for long."""
    run = there.add_run(**{"runpod.cloud": cloud, "runpod.data_center": ""})
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    env = there.runpod.cloud.pods[found.pod_id].record["env"]
    waits = env.get("TEMPER_RETRIEVE_GRACE") == env["TEMPER_MAX_SECONDS"]
    assert waits == (cloud == "Community")


def test_a_fault_of_ours_ends_the_pod(there: RemoteWorld) -> None:
    def faulty(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        raise ZeroDivisionError

    run = there.add_run()
    there.attempt(run)
    there.program(STEPS | {RemotePhase.DELIVERING: faulty}).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (FAILED, "internal", [])


def test_an_agent_out_of_reach_is_waited_for_and_the_trouble_forgotten(there: RemoteWorld) -> None:
    tries = []

    def shaky(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        tries.append(work.look().trouble)
        if len(tries) < 3:
            raise AppError("agent_unreachable", "It does not answer.")
        return work.save(phase=RemotePhase.STARTING)

    run = there.add_run()
    there.attempt(run)
    steps = STAYS | {RemotePhase.DELIVERING: shaky, RemotePhase.STARTING: wait_here}
    there.program(steps).wake(run.id)
    there.wait(run, 1, RemotePhase.STARTING)
    wait_for(lambda: there.store.of_run(run.id)[0].trouble == "")
    assert tries == ["", "It does not answer.", "It does not answer."]


def _has_reached(now: RemotePhase, wanted: RemotePhase) -> bool:
    order = list(RemotePhase)
    return order.index(now) >= order.index(wanted)
