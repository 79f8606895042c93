"""Ends a process whose starter is gone: nobody would stop it, and it would write beside the next.

A starter that is killed cannot end what it started, and torchrun's processes lead sessions of
their own, which no signal to a group reaches.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from trainer_image import world
from trainer_image.agent_child import LEADER_VARIABLE

_LOOK_SECONDS = 0.5
_NOBODY_READS_IT = 1


def hold() -> None:
    """Watch the starter from a thread; without one, do nothing."""
    if LEADER_VARIABLE not in os.environ:
        return
    import psutil

    try:
        leader = psutil.Process(world.leader())
    except psutil.Error:
        os._exit(_NOBODY_READS_IT)
    threading.Thread(target=_watch, args=(leader,), name="lifeline", daemon=True).start()


def _watch(leader: Any) -> None:
    while _lives(leader):
        time.sleep(_LOOK_SECONDS)
    os._exit(_NOBODY_READS_IT)


def _lives(leader: Any) -> bool:
    """One that only waits to be reaped has ended; another of the same number is not it."""
    import psutil

    try:
        return bool(leader.is_running() and leader.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
