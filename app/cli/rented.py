"""What a terminal is told of a run's pod, and how long it stays for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from app.cli.output import program, say
from app.cli.state import services
from models.domain.config import RUNTIME_RUNPOD
from models.domain.pod import CLOUD_WORDS
from models.domain.pod_quote import dollars
from models.domain.remote_money import clock_words, settled_words
from models.domain.remote_run import RemotePhase
from models.domain.run import RunState

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt
    from models.domain.run import Run, RunUpdate

_POLL_SECONDS = 0.3
_GONE_SECONDS = 600.0
"""So long a terminal waits for a pod's end to be confirmed; the window and the pod go on."""
_BY_ITSELF = (
    RemotePhase.TRAINING, RemotePhase.FETCHING, RemotePhase.ENDING, RemotePhase.SETTLING,
    RemotePhase.OVER,
)  # fmt: skip


class PodTeller:
    """Says what a run's pod does, once for each change."""

    def __init__(self) -> None:
        self._said = ""
        self._pod = ""

    def __call__(self, run: Run) -> None:
        """Look, and say what is new; nothing for a run of this computer."""
        if run.runtime != RUNTIME_RUNPOD:
            return
        attempt = services().rented.latest(run.id)
        if attempt is None:
            return
        if attempt.pod_id and attempt.pod_id != self._pod and attempt.may_cost:
            self._pod = attempt.pod_id
            say(_rented(attempt))
        words = attempt.trouble or attempt.doing
        if words and words != self._said:
            say(words)
        self._said = words


def with_cost(update: RunUpdate) -> RunUpdate:
    """A run with what it costs by now; its record says it to the minute, and only while somebody
    looks after it."""
    run = update.run
    spent = services().rented.spent(run.id) if run.runtime == RUNTIME_RUNPOD else None
    return update if spent is None else replace(update, run=replace(run, cost_usd=spent))


def see_the_pod_off(run: Run) -> None:
    """Stay until the pod of a run that is over is known to be gone."""
    if run.runtime != RUNTIME_RUNPOD or not run.state.is_over:
        return
    attempt = services().rented.latest(run.id)
    if attempt is None or attempt.rented_at is None:
        return
    if attempt.may_cost and attempt.keep and not attempt.stop_asked:
        say(
            f"The pod is kept{_limit(attempt)}. End it with: {program()} pods stop {attempt.pod_id}"
        )
        return
    if not attempt.is_over:
        say("Waiting until the pod is gone.")
    attempt = services().rented.wait_until_gone(run.id, _GONE_SECONDS)
    if attempt is not None and attempt.cost is not None:
        say(settled_words(attempt.quoted_cost, attempt.cost))
    if attempt is not None and attempt.may_cost:
        say(f"The pod {attempt.pod_id} is not known to be gone. {attempt.doing}")
        say(f"Look at it with: {program()} pods list")


def say_left(run: Run) -> None:
    """What becomes of a run that a terminal watches no more, and what to type then."""
    attach = f"{program()} runs attach {run.id}"
    attempt = services().rented.latest(run.id) if run.runtime == RUNTIME_RUNPOD else None
    if attempt is None or attempt.is_over:
        say(f"Run {run.id} goes on. Watch it with: {attach}")
    elif attempt.phase in _BY_ITSELF:
        say(f"The pod goes on by itself{_limit(attempt)}.")
        say(f"What it makes is fetched by the window, or by: {attach}")
    elif attempt.pod_id or attempt.is_asked_for:
        say("Nothing trains on the pod yet, and without Temper nothing will, but the cost goes on.")
        say(f"Go on with: {attach}")
        say(f"Or end it with: {program()} pods stop {attempt.pod_id or attempt.name}")
    else:
        say("Nothing is rented yet, and without Temper nothing will be.")
        say(f"Go on with: {attach}")


def until_it_trains(run: Run) -> Run:
    """Drive a run until its pod trains by itself, or the run is over."""
    tell = PodTeller()
    while True:
        run = services().runs.poll(run.id).run
        tell(run)
        attempt = services().rented.latest(run.id)
        if attempt is None or run.state.is_over or attempt.phase in _BY_ITSELF:
            break
        time.sleep(_POLL_SECONDS)
    if attempt is not None and run.state in {RunState.PREPARING, RunState.RUNNING}:
        say(f"The pod trains by itself{_limit(attempt)}.")
        say(f"What it makes is fetched by the window, or by: {program()} runs attach {run.id}")
    return run


def _rented(attempt: RemoteAttempt) -> str:
    count = f"{attempt.gpu_count} x " if attempt.gpu_count > 1 else ""
    place = f"{CLOUD_WORDS.get(attempt.cloud, attempt.cloud)}, {attempt.data_center}"
    price = f"{dollars(attempt.per_hour)} an hour{_limit(attempt)}"
    return f"Rented: {count}{attempt.gpu} ({place}), {price}."


def _limit(attempt: RemoteAttempt) -> str:
    if attempt.ends_at is None or attempt.most_cost is None:
        return ""
    until = clock_words(attempt.ends_at, time.time())
    return f", until {until} and for {dollars(attempt.most_cost)} at most"
