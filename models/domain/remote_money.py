"""The money of a rented pod: when it must end, what it costs so far, what it cost in all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from models.domain.pod_quote import dollars

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.domain.remote_run import RemoteAttempt

BILL_SETTLES = 24 * 3600.0
"""Seconds after a pod's end from which its bill is taken as it is: Runpod's lags by hours."""
BILL_WHOLE = 0.9
"""The share of time times price from which a younger bill is taken for whole. What is billed by the
second differs from it by the seconds of starting and ending."""
GRACE = 15.0
"""Seconds past its limit after which this program ends a pod that should have ended itself: time
for its own end, which keeps the log, and well within a minute."""


def is_past_limit(attempt: RemoteAttempt, now: float, grace: float = 0.0) -> bool:
    """Whether the pod should be gone by now, and may not be."""
    return attempt.ends_at is not None and attempt.may_cost and now >= attempt.ends_at + grace


def found_gone(attempt: RemoteAttempt, now: float, ended: float | None = None) -> float:
    """Since when a pod is gone that is found gone: since it was ``ended`` from here, if it was.
    Else nobody may have looked for hours, and at its limit it ends itself."""
    if ended is not None:
        return ended
    return now if attempt.ends_at is None else min(now, attempt.ends_at + GRACE)


def settled_cost(attempt: RemoteAttempt, billed: float | None, now: float) -> float:
    """What an attempt cost: the bill where it is whole, else time and price.

    A bill that is still being written lacks its last hours, and would make a run look cheap.
    """
    if not attempt.pod_id:
        return 0.0  # it was asked for and never given
    computed = _computed(attempt, now)
    if not billed:
        return computed
    is_old = attempt.gone_at is not None and now - attempt.gone_at >= BILL_SETTLES
    return billed if is_old or billed >= BILL_WHOLE * computed else computed


def _computed(attempt: RemoteAttempt, now: float) -> float:
    if attempt.rented_at is None:
        return 0.0
    return max(0.0, (attempt.gone_at or now) - attempt.rented_at) / 3600 * attempt.per_hour


def run_cost(attempts: Iterable[RemoteAttempt], now: float) -> float:
    """Dollars of all pods of a run so far; one that was asked for and never given costs nothing."""
    return sum(one.spent(now) for one in attempts if one.pod_id)


def clock_words(moment: float, now: float) -> str:
    """The time of day here, ``21:40``; on another day ``Fri 21:40``."""
    then, today = time.localtime(moment), time.localtime(now)
    is_today = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if is_today else "%a %H:%M", then)


def settled_words(quoted: float | None, cost: float) -> str:
    """What it cost beside what was expected, for the end of a run."""
    if quoted is None:
        return f"It cost {dollars(cost)}."
    return f"It cost {dollars(cost)}, {dollars(quoted)} were expected."
