"""How a container ended, from what the engine says of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.domain.docker import STARTED_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

START_SECONDS = 30.0
"""Between being made and being started a container is only while a program starts it."""
_UNKNOWN_CODE = 255
"""Docker's own word for a process whose end nobody saw: it found it gone when it came up again."""
REMOVED = (
    "The container was removed before its end could be read, by another program or with the "
    "docker command."
)
RESTARTED = (
    "Docker or the computer was restarted while the training ran, without letting it save; "
    "nothing tells how far it came after its last step."
)
NEVER_STARTED = "The container was made but never started: Temper was ended at that very moment."
_REFUSED = "The container could not be started: "


@dataclass(frozen=True, slots=True)
class ContainerEnd:
    """As it is seen from outside; ``lost`` says why no exit code means anything."""

    exit_code: int | None = None
    oom_killed: bool = False
    lost: str = ""


def container_end(details: Mapping[str, Any], now: float | None = None) -> ContainerEnd | None:
    """How it ended, None while it has not. ``details`` is the engine's answer to ``inspect``."""
    state: Mapping[str, Any] = details.get("State") or {}
    status, code = str(state.get("Status") or ""), int(state.get("ExitCode") or 0)
    if state.get("Running") or status in {"running", "paused", "restarting"}:
        return None
    if status in {"created", "configured", "initialized"}:  # the last two are Podman's
        return _unstarted(details, state, time.time() if now is None else now)
    if status in {"dead", "removing"}:
        return ContainerEnd(lost=REMOVED if status == "removing" else RESTARTED)
    if code == _UNKNOWN_CODE:
        return ContainerEnd(lost=RESTARTED)
    return ContainerEnd(code, bool(state.get("OOMKilled")) and code != 0)


def started_at(labels: Mapping[str, str] | None) -> float:
    """When we made it, by this computer's clock; 0 where it does not say."""
    try:
        return float((labels or {}).get(STARTED_LABEL, ""))
    except ValueError:
        return 0.0


def _unstarted(
    details: Mapping[str, Any], state: Mapping[str, Any], now: float
) -> ContainerEnd | None:
    said = str(state.get("Error") or "").strip()
    if said:
        return ContainerEnd(lost=f"{_REFUSED}{said.rstrip('.')}.")
    made = started_at((details.get("Config") or {}).get("Labels"))
    return None if now - made < START_SECONDS else ContainerEnd(lost=NEVER_STARTED)
