"""Asking for a pod, GPU after GPU; never twice for one that may have been given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.pod import CLOUD_WORDS
from models.domain.remote_run import RemotePhase
from services.remote.plans import choices, limits, pod_of
from services.remote.preflight import refuse_busy
from services.runpod.infrastructure import LOOK_AGAIN
from services.runpod.refusals import NO_CAPACITY, NOT_FOUND, UNCLEAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.gpu_offer import Candidate
    from models.domain.pod import Pod
    from models.domain.remote_run import RemoteAttempt
    from services.remote.plans import Limits
    from services.remote.work import Work
    from services.runpod.client import RunpodClient

_NEXT = frozenset({NO_CAPACITY, "refused", "forbidden", "conflict", UNCLEAR})
"""Kinds after which another GPU may be given: capacity has no code of its own, any 400 counts."""
_TRIES = 2
"""Of one GPU, where it is not known what came of asking."""


def rent(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """Rent the first pod that is given. AppError with all that was tried where none is."""
    with work.client("no pod can be rented") as client:
        if attempt.rented_at is None:
            refuse_busy(attempt, work)
        if attempt.pod_id:
            return work.save(phase=RemotePhase.BOOTING)
        if attempt.rented_at is not None:  # it was asked for, by a program that saw no answer
            found = _look_for(client, work, attempt.name)
            if found is not None:
                return _adopt(found, work)
        place = attempt.data_center if attempt.volume_id else ""
        refusals: list[AppError] = []
        for candidate in _in_order(choices(work, client, place), attempt.tried):
            attempt = work.check()
            if not _was_tried(attempt.tried, candidate):
                try:
                    return _adopt(_ask(client, work, attempt, candidate), work)
                except _NotGivenError as refused:
                    refusals.append(refused.why)
        if refusals and all(one.kind == "forbidden" for one in refusals):
            raise refusals[-1]  # no other GPU or place would help a key that may not rent
        raise _nothing(work.look().tried)


def _ask(client: RunpodClient, work: Work, attempt: RemoteAttempt, candidate: Candidate) -> Pod:
    """The pod; _NotGivenError where this one is not given, which is written down."""
    most = limits(attempt, work, candidate.offer)
    wanted = pod_of(attempt, work, candidate, most)
    for left in reversed(range(_TRIES)):
        _write_ahead(work, candidate, most)
        try:
            return client.create_pod(wanted)
        except AppError as error:
            if error.kind == UNCLEAR:
                found = _look_for(client, work, attempt.name)
                if found is not None:
                    return found
            if error.kind not in _NEXT:
                work.save(rented_at=attempt.rented_at)  # a clear no
                if error.kind == NOT_FOUND and attempt.volume_id:
                    raise _without_volume(work, error) from error
                raise
            refused = error
        if refused.kind != UNCLEAR or not left:
            break
    line = f"{candidate.words()}: {refused.message}"
    # What may have been made all the same is found by its name when the attempt ends.
    asked = attempt.rented_at if refused.kind != UNCLEAR else work.look().rented_at
    work.save(tried=(*attempt.tried, line), rented_at=asked)
    raise _NotGivenError(refused)


def _write_ahead(work: Work, candidate: Candidate, most: Limits) -> None:
    now = work.now()
    work.save(
        gpu=candidate.offer.gpu,
        cloud=candidate.offer.cloud,
        per_hour=most.per_hour,
        most_cost=most.cost,
        quoted_cost=work.tools.expected(work.run.config, candidate.offer),
        rented_at=now,
        ends_at=now + most.seconds,
        doing=f"Asking for {candidate.words()}.",
    )


def _look_for(client: RunpodClient, work: Work, name: str) -> Pod | None:
    """The pod of this name, looked for as often as it may take one to be listed."""
    for wait in LOOK_AGAIN:
        work.pause(wait)
        found = [one for one in client.pods() if one.name == name]
        if found:
            return found[0]
    return None


def _adopt(pod: Pod, work: Work) -> RemoteAttempt:
    """Write the pod down the moment it is known. One that costs more than its offer ends sooner."""
    known = work.look()
    rate, ends = known.per_hour, known.ends_at
    if pod.cost > rate and known.rented_at is not None and known.most_cost is not None:
        rate, dear = pod.cost, known.rented_at + known.most_cost / pod.cost * 3600
        ends = dear if ends is None else min(ends, dear)
    return work.save(
        pod_id=pod.id,
        gpu=pod.gpu or known.gpu,
        cloud=pod.cloud,
        data_center=pod.data_center or known.data_center,
        per_hour=rate,
        ends_at=ends,
        phase=RemotePhase.BOOTING,
        doing="Waiting for a machine.",
    )


class _NotGivenError(Exception):
    """Another GPU may be given; ``why`` this one is not."""

    def __init__(self, why: AppError) -> None:
        super().__init__(why)
        self.why = why


def given_up(gpu: str, cloud: str, place: str) -> str:
    """How a line of what was tried begins whose pod was given and did not come up: by Runpod's own
    name of the GPU, which a pod knows."""
    where = f", {place}" if place else ""
    return f"{gpu} ({CLOUD_WORDS.get(cloud, cloud)}{where}): "


def _in_order(found: Sequence[Candidate], tried: Sequence[str]) -> list[Candidate]:
    """Where pods did not come up comes last: there another machine may be given, or the same."""

    def failures(one: Candidate) -> int:
        begin = given_up(one.offer.gpu, one.offer.cloud, one.data_center)
        return sum(line.startswith(begin) for line in tried)

    return sorted(found, key=failures)


def _was_tried(tried: Sequence[str], candidate: Candidate) -> bool:
    return any(line.startswith(f"{candidate.words()}: ") for line in tried)


def _without_volume(work: Work, error: AppError) -> AppError:
    """All that a request names and that may be gone is its volume."""
    name = work.run.config.runpod.volume_name.strip()
    return AppError(
        "volume_gone", f"Runpod does not know the network volume {name} any more.",
        "Resume the run: that makes a new one. What was on the old one is gone.",
        error.details,
    )  # fmt: skip


def _nothing(tried: Sequence[str]) -> AppError:
    """All were refused. Where none was for want of capacity, the last reason is the request's."""
    last = tried[-1].partition(": ")[2] if tried else ""
    many = f"None of {len(tried)} fitting GPUs" if len(tried) > 1 else "The one fitting GPU"
    could = "could be rented" if len(tried) > 1 else "could not be rented"
    return AppError(
        NO_CAPACITY,
        f"{many} {could}. The last answer: {last}",
        "Choose another GPU, cloud or data centre, or try again later.",
        "\n".join(tried),
    )
