"""Which step is taken in which phase."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from models.domain.remote_run import RemoteAttempt, RemotePhase
from services.remote.booting import boot
from services.remote.delivering import begin, deliver
from services.remote.fetching import fetch
from services.remote.money import settle
from services.remote.placing import place
from services.remote.preflight import preflight, volume
from services.remote.presence import while_there
from services.remote.renting import rent
from services.remote.teardown import end
from services.remote.training import train
from services.remote.work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping

Step = Callable[[RemoteAttempt, Work], RemoteAttempt]
"""Does what a phase is for, and stores the next one; may be taken again after a crash."""

STEPS: Mapping[RemotePhase, Step] = {
    RemotePhase.PREFLIGHT: preflight,
    RemotePhase.VOLUME: volume,
    RemotePhase.PLACING: place,
    RemotePhase.RENTING: rent,
    RemotePhase.BOOTING: boot,
    RemotePhase.DELIVERING: while_there(deliver),
    RemotePhase.STARTING: while_there(begin),
    RemotePhase.TRAINING: train,
    RemotePhase.FETCHING: fetch,
    RemotePhase.ENDING: end,
    RemotePhase.SETTLING: settle,
}
