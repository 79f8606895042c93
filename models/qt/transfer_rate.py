"""How fast bytes come in, and how long the rest will take."""

from __future__ import annotations

from collections import deque

_SECONDS = 10.0
"""Over which the speed is taken: registries serve layers in bursts."""
_LEAST_SECONDS = 1.0
"""Before that much has been seen, any speed would be a guess."""


class TransferRate:
    """Fed with what has come so far at a time; both numbers are None while nobody can know."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def take(self, now: float, done: int) -> None:
        """``done`` bytes are there at ``now`` (seconds of a clock that never goes back)."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()  # begun again
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _SECONDS:
            self._seen.popleft()

    @property
    def per_second(self) -> float | None:
        """Bytes a second."""
        if not self._seen:
            return None
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        if last - first < _LEAST_SECONDS or after <= before:
            return None
        return (after - before) / (last - first)

    def seconds_left(self, total: int | None) -> float | None:
        """Until ``total`` bytes are there."""
        speed = self.per_second
        if speed is None or not total or not self._seen:
            return None
        return max(0, total - self._seen[-1][1]) / speed
