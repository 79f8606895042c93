"""Events of a long run, thinned to what a chart can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.domain.run import RunEvent

MOST_PROGRESS = 4_000
"""Twice as many as a wide window has columns."""


def thin_events(events: Sequence[RunEvent], most: int = MOST_PROGRESS) -> tuple[RunEvent, ...]:
    """The same events, but of long progress only what a chart needs.

    Of each stretch the events with the lowest and the highest loss stay, so that no peak is
    missing, and the very last one. Everything that is no progress stays.
    """
    progress = [event for event in events if event.type == "progress"]
    if len(progress) <= most:
        return tuple(events)
    kept = {event.seq for event in _extremes(progress, most // 2)} | {progress[-1].seq}
    return tuple(event for event in events if event.type != "progress" or event.seq in kept)


def _extremes(progress: Sequence[RunEvent], stretches: int) -> Iterator[RunEvent]:
    for number in range(stretches):
        begin = number * len(progress) // stretches
        stretch = progress[begin : (number + 1) * len(progress) // stretches]
        yield min(stretch, key=_loss)
        yield max(stretch, key=_loss)


def _loss(event: RunEvent) -> float:
    loss = event.number("loss")
    return 0.0 if loss is None or loss != loss else loss
