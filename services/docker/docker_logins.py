"""Logins that the docker command keeps: read as it reads them, never written."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from models.domain.docker import RegistryLogin
from models.domain.errors import AppError
from services.docker.docker_config import config_folder, read_config
from services.docker.logins import HUB_ADDRESS, Login
from services.docker.references import HUB, parse_registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers call a login without a name
_HELPER_SECONDS = 15.0
"""A helper may ask its user to unlock something; an engine's call would wait no longer either."""
_FILE = "docker's configuration"
_HELPER = "docker-credential-{}"


class DockerLogins:
    """``docker login``'s entries: in its configuration, or with a helper that it names."""

    def __init__(self, environ: Mapping[str, str], home: Path) -> None:
        self._environ = environ
        self._home = home

    def find(self, registry: str) -> Login | None:
        """The login for a registry; None where there is none, or its helper does not answer."""
        config = self._config()
        helper = self._helper(config, registry)
        if helper:
            for address in _addresses(registry):
                login = _from_helper(self._ask(helper, "get", address))
                if login is not None:
                    return login
        auths = config.get("auths")
        for key, entry in (auths if isinstance(auths, dict) else {}).items():
            if _host(key) == registry:
                return _from_entry(entry)
        return None

    def list(self) -> list[RegistryLogin]:
        """What there is, without passwords."""
        config = self._config()
        found = {}
        auths = config.get("auths")
        for key, entry in (auths if isinstance(auths, dict) else {}).items():
            login = _from_entry(entry)
            if login is not None:
                found[_host(key)] = RegistryLogin(_host(key), login.user, _FILE)
        for helper, registry, user in self._of_helpers(config):
            found[registry] = RegistryLogin(registry, user, _HELPER.format(helper))
        found.pop("", None)
        return [*found.values()]

    def _of_helpers(self, config: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
        store = str(config.get("credsStore") or "")
        listed = self._ask(store, "list", "") if store else None
        for key, user in (listed if isinstance(listed, dict) else {}).items():
            yield store, _host(key), str(user)
        helpers = config.get("credHelpers")
        for key, helper in (helpers if isinstance(helpers, dict) else {}).items():
            login = self.find(_host(key))
            if login is not None:
                yield str(helper), _host(key), login.user

    def _config(self) -> dict[str, Any]:
        return read_config(config_folder(self._environ, self._home))

    def _helper(self, config: dict[str, Any], registry: str) -> str:
        helpers = config.get("credHelpers")
        for key, helper in (helpers if isinstance(helpers, dict) else {}).items():
            if _host(key) == registry:
                return str(helper)
        return str(config.get("credsStore") or "")

    def _ask(self, helper: str, action: str, address: str) -> Any:
        """A helper's JSON; None where it is missing, refuses or hangs. It reads the address."""
        name = _HELPER.format(helper)
        program = shutil.which(name, path=self._environ.get("PATH", os.defpath))
        if program is None or os.sep in helper:
            _log.warning("%s, which docker's configuration names, is not installed", name)
            return None
        try:
            done = subprocess.run(
                [program, action], input=address, capture_output=True, encoding="utf-8",
                errors="replace", timeout=_HELPER_SECONDS, env=dict(self._environ), check=False,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )  # fmt: skip
            return json.loads(done.stdout) if done.returncode == 0 else None
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            _log.warning("%s did not answer: %s", name, type(error).__name__)
            return None


def _addresses(registry: str) -> tuple[str, ...]:
    """Under which names a helper may know a registry."""
    return (HUB_ADDRESS,) if registry == HUB else (registry, f"https://{registry}")


def _host(key: object) -> str:
    try:
        return parse_registry(str(key))
    except AppError:
        return ""


def _from_helper(answer: Any) -> Login | None:
    if not isinstance(answer, dict) or not answer.get("Secret"):
        return None
    user, secret = str(answer.get("Username") or ""), str(answer["Secret"])
    return Login(user, token=secret) if user == _TOKEN_USER else Login(user, secret)


def _from_entry(entry: Any) -> Login | None:
    if not isinstance(entry, dict):
        return None
    try:
        plain = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, _, password = plain.partition(":")
    token = str(entry.get("identitytoken") or "")
    return Login(user, password.rstrip("\0"), token) if password or token else None
