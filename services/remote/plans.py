"""What a remote run wants to rent, in which order, and what its pod is told of its limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.gpu_offer import candidates, suiting
from models.domain.pod import DATA_PATH, NewPod
from models.domain.pod_quote import quote
from models.domain.remote_plan import (
    AGENT_PORT,
    has_volume,
    least_cuda,
    price_of,
    wanted_of,
    wants_fastest,
)
from models.domain.remote_run import AGAIN
from services.remote.marks import ATTEMPT, INSTALL, RUN, token_hash
from services.runpod.agent_package import AGENT_VARIABLE, agent_args, agent_variable
from services.runpod.refusals import NO_CAPACITY

if TYPE_CHECKING:
    from models.domain.gpu_offer import Candidate, GpuOffer
    from models.domain.remote_run import RemoteAttempt
    from services.remote.work import Work
    from services.runpod.client import RunpodClient

_LEAST_SECONDS = 60.0
"""For less no pod is asked for: it could not even come up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pod may take: seconds and dollars, and dollars an hour, its disk included."""

    seconds: float
    cost: float
    per_hour: float


def choices(work: Work, client: RunpodClient, volume_in: str = "") -> tuple[Candidate, ...]:
    """What to ask for, best first. AppError("no_capacity") where nothing suits, and why.

    What is known to be sold out is asked about anew: the stock changes within minutes.
    """
    config = work.run.config
    section = config.runpod
    cuda = least_cuda(section.image)
    wanted = wanted_of(config, work.tools.need(config), volume_in)
    for anew in (False, True):
        found = work.tools.catalogue.load(
            client, count=section.gpu_count, min_cuda=cuda, refresh=anew
        )
        able = candidates(found.offers, wanted, fastest=wants_fastest(config))
        if able:
            return able
    if suiting(found.offers, wanted):
        message = "Every GPU that fits this training is sold out"
    else:
        message = "Runpod has no GPU that fits this training"
    place = f" in {wanted.data_center}." if wanted.data_center else "."
    raise AppError(
        NO_CAPACITY, message + place,
        "Choose another GPU, cloud or data centre, or try again later.",
    )  # fmt: skip


def limits(attempt: RemoteAttempt, work: Work, offer: GpuOffer) -> Limits:
    """What is left of the user's limits: pods that did not come up have used some of both.

    AppError("limit") where that is less than a minute.
    """
    seconds, spent = _used(attempt, work)
    price = price_of(work.run.config.runpod, offer)
    hours, money = price.max_hours - seconds / 3600, price.max_cost - spent
    left = quote(replace(price, max_hours=hours, max_cost=money), None)
    if left.most_seconds < _LEAST_SECONDS:
        raise AppError(
            "limit",
            "Pods that did not come up have used up the limit of time or money."
            if spent
            else "The limit of time or money is less than a minute of a pod.",
            "Raise the limit in the Runpod section, then start again.",
        )
    return Limits(left.most_seconds, left.most_cost, left.per_hour)


def _used(attempt: RemoteAttempt, work: Work) -> tuple[float, float]:
    """Seconds and dollars of the pods before this one that did not come up."""
    now, seconds, spent = work.now(), 0.0, 0.0
    earlier = [one for one in work.tools.store.of_run(work.run_id) if one.number < attempt.number]
    for one in reversed(earlier):
        if one.outcome != AGAIN:
            break
        if one.rented_at is not None:
            seconds += max(0.0, (one.gone_at or now) - one.rented_at)
        spent += one.spent(now)
    return seconds, spent


def pod_of(attempt: RemoteAttempt, work: Work, candidate: Candidate, most: Limits) -> NewPod:
    """The pod to ask for. Nothing in it is secret: every key of the account can read it."""
    section = work.run.config.runpod
    code = work.tools.code().folder / "trainer_image"
    env = {
        INSTALL: work.tools.install_id(), RUN: work.run_id, ATTEMPT: str(attempt.number),
        "TEMPER_TOKEN_SHA256": token_hash(work.tools.tokens.make(attempt.name)),
        "TEMPER_DATA_ROOT": DATA_PATH, "TEMPER_AGENT_PORT": str(AGENT_PORT),
        "TEMPER_MAX_SECONDS": f"{most.seconds:.0f}", "TEMPER_MAX_COST": f"{most.cost:.4f}",
        "TEMPER_PRICE_PER_HOUR": f"{most.per_hour:.4f}", "TEMPER_CREATED_AT": f"{work.now():.0f}",
        AGENT_VARIABLE: agent_variable(code),
    }  # fmt: skip
    # One that is kept ends itself at its limit only; so does one that alone has the result.
    if attempt.keep or not has_volume(section):
        env["TEMPER_RETRIEVE_GRACE"] = env["TEMPER_MAX_SECONDS"]
    return NewPod(
        name=attempt.name,
        image=section.image.strip(),
        gpu=candidate.offer.gpu,
        gpu_count=section.gpu_count,
        cloud=candidate.offer.cloud,
        disk=section.container_disk,
        data_centers=(candidate.data_center,) if candidate.data_center else (),
        min_cuda=least_cuda(section.image),
        volume_id=attempt.volume_id if has_volume(section) else "",
        volume_path=DATA_PATH,
        ports=(f"{AGENT_PORT}/http",),
        args=agent_args(),
        env=env,
    )
