"""What a step of a remote run works with: its record, the account, the agent, and the time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from models.domain.remote_plan import AGENT_PORT
from models.domain.remote_run import RemotePhase, Teardown
from services.remote.clock import SystemClock
from services.runpod.addresses import addresses
from services.runpod.agent_client import AgentClient
from services.runpod.catalogue import GpuCatalogue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.gpu_offer import GpuOffer
    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run
    from services.docker.image_needs import ImageNeeds
    from services.offline import OfflinePolicy
    from services.remote.clock import Clock
    from services.remote.marks import RunTokens
    from services.remote.store import AttemptStore
    from services.run_records import RunRecords
    from services.runpod.account import RunpodAccount
    from services.runpod.client import RunpodClient
    from services.secrets import SecretStore
    from services.trainer_code import TrainerCode

LOOK_SECONDS = 1.0
"""A pause is looked up from so often: whether somebody wants the run to stop, also elsewhere."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all remote runs share. ``need`` predicts the peak of memory of a setup in bytes, None
    where it is not known; ``expected`` what it costs with an offer, in dollars; ``code`` places the
    trainer's code, and says where; ``image_needs`` is what a pod's image must hold."""

    store: AttemptStore
    records: RunRecords
    account: RunpodAccount
    secrets: SecretStore
    tokens: RunTokens
    offline: OfflinePolicy
    install_id: Callable[[], str]
    code: Callable[[], TrainerCode]
    need: Callable[[TrainingConfig], int | None] = lambda _: None
    expected: Callable[[TrainingConfig, GpuOffer], float | None] = lambda _config, _offer: None
    image_needs: ImageNeeds | None = None
    catalogue: GpuCatalogue = field(default_factory=GpuCatalogue)
    clock: Clock = field(default_factory=SystemClock)


class ClosingError(Exception):
    """The program ends; the next one goes on from the record."""


class EndAskedError(Exception):
    """The pod is to end now, whatever the step was doing."""


class Work:
    """One attempt's. A step saves before and after it touches the world, and waits with
    :meth:`pause`; what that raises it lets pass (ClosingError, EndAskedError, LeaseLostError)."""

    def __init__(self, attempt: RemoteAttempt, tools: Tools, driver: str) -> None:
        self.tools = tools
        self.run_id, self.number = attempt.run_id, attempt.number
        self.driver = driver
        self.wake = threading.Event()
        self.closing = threading.Event()

    @property
    def run(self) -> Run:
        """The run as it is stored now."""
        return self.tools.records.get(self.run_id)

    @property
    def folder(self) -> Path:
        """The run's folder on this computer."""
        from services.run_follower import run_folder

        return run_folder(self.run).path

    def now(self) -> float:
        """The time by which pods are paid."""
        return self.tools.clock.now()

    def look(self) -> RemoteAttempt:
        """The attempt as it is stored now, with what others have asked for."""
        return self.tools.store.get(self.run_id, self.number)

    def save(self, **changes: Any) -> RemoteAttempt:
        """Store these fields; LeaseLostError where another program took over."""
        return self.tools.store.change(self.run_id, self.number, driver=self.driver, **changes)

    def check(self) -> RemoteAttempt:
        """The attempt now. Raises what ends a step: the program's end, or that of the pod."""
        if self.closing.is_set():
            raise ClosingError
        attempt = self.look()
        if wants_out(attempt):
            raise EndAskedError
        return attempt

    def pause(self, seconds: float) -> None:
        """Wait by the clock; raises what :meth:`check` does, at once."""
        clock = self.tools.clock
        until = clock.now() + seconds
        while True:
            self.check()
            left = until - clock.now()
            if left <= 0:
                return
            if clock.wait(self.wake, min(left, LOOK_SECONDS)):
                self.wake.clear()

    def client(self, what: str) -> RunpodClient:
        """A client of the account; close it. AppError("offline"), AppError("not_set")."""
        return self.tools.account.client(what, self.pause)

    def agent(self, attempt: RemoteAttempt, *, tries: int = 8) -> AgentClient:
        """The client of the pod's agent; close it. AppError("offline"): it is on the network."""
        guard = partial(self.tools.offline.refuse, "the pod cannot be reached")
        guard()
        url = addresses().in_pod(attempt.pod_id, AGENT_PORT)
        token = self.tools.tokens.get(attempt.name)
        return AgentClient(url, token, tries=tries, pause=self.pause, guard=guard)


def wants_out(attempt: RemoteAttempt) -> bool:
    """Whether a step is to be left for the pod's end: at once where that was asked for, and on a
    stop as long as there is no trainer that could save anything."""
    if attempt.phase in _ENDING:
        return False
    if attempt.teardown is not Teardown.NONE:
        return True
    return attempt.stop_asked and attempt.phase in _BEFORE_TRAINING


_ENDING = frozenset({RemotePhase.ENDING, RemotePhase.SETTLING, RemotePhase.OVER})
_BEFORE_TRAINING = frozenset({
    RemotePhase.PREFLIGHT, RemotePhase.VOLUME, RemotePhase.PLACING, RemotePhase.RENTING,
    RemotePhase.BOOTING, RemotePhase.DELIVERING, RemotePhase.STARTING,
})  # fmt: skip
