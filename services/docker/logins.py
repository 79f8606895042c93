"""Whom registries know us as: kept in the system's keychain; docker's own logins are only read."""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, Any

from models.domain.docker import RegistryLogin
from models.domain.errors import AppError
from models.domain.secrets import KEYCHAIN, MEMORY
from services.docker.references import HUB
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.docker.docker_logins import DockerLogins
    from services.keychain import Keychain

HUB_ADDRESS = "https://index.docker.io/v1/"
"""Under this name engines and docker's own configuration know Docker Hub."""
_INDEX = "registries"
_ENTRY = "registry {}"


class Login:
    """A user with a password or a token. Its text form never shows either."""

    def __init__(self, user: str, password: str = "", token: str = "") -> None:
        self.user, self.password, self.token = user, password, token
        redact.learn(password, token, base64.b64encode(f"{user}:{password}".encode()).decode())

    def __repr__(self) -> str:
        return f"Login({self.user!r})"

    def header(self, registry: str) -> dict[str, str]:
        """What an engine wants to be told of it."""
        address = HUB_ADDRESS if registry == HUB else registry
        if self.token:
            return {"identitytoken": self.token, "serveraddress": address}
        return {"username": self.user, "password": self.password, "serveraddress": address}


class LoginStore:
    """Our logins, in the keychain or for this session, over those of the docker command.

    The keychain cannot be listed, so the names of the registries are an entry of their own.
    Blocking, up to the keychain's patience; thread-safe.
    """

    def __init__(self, keychain: Keychain, docker: DockerLogins) -> None:
        self._keychain = keychain
        self._docker = docker
        self._memory: dict[str, Login] = {}
        self._lock = threading.Lock()

    def find(self, registry: str) -> Login | None:
        """Ours, else docker's; None where the registry knows neither, and gives what is public.

        A keychain that does not answer is no reason to refuse what may be public.
        """
        with self._lock:
            if registry in self._memory:
                return self._memory[registry]
        try:
            kept = self._read(_ENTRY.format(registry))
        except AppError:
            kept = None
        if isinstance(kept, dict):
            words = (str(kept.get(name) or "") for name in ("user", "password", "token"))
            return Login(*words)
        return self._docker.find(registry)

    def keep(self, registry: str, login: Login) -> RegistryLogin:
        """Keep a login that a registry has accepted; the answer says where it is now."""
        document = {"user": login.user, "password": login.password, "token": login.token}
        try:
            if self._keychain.is_usable():
                self._keychain.set(_ENTRY.format(registry), json.dumps(document))
                self._write_index({*self._index(), registry})
                with self._lock:
                    self._memory.pop(registry, None)
                return RegistryLogin(registry, login.user, KEYCHAIN)
        except AppError:
            pass  # it refused: for this session, then
        with self._lock:
            self._memory[registry] = login
        return RegistryLogin(registry, login.user, MEMORY)

    def forget(self, registry: str) -> bool:
        """Forget our login; whether there was one. Docker's own stays."""
        with self._lock:
            had = self._memory.pop(registry, None) is not None
        if self._keychain.is_usable() and registry in self._index():
            self._keychain.remove(_ENTRY.format(registry))
            self._write_index(self._index() - {registry})
            had = True
        return had

    def list(self) -> Sequence[RegistryLogin]:
        """All of them by registry, ours before docker's."""
        found = {one.registry: one for one in self._docker.list()}
        try:
            ours = self._index() if self._keychain.is_usable() else set()
        except AppError:
            ours = set()
        for registry in ours:
            login = self.find(registry)
            if login is not None:
                found[registry] = RegistryLogin(registry, login.user, KEYCHAIN)
        with self._lock:
            for registry, login in self._memory.items():
                found[registry] = RegistryLogin(registry, login.user, MEMORY)
        return [found[registry] for registry in sorted(found)]

    def _index(self) -> set[str]:
        kept = self._read(_INDEX)
        return {str(one) for one in kept} if isinstance(kept, list) else set()

    def _write_index(self, registries: set[str]) -> None:
        if registries:
            self._keychain.set(_INDEX, json.dumps(sorted(registries)))
        else:
            self._keychain.remove(_INDEX)

    def _read(self, name: str) -> Any:
        text = self._keychain.get(name) if self._keychain.is_usable() else None
        try:
            return json.loads(text) if text else None
        except ValueError:  # somebody else's entry
            return None
