"""Runs on a rented pod, seen as every other way of running: started, looked at, stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from models.domain.config import TARGET_RUNPOD
from models.domain.errors import AppError, Problem
from models.domain.remote_money import run_cost
from models.domain.remote_run import LOST, RemoteAttempt, RemotePhase
from models.domain.rented import RentedRun
from models.domain.run import Failure, PodHandle
from models.domain.secrets import RUNPOD_KEY
from models.domain.start_fixes import ANOTHER_MODEL, SET_KEY
from services.job_builder import is_local_model
from services.remote.marks import pod_name
from services.remote.pod_lines import PodLinesReader
from services.remote.store import LEASE_SECONDS
from services.run_follower import run_folder
from services.runners.base import Look, Started
from services.runpod.addresses import addresses

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.run import JobHandle
    from services.remote.driver import RemoteDriver
    from services.run_files import RunFolder
    from services.runners.base import Launch


class RemoteRunner:
    """A :class:`~services.runners.base.Runner` that writes down what is wanted; the driver does it.

    The run's folder on this computer is a mirror of the pod's.
    """

    def __init__(self, driver: RemoteDriver) -> None:
        self.driver = driver
        self._store = driver.tools.store
        self._lines = PodLinesReader()

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        """What can be known without the network: a key, and a model that a pod can come by."""
        problems = []
        if not offline and not self.driver.tools.secrets.get(RUNPOD_KEY):
            message = "needs a Runpod API key, and none is set."
            remedy = "Set one under Settings."
            problems.append(Problem("training.target", TARGET_RUNPOD, message, remedy, fix=SET_KEY))
        model = config.hp.base_model.strip()
        if is_local_model(model) and not model.startswith("/data/"):
            message = "is only on this computer, and does not go to a pod from there."
            remedy = (
                "Move it into the folder models of the data folder and name it /data/models/…, or "
                "choose a model of the Hugging Face Hub."
            )
            problems.append(Problem("hp.base_model", model, message, remedy, fix=ANOTHER_MODEL))
        return problems

    def start(self, launch: Launch) -> Started:
        """Write the attempt down and let it begin. AppError while an earlier pod is not gone."""
        run_id = launch.folder.run_id
        earlier = self._store.of_run(run_id)
        if any(one.may_cost for one in earlier):
            raise AppError(
                "pod_not_gone", "The pod of before is not known to be gone yet.",
                "Wait until it is confirmed: two pods must not write on one volume.",
            )  # fmt: skip
        launch.folder.stop_request.unlink(missing_ok=True)
        (launch.folder.path / "state.json").unlink(missing_ok=True)
        self._store.add(self._attempt(run_id, earlier))
        self.driver.wake(run_id)
        return Started(PodHandle(run_id, len(earlier) + 1))

    def _attempt(self, run_id: str, earlier: tuple[RemoteAttempt, ...]) -> RemoteAttempt:
        tools, number = self.driver.tools, len(earlier) + 1
        section = tools.records.get(run_id).config.runpod
        last = earlier[-1] if earlier else None
        return RemoteAttempt(
            run_id=run_id,
            number=number,
            name=pod_name(tools.install_id(), run_id, number),
            gpu_count=section.gpu_count,
            image=section.image.strip(),
            created_at=tools.clock.now(),
            keep=section.on_finish == "keep",
            # What was mirrored goes on where it was: the files are on the network volume.
            events_offset=last.events_offset if last else 0,
            log_offset=last.log_offset if last else 0,
        )

    def find(self, folder: RunFolder, since: float) -> JobHandle | None:
        """The first attempt that was written down since then."""
        for attempt in self._store.of_run(folder.run_id):
            if attempt.created_at >= since:
                return PodHandle(attempt.run_id, attempt.number)
        return None

    def look(self, handle: JobHandle, folder: RunFolder) -> Look:
        """As the record has it; who looks at a run that nobody drives begins to drive it."""
        attempt = self._store.latest(_its(handle).run_id)
        if attempt is None:
            return Look(lost="Nothing tells of the pod any more.")
        is_driven = attempt.driver and time.time() - attempt.driver_seen <= LEASE_SECONDS
        if not attempt.is_over and not is_driven:
            self.driver.wake(attempt.run_id)
        if not attempt.is_told:
            return Look(is_alive=True, takes_its_time=True)
        failure = None
        if attempt.trouble:
            failure = Failure(attempt.trouble_kind, attempt.trouble, attempt.trouble_hint)
        lost = attempt.trouble if attempt.outcome == LOST else ""
        return Look(exit_code=attempt.exit_code, lost=lost, failure=failure)

    def stop(self, handle: JobHandle, folder: RunFolder) -> None:
        """Save a checkpoint, bring home what there is, end the pod. In Offline mode it is ended at
        once: what it has saved stays on the network volume."""
        run_id = _its(handle).run_id
        if self.driver.tools.offline.is_offline():
            self._store.ask_end(run_id)
        else:
            self._store.ask_stop(run_id)
        self.driver.wake(run_id)

    def kill(self, handle: JobHandle) -> None:
        """End the pod at once."""
        run_id = _its(handle).run_id
        self._store.ask_end(run_id)
        self.driver.wake(run_id)

    def release(self, handle: JobHandle, folder: RunFolder) -> None:
        """Nothing is kept for reading."""

    def tidy(self, live: Collection[str]) -> None:
        """Go on ending pods whose runs are over and that are not known to be gone."""
        for attempt in self._store.open():
            if attempt.run_id not in live and attempt.phase in _AFTER_THE_RUN:
                self.driver.wake(attempt.run_id)

    def latest(self, run_id: str) -> RemoteAttempt | None:
        """The newest pod of a run, or the try to get one."""
        return self._store.latest(run_id)

    def seen(self, run_id: str) -> RentedRun | None:
        """A run's pod with its cost and what its machine said; None where there was to be none.

        The record and our own files alone are looked at, so it is quick, and Offline mode is kept.
        """
        attempts = self._store.of_run(run_id)
        if not attempts:
            return None
        latest, tools = attempts[-1], self.driver.tools
        page = addresses().pod_page(latest.pod_id) if latest.pod_id and latest.may_cost else ""
        lines = self._lines.read(run_folder(tools.records.get(run_id)).path, len(attempts))
        now = tools.clock.now()
        earlier = run_cost(attempts[:-1], now)
        return RentedRun(latest, run_cost(attempts, now), page, lines, earlier)

    def spent(self, run_id: str) -> float | None:
        """Dollars of a run's pods so far; None where it never had one."""
        pods = [one for one in self._store.of_run(run_id) if one.pod_id]
        return run_cost(pods, self.driver.tools.clock.now()) if pods else None

    def wait_until_gone(self, run_id: str, seconds: float) -> RemoteAttempt | None:
        """Wait until a run's pod is known to be gone and what it cost is settled; the attempt as it
        is then."""
        until = time.monotonic() + seconds
        while True:
            attempt = self._store.latest(run_id)
            if attempt is None or attempt.is_over or time.monotonic() >= until:
                return attempt
            time.sleep(_WAIT_SECONDS)


_WAIT_SECONDS = 0.3
_AFTER_THE_RUN = frozenset({RemotePhase.ENDING, RemotePhase.SETTLING})


def _its(handle: JobHandle) -> PodHandle:
    if not isinstance(handle, PodHandle):
        raise TypeError(f"not a pod: {handle}")
    return handle
