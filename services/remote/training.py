"""While the pod trains: its log and events come here as they are written, and its end is noticed.

Where the agent is silent the pod is asked for at Runpod, then the volume is read through S3, then
it is given up: a pod that nobody hears costs money, and its checkpoints are on the volume.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_run import CANCELLED, FAILED, FINISHED, LOST, RemotePhase
from services.remote.delivering import RUNNING, WAITING, send_secrets
from services.remote.mirror import EVENTS, LOG, Mirror
from services.remote.presence import (
    GIVEN_UP_SECONDS,
    LOOK_SECONDS,
    NO_TROUBLE,
    STOPPED,
    Silence,
    silent,
    why_gone,
)
from services.remote.volume_access import VOLUME_REFUSED, VOLUME_SILENT, volume_files
from services.run_follower import run_folder
from services.runpod.agent_client import UNREACHABLE

if TYPE_CHECKING:
    from typing import Any

    from models.domain.remote_run import RemoteAttempt
    from services.remote.s3 import VolumeFiles
    from services.remote.work import Work
    from services.runpod.agent_client import AgentClient

logger = logging.getLogger(__name__)

WAIT = 2
"""Seconds that a call waits for news, so long a stop may take to be heard."""
SILENT_SECONDS = 300.0
"""Without an answer: after so long the volume is read."""
_PAUSE, _TURNS = 0.7, 5
"""Between calls that bring something, and how many there are before the state is asked for."""
OUTCOMES = {"done": FINISHED, "failed": FAILED, "cancelled": CANCELLED}
"""The agent's words for ours."""
_REASONS = {
    "limit": (
        "limit", "The pod came near its limit of time or money, and the training was stopped.",
        "Raise the limit and resume: it goes on from the last checkpoint.",
    ),
    "silent": (
        "silent", "The training showed no sign of life and was stopped.",
        "Look at the end of the log, then resume from the last checkpoint.",
    ),
    "restarted": (
        "restarted", "The pod was restarted again and again, so the training was given up.",
        "Resume on another pod: it goes on from the last checkpoint.",
    ),
    "disk_full": (
        "pod_disk_full", "The training ended because the pod's disk is full: the network volume, "
        "or without one the container disk.",
        "Make it larger, or delete what it no longer needs; then resume.",
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
    silence = Silence(work)
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
            work.pause(LOOK_SECONDS)


def pull(agent: AgentClient, mirror: Mirror, source: str, wait: float = 0) -> bool:
    """Take what log and events have; whether there was anything."""
    log = mirror.pull(LOG, source, agent.log, wait)
    return mirror.pull(EVENTS, source, agent.events) or log


def outcome_of(phase: str, reason: str, code: int | None) -> dict[str, Any]:
    """What is stored of a run that has ended, by the agent's account."""
    found: dict[str, Any] = {"outcome": OUTCOMES.get(phase, FAILED), "exit_code": code}
    found |= NO_TROUBLE  # what was waited for meanwhile is not why it ended
    if reason in _REASONS:
        kind, message, hint = _REASONS[reason]
        found |= {
            "outcome": FAILED, "trouble_kind": kind, "trouble": message, "trouble_hint": hint
        }  # fmt: skip
    return found


def _follow(agent: AgentClient, work: Work, mirror: Mirror, silence: Silence) -> RemoteAttempt:
    """Until the training ends, or the agent is silent (AppError)."""
    is_told = False
    status = agent.status()
    while status.phase == RUNNING:
        silence.ends()
        attempt = work.check()
        if attempt.trouble:  # what kept us from the agent is past
            work.save(**NO_TROUBLE)
        if attempt.stop_asked and not is_told:
            work.save(doing="Stopping: the trainer saves a checkpoint.")
            agent.cancel()
            is_told = True
        if status.waiting_for:
            _send_again(agent, work)
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
        **outcome_of(status.phase, status.reason, status.exit_code),
    )  # fmt: skip


def _send_again(agent: AgentClient, work: Work) -> None:
    """What the agent forgot when its pod was restarted. Where there is no token any more it goes
    on without one after ten minutes, which is better than an end."""
    try:
        send_secrets(agent, work)
    except AppError as error:
        if error.kind != "no_token":
            raise
        logger.info("run %s: %s", work.run_id, error)


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


def _offsets(mirror: Mirror) -> dict[str, int]:
    return {"log_offset": mirror.offset(LOG), "events_offset": mirror.offset(EVENTS)}


def _without_agent(
    attempt: RemoteAttempt, work: Work, mirror: Mirror, silence: float
) -> RemoteAttempt | None:
    """What can be known where the agent is silent; None while it is worth waiting."""
    with work.client("the pod cannot be looked at") as client:
        pod = client.pod(attempt.pod_id)
        is_gone = pod is None or pod.status in STOPPED
        why = why_gone(client, pod, attempt, work.now()) if is_gone else silent(attempt)
    if not is_gone and silence < SILENT_SECONDS:
        return None
    ended = _by_volume(attempt, work, mirror)
    if ended:
        return work.save(phase=RemotePhase.FETCHING, **ended)
    if silence < GIVEN_UP_SECONDS and (ended is None or not is_gone):
        return None
    outcome = CANCELLED if attempt.stop_asked else LOST
    return work.save(phase=RemotePhase.ENDING, outcome=outcome, **why.fields())


def _by_volume(attempt: RemoteAttempt, work: Work, mirror: Mirror) -> dict[str, Any] | None:
    """Take what the volume has; how the run ended, where it says that it did. None where it does
    not answer just now; keys that it refuses are as good as none."""
    try:
        files = volume_files(attempt, work)
        if files is None:
            return {}
        with files:
            return read_volume(files, work, mirror)
    except AppError as error:
        if error.kind not in VOLUME_REFUSED | VOLUME_SILENT:
            raise
        logger.info("run %s: the volume cannot be read: %s", work.run_id, error)
        return None if error.kind in VOLUME_SILENT else {}


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
    return outcome_of(phase, str(said.get("reason", "")), code if isinstance(code, int) else None)


def _tail(files: VolumeFiles, key: str, offset: int, wait: float) -> Any:
    return files.tail(key, offset)


def _json(data: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
