"""The one place that knows whether the program may use the network."""

from __future__ import annotations

import os

OFFLINE_VARIABLE = "TEMPER_OFFLINE"
_OFF_WORDS = {"", "0", "false", "no", "off"}


class OfflinePolicy:
    """Services ask it before they reach out; widgets only show what it says."""

    def __init__(self, *, forced: bool = False) -> None:
        self._forced = forced

    def is_offline(self) -> bool:
        """Whether the user forbade the network, by ``--offline`` or ``TEMPER_OFFLINE=1``."""
        return self._forced or os.environ.get(OFFLINE_VARIABLE, "").lower() not in _OFF_WORDS
