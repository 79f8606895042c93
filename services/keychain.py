"""The system's keychain, reached through keyring in a thread of its own: a call may hang.

A locked keychain waits for its user, and one whose D-Bus service died answers never. keyring is
imported at the first call, not before.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from models.domain.errors import AppError
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

SERVICE = "Temper"
READ_SECONDS = 15.0
WRITE_SECONDS = 60.0
"""A user who has just pressed Save may first have to unlock the keychain."""

_NOT_KEYCHAINS = ("keyring.backends.fail", "keyring.backends.null", "keyrings.")
"""Backends that keep nothing, or keep it in a file of their own (keyrings.alt, .cryptfile)."""
_RECOMMENDED = 1
"""keyring's own bound: backends of a lower priority are not secure."""

Answer = TypeVar("Answer")


class Keychain(Protocol):
    """A place that keeps secrets for the user. All calls block and may raise AppError."""

    def is_usable(self) -> bool:
        """Whether there is one at all."""

    def get(self, name: str) -> str | None:
        """The value kept under this name."""

    def set(self, name: str, value: str) -> None:
        """Keep a value under this name."""

    def remove(self, name: str) -> None:
        """Forget the value; none is no error."""


class SystemKeychain:
    """A :class:`Keychain` over keyring's backend for this system."""

    def __init__(
        self, *, read_seconds: float = READ_SECONDS, write_seconds: float = WRITE_SECONDS
    ) -> None:
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self._backend: KeyringBackend | None = None
        self._stuck: threading.Thread | None = None
        self._turn = threading.Lock()

    def is_usable(self) -> bool:
        """Whether there is a real backend; looked for again until one is there."""
        if self._backend is None:
            self._backend = self._call(_real_backend, self._read_seconds)
        return self._backend is not None

    def get(self, name: str) -> str | None:
        """The value, or None. AppError: ``keychain_locked``, ``keychain_timeout``, ``keychain``."""
        backend = self._usable()
        return self._call(lambda: backend.get_password(SERVICE, name), self._read_seconds)

    def set(self, name: str, value: str) -> None:
        """Keep the value, once the user has unlocked the keychain if need be."""
        backend = self._usable()
        self._call(lambda: backend.set_password(SERVICE, name, value), self._write_seconds)

    def remove(self, name: str) -> None:
        """Forget the value."""
        backend = self._usable()

        def forget() -> None:
            if backend.get_password(SERVICE, name) is not None:
                backend.delete_password(SERVICE, name)

        self._call(forget, self._write_seconds)

    def _usable(self) -> KeyringBackend:
        if not self.is_usable() or self._backend is None:
            raise AppError("no_keychain", "This system has no keychain that Temper can use.")
        return self._backend

    def _call(self, work: Callable[[], Answer], seconds: float) -> Answer:
        """Do it in a thread; one that hangs is left behind, and the next call does not pile up."""
        with self._turn:
            if self._stuck is not None:
                self._stuck.join(seconds if seconds > self._read_seconds else 0)
                if self._stuck.is_alive():
                    raise _timeout(seconds)
            outcome: list[Any] = []
            thread = threading.Thread(
                target=_run, args=(work, outcome), name="keychain", daemon=True
            )
            thread.start()
            thread.join(seconds)
            self._stuck = thread if thread.is_alive() else None
            if not outcome:
                raise _timeout(seconds)
        answer, error = outcome
        if error is not None:
            raise _as_app_error(error) from error
        return answer  # type: ignore[no-any-return]


def _run(work: Callable[[], object], outcome: list[Any]) -> None:
    try:
        outcome[:] = [work(), None]
    except Exception as error:  # noqa: BLE001 - backends raise whatever their libraries do
        outcome[:] = [None, error]


def _real_backend() -> KeyringBackend | None:
    import keyring

    chosen = keyring.get_keyring()
    parts = getattr(chosen, "backends", [chosen])  # the chainer asks several, one after the other
    real = [part for part in parts if _is_real(part)]
    return max(real, key=lambda part: part.priority, default=None)


def _is_real(backend: KeyringBackend) -> bool:
    module = type(backend).__module__
    return not module.startswith(_NOT_KEYCHAINS) and backend.priority >= _RECOMMENDED


def _timeout(seconds: float) -> AppError:
    return AppError(
        "keychain_timeout",
        f"The system keychain did not answer within {seconds:.0f} seconds.",
        "Unlock it if it asks for that, then try again.",
    )


def _as_app_error(error: Exception) -> AppError:
    details = redact(f"{type(error).__name__}: {error}")
    if type(error).__name__ == "KeyringLocked":
        return AppError(
            "keychain_locked", "The system keychain is locked.", "Unlock it, then try again.",
            details,
        )  # fmt: skip
    return AppError(
        "keychain",
        "The system keychain refused the request.",
        "Look into the system's password manager, then try again.",
        details,
    )
