"""Opens a client for the user's account, or says why there is none."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.secrets import RUNPOD_KEY
from services.runpod.client import RunpodClient
from services.web import anything_goes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from services.offline import OfflinePolicy

    class Secrets(Protocol):
        """Whoever keeps the key."""

        def get(self, name: str) -> str | None:
            """The secret's value, None where it is not set."""


class RunpodAccount:
    """The user's key, at the moment it is needed. Thread-safe."""

    def __init__(self, secrets: Secrets, offline: OfflinePolicy) -> None:
        self._secrets = secrets
        self._offline = offline

    @property
    def is_offline(self) -> bool:
        """Whether nothing but a pod's end may be asked for."""
        return self._offline.is_offline()

    def client(self, what: str, pause: Callable[[float], None] = time.sleep) -> RunpodClient:
        """A client; close it. AppError("offline") or AppError("not_set") where there is none.

        ``what`` completes "Offline mode is on, so …", which its calls say, too, from then on.
        """
        self._offline.refuse(what)
        return self._open(pause, partial(self._offline.refuse, what))

    def client_for_ending(self, pause: Callable[[float], None] = time.sleep) -> RunpodClient:
        """A client also in Offline mode: only to end a pod on the user's click, and to confirm it.

        A pod that goes on costs money, which Offline mode must not hide.
        """
        return self._open(pause, anything_goes)

    def _open(self, pause: Callable[[float], None], guard: Callable[[], None]) -> RunpodClient:
        key = self._secrets.get(RUNPOD_KEY)
        if not key:
            raise AppError("not_set", "There is no Runpod API key.", "Set it in the Settings.")
        return RunpodClient(key, pause=pause, guard=guard)
