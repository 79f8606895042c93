"""One cell of the fault matrix: a remote run, what befalls it in one step, and what became of it.

The pods are processes on the emulator's clock, with the real agent and a stand-in for the trainer;
the program's side is the real driver with all its steps.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from models.domain.remote_run import RemoteAttempt, RemotePhase
from models.domain.run import RunState
from services.remote.driver import RemoteDriver
from services.remote.steps import STEPS
from tests.emulators.runpod.mishaps import MISHAPS
from tests.integration.lateness import LATENESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.run import Run
    from services.remote.steps import Step
    from services.remote.work import Work
    from tests.emulators.runpod.machines import Machine
    from tests.emulators.runpod.mishaps import Mishap
    from tests.integration.remote_world import RemoteWorld

WINDOW_KILLED, CLOCK_SKEW, ASLEEP = "window killed", "clock skew", "asleep"
HERE = {
    WINDOW_KILLED: "The program dies, and another one takes over",
    CLOCK_SKEW: "This computer's clock is an hour ahead",
    ASLEEP: "This computer sleeps until the pod's limit is past",
}
"""What befalls the program's own side."""
FAULTS = {name: mishap.what for name, mishap in MISHAPS.items()} | HERE
PHASES = tuple(phase for phase in RemotePhase if phase is not RemotePhase.OVER)
_JUST_A_MINUTE = 60.0
_LONGEST = 150.0
"""Real seconds for one cell: 2.5 hours of the emulator's clock."""
_WITH_S3 = {ASLEEP, "host dies", "proxy gone"}
"""Where the agent is gone for good, the volume's own service has what is on it."""
SETUP = {"hp.max_steps": 12, "hp.save_steps": 4, "runpod.max_hours": 1.0}


@dataclass
class Cell:
    """What became of one run. ``wrong`` is empty where all guarantees held."""

    fault: str
    phase: RemotePhase
    struck: bool = False
    attempts: tuple[RemoteAttempt, ...] = ()
    run: Run | None = None
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def outcome(self) -> str:
        """How the run ended, in a word."""
        return str(self.run.state) if self.run else ""

    @property
    def words(self) -> str:
        """What the user is told."""
        failure = self.run.failure if self.run else None
        return f"{failure.message} {failure.hint}".strip() if failure else ""


