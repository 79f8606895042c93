"""Tokens and keys: in the system keychain, else in the environment, else for this session only.

They are never in the database, a file of ours, a job, a command line, a URL or a log.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.secrets import (
    ENVIRONMENT,
    HF_TOKEN,
    KEYCHAIN,
    MEMORY,
    RUNPOD_KEY,
    S3_SECRET_KEY,
    SECRETS,
    SecretState,
)
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.keychain import Keychain

_LONGEST = 1024
"""Windows' keychain takes 2,560 bytes in two-byte characters; real tokens have 40."""
_BEGINNINGS = {"hf_": HF_TOKEN, "rpa_": RUNPOD_KEY, "rps_": S3_SECRET_KEY}


class SecretStore:
    """Gets, keeps and forgets secrets. Blocking, up to the keychain's patience; thread-safe.

    What was given in this session because no keychain took it wins over the keychain, and the
    keychain over the environment.
    """

    NAMES = tuple(SECRETS)

    def __init__(self, keychain: Keychain, environ: Mapping[str, str] | None = None) -> None:
        self._keychain = keychain
        self._environ = os.environ if environ is None else environ
        self._memory: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> str | None:
        """The secret, or None where it is not set anywhere.

        Raises the keychain's AppError where it does not answer and no other place has a value.
        """
        value, _, problem = self._find(name)
        if value is None and problem is not None:
            raise problem
        return value

    def state(self, name: str) -> SecretState:
        """Whether the secret is set, and where it is kept."""
        value, where, problem = self._find(name)
        return SecretState(name, value is not None, where, "" if problem is None else str(problem))

    def states(self) -> tuple[SecretState, ...]:
        """All of them, in the order in which they are shown."""
        return tuple(self.state(name) for name in self.NAMES)

    def keychain_problem(self) -> str:
        """Why secrets cannot be kept beyond this session; the empty string where they can."""
        try:
            usable = self._keychain.is_usable()
        except AppError as error:
            return str(error)
        return "" if usable else "This system has no keychain that Temper can use."

    def set(self, name: str, value: str) -> SecretState:
        """Keep a secret, in the keychain if it takes it; the answer says where it is now.

        AppError("bad_secret") for a value that cannot be one.
        """
        value = checked_secret(_known(name), value)
        redact.learn(value)
        problem = ""
        try:
            if self._keychain.is_usable():
                self._keychain.set(name, value)
                with self._lock:
                    self._memory.pop(name, None)
                return SecretState(name, True, KEYCHAIN)
        except AppError as error:
            problem = str(error)
        with self._lock:
            self._memory[name] = value
        return SecretState(name, True, MEMORY, problem)

    def remove(self, name: str) -> SecretState:
        """Forget a secret; one that a variable of the environment holds stays set."""
        _known(name)
        with self._lock:
            self._memory.pop(name, None)
        if self._keychain.is_usable():
            self._keychain.remove(name)
        return self.state(name)

    def variable(self, name: str) -> str:
        """The environment variable that holds the secret; the empty string where none does."""
        set_ones = (one for one in SECRETS[name].variables if self._environ.get(one, "").strip())
        return next(set_ones, "")

    def _find(self, name: str) -> tuple[str | None, str, AppError | None]:
        """Value, place, and what kept the keychain from answering."""
        _known(name)
        with self._lock:
            given = self._memory.get(name)
        if given is not None:
            return given, MEMORY, None
        value, problem = None, None
        try:
            if self._keychain.is_usable():
                value = self._keychain.get(name)
        except AppError as error:
            problem = error
        where = KEYCHAIN if value else ""
        if not value and (variable := self.variable(name)):
            value, where = self._environ[variable].strip(), ENVIRONMENT
        redact.learn(value)
        return value or None, where, problem


def checked_secret(name: str, value: str) -> str:
    """The value without white space around it; AppError("bad_secret") where it cannot be right."""
    label, value = SECRETS[name].label, value.strip()
    if not value:
        raise AppError("bad_secret", f"The {label} is empty.", "Paste the whole of it.")
    if not value.isascii() or not value.isprintable() or " " in value or len(value) > _LONGEST:
        raise AppError(
            "bad_secret",
            f"This cannot be a {label}: one is a single word of letters, digits and signs.",
            "Copy it again, without anything around it.",
        )
    for beginning, other in _BEGINNINGS.items():
        if value.startswith(beginning) and other != name:
            raise AppError(
                "bad_secret",
                f"This looks like a {SECRETS[other].label}, not like a {label}.",
                f"Enter it as {SECRETS[other].label}, or copy the right one.",
            )
    return value


def _known(name: str) -> str:
    if name not in SECRETS:
        raise AppError(
            "not_found", f"There is no secret {name!r}.", f"There are: {', '.join(SECRETS)}."
        )
    return name
