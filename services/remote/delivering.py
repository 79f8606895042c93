"""Everything that the trainer needs to the pod's agent, and the start; each may be done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_run import RemotePhase
from models.domain.secrets import HF_TOKEN
from services.remote.inputs import (
    code_of,
    history_of,
    inputs_of,
    job_of,
    marker_path,
    needs_hub,
    unreadable,
)
from services.remote.volume_access import watch_of
from services.run_follower import run_folder
from services.runners.process import TRAINER_VARIABLES
from services.runpod.agent_client import AgentRefusalError
from services.runpod.agent_files import upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from models.domain.remote_run import RemoteAttempt
    from services.remote.inputs import Input
    from services.remote.work import Work
    from services.runpod.agent_client import AgentClient

WAITING, RUNNING = "wait_input", "running"
_TOKEN = "HF_TOKEN"  # noqa: S105 - the agent's name of it
_CONFLICT = 409


def deliver(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Bring the inputs to the pod; what is there, by S3 or by an earlier try, is only checked."""
    with work.agent(attempt) as agent:
        if agent.status().phase == WAITING:
            for one in _missing(agent, work):
                work.check()
                try:
                    upload(agent, one.source, one.path, one.sha256(), watch_of(work))
                except OSError as error:
                    raise unreadable(one, error) from error
    return work.save(phase=RemotePhase.STARTING, doing="Starting the training.")


def begin(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Hand the secrets over and start the trainer. AppError("volume_busy") while another pod
    trains on the same volume."""
    with work.agent(attempt) as agent:
        if agent.status().phase != WAITING:  # started already, or done by an earlier pod
            return work.save(phase=RemotePhase.TRAINING, doing="")
        send_secrets(agent, work)
        try:
            agent.start(request_of(work))
        except AgentRefusalError as refusal:
            if refusal.status != _CONFLICT:
                raise
            if refusal.facts.get("missing"):
                return work.save(phase=RemotePhase.DELIVERING)
            if not refusal.facts.get("holder"):
                raise
            _take_over(agent, work, str(refusal.facts["holder"]))
    return work.save(phase=RemotePhase.TRAINING, doing="")


def send_secrets(agent: AgentClient, work: Work) -> None:
    """The Hub's token, where the pod fetches or brings something there; into its memory only."""
    token = _token(work)
    if token:
        agent.send_secrets({_TOKEN: token})
    elif work.run.config.hp.push_to_hub:
        raise AppError(
            "no_token", "The run uploads to the Hugging Face Hub, and no token is set.",
            "Set one under Settings.",
        )  # fmt: skip


def request_of(work: Work) -> dict[str, Any]:
    """What starts the run; the same for the same job and code."""
    folder = run_folder(work.run)
    job = job_of(folder)
    code = code_of(folder, work.tools.code().folder)
    return {
        "run_id": work.run_id,
        "job": job.model_dump(mode="json"),
        "code": code.path.removeprefix("code/"),
        "inputs": sorted(one.path for one in inputs_of(job, folder.data_root)),
        # Asked for again after a restart of the pod, which forgets it.
        "needs": [_TOKEN] if job.hp.push_to_hub or _token(work) else [],
        "environment": dict(TRAINER_VARIABLES),
    }


def _token(work: Work) -> str:
    """What this run's pod is given; empty where it needs none, or none is set."""
    return (work.tools.secrets.get(HF_TOKEN) or "") if needs_hub(work.run.config) else ""


def _missing(agent: AgentClient, work: Work) -> Iterator[Input]:
    """What the pod is to have. The marker of an output directory that the volume knows is its own:
    there it says what happened on pods."""
    folder = run_folder(work.run)
    job = job_of(folder)
    marker = marker_path(job)
    for one in inputs_of(job, folder.data_root):
        if one.path != marker or not _is_there(agent, marker):
            yield one
    yield code_of(folder, work.tools.code().folder)
    if agent.status().events_size == 0:
        yield from history_of(folder)


def _is_there(agent: AgentClient, path: str) -> bool:
    return bool(agent.call("GET", f"inputs/{path}").json().get("complete"))


def _take_over(agent: AgentClient, work: Work, holder: str) -> None:
    """Start on a volume whose other pod is known to be gone."""
    with work.client("the network volume cannot be taken over") as client:
        if not client.is_gone(holder):
            raise AppError(
                "volume_busy",
                "Another pod is training on the same network volume.",
                "End it, or give this run a volume of its own.",
            )
    agent.start(request_of(work) | {"take_volume": True})