class Striker:
    """Wraps the steps so that the fault strikes once, as its phase begins."""

    def __init__(self, there: RemoteWorld, cell: Cell, mishap: Mishap | None) -> None:
        self._there, self._cell, self._mishap = there, cell, mishap
        self._lock = threading.Lock()
        self.struck = threading.Event()
        self._timers: list[threading.Thread] = []

    def steps(self) -> dict[RemotePhase, Step]:
        """All of them, one of them wrapped."""
        return {**STEPS, self._cell.phase: self._wrapped(STEPS[self._cell.phase])}

    def _wrapped(self, step: Step) -> Step:
        def struck(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
            with self._lock:
                if not self._cell.struck:
                    self._cell.struck = True
                    self._strike()
            return step(attempt, work)

        return struck

    def _strike(self) -> None:
        if self._mishap is not None:
            if self._cell.phase is RemotePhase.TRAINING:
                time.sleep(0.5)  # half a minute into it
            self._mishap.strike(self._there.runpod)
            if self._mishap.lasts:
                thread = threading.Thread(target=self._mend, args=(self._mishap,), daemon=True)
                thread.start()
        self.struck.set()

    def _mend(self, mishap: Mishap) -> None:
        self._there.runpod.cloud.clock.sleep(mishap.lasts)
        mishap.mend(self._there.runpod)


class SkewedTime:
    """The emulator's time, an hour ahead: what this computer believes."""

    def __init__(self, true: Any) -> None:
        self._true = true

    def now(self) -> float:
        return float(self._true.now()) + 3600

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return bool(self._true.wait(event, seconds))


def play(
    there: RemoteWorld,
    fault: str,
    phase: RemotePhase,
    machine: Callable[[], Machine] | None = None,
    **config: object,
) -> Cell:
    """Run a cell to its end and judge it. ``machine`` makes other pods than the quick ones."""
    began = time.monotonic()
    LATENESS.watch()
    cell = Cell(fault, phase)
    if machine is None:
        there.train_quickly()
    else:
        there.runpod.cloud.machine = machine
    if fault in _WITH_S3:
        (access, secret), *_ = there.runpod.cloud.s3_keys.items()
        there.environ |= {"RUNPOD_S3_ACCESS_KEY": access, "RUNPOD_S3_SECRET_KEY": secret}
    striker = Striker(there, cell, MISHAPS.get(fault))
    driver = _driver(there, striker.steps(), skewed=fault == CLOCK_SKEW)
    runs = there.service(driver)
    setup: dict[str, object] = SETUP | ({"runpod.max_hours": 0.2} if fault == ASLEEP else {})
    run = runs.start(there.config(**(setup | config)))
    if fault in {WINDOW_KILLED, ASLEEP} and _await(striker.struck.is_set):
        runs = there.service(_again(there, driver, asleep=fault == ASLEEP))
    _await(lambda: runs.poll(run.id).run.state.is_over and _is_over(there, run))
    cell.attempts = there.store.of_run(run.id)
    cell.run = runs.poll(run.id).run
    cell.wrong = faults_of(there, cell.run, cell)
    cell.seconds = time.monotonic() - began
    return cell


def _driver(there: RemoteWorld, steps: dict[RemotePhase, Step], *, skewed: bool) -> RemoteDriver:
    from dataclasses import replace

    tools = there.tools()
    if skewed:
        tools = replace(tools, clock=SkewedTime(tools.clock))
    driver = RemoteDriver(tools, steps)
    there.drivers.append(driver)
    return driver


def _again(there: RemoteWorld, first: RemoteDriver, *, asleep: bool) -> RemoteDriver:
    """The program is gone in the middle of the step, and another one takes over: at once, where it
    cannot even have given its lease back, or when no pod is left that could go on."""
    if asleep:
        first.close()
        _await(lambda: not there.pods)
    time.sleep(0.05)
    second = RemoteDriver(there.tools(), clock=lambda: time.time() + 120)
    there.drivers.append(second)
    second.resume_all()
    first.close()
    return second


def _is_over(there: RemoteWorld, run: Run) -> bool:
    found = there.store.of_run(run.id)
    return found[-1].is_over and all(one.is_over for one in found)


def _await(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False


def faults_of(there: RemoteWorld, run: Run, cell: Cell) -> list[str]:
    """What of the guarantees did not hold, in words."""
    wrong = []
    if not (run.state.is_over and _is_over(there, run)):
        wrong.append(f"it did not end: {run.state}, {cell.attempts[-1].phase}")
    if there.pods:
        wrong.append(f"pods survive: {there.pods}")
    wrong += _overshoot(there, cell.attempts)
    wrong += _untold(run)
    wrong += _lost(there, run)
    return wrong


def _overshoot(there: RemoteWorld, attempts: tuple[RemoteAttempt, ...]) -> list[str]:
    """By the emulator's clock, and its bill."""
    cloud, wrong = there.runpod.cloud, []
    skew = 3600 if any((one.created_at - cloud.clock.now()) > 0 for one in attempts) else 0
    for one in attempts:
        gone, billed = cloud.ended_at.get(one.pod_id), cloud.ended.get(one.pod_id)
        allowed = _JUST_A_MINUTE
        if gone is not None and one.ends_at is not None:
            over = gone - (one.ends_at - skew)
            allowed += LATENESS.emulated(cloud.clock, gone, over)
            if over > allowed:
                wrong.append(f"its limit was overshot by {over:.0f} seconds")
        if billed is not None and one.most_cost is not None:
            dear = billed - one.most_cost - allowed / 3600 * one.per_hour
            if dear > 0:
                wrong.append(f"it was billed ${dear:.4f} more than its limit and a minute")
    return wrong


def _untold(run: Run) -> list[str]:
    """A run that did not finish says why, and what next."""
    if run.state is RunState.FINISHED:
        return []
    if run.failure is not None and run.failure.message and run.failure.hint:
        return []
    return [f"{run.state}, and nothing is said"]


def _lost(there: RemoteWorld, run: Run) -> list[str]:
    """A finished adapter is here, to the bit; one that is not here is on the volume, and told."""
    folder = there.data_root / "runs" / run.id
    output = json.loads((folder / "job.json").read_bytes())["output_directory"]
    inside = f"{output.removeprefix('/data/')}/adapter/adapter_model.safetensors"
    home = there.data_root / inside
    on_volume = [
        volume.folder / inside
        for volume in there.runpod.cloud.volumes.values()
        if (volume.folder / "runs" / run.id / "result.json").exists()
    ]
    if run.state is RunState.FINISHED and not home.exists():
        return ["it finished, and its adapter is not here"]
    if home.exists() and on_volume and home.read_bytes() != on_volume[0].read_bytes():
        return ["the adapter here is not the one that was trained"]
    told = f"{run.failure.message} {run.failure.hint}" if run.failure else ""
    if on_volume and not home.exists() and "volume" not in told:
        return [f"a finished adapter stayed on the volume, and nobody says so: {told}"]
    return []
