"""Pods of this installation against the emulated Runpod: listed, ended, swept; others' left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.errors import AppError
from models.domain.remote_money import GRACE
from models.domain.remote_run import RemoteAttempt, RemotePhase, Teardown
from services.offline import OfflinePolicy
from services.remote.marks import ATTEMPT, INSTALL, RUN, pod_name
from services.remote.pods import PodService
from services.remote.reaper import SWEEP_SECONDS, Reaper
from services.remote.store import AttemptStore
from services.runpod.account import RunpodAccount
from tests.integration.remote_world import EmulatedTime
from tests.integration.runpod_world import KEY, client_of, new_pod, wait_for, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.pod import Pod
    from models.domain.pod_rows import Swept
    from tests.emulators.runpod.emulator import RunpodEmulator

pytestmark = pytest.mark.slow
OURS, THEIRS = "1a2b3c4d5e6f7081", "1a2b3c4dffffffff"


class World:
    """The account, our record of it, and what looks after both."""

    def __init__(self, runpod: RunpodEmulator, database: Database) -> None:
        self.runpod = runpod
        self.store = AttemptStore(database)
        self.secrets = {"runpod_key": KEY}
        self.clock = EmulatedTime(runpod)
        self.woken: list[str] = []
        self.offline = OfflinePolicy()
        self.pods = self.service(self.offline)

    def service(self, offline: OfflinePolicy) -> PodService:
        return PodService(
            RunpodAccount(self.secrets, offline), self.store, lambda: OURS, clock=self.clock,
            wake=self.woken.append,
        )  # fmt: skip

    def rent(self, run_id: str, number: int = 1, install: str = OURS) -> Pod:
        env = {INSTALL: install, RUN: run_id, ATTEMPT: str(number)}
        with client_of(self.runpod) as client:
            return client.create_pod(new_pod(name=pod_name(install, run_id, number), env=env))

    def attempt(self, pod: Pod | None, run_id: str, number: int = 1, **changes: Any) -> None:
        now = self.clock.now()
        values = {
            "phase": RemotePhase.TRAINING, "pod_id": pod.id if pod else "", "per_hour": 0.27,
            "gpu": "NVIDIA RTX A5000", "created_at": now, "rented_at": now, "most_cost": 2.0,
            "ends_at": now + 7200,
        }  # fmt: skip
        name = pod_name(OURS, run_id, number)
        self.store.add(RemoteAttempt(run_id, number, name, **(values | changes)))

    def there(self) -> set[str]:
        return set(self.runpod.cloud.pods)


@contextmanager
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch, speed: float) -> Iterator[World]:
    with world(speed=speed) as runpod:
        for name, value in runpod.environment.items():
            monkeypatch.setenv(name, value)
        database = Database.open(folder / "temper.db")
        yield World(runpod, database)
        database.close()


@pytest.fixture
def all_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with opened(tmp_path, monkeypatch, 60) as made:
        yield made


def test_pods_of_this_installation_are_listed_with_age_and_cost(all_: World) -> None:
    foreign, _ = all_.runpod.cloud.add_pods(2)
    other = all_.rent("run-x", install=THEIRS)
    pod = all_.rent("run-1")
    all_.attempt(pod, "run-1")
    lost = all_.rent("run-2")
    all_.runpod.cloud.clock.move(3600)
    shown, orphan = all_.pods.rows()
    assert (shown.id, shown.run_id, shown.state) == (pod.id, "run-1", "training")
    assert (shown.gpu, shown.per_hour, shown.most_cost) == ("NVIDIA RTX A5000", 0.27, 2.0)
    assert shown.cost == pytest.approx(0.27, rel=0.2)
    assert shown.age(all_.clock.now()) == pytest.approx(3600, rel=0.2)
    assert (orphan.id, orphan.run_id, orphan.is_needed) == (lost.id, "run-2", False)
    assert orphan.cost == pytest.approx(0.27, rel=0.2)
    assert {foreign, other.id} <= all_.there()


def test_only_pods_of_ours_that_no_run_needs_are_ended(all_: World) -> None:
    foreign = all_.runpod.cloud.add_pods(2)
    kept = [all_.rent("run-x", install=THEIRS), all_.rent("run-1"), all_.rent("run-2")]
    all_.attempt(kept[1], "run-1")
    all_.attempt(None, "run-2", phase=RemotePhase.RENTING)  # its id is not stored yet
    over, unknown = all_.rent("run-3"), all_.rent("run-4")
    all_.attempt(over, "run-3", phase=RemotePhase.OVER, teardown=Teardown.CONFIRMED)
    twin = all_.rent("run-1")  # made by a call without an answer, beside the one that was taken
    swept = all_.pods.sweep(unknown=False)
    assert {one.pod.id for one in swept.ended if one.gone} == {over.id, twin.id}
    assert [row.id for row in swept.left] == [unknown.id]
    assert f"temper pods stop {unknown.id}." in swept.words(all_.clock.now())[-1]
    assert all_.there() == {*foreign, *(pod.id for pod in kept), unknown.id}
    again = all_.rent("run-3")
    swept = all_.pods.sweep()
    assert {one.pod.id for one in swept.ended if one.gone} == {again.id, unknown.id}
    assert all_.there() == {*foreign, *(pod.id for pod in kept)}
    lines = swept.words(all_.clock.now())
    assert len(lines) == 2
    assert all("RTX A5000" in line and line.endswith("and is gone.") for line in lines)
    assert all_.pods.sweep().ended == ()


def test_a_pod_that_is_not_gone_is_told_and_ended_at_the_next_look(all_: World) -> None:
    pod = all_.rent("run-1")
    all_.runpod.broken.add("DELETE /v2/pods", times=5)
    (end,) = all_.pods.sweep().ended
    assert not end.gone
    assert end.trouble
    assert all_.there() == {pod.id}
    (end,) = all_.pods.sweep().ended
    assert end.gone


def test_nothing_is_ended_where_runpod_cannot_be_asked(all_: World) -> None:
    all_.rent("run-1")
    asked = len(all_.runpod.requests)
    with pytest.raises(AppError) as caught:
        all_.service(OfflinePolicy(forced=True)).sweep()
    assert caught.value.kind == "offline"
    assert len(all_.runpod.requests) == asked
    all_.runpod.broken.add("GET /v2/pods", times=5, status=502)
    with pytest.raises(AppError):
        all_.pods.sweep()
    assert len(all_.there()) == 1


@pytest.mark.parametrize("forced", [False, True])
def test_a_pod_is_ended_on_a_click_also_in_offline_mode(all_: World, forced: bool) -> None:
    pod = all_.rent("run-1")
    all_.attempt(pod, "run-1")
    asked = len(all_.runpod.requests)
    end = all_.service(OfflinePolicy(forced=forced)).end(pod.id)
    assert end.gone
    calls = [(one.method, one.target) for one in all_.runpod.requests[asked:]]
    # Online it is seen, too, that nothing answers: the key may be another account's.
    health = [] if forced else [("GET", f"/proxy/{pod.id}/8000/v1/health")]
    assert calls == [
        ("DELETE", f"/v2/pods/{pod.id}"), ("GET", f"/v2/pods/{pod.id}"), ("GET", "/v2/pods"),
        *health,
    ]  # fmt: skip
    stored = all_.store.get("run-1", 1)
    assert (stored.teardown, stored.stop_asked) == (Teardown.CONFIRMED, True)
    assert stored.gone_at is not None
    assert all_.pods.rows() == ()
    assert set(all_.woken) == {"run-1"}


def test_an_end_that_runpod_refuses_stays_visible_until_it_is_confirmed(all_: World) -> None:
    pod = all_.rent("run-1")
    all_.attempt(pod, "run-1")
    all_.runpod.broken.add("DELETE /v2/pods", times=99)
    end = all_.pods.end(pod.id)
    assert not end.gone
    assert end.trouble
    (row,) = all_.pods.rows()
    assert row.state == "ending, not confirmed yet"
    assert [one.id for one in all_.pods.known()] == [pod.id]
    all_.runpod.end_in_console(pod.id)
    (row,) = all_.pods.rows()
    assert not row.is_seen, "that it is gone is not in the record yet"
    assert all_.pods.end(pod.id).gone
    assert (all_.pods.rows(), all_.pods.known()) == ((), ())


def test_somebody_elses_pod_is_not_ended(all_: World) -> None:
    (foreign,) = all_.runpod.cloud.add_pods(1)
    for pod_id, kind in ((foreign, "not_ours"), ("nothing", "not_found")):
        with pytest.raises(AppError) as caught:
            all_.pods.end(pod_id)
        assert caught.value.kind == kind
    assert all_.there() == {foreign}
    assert all_.pods.end(all_.rent("run-9").id).gone


def test_a_clock_that_is_set_right_after_the_renting_ends_no_pod(all_: World) -> None:
    """The computer was five hours behind when the pod was rented: now it seems past its limit."""
    pod = all_.rent("run-1")
    now = all_.clock.now()
    behind = {"rented_at": now - 18_000, "ends_at": now - 18_000 + 7200}
    all_.attempt(pod, "run-1", **behind)
    assert all_.pods.enforce() == ()
    assert all_.there() == {pod.id}
    dated = all_.store.get("run-1", 1)
    assert dated.rented_at == pytest.approx(now, abs=900)
    assert dated.ends_at == pytest.approx(now + 7200, abs=900)
    all_.runpod.cloud.clock.move(7200 + 900 + GRACE)
    assert all_.pods.enforce() == (pod.id,)


def test_a_pod_past_its_limit_is_ended_from_here_too(all_: World) -> None:
    pod, other = all_.rent("run-1"), all_.rent("run-2")
    all_.attempt(pod, "run-1")
    all_.attempt(other, "run-2", ends_at=None)
    assert all_.pods.enforce() == ()
    all_.runpod.cloud.clock.move(7200 + GRACE)
    assert all_.pods.enforce() == (pod.id,)
    assert all_.there() == {other.id}
    assert all_.store.get("run-1", 1).teardown is Teardown.NONE, "its files may still come home"
    assert all_.woken == ["run-1"]
    assert all_.pods.enforce() == ()
    asked = len(all_.runpod.requests)
    assert all_.pods.enforce() == ()
    assert len(all_.runpod.requests) == asked, "what is gone is not asked for again"


def test_the_reaper_sweeps_at_once_and_every_ten_minutes_whatever_goes_wrong(all_: World) -> None:
    told: list[Swept] = []
    over = {"phase": RemotePhase.OVER, "teardown": Teardown.CONFIRMED}
    first, unknown = all_.rent("run-1"), all_.rent("run-9")
    all_.attempt(first, "run-1", **over)
    driven: list[float] = []

    def drive() -> None:  # meanwhile somebody removes the key, and puts it back
        driven.append(all_.clock.now())
        all_.secrets.clear()
        if len(driven) != 2:
            all_.secrets["runpod_key"] = KEY

    reaper = Reaper(all_.pods, all_.clock, drive=drive)
    reaper.start(told.append)
    reaper.start(told.append)
    wait_for(lambda: told)
    assert first.id not in all_.there()
    assert [row.id for row in told[0].left] == [unknown.id]
    second = all_.rent("run-2")
    all_.attempt(second, "run-2", **over)
    all_.runpod.cloud.clock.move(SWEEP_SECONDS)
    wait_for(lambda: len(driven) > 1)  # what nobody drives is gone on with, too
    all_.runpod.cloud.clock.move(SWEEP_SECONDS)
    wait_for(lambda: len(told) == 2)
    reaper.close()
    assert told[1].left == (), "it is told once"
    assert all(later - driven[n] >= SWEEP_SECONDS for n, later in enumerate(driven[1:]))
    assert all_.there() == {unknown.id}


def test_a_pod_that_outlives_its_limit_is_gone_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path, monkeypatch, 8) as slow:  # a minute takes some seconds
        pod = slow.rent("run-1")
        ends = slow.clock.now() + 5
        slow.attempt(pod, "run-1", ends_at=ends)
        reaper = Reaper(slow.pods, slow.clock)
        reaper.start()
        gone = wait_for(lambda: slow.runpod.cloud.ended_at.get(pod.id))
        reaper.close()
    assert GRACE <= gone - ends < 60
