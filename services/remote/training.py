"""While the pod trains: its log and events come here as they are written, and its end is noticed.

Where the agent is silent the pod is asked for at Runpod, then the volume is read through S3, then
it is given up: a pod that nobody hears costs money, and its checkpoints are on the volume.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod import PodStatus
from models.domain.remote_run import CANCELLED, FAILED, FINISHED, LOST, RemotePhase
from services.remote.booting import gone_words
from services.remote.delivering import RUNNING, WAITING, send_secrets
from services.remote.mirror import EVENTS, LOG, Mirror
from services.remote.volume_access import volume_files
from services.run_follower import run_folder
from services.runpod.agent_client import UNREACHABLE

if TYPE_CHECKING:
    from typing import Any

    from models.domain.remote_run import RemoteAttempt
    from services.remote.s3 import VolumeFiles
    from services.remote.work import Work
    from services.runpod.agent_client import AgentClient, AgentStatus

WAIT = 2
"""Seconds that a call waits for news, so long a stop may take to be heard."""
SILENT_SECONDS, GIVEN_UP_SECONDS = 300.0, 600.0
"""Without an answer: after so long the volume is read, and the pod given up."""
_LOOK_SECONDS = 10.0
_PAUSE, _TURNS = 0.7, 5
"""Between calls that bring something, and how many there are before the state is asked for."""
OUTCOMES = {"done": FINISHED, "failed": FAILED, "cancelled": CANCELLED}
"""The agent's words for ours."""
_STOPPED = frozenset({PodStatus.EXITED, PodStatus.ERROR, PodStatus.TERMINATED})
_REASONS = {
    "limit": (
        "limit", "The pod came near its limit of time or money, and the training was stopped.",
        "Raise the limit in the Runpod section and resume: it goes on from the last checkpoint.",
    ),
    "silent": (
        "silent", "The training showed no sign of life and was stopped.",
        "Look at the end of the log, then resume from the last checkpoint.",
    ),
    "restarted": (
        "restarted", "The pod was restarted again and again, so the training was given up.",
        "Resume on another pod: it goes on from the last checkpoint.",
    ),
    "volume_taken": (
        "volume_busy", "Another pod took the network volume over.",
        "Resume when that one is done, or give this run a volume of its own.",
    ),
}  # fmt: skip
"""Why a run ended that nobody stopped, by the agent's word."""


