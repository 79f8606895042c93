"""Environment variables that the program sets for itself and its children, and takes back."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


class ProcessEnvironment:
    """Holds some variables at values of ours; the user's own come back when they are let go.

    What somebody else has changed meanwhile is left as it is. Thread-safe.
    """

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._before: dict[str, str | None] = {}
        self._ours: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> str:
        """What a variable says now; the empty string where it is not set."""
        return self._environ.get(name, "")

    def own(self, name: str) -> str:
        """What the user's own environment says, whatever is held now."""
        before = self._before.get(name) if name in self._before else self._environ.get(name)
        return before or ""

    def hold(self, values: Mapping[str, str]) -> None:
        """Hold exactly these from now on, and let go of all others that were held."""
        with self._lock:
            if dict(values) == self._ours:
                return
            # The last first: on Windows HTTP_PROXY and http_proxy are one variable.
            for name in reversed([*self._ours]):
                if name not in values:
                    self._let_go(name)
            for name, value in values.items():
                if name not in self._ours:
                    self._before[name] = self._environ.get(name)
                self._environ[name] = self._ours[name] = value
        if self._environ is os.environ:
            tell_hub_library()

    def _let_go(self, name: str) -> None:
        before, ours = self._before.pop(name), self._ours.pop(name)
        if self._environ.get(name) != ours:
            return
        if before is None:
            del self._environ[name]
        else:
            self._environ[name] = before


def tell_hub_library() -> None:
    """Make a huggingface_hub that is imported already follow the variables it read at its import.

    It reads HF_HUB_OFFLINE once, and its HTTP client reads the proxies once.
    """
    constants = sys.modules.get("huggingface_hub.constants")
    http = sys.modules.get("huggingface_hub.utils._http")
    if constants is None or http is None:
        return
    words = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    constants.HF_HUB_OFFLINE = words.upper() in {"1", "ON", "YES", "TRUE"}  # type: ignore[attr-defined]
    http.close_session()
