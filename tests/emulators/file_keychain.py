"""A keychain for tests, as keyring finds one: a JSON file that ``TEST_KEYCHAIN`` names.

Chosen by ``PYTHON_KEYRING_BACKEND=tests.emulators.file_keychain.FileKeychain``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeychain(KeyringBackend):
    """Keeps passwords by service and user."""

    priority = 5.0  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write(self._read() | {f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("no such password")
        self._write(kept)

    def _read(self) -> dict[str, str]:
        path = _path()
        if path.with_suffix(".locked").exists():
            raise KeyringLocked("Failed to unlock the collection!")
        return json.loads(path.read_text()) if path.exists() else {}

    def _write(self, kept: dict[str, str]) -> None:
        _path().write_text(json.dumps(kept))


def _path() -> Path:
    return Path(os.environ["TEST_KEYCHAIN"])
