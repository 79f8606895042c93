"""What must not cost more than it has to, nor reach further than the user wants, when a remote run
meets the unusual: answers that nobody understands, rights that are missing, Offline mode in the
middle, a key that is changed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.errors import AppError
from models.domain.pod_rows import AWAITS_AGENT
from models.domain.remote_run import CANCELLED, FAILED, FINISHED, LOST, RemotePhase, Teardown
from models.domain.run import PodHandle
from services.remote import pods
from services.remote.pods import PodService
from services.remote.runner import RemoteRunner
from services.remote.steps import STEPS
from services.remote.volume_access import volume_files
from services.remote.work import Work
from services.run_follower import run_folder
from tests.emulators.runpod.faults import Boot
from tests.integration.remote_world import RemoteWorld, remote_world
from tests.integration.runpod_world import KEY, client_of, new_pod, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt
    from services.remote.steps import Step
    from tests.emulators.server import Request

pytestmark = pytest.mark.slow
ALWAYS = 1_000_000
S3 = {
    "RUNPOD_S3_ACCESS_KEY": "user_" + "a" * 30, "RUNPOD_S3_SECRET_KEY": "rps_" + "s" * 40
}  # fmt: skip


def to(phase: RemotePhase, **changes: Any) -> Step:
    """A step that does nothing but go on."""
    return lambda _attempt, work: work.save(phase=phase, **changes)


def wait_here(_attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    while True:
        work.pause(60)


ENDS = {
    RemotePhase.PLACING: to(RemotePhase.RENTING),
    RemotePhase.DELIVERING: to(RemotePhase.ENDING, outcome=FINISHED, exit_code=0),
}
STAYS = ENDS | {RemotePhase.DELIVERING: wait_here}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


def ours(there: RemoteWorld) -> list[Request]:
    """What this program has asked: the agent on the pod asks about its own, too."""
    both = [*there.runpod.requests, *there.runpod.s3.requests]
    return [one for one in both if one.headers["user-agent"].startswith("Temper/")]


def test_offline_mode_that_is_switched_on_in_the_middle_sends_nothing_more(
    there: RemoteWorld,
) -> None:
    """Whoever holds an open connection to the pod, the account or the volume asks before each
    call, not only when the connection is opened."""
    there.environ.update(S3)
    run = there.add_run()
    there.attempt(run)
    driver = there.program(STAYS)
    driver.wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    driver.close()
    wait_for(lambda: there.store.get(run.id, 1).driver == "")
    work = Work(found, there.tools(), "")
    files = volume_files(found, work)
    assert files is not None
    with work.agent(found) as agent, work.client("nothing is asked") as client, files:
        agent.status()
        client.pods()
        files.read("nothing")
        there.offline.on = True
        asked = ours(there)
        for call in (
            agent.status, client.pods, client.balance, lambda: files.read("nothing"),
            lambda: agent.once("GET", "status"),
        ):  # fmt: skip
            with pytest.raises(AppError) as caught:
                call()
            assert caught.value.kind == "offline"
        assert not agent.is_listening()
        assert ours(there) == asked


def test_a_pod_is_ended_by_its_id_also_where_the_list_of_pods_is_not_to_be_had(
    there: RemoteWorld,
) -> None:
    run = there.add_run()
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.runpod.broken.add("GET /v2/pods$", times=ALWAYS, body="{}", status=200)
    there.store.ask_end(run.id)
    wait_for(lambda: there.pods == [])
    assert there.store.get(run.id, 1).teardown is Teardown.REQUESTED, "it is not proven yet"
    there.runpod.broken.calm()
    assert there.wait(run, 1, RemotePhase.OVER).teardown is Teardown.CONFIRMED


def test_a_pod_past_its_limit_is_ended_also_where_it_cannot_be_looked_at(
    there: RemoteWorld,
) -> None:
    run = there.add_run()
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    there.wait(run, 1, RemotePhase.DELIVERING)
    there.runpod.broken.add("GET /v2/pods", times=ALWAYS, body="<html>", status=200)
    there.store.change(run.id, 1, ends_at=there.runpod.cloud.clock.now())
    wait_for(lambda: there.pods == [])


@pytest.mark.parametrize("status", [404, 410, 403, 503])
def test_without_the_balance_a_run_begins_all_the_same(there: RemoteWorld, status: int) -> None:
    """GraphQL will be gone, and a key may be kept from it; a pod that cannot be paid for is refused
    by Runpod itself."""
    there.runpod.broken.add("POST /graphql", times=ALWAYS, status=status, body="gone")
    run = there.add_run()
    there.attempt(run)
    there.program(ENDS).wake(run.id)
    assert there.wait(run, 1, RemotePhase.OVER).outcome == FINISHED


def test_a_key_that_may_not_rent_is_told_as_that(there: RemoteWorld) -> None:
    there.runpod.broken.add("POST /v2/pods$", times=ALWAYS, status=403, body="forbidden")
    run = there.add_run(**{"runpod.gpu": ""})
    there.attempt(run)
    there.program(ENDS).wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind) == (FAILED, "forbidden")
    assert over.trouble == "Runpod knows this key, but it may not rent a pod."
    assert over.trouble_hint.startswith("Give it the permission at ")


@pytest.mark.parametrize("body", ["<html>", "{}", '{"id": 7}', "[]"])
def test_a_pod_that_was_given_in_an_answer_nobody_understands_is_not_rented_twice(
    there: RemoteWorld, body: str
) -> None:
    there.runpod.broken.add("POST /v2/pods$", after=True, status=201, body=body)
    run = there.add_run()
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    assert there.asked("POST") == 1
    assert list(there.runpod.cloud.pods) == [found.pod_id]


def test_a_machine_that_did_not_come_up_is_not_tried_again(there: RemoteWorld) -> None:
    there.runpod.broken.boots.extend([Boot.OLD_DRIVER, Boot.OLD_DRIVER])
    run = there.add_run(**{"runpod.gpu": "", "runpod.cloud": "Community", "runpod.data_center": ""})
    there.attempt(run)
    there.program(STAYS).wake(run.id)
    there.wait(run, 3, RemotePhase.DELIVERING)
    tried = [(one.gpu, one.data_center) for one in there.store.of_run(run.id)]
    assert len(set(tried)) == 3, tried


def test_a_pod_that_is_first_seen_when_it_ends_is_paid_for_in_the_record(
    there: RemoteWorld,
) -> None:
    """It was made without an answer, and nobody looked for it before it was to end."""
    run = there.add_run()
    now = there.runpod.cloud.clock.now()
    with client_of(there.runpod) as client:
        attempt = there.attempt(
            run, phase=RemotePhase.RENTING, rented_at=now, per_hour=0.27, stop_asked=True
        )
        client.create_pod(new_pod(name=attempt.name))
    there.runpod.cloud.clock.move(3600)
    there.program().wake(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, there.pods) == (CANCELLED, [])
    assert over.cost == pytest.approx(0.27, rel=0.2)
    assert there.records.get(run.id).cost_usd == over.cost


def test_an_api_key_that_is_changed_while_a_pod_trains_does_not_end_it(there: RemoteWorld) -> None:
    """Without a keychain the agent's token is made of the key: the pod is not heard with another
    one, and its work is not thrown away for that."""
    there.train_quickly(step_seconds=60)
    run = there.add_run(**{"hp.max_steps": 50, "hp.save_steps": 10})
    there.attempt(run)
    first = there.program()
    first.wake(run.id)
    there.wait(run, 1, RemotePhase.TRAINING)
    first.close()
    other = "rpa_" + "n" * 40
    there.runpod.cloud.keys[other] = there.runpod.cloud.keys[KEY]
    there.environ["RUNPOD_API_KEY"] = other
    there.program().resume_all()
    wait_for(lambda: "API key was changed" in there.store.get(run.id, 1).trouble)
    now = there.store.get(run.id, 1)
    assert (now.phase, now.outcome, len(there.pods)) == (RemotePhase.TRAINING, "", 1)
    there.environ["RUNPOD_API_KEY"] = KEY
    offset = now.events_offset
    wait_for(lambda: there.store.get(run.id, 1).events_offset > offset)
    there.store.ask_end(run.id)
    there.wait(run, 1, RemotePhase.OVER)


def test_a_second_run_on_a_busy_network_volume_rents_nothing(there: RemoteWorld) -> None:
    first = there.add_run()
    there.attempt(first)
    there.program(STAYS).wake(first.id)
    there.wait(first, 1, RemotePhase.DELIVERING)
    second = there.add_run()
    there.attempt(second)
    there.program(STAYS).wake(second.id)
    over = there.wait(second, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, over.cost) == (FAILED, "volume_busy", 0.0)
    assert there.asked("POST") == 1
    assert "network volume" in over.trouble
    assert "temper-volume" in over.trouble


def test_a_kept_pod_that_somebody_ends_is_not_said_to_be_kept(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run, keep=True)
    there.program(ENDS).wake(run.id)
    wait_for(lambda: "is kept" in there.store.get(run.id, 1).doing)
    there.runpod.end_in_console(there.store.get(run.id, 1).pod_id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.teardown) == (FINISHED, Teardown.CONFIRMED)


def test_a_pod_that_is_being_asked_for_is_known_and_can_be_ended(
    there: RemoteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the window is closed this very moment."""
    monkeypatch.setattr(pods, "_ASKED_SECONDS", 3600.0)
    there.runpod.broken.add("POST /v2/pods$", after=True, silence=300)
    run = there.add_run()
    there.attempt(run)
    driver = there.program(STAYS)
    driver.wake(run.id)
    wait_for(lambda: there.pods)
    tools = driver.tools
    service = PodService(
        tools.account, there.store, tools.install_id, clock=tools.clock, wake=driver.wake
    )
    (row,) = service.known()
    assert (row.run_id, row.state, row.awaits) == (run.id, "being rented", AWAITS_AGENT)
    end = service.end(row.id)
    assert (end.gone, there.pods, service.known()) == (True, [], ())
    assert there.wait(run, 1, RemotePhase.OVER).outcome == CANCELLED


