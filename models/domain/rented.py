"""A run on a rented pod as it is at a moment: how far it is, and what it has cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.domain.remote_run import RemoteAttempt


@dataclass(frozen=True, slots=True)
class RentedRun:
    """``attempt`` is the run's newest pod, or the try to get one; ``cost`` are the dollars of all
    its pods so far. ``page`` is the pod in Runpod's console, empty while there is none.

    ``log`` are the lines that the machines of its pods have said: source ``system``. ``earlier``
    are the dollars of the pods before the newest one, for which its limit does not count.
    """

    attempt: RemoteAttempt
    cost: float
    page: str = ""
    log: tuple[str, ...] = ()
    earlier: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it can change any more."""
        return self.attempt.is_over
