"""A training that never ends by itself, what befalls it, and what its limit was worth.

Counted is what the user pays: the life of every pod of the run, from the emulator's making it to
its end, by the emulator's clock and bill. Nothing is taken from the run's own record.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from models.domain.remote_run import RemotePhase
from models.domain.run import RunState
from services.remote.driver import RemoteDriver
from services.remote.steps import STEPS
from tests.emulators.runpod.faults import Boot
from tests.emulators.runpod.mishaps import MISHAPS, Mishap
from tests.integration.lateness import LATENESS
from tests.integration.remote_world import EmulatedTime, RemoteWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run
    from services.remote.steps import Step
    from services.remote.work import Work
    from tests.emulators.runpod.cloud import Cloud
    from tests.emulators.runpod.pods import Pod

OPEN, OFF, ASLEEP, KILLED = "open", "off", "asleep", "killed"
WINDOWS = {
    OPEN: "stays",
    OFF: "is closed, and opened when the pod is gone",
    ASLEEP: "sleeps with its computer until the pod is gone",
    KILLED: "is killed, and another one takes over",
}
"""What becomes of the program meanwhile."""
NOTHING, CLOCK_SKEW = "nothing", "clock skew"
API_DOWN, STORM = "API down", "429 storm"
"""Of these nobody can end a pod while they last."""
NO_START, DEARER = "nothing starts, on any pod", "stuck pull, then a dearer GPU"
OWN = {
    NOTHING: Mishap("Nothing goes wrong", lambda _: None),
    CLOCK_SKEW: Mishap("This computer's clock is an hour ahead", lambda _: None),
    NO_START: Mishap(
        "On no pod does anything follow the pull",
        lambda runpod: runpod.broken.boots.extend([Boot.NEVER] * 8),
    ),
    DEARER: Mishap(
        "The pull stops in the middle, and only a GPU at four times the price is left",
        lambda runpod: runpod.broken.boots.append(Boot.STUCK_PULL),
    ),
}
FAULTS = MISHAPS | OWN
LIMIT, NO_VOLUME = "limit of time or money", "There was no network volume"
"""What is said at a limit, and of what is gone."""
_CHEAP, _DEAR = "NVIDIA RTX A4000", "NVIDIA GeForce RTX 5090"
A_MINUTE = 60.0
MINUTES = 1 / 6
"""Hours: the limit of most cells."""
_FOR_EVER = {"hp.max_steps": 100_000, "hp.save_steps": 4}
_ENDS = {"hp.max_steps": 12, "hp.save_steps": 4}
_LONGEST = 150.0
"""Real seconds for one cell: 2.5 hours of the emulator's clock."""
_TRAINED = 90.0
"""Seconds into the training at which something befalls it: there is a checkpoint by then."""
_RESERVE = 90.0
"""Before its limit a pod may end that was asked to save in good time: the agent's reserve, which is
a tenth of a short limit, and what our looking at it takes."""
_WITHOUT = {"runpod.cloud": "Community", "runpod.data_center": ""}
_DEAF = "\nRun._on_stop = lambda *_: None\n"


@dataclass(frozen=True)
class Case:
    """One cell. ``heeds``: the trainer saves and ends when it is asked to. ``ends``: it is done
    after two minutes, if nothing befalls it. ``says`` is in what the user is told; empty: the run
    finishes."""

    fault: str = NOTHING
    phase: RemotePhase = RemotePhase.TRAINING
    window: str = OPEN
    hours: float = MINUTES
    dollars: float = 10.0
    heeds: bool = False
    ends: bool = False
    volume: bool = True
    says: str = LIMIT

    def __str__(self) -> str:
        parts = (self.fault, self.phase, self.window, f"{self.hours * 60:.0f} min")
        money = f"${self.dollars:.2f}" if self.dollars < 1 else ""
        how = ("heeds" if self.heeds else "", "ends" if self.ends else "")
        return ", ".join(filter(None, (*parts, money, *how, "" if self.volume else "no volume")))


