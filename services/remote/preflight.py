"""Before anything is rented: what can be known is looked at, and what the run's files lie on is
there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod_quote import LEAST_HOURS, dollars
from models.domain.remote_plan import has_volume, template_of
from models.domain.remote_run import RemotePhase
from services.remote.plans import choices, limits
from services.run_files import host_path
from services.run_follower import run_folder
from services.runpod.infrastructure import Infrastructure
from trainer_image.contract import Job

if TYPE_CHECKING:
    from models.domain.config import RunpodSection
    from models.domain.gpu_offer import Candidate
    from models.domain.pod import Balance
    from models.domain.remote_run import RemoteAttempt
    from services.remote.work import Work
    from services.runpod.client import RunpodClient

logger = logging.getLogger(__name__)

_CANNOT = "no pod can be rented"


def preflight(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Key, catalogue, balance and dataset. AppError says what is missing; nothing costs yet."""
    attempt = work.save(doing="Looking for a GPU.")
    _check_dataset(work)
    with work.client(_CANNOT) as client:
        found = choices(work, client)
        most = limits(attempt, work, found[0].offer)
        balance = _balance(client)
    if balance is not None and balance.left < most.per_hour * LEAST_HOURS:
        raise AppError(
            "no_balance",
            f"The Runpod account's balance of {dollars(balance.left)} is too low: Runpod wants "
            f"{dollars(most.per_hour)}, one hour, to start.",
            "Add credit in Runpod's console, under Billing.",
        )
    return work.save(phase=RemotePhase.VOLUME, most_cost=most.cost)


def volume(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Find or make the network volume and the template that the configuration names."""
    section = work.run.config.runpod
    place, volume_id, doing = "", "", attempt.doing
    with work.client(_CANNOT) as client:
        infrastructure = Infrastructure(client, work.pause)
        if has_volume(section):
            ensured = infrastructure.ensure_volume(
                section.volume_name.strip(), section.volume_size, section.data_center,
                _places(choices(work, client)),
            )  # fmt: skip
            place, volume_id = ensured.volume.data_center, ensured.volume.id
            doing = ensured.line
        refuse_busy(work.save(volume_id=volume_id, data_center=place, doing=doing), work)
        line = _template(infrastructure, section)
    return work.save(phase=RemotePhase.PLACING, doing=line)


def _template(infrastructure: Infrastructure, section: RunpodSection) -> str:
    """What became of the template, in a line: no pod is rented by it, so it is in no run's way."""
    try:
        return infrastructure.ensure_template(template_of(section)).line
    except AppError as error:
        if error.kind == "offline":
            raise
        logger.info("no template: %s", error)
        return f"The template could not be made ready and is not needed: {error.message}"


def refuse_busy(attempt: RemoteAttempt, work: Work) -> None:
    """AppError("volume_busy") where another run of ours trains on the volume, or is to: the agent
    would refuse to train beside it, and the pod would have cost for nothing."""
    if not attempt.volume_id:
        return
    for other in work.tools.store.open():
        is_on_it = other.volume_id == attempt.volume_id and other.run_id != attempt.run_id
        if is_on_it and not other.outcome and (other.pod_id or _is_first(other, attempt)):
            name = work.run.config.runpod.volume_name.strip()
            raise AppError(
                "volume_busy",
                f"Another run ({_name(work, other)}) is using the network volume {name}.",
                "Start it again when that one is done, or give it a volume of its own.",
            )


def _is_first(other: RemoteAttempt, attempt: RemoteAttempt) -> bool:
    """Of two that have no pod yet: the one that was begun first."""
    return (other.created_at, other.run_id) < (attempt.created_at, attempt.run_id)


def _name(work: Work, other: RemoteAttempt) -> str:
    try:
        return work.tools.records.get(other.run_id).name
    except AppError:  # it was deleted; its pod is not gone yet
        return other.run_id


def _places(found: tuple[Candidate, ...]) -> list[str]:
    """Where the wanted GPUs are, the best one's places first."""
    return list(dict.fromkeys(one.data_center for one in found if one.data_center))


def _check_dataset(work: Work) -> None:
    folder = run_folder(work.run)
    try:
        job = Job.model_validate_json(folder.job.read_bytes())
    except (OSError, ValueError) as error:
        message = f"The job of run {work.run_id} cannot be read: {folder.job} is gone or damaged."
        raise AppError("job_gone", message, "Start a new run.", str(error)) from error
    path = job.dataset.path
    if path and not host_path(folder.data_root, path).is_file():
        raise AppError(
            "dataset_gone", "The run's dataset is no longer in the library.",
            "Import the same file again: the same rows are recognised, whatever their name.",
        )  # fmt: skip


def _balance(client: RunpodClient) -> Balance | None:
    """The account's money; None where it cannot be asked for: GraphQL alone tells it, and is to be
    retired. A pod that it does not pay for is refused by Runpod itself."""
    try:
        return client.balance()
    except AppError as error:
        if error.kind == "offline":
            raise
        logger.info("the balance is not known: %s", error)
        return None
