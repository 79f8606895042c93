"""Many remote runs one after the other, with random faults at random moments.

``TEMPER_SOAK_PODS=100`` (``make soak``) plays a hundred over a day of the emulator's clock; the
test suite two for each of three seeds. Then no pod is left, no adapter is lost, and what was
reckoned is what is billed.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from models.domain.remote_money import BILL_SETTLES
from models.domain.run import RunState
from services.remote.driver import RemoteDriver
from services.remote.money import Bills
from tests.emulators.runpod.catalogue import Stock
from tests.emulators.runpod.mishaps import MISHAPS
from tests.integration.fault_cells import Cell, faults_of
from tests.integration.lateness import LATENESS
from tests.integration.limit_cells import Ledger
from tests.integration.remote_world import RemoteWorld, remote_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.remote_run import RemoteAttempt

RUNS = int(os.environ.get("TEMPER_SOAK_PODS", "2"))
_DAY = 86_400.0
_LONGEST = 180.0
"""Real seconds for one run."""
_SPREAD = 6.0
"""Real seconds after a run's start in which something befalls it: the whole of its life."""
_CALM = 0.3
"""So many of the runs are left in peace, or see the program die instead."""
_SHARE = 0.05
_ENDS = 30.0 if RUNS >= 100 else 120.0
"""Or so many seconds a pod, for what is told at the end of a run: what lies between a pod's
beginning and end and our hearing of them, half a real second on this clock, or two of a single
pod's, and as much more as this machine is late. These pods live for four minutes, others for
hours."""


class Soak:
    """One account, one home, one program at a time."""

    def __init__(self, there: RemoteWorld, seed: int) -> None:
        self.there = there
        self.random = random.Random(seed)
        self.cells: list[Cell] = []
        self.ends = 0.0
        """Dollars for what lies between pods' beginnings and ends and our hearing of them."""
        self.ledger = Ledger(there.runpod.cloud)
        LATENESS.watch()
        there.train_quickly()
        self.driver = self._program()

    def _program(self) -> RemoteDriver:
        driver = RemoteDriver(
            self.there.tools(), clock=lambda: time.time() + len(self.there.drivers)
        )
        self.there.drivers.append(driver)
        return driver

    def play(self, number: int) -> Cell:
        """One run and what befalls it."""
        first = time.monotonic()
        there, runs = self.there, self.there.service(self.driver)
        _heal(there)
        config = there.config(**{
            "hp.max_steps": 12, "hp.save_steps": 4, "runpod.max_hours": 1.0,
            "output.directory": f"/data/outputs/soak-{number}",
        })  # fmt: skip
        run = runs.start(config)
        fault = self.random.choice(sorted(MISHAPS)) if self.random.random() > _CALM else ""
        when = self.random.random() * _SPREAD
        strike = fault and threading.Timer(when, MISHAPS[fault].strike, (there.runpod,))
        if strike:
            strike.start()
        elif self.random.random() < _CALM:
            fault = "the program ends"
            time.sleep(when)
            self.driver.close()
            self.driver = self._program()
            self.driver.resume_all()
            runs = there.service(self.driver)
        began, mended = time.monotonic(), False
        while time.monotonic() - began < _LONGEST:
            ended = runs.poll(run.id).run
            if ended.state.is_over and all(one.is_over for one in there.store.of_run(run.id)):
                break
            if not mended and time.monotonic() - began > when + _SPREAD:
                mended = True
                _heal(there)
            time.sleep(0.1)
        if strike:
            strike.cancel()  # a run that was quicker than it does not leave it to the next
        cell = Cell(fault, there.store.of_run(run.id)[-1].phase)
        cell.attempts, cell.run = there.store.of_run(run.id), runs.poll(run.id).run
        cell.wrong = faults_of(there, cell.run, cell)
        late = LATENESS.between(first, time.monotonic()) * there.runpod.cloud.clock.speed
        rates = sum(one.per_hour for one in cell.attempts if one.pod_id)
        self.ends += rates * (_ENDS + late) / 3600
        self.cells.append(cell)
        return cell


def _heal(there: RemoteWorld) -> None:
    """All is well again, save what has already happened."""
    cloud = there.runpod.cloud
    with cloud.lock:
        cloud.faults.calm()
        cloud.faults.boots.clear()
        cloud.faults.own_key_refused = False
        cloud.stock, cloud.balance = Stock.usual(), 100.0
        for key in cloud.keys.values():
            key.is_expired = key.is_restricted = False
        for volume in cloud.volumes.values():
            volume.full_at = None


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", [1, 2, 3] if RUNS < 100 else [int(time.time())])
def test_a_soak_leaves_no_pod_and_loses_no_adapter(there: RemoteWorld, seed: int) -> None:
    soak = Soak(there, seed)
    began = there.runpod.cloud.clock.now()
    for number in range(RUNS):
        cell = soak.play(number)
        print(f"{number}: {cell.fault or 'nothing'}: {cell.outcome} {cell.words}", flush=True)
        assert cell.wrong == [], (seed, cell)
        left = (number + 1) * _DAY / 100 - (there.runpod.cloud.clock.now() - began)
        there.runpod.cloud.clock.move(max(0.0, left))
    assert there.pods == []
    attempts = [one for cell in soak.cells for one in cell.attempts]
    billed, reckoned = (
        sum(there.runpod.cloud.ended.values()),
        sum(one.cost or 0 for one in attempts),
    )
    assert abs(reckoned - billed) <= max(_SHARE * billed, soak.ends), (seed, reckoned, billed)
    assert _settled(there) == pytest.approx(billed, abs=0.005 * len(attempts))
    quoted = _quoted(soak.ledger, attempts)
    assert quoted == pytest.approx(billed, rel=_SHARE), (seed, quoted, billed)
    finished = sum(cell.outcome == RunState.FINISHED for cell in soak.cells)
    told = f"${quoted:.3f} by the quotes, ${reckoned:.3f} told at the ends, ${billed:.3f} billed"
    print(f"seed {seed}: {finished} of {RUNS} finished, {told}")


def _quoted(ledger: Ledger, attempts: list[RemoteAttempt]) -> float:
    """The price an hour of each pod's quote, for the hours that were billed; a pod that was made
    without an answer has the name of the attempt that asked for it."""
    prices = {one.name: one.per_hour for one in attempts}
    return sum(prices[pod.record["name"]] * pod.billed / pod.price for pod in ledger.pods)


def _settled(there: RemoteWorld) -> float:
    """What the runs cost once the bills are there, and taken as they are."""
    tools = there.tools()
    there.runpod.cloud.clock.move(BILL_SETTLES)
    Bills(tools.account, tools.store, tools.records, tools.clock).review()
    return sum(one.cost or 0.0 for one in there.store.all())