@dataclass
class LimitCell:
    """What became of it. ``seconds`` and ``bill`` are of all its pods, ``limit`` and ``most`` what
    the user set, ``late`` this machine's lateness in emulated seconds, ``refused`` those after
    the limit in which Runpod took no call. ``wrong`` is empty where all holds."""

    case: Case
    run: Run | None = None
    attempts: tuple[RemoteAttempt, ...] = ()
    pods: int = 0
    seconds: float = 0.0
    limit: float = 0.0
    bill: float = 0.0
    most: float = 0.0
    late: float = 0.0
    refused: float = 0.0
    is_home: bool = False
    wrong: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What the user is told."""
        failure = self.run.failure if self.run else None
        return f"{failure.message} {failure.hint}".strip() if failure else ""


class Ledger:
    """All pods that an account was ever given, as the emulator knows them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._rent = cloud, cloud.rent
        self.pods: list[Pod] = []
        cloud.rent = self._rented  # type: ignore[method-assign]

    def seconds(self) -> float:
        """The life of all of them, added up."""
        ended, now = self._cloud.ended_at, self._cloud.clock.now()
        return sum(ended.get(pod.id, now) - pod.created for pod in self.pods)

    def ended(self) -> float:
        """When the last of them ended; now, where it has not."""
        now = self._cloud.clock.now()
        return max((self._cloud.ended_at.get(pod.id, now) for pod in self.pods), default=now)

    def bill(self) -> float:
        """Dollars for all of them."""
        return sum(pod.billed for pod in self.pods)

    def dearest(self) -> float:
        """Dollars an hour."""
        return max((pod.price for pod in self.pods), default=0.0)

    def _rented(self, *args: Any) -> Pod:
        pod = self._rent(*args)
        self.pods.append(pod)
        return pod


class Computer(EmulatedTime):
    """This computer's clock, which may be wrong, and its sleep, in which nothing goes on."""

    def __init__(self, there: RemoteWorld, ahead: float) -> None:
        super().__init__(there.runpod)
        self._ahead = ahead
        self.awake = threading.Event()
        self.awake.set()

    def now(self) -> float:
        return super().now() + self._ahead

    def wait(self, event: threading.Event, seconds: float) -> bool:
        told = super().wait(event, seconds)
        self.awake.wait(_LONGEST)
        return told


