"""What the window says about rented pods: when it is closed, and when some were ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from models.domain.pod_quote import dollars, hours
from models.domain.pod_rows import AWAITS_AGENT, AWAITS_WORK, KEPT
from models.domain.remote_money import clock_words
from models.qt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.domain.pod_rows import PodEnd, PodRow, Swept

ENDING_NOTE = (
    "The window closes by itself when Runpod confirms that nothing is left of it. What the network "
    "volume holds is kept."
)


def closing_title(rows: Sequence[PodRow]) -> str:
    """What the question is about."""
    return "A rented pod is running" if len(rows) == 1 else f"{len(rows)} rented pods are running"


def closing_keep(rows: Sequence[PodRow]) -> str:
    """The answer that leaves them as they are."""
    if all(row.state == KEPT for row in rows):
        return "Keep the pod" if len(rows) == 1 else "Keep the pods"
    if any(row.awaits for row in rows) or all(row.state.startswith("ending") for row in rows):
        return "Close anyway"
    return "Keep training"


def closing_text(rows: Sequence[PodRow]) -> str:
    """What becomes of pods without the window."""
    if any(row.awaits for row in rows):
        which = "it" if len(rows) == 1 else "some of them"
        return (
            f"Nothing trains on {which} yet, and without Temper nothing will, but the cost goes "
            "on. Wait until the training has begun, which takes some minutes, or end what you do "
            "not need."
        )
    if all(row.state.startswith("ending") for row in rows):
        which = "It is" if len(rows) == 1 else "They are"
        return (
            f"{which} being ended, and Runpod has not confirmed it yet: until then the cost may go "
            "on, and only Temper goes on asking for the end."
        )
    if all(row.state == KEPT for row in rows):
        done = "Its training is" if len(rows) == 1 else "Their trainings are"
        goes = "It is kept and goes" if len(rows) == 1 else "They are kept and go"
        return f"{done} done, and the results are here. {goes} on costing, also without the window."
    if len(rows) == 1:
        return (
            "It goes on without the window, and so does its cost. Its results come home when "
            f"Temper is open again. If it is ended now, {_kept_of(rows[0])}."
        )
    bare = "" if all(row.has_volume for row in rows) else _OF_THE_BARE
    return (
        "They go on without the window, and so does their cost. Their results come home when "
        "Temper is open again. If they are ended now, their last checkpoints on the network volume "
        f"are kept, and nothing else{bare}."
    )


_OF_THE_BARE = "; nothing is kept of those without a network volume"


def _kept_of(row: PodRow) -> str:
    if not row.has_volume:
        return "nothing of it is kept: it has no network volume"
    return "its last checkpoint on the network volume is kept, and nothing else"


def pod_title(name: str) -> str:
    """The question before one pod is ended."""
    return f"End the pod of {name}?"


def end_text(row: PodRow) -> str:
    """What is lost, and what is kept."""
    cost = f"It has cost {dollars(row.cost)} so far. "
    if not row.is_needed:
        return f"{cost}No run here needs it. What the network volume holds is kept."
    if row.state == KEPT:
        return f"{cost}Its training is done, and what it made is here."
    return (
        f"{cost}Its training ends at once: {_kept_of(row)}. Stop, on the Training page, brings "
        "home what there is first."
    )


def indicator_words(rows: Sequence[PodRow]) -> str:
    """``1 rented pod``; that one is being ended is said, for until then it costs."""
    ending = sum(row.state.startswith("ending") for row in rows)
    words = counted(len(rows), "rented pod")
    return f"{words}, {ending} being ended" if ending else words


def pod_line(row: PodRow, names: Mapping[str, str], now: float) -> str:
    """``“evening” on an RTX A5000: $0.58 so far. Ends by itself at 21:40 (in 2 h), at most $4.``"""
    name = f"“{names.get(row.run_id) or row.run_id or row.name}”"
    gpu = row.gpu.removeprefix("NVIDIA ").removeprefix("GeForce ")
    count = f"{row.gpu_count} × " if row.gpu_count > 1 else ""
    where = f" on {count}{gpu}" if gpu else ""
    return f"{name}{where}: {dollars(row.cost)} so far. {_end_words(row, now)}"


def ending_title(rows: Sequence[PodRow]) -> str:
    """What is waited for."""
    return "Ending the pod" if len(rows) == 1 else f"Ending {len(rows)} pods"


def swept_title(swept: Swept) -> str:
    """What was done without a click."""
    if not swept.ended:
        return "A rented pod is of no run that is known here"
    gone = sum(end.gone for end in swept.ended)
    if gone < len(swept.ended):
        return "A pod that no run needs is not gone yet"
    return (
        f"{counted(gone, 'pod', 'pods')} that no run needed {'was' if gone == 1 else 'were'} ended"
    )


def swept_text(swept: Swept) -> str:
    """Which pods."""
    return " ".join(swept.words(time.time()))


def not_gone_text(ends: Sequence[PodEnd]) -> str:
    """Which pods may still cost, and what to do."""
    named = " ".join(f"{end.pod.name}: {end.trouble}" for end in ends)
    return (
        f"{named} Temper goes on trying for as long as it is open. Runpod's web site ends it, too."
    )


def _end_words(row: PodRow, now: float) -> str:
    if row.state.startswith("ending"):
        return "It is being ended, and not proven gone yet."
    if row.awaits == AWAITS_AGENT:
        return "It is starting. Until its agent answers, nothing but Temper ends it."
    if row.awaits == AWAITS_WORK:
        return f"It is {row.state}. Without Temper it ends by itself after half an hour."
    if row.ends_at is None:
        return "It ends by itself at its limit."
    most = "" if row.most_cost is None else f", at most {dollars(row.most_cost)}"
    left = row.ends_at - now
    if left <= 0:
        return f"It should have ended at {clock_words(row.ends_at, now)}{most}."
    return f"It ends by itself at {clock_words(row.ends_at, now)} (in {hours(left)}){most}."
