"""By what a pod of ours is known: its name, its variables, and the token of its agent."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.secrets import RUNPOD_KEY
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.keychain import Keychain

INSTALL, RUN, ATTEMPT = "TEMPER_INSTALL_ID", "TEMPER_RUN_ID", "TEMPER_ATTEMPT"
"""Variables of a pod by which the program finds its own again."""
_SHORT = 8


def pod_name(install_id: str, run_id: str, number: int) -> str:
    """``temper-<installation>-<run>-<number>``; the run's part is a hash, as ids begin alike."""
    run = hashlib.sha256(run_id.encode()).hexdigest()
    return f"temper-{install_id[:_SHORT]}-{run[:_SHORT]}-{number}"


def is_ours(env: Mapping[str, str], install_id: str) -> bool:
    """Whether a pod with these variables was rented by this installation."""
    return bool(install_id) and env.get(INSTALL) == install_id


class RunTokens:
    """The agent's token of each pod: random and in the keychain; never in the database.

    Where no keychain takes it, it is derived from the account's key, which nobody can undo: so a
    later program with the same key knows it again. ``key`` gives the account's key.
    """

    def __init__(self, keychain: Keychain, key: Callable[[str], str | None]) -> None:
        self._keychain = keychain
        self._key = key

    def make(self, pod: str) -> str:
        """The token of the pod of this name, made where there is none yet."""
        known = self._kept(pod)
        if known is None:
            known = secrets.token_hex(32)
            try:
                if not self._keychain.is_usable():
                    return self._derived(pod)
                self._keychain.set(_entry(pod), known)
            except AppError:
                return self._derived(pod)
        redact.learn(known)
        return known

    def get(self, pod: str) -> str:
        """The token of a pod that was rented. AppError where the keychain does not answer."""
        known = self._kept(pod)
        redact.learn(known)
        return known or self._derived(pod)

    def forget(self, pod: str) -> None:
        """The pod is gone. What the keychain does not let go of opens nothing any more."""
        try:
            if self._keychain.is_usable():
                self._keychain.remove(_entry(pod))
        except AppError:
            return

    def _kept(self, pod: str) -> str | None:
        return self._keychain.get(_entry(pod)) if self._keychain.is_usable() else None

    def _derived(self, pod: str) -> str:
        key = self._key(RUNPOD_KEY)
        if not key:
            raise AppError("not_set", "There is no Runpod API key.", "Set it in the Settings.")
        token = hmac.new(key.encode(), f"temper agent {pod}".encode(), hashlib.sha256).hexdigest()
        redact.learn(token)
        return token


def token_hash(token: str) -> str:
    """What the pod's environment holds of the token: every key of the account can read that."""
    return hashlib.sha256(token.encode()).hexdigest()


def _entry(pod: str) -> str:
    return f"agent_token:{pod}"