class Moment:
    """A step that says that it begins, and then waits to be let go on: only the first time."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.came, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
        self.came.set()
        self.goes_on.wait(_LONGEST)
        return self._step(attempt, work)


class Played:
    """One cell while it is played."""

    def __init__(self, there: RemoteWorld, case: Case) -> None:
        self.there, self.case = there, case
        self.clock = there.runpod.cloud.clock
        self.ledger = Ledger(there.runpod.cloud)
        self.computer = Computer(there, 3600 if case.fault == CLOCK_SKEW else 0)
        self.moment = Moment(STEPS[case.phase])
        self.first = self._program({**STEPS, case.phase: self.moment})
        self.mended = 0.0
        LATENESS.watch()
        there.train_quickly()
        if not case.heeds:
            _deafen(there)

    def go(self) -> LimitCell:
        """To its end, and judge it."""
        runs = self.there.service(self.first)
        run = runs.start(self.there.config(**self._setup()))
        cell = LimitCell(self.case)
        if not _await(self.moment.came.is_set):
            cell.wrong.append(f"it never came to {self.case.phase}")
        if self.case.phase is RemotePhase.TRAINING:
            self.moment.goes_on.set()
            self.clock.sleep(_TRAINED)
        self._strike()
        self._befall_the_window()
        _await(lambda: self._is_over(run))
        cell.attempts = self.there.store.of_run(run.id)
        cell.run = self.there.records.get(run.id)
        self._judge(cell)
        return cell

    def _setup(self) -> dict[str, object]:
        case = self.case
        made: dict[str, object] = dict(_ENDS if case.ends else _FOR_EVER)
        made |= {"runpod.max_hours": case.hours, "runpod.max_cost": case.dollars}
        made |= {} if case.volume else _WITHOUT
        return made | ({"runpod.gpu": ""} if case.fault == DEARER else {})

    def _program(self, steps: dict[RemotePhase, Step] | None = None) -> RemoteDriver:
        ahead = 120 * len(self.there.drivers)  # a lease that was not given back has run out
        tools = replace(self.there.tools(), clock=self.computer)
        driver = RemoteDriver(tools, steps or STEPS, lambda: time.time() + ahead)
        self.there.drivers.append(driver)
        return driver

    def _strike(self) -> None:
        mishap = FAULTS[self.case.fault]
        mishap.strike(self.there.runpod)
        if self.case.fault == DEARER:
            self._sell_out()
        if mishap.lasts or self.case.fault == STORM:
            threading.Thread(target=self._mend, args=(mishap,), daemon=True).start()

    def _mend(self, mishap: Mishap) -> None:
        if self.case.fault == STORM:
            _await(lambda: all(one.times == 0 for one in self.there.runpod.broken.requests))
        else:
            self.clock.sleep(mishap.lasts)
            mishap.mend(self.there.runpod)
        self.mended = self.clock.now()

    def _sell_out(self) -> None:
        """But for two GPUs, and the cheap one of them once it is rented."""
        free = self.there.runpod.cloud.stock.free
        for at in list(free):
            if at[0] not in {_CHEAP, _DEAR}:
                free[at] = 0
        threading.Thread(target=self._sell_the_cheap_one, daemon=True).start()

    def _sell_the_cheap_one(self) -> None:
        _await(lambda: bool(self.ledger.pods))
        free = self.there.runpod.cloud.stock.free
        for at in [at for at in free if at[0] == _CHEAP]:
            del free[at]  # nor is it there again when its pod is ended

    def _befall_the_window(self) -> None:
        window, go_on = self.case.window, self.moment.goes_on.set
        if window == ASLEEP:
            self.computer.awake.clear()
            _await(lambda: not self.there.pods)
            self.computer.awake.set()
            go_on()
        elif window == OFF:
            closing = threading.Thread(target=self.first.close)
            closing.start()
            go_on()
            closing.join()
            _await(lambda: not self.there.pods)
            self._program().resume_all()
        elif window == KILLED:
            self._program().resume_all()
            self.first.close()
            go_on()
        else:
            go_on()

    def _is_over(self, run: Run) -> bool:
        all_over = all(one.is_over for one in self.there.store.of_run(run.id))
        return (
            all_over and self.there.service(self.there.drivers[-1]).poll(run.id).run.state.is_over
        )

    def _judge(self, cell: LimitCell) -> None:
        assert cell.run is not None
        cell.pods, cell.bill = len(self.ledger.pods), self.ledger.bill()
        cell.seconds = self.ledger.seconds()
        dearest = self.ledger.dearest()
        cell.most = min(self.case.dollars, self.case.hours * dearest)
        cell.limit = self.case.hours * 3600
        if dearest:
            cell.limit = min(cell.limit, self.case.dollars / dearest * 3600)
        folder = self.there.data_root / "outputs"
        cell.is_home = any(folder.glob("*/adapter/adapter_model.safetensors"))
        cell.wrong += self._beyond(cell) + self._untrue(cell, cell.run)

    def _beyond(self, cell: LimitCell) -> list[str]:
        """What was paid beyond the limit, or beyond the moment after it at which Runpod, which
        refused every call, takes deletions again."""
        if self.case.fault in {API_DOWN, STORM} and self.mended:
            since = self.ledger.pods[0].created
            cell.refused = max(0.0, self.mended - since - cell.limit)
        wrong = [f"a pod survives: {name}" for name in self.there.pods]
        over = cell.seconds - cell.limit - cell.refused
        cell.late = LATENESS.emulated(self.clock, self.ledger.ended(), over)
        allowed = A_MINUTE + cell.late
        if over > allowed:
            wrong.append(f"its pods lived {over:.0f} seconds too long")
        dear = cell.bill - cell.most - (cell.refused + allowed) / 3600 * self.ledger.dearest()
        if dear > 0:
            wrong.append(f"billed ${cell.bill:.4f}, ${dear:.4f} too much")
        return wrong

    def _untrue(self, cell: LimitCell, run: Run) -> list[str]:
        """What is said and does not hold, or is not said."""
        case, last, told = self.case, cell.attempts[-1], cell.words
        if not self._is_over(run):
            return [f"it did not end: {run.state}, {last.phase}"]
        if (run.state is RunState.FINISHED) != (not case.says):
            return [f"{run.state}: {told}"]
        if run.state is RunState.FINISHED:
            return [] if cell.is_home else ["it finished, and its adapter is not here"]
        wrong = []
        if case.says not in told or not (run.failure and run.failure.hint):
            wrong.append(f"{run.state} is told: {told}")
        if LIMIT in told and cell.seconds + self._asked(cell) < cell.limit - _RESERVE:
            wrong.append(f"the limit is told after {cell.seconds:.0f} seconds")
        if "the last checkpoint" in told and not self._has_checkpoint():
            wrong.append(f"there is no checkpoint: {told}")
        if not (case.volume or case.heeds or NO_VOLUME in told):
            wrong.append(f"nobody says that what was made is gone: {told}")
        return wrong

    def _asked(self, cell: LimitCell) -> float:
        """Seconds for which pods were only being asked for: the limit counts from the question."""
        ahead = self.computer.now() - self.clock.now()
        asked = {one.pod_id: one.rented_at - ahead for one in cell.attempts if one.rented_at}
        pods = [pod for pod in self.ledger.pods if pod.id in asked]
        return sum(max(0.0, pod.created - asked[pod.id]) for pod in pods)

    def _has_checkpoint(self) -> bool:
        seal = "outputs/*/checkpoints/*/temper-checkpoint.json"
        volumes = [volume.folder for volume in self.there.runpod.cloud.volumes.values()]
        return any(any(folder.glob(seal)) for folder in (*volumes, self.there.data_root))


def _deafen(there: RemoteWorld) -> None:
    """The pods' stand-in does not hear that it is to save and end: it trains until it is killed."""
    for path in there.home.glob("pod-python/lib/*/site-packages/standin.py"):
        path.write_text(path.read_text(encoding="utf-8") + _DEAF, encoding="utf-8")


def _await(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False