def test_a_program_that_ends_while_it_asks_for_a_pod_hears_the_answer(there: RemoteWorld) -> None:
    run = there.add_run()
    there.attempt(run)
    answer = threading.Event()

    def slow(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        work.save(rented_at=work.now())
        answer.wait(4)  # real seconds: longer than a program usually waits for its threads
        return work.save(pod_id="given", phase=RemotePhase.BOOTING)

    driver = there.program(STAYS | {RemotePhase.RENTING: slow})
    driver.wake(run.id)
    wait_for(lambda: there.store.get(run.id, 1).is_asked_for)
    driver.close()
    assert there.store.get(run.id, 1).pod_id == "given"


def test_a_pod_of_another_account_is_not_said_to_be_gone(there: RemoteWorld) -> None:
    """The key was changed for one of another account: that one has never heard of the pod."""
    run = there.add_run()
    there.attempt(run)
    driver = there.program(STAYS)
    driver.wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    there.runpod.broken.add("GET /v2/pods$", times=ALWAYS, body='{"pods": []}', status=200)
    there.runpod.broken.add(f" /v2/pods/{found.pod_id}", times=ALWAYS, body="{}", status=404)
    there.store.ask_end(run.id)
    wait_for(lambda: "yet the pod answers" in there.store.get(run.id, 1).doing)
    assert there.store.get(run.id, 1).teardown is Teardown.REQUESTED
    tools = driver.tools
    service = PodService(tools.account, there.store, tools.install_id, clock=tools.clock)
    end = service.end(found.pod_id)
    assert not end.gone
    assert "does not have the pod, yet the pod answers" in end.trouble
    there.runpod.broken.calm()
    assert there.wait(run, 1, RemotePhase.OVER).teardown is Teardown.CONFIRMED


def test_a_second_pod_of_one_name_is_ended_when_the_first_one_answers(there: RemoteWorld) -> None:
    """Both were made: the answers to the first call came too late."""

    def boot(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        with client_of(there.runpod) as client:
            client.create_pod(new_pod(name=attempt.name))
        assert len(there.pods) == 2
        return STEPS[RemotePhase.BOOTING](attempt, work)

    run = there.add_run()
    there.attempt(run)
    there.program(STAYS | {RemotePhase.BOOTING: boot}).wake(run.id)
    found = there.wait(run, 1, RemotePhase.DELIVERING)
    assert list(there.runpod.cloud.pods) == [found.pod_id]


def test_a_pod_that_is_ended_before_all_is_here_is_no_finished_run(there: RemoteWorld) -> None:
    there.train_quickly(step_seconds=5)
    there.runpod.broken.add("GET /proxy/.*/artifacts", times=ALWAYS, status=502)
    run = there.add_run(**{"hp.max_steps": 2})
    there.attempt(run)
    there.program().wake(run.id)
    there.wait(run, 1, RemotePhase.FETCHING)
    there.store.ask_end(run.id)
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.trouble_kind, there.pods) == (LOST, "not_fetched", [])
    assert over.trouble == "The pod is gone. Not everything that it made is here."
    assert over.trouble_hint == "Resume: another pod brings it from the network volume."


def test_a_data_folder_that_goes_away_for_a_while_ends_no_training(there: RemoteWorld) -> None:
    """As on a drive that was unplugged."""
    there.train_quickly(step_seconds=20)
    run = there.add_run(**{"hp.max_steps": 12})
    there.attempt(run)
    there.program().wake(run.id)
    there.wait(run, 1, RemotePhase.TRAINING)
    wait_for(lambda: there.store.get(run.id, 1).events_offset > 0)
    away = there.home / "away"
    there.data_root.rename(away)
    wait_for(lambda: there.store.get(run.id, 1).trouble or there.store.get(run.id, 1).outcome)
    now = there.store.get(run.id, 1)
    assert (now.phase, now.outcome, len(there.pods)) == (RemotePhase.TRAINING, "", 1), now
    away.rename(there.data_root)
    assert there.wait(run, 1, RemotePhase.OVER, 90).outcome == FINISHED


def test_a_training_is_stopped_in_offline_mode_by_the_calls_that_end_and_confirm_it(
    there: RemoteWorld,
) -> None:
    there.train_quickly(step_seconds=60)
    run = there.add_run(**{"hp.max_steps": 50})
    there.attempt(run)
    driver = there.program()
    driver.wake(run.id)
    there.wait(run, 1, RemotePhase.TRAINING)
    wait_for(lambda: there.store.get(run.id, 1).events_offset > 0)
    there.offline.on = True
    wait_for(lambda: there.store.get(run.id, 1).trouble_kind == "offline")
    asked = len(ours(there))
    RemoteRunner(driver).stop(PodHandle(run.id, 1), run_folder(run))
    over = there.wait(run, 1, RemotePhase.OVER)
    assert (over.outcome, over.teardown, there.pods) == (CANCELLED, Teardown.CONFIRMED, [])
    assert {(one.method, one.target) for one in ours(there)[asked:]} == {
        ("DELETE", f"/v2/pods/{over.pod_id}"), ("GET", f"/v2/pods/{over.pod_id}"),
        ("GET", "/v2/pods"),
    }  # fmt: skip
