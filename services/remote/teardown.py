"""Ending a pod: asked for again and again, and believed once it neither answers nor is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.remote_money import found_gone
from models.domain.remote_run import AGAIN, CANCELLED, RemotePhase, Teardown
from services.remote.marks import pod_name
from services.remote.presence import OTHER_ACCOUNT, still_answers
from services.remote.store import following

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt
    from services.remote.work import Work
    from services.runpod.client import RunpodClient

_KEPT, _KEPT_LOOK = "The pod is kept, and ends at its limit, or when you end it.", 30.0
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 60.0
_APPEARS_WITHIN = 65.0
"""Seconds in which a pod that was made without an answer comes to be listed."""


def end(attempt: RemoteAttempt, work: Work) -> RemoteAttempt:
    """End the attempt's pod, however long it takes; then what follows. One that the user keeps is
    left until it is asked to end, or is at its limit."""
    while _is_kept(attempt, work):
        if attempt.doing != _KEPT:
            work.save(doing=_KEPT)
        work.pause(_KEPT_LOOK)
        attempt = work.look()
        if _was_ended(attempt, work):
            break
    if attempt.teardown is Teardown.NONE:
        attempt = work.save(teardown=Teardown.REQUESTED)
    while (gone_at := _gone_since(attempt, work)) is None:
        attempt = work.look()
        work.pause(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(10, attempt.teardown_tries - 1)))
    attempt = work.look()
    work.tools.tokens.forget(attempt.name)
    gone = {
        "teardown": Teardown.CONFIRMED, "gone_at": gone_at, "phase": RemotePhase.SETTLING,
        "doing": "",
    }  # fmt: skip
    if attempt.outcome != AGAIN:
        return work.save(outcome=attempt.outcome or CANCELLED, **gone)
    if attempt.stop_asked:
        return work.save(outcome=CANCELLED, **gone)
    work.tools.store.succeed(attempt, lambda ended: _next(ended, work), work.driver, **gone)
    return work.look()


def _is_kept(attempt: RemoteAttempt, work: Work) -> bool:
    within = attempt.ends_at is not None and work.now() < attempt.ends_at
    return attempt.is_kept and within


def _was_ended(attempt: RemoteAttempt, work: Work) -> bool:
    """Whether somebody else has ended a pod that is kept; what cannot be asked is not known."""
    try:
        with work.client("the pod cannot be looked at") as client:
            return client.pod(attempt.pod_id) is None
    except AppError:
        return False


def _gone_since(attempt: RemoteAttempt, work: Work) -> float | None:
    """Ask for its end, and look whether it is there: since when it is not, None while it may be.
    What goes wrong is told, and no reason to stop."""
    if attempt.rented_at is None and not attempt.pod_id:
        return work.now()  # it was never asked for
    tries = attempt.teardown_tries + 1
    work.save(teardown_tries=tries, doing="Ending the pod.")
    try:
        with _client(attempt, work) as client:
            gone_at = _end_all(client, attempt, work)
        if gone_at is not None and _is_elsewhere(work):
            work.save(doing=OTHER_ACCOUNT)
            return None
    except AppError as error:
        work.save(doing=f"The pod is not known to be gone yet ({tries} tries): {error.message}")
        return None
    return gone_at


def _is_elsewhere(work: Work) -> bool:
    """Whether the pod answers all the same. In Offline mode it is not asked."""
    attempt = work.look()
    may_ask = bool(attempt.pod_id) and not work.tools.offline.is_offline()
    return may_ask and still_answers(attempt.pod_id)


def _end_all(client: RunpodClient, attempt: RemoteAttempt, work: Work) -> float | None:
    """By its id, which needs no list; and whatever else has its name: asking twice may have made
    two. One that is first seen here is written down, for it has cost. The moment at which its end
    was asked for, where that is proven to have come; looking takes time that is not paid."""
    ended = work.tools.store.ended
    was_there = bool(attempt.pod_id) and client.end_pod(attempt.pod_id)
    asked = work.now()
    if was_there:
        ended[attempt.pod_id] = asked
    elif attempt.pod_id:
        asked = found_gone(attempt, asked, ended.get(attempt.pod_id))
    named = {one.id for one in client.pods() if one.name == attempt.name}
    for one in named - {attempt.pod_id}:
        client.end_pod(one)
    if named and not attempt.pod_id:
        attempt = work.save(pod_id=min(named))
    if attempt.pod_id:
        is_gone = client.pod(attempt.pod_id) is None
    else:
        is_gone = work.now() - (attempt.rented_at or 0) >= _APPEARS_WITHIN
    return asked if is_gone and not _named(client, attempt.name) else None


def _named(client: RunpodClient, name: str) -> bool:
    return any(one.name == name for one in client.pods())


def _client(attempt: RemoteAttempt, work: Work) -> RunpodClient:
    """In Offline mode only for what the user asked for: a pod that goes on costs money."""
    if attempt.stop_asked:
        return work.tools.account.client_for_ending(work.pause)
    return work.client("the pod cannot be ended")


def _next(ended: RemoteAttempt, work: Work) -> RemoteAttempt:
    name = pod_name(work.tools.install_id(), ended.run_id, ended.number + 1)
    return following(ended, name, work.now(), RemotePhase.RENTING)