def train(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Follow the training to its end, wherever that is seen. What the user asked for is passed on;
    a pod that lost its disk is given everything again."""
    silence = _Silence(work)
    with Mirror(run_folder(work.run)) as mirror:
        while True:
            attempt = work.check()
            try:
                with work.agent(attempt, tries=2) as agent:
                    return _follow(agent, work, mirror, silence)
            except AppError as error:
                if error.kind != UNREACHABLE:
                    raise
            ended = _without_agent(attempt, work, mirror, silence.seconds())
            if ended is not None:
                return ended
            work.pause(_LOOK_SECONDS)


def pull(agent: AgentClient, mirror: Mirror, source: str, wait: float = 0) -> bool:
    """Take what log and events have; whether there was anything."""
    log = mirror.pull(LOG, source, agent.log, wait)
    return mirror.pull(EVENTS, source, agent.events) or log


def outcome_of(status: AgentStatus) -> dict[str, Any]:
    """What is stored of a run that has ended, by the agent's account."""
    found: dict[str, Any] = {
        "outcome": OUTCOMES.get(status.phase, FAILED),
        "exit_code": status.exit_code,
    }
    if status.reason in _REASONS:
        kind, message, hint = _REASONS[status.reason]
        found |= {
            "outcome": FAILED, "trouble_kind": kind, "trouble": message, "trouble_hint": hint
        }  # fmt: skip
    return found


def _follow(agent: AgentClient, work: Work, mirror: Mirror, silence: _Silence) -> RemoteAttempt:
    """Until the training ends, or the agent is silent (AppError)."""
    is_told = False
    status = agent.status()
    while status.phase == RUNNING:
        silence.ends()
        attempt = work.check()
        if attempt.stop_asked and not is_told:
            work.save(doing="Stopping: the trainer saves a checkpoint.")
            agent.cancel()
            is_told = True
        if status.waiting_for:
            send_secrets(agent, work)
        _take(agent, work, mirror, status.state_id)
        status = agent.status()
    silence.ends()
    if status.phase == WAITING:  # its disk is gone, and with it all that was brought
        return work.save(
            phase=RemotePhase.DELIVERING, doing="The pod lost its disk; it is given all again."
        )
    while pull(agent, mirror, status.state_id):
        work.check()
    return work.save(
        phase=RemotePhase.FETCHING, doing="The training has ended.", **_offsets(mirror),
        **outcome_of(status),
    )  # fmt: skip


def _take(agent: AgentClient, work: Work, mirror: Mirror, source: str) -> None:
    """What comes until a moment of silence, or for some seconds."""
    for _ in range(_TURNS):
        attempt = work.check()
        if attempt.stop_asked or not pull(agent, mirror, source, WAIT):
            break
        work.pause(_PAUSE)
    attempt, offsets = work.look(), _offsets(mirror)
    if (attempt.log_offset, attempt.events_offset) != tuple(offsets.values()):
        work.save(**offsets)


class _Silence:
    """How long the agent has not answered, by the clock; said when it begins and when it ends."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._since: float | None = None

    def seconds(self) -> float:
        """So far."""
        if self._since is None:
            self._since = self._work.now()
            self._work.save(
                trouble_kind=UNREACHABLE, trouble="The pod's agent cannot be reached just now.",
                trouble_hint="The training goes on by itself; Temper keeps trying.",
            )  # fmt: skip
        return self._work.now() - self._since

    def ends(self) -> None:
        """It has answered."""
        if self._since is not None:
            self._since = None
            self._work.save(trouble_kind="", trouble="", trouble_hint="")


def _offsets(mirror: Mirror) -> dict[str, int]:
    return {"log_offset": mirror.offset(LOG), "events_offset": mirror.offset(EVENTS)}


def _without_agent(
    attempt: RemoteAttempt, work: Work, mirror: Mirror, silence: float
) -> RemoteAttempt | None:
    """What can be known where the agent is silent; None while it is worth waiting."""
    with work.client("the pod cannot be looked at") as client:
        pod = client.pod(attempt.pod_id)
        is_gone = pod is None or pod.status in _STOPPED
        words = gone_words(client, pod) if is_gone else _SILENT_WORDS
    if not is_gone and silence < SILENT_SECONDS:
        return None
    ended = _by_volume(attempt, work, mirror)
    if ended:
        return work.save(phase=RemotePhase.FETCHING, **ended)
    if not is_gone and silence < GIVEN_UP_SECONDS:
        return None
    kind = "pod_gone" if is_gone else "pod_silent"
    return work.save(
        phase=RemotePhase.ENDING, outcome=CANCELLED if attempt.stop_asked else LOST,
        trouble_kind=kind, trouble=words[0], trouble_hint=words[1],
    )  # fmt: skip


_SILENT_WORDS = (
    f"The pod has not answered for {GIVEN_UP_SECONDS / 60:.0f} minutes, so it was ended.",
    "Resume: it goes on from the last checkpoint on the network volume.",
)


def _by_volume(attempt: RemoteAttempt, work: Work, mirror: Mirror) -> dict[str, Any]:
    """Take what the volume has; how the run ended, where it says that it did."""
    files = volume_files(attempt, work)
    if files is None:
        return {}
    with files:
        return read_volume(files, work, mirror)


def read_volume(files: VolumeFiles, work: Work, mirror: Mirror) -> dict[str, Any]:
    """Log and events through S3, and how the run ended; empty where it has not."""
    folder = f"runs/{work.run_id}"
    said = _json(files.read(f"{folder}/agent.json"))
    source = str(said.get("state_id", ""))
    for name in (LOG, EVENTS):
        read = partial(_tail, files, f"{folder}/{name}")
        while mirror.pull(name, source, read):
            work.check()
    phase = str(said.get("phase", ""))
    if phase not in OUTCOMES:
        return {}
    code = said.get("exit_code")
    return {"outcome": OUTCOMES[phase], "exit_code": code if isinstance(code, int) else None}


def _tail(files: VolumeFiles, key: str, offset: int, wait: float) -> Any:
    return files.tail(key, offset)


def _json(data: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
