"""Logins of registries: in the keychain or docker's own helpers, and in no text or log."""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.secrets import KEYCHAIN, MEMORY
from services.docker.docker_logins import DockerLogins
from services.docker.logins import HUB_ADDRESS, Login, LoginStore
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSWORD = "planted-registry-password-1"


class Keychain:
    """A keychain in memory; ``usable`` False is a system without one."""

    def __init__(self, *, usable: bool = True) -> None:
        self.kept: dict[str, str] = {}
        self.usable = usable

    def is_usable(self) -> bool:
        return self.usable

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def set(self, name: str, value: str) -> None:
        self.kept[name] = value

    def remove(self, name: str) -> None:
        self.kept.pop(name, None)


def docker_config(home: Path, document: dict[str, Any]) -> Path:
    (home / ".docker").mkdir(parents=True, exist_ok=True)
    path = home / ".docker" / "config.json"
    path.write_text(json.dumps(document))
    return path


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def helper(tmp_path: Path) -> Callable[[str, dict[str, dict[str, str]]], None]:
    """Install ``docker-credential-NAME`` that knows these logins."""

    def install(name: str, known: dict[str, dict[str, str]]) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / f"docker-credential-{name}"
        listed = {address: entry["Username"] for address, entry in known.items()}
        program.write_text(
            "#!/usr/bin/env python3\nimport json, sys\n"
            f"known, listed = {known!r}, {listed!r}\n"
            "if sys.argv[1] == 'list':\n    print(json.dumps(listed))\n    sys.exit()\n"
            "found = known.get(sys.stdin.read().strip())\n"
            "print(json.dumps(found) if found else 'credentials not found')\n"
            "sys.exit(0 if found else 1)\n"
        )
        program.chmod(0o755)

    return install


def environ_of(home: Path) -> dict[str, str]:
    return {"PATH": f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin"}


def test_logins_of_the_docker_command_are_honoured_and_never_written(tmp_path: Path) -> None:
    entries = {
        HUB_ADDRESS: auth("hubuser", PASSWORD),
        "ghcr.io": {"identitytoken": "planted-token-22"},
    }
    path = docker_config(tmp_path, {"auths": entries})
    before = path.read_bytes()
    store = LoginStore(Keychain(), DockerLogins({}, tmp_path))
    hub, other = store.find("docker.io"), store.find("ghcr.io")
    assert hub is not None
    assert hub.header("docker.io") == {
        "username": "hubuser", "password": PASSWORD, "serveraddress": HUB_ADDRESS,
    }  # fmt: skip
    assert other is not None
    assert other.header("ghcr.io")["identitytoken"] == "planted-token-22"
    assert store.find("quay.io") is None
    assert {one.registry for one in store.list()} == {"docker.io", "ghcr.io"}
    store.keep("docker.io", Login("me", "another-password"))
    assert path.read_bytes() == before


def test_credential_helpers_of_the_docker_command_are_asked(
    tmp_path: Path, helper: Callable[[str, dict[str, dict[str, str]]], None]
) -> None:
    helper("desktop", {HUB_ADDRESS: {"Username": "u", "Secret": PASSWORD}})
    helper("cloud", {"eu.gcr.io": {"Username": "<token>", "Secret": "planted-token-33"}})
    docker_config(tmp_path, {"credsStore": "desktop", "credHelpers": {"eu.gcr.io": "cloud"}})
    logins = DockerLogins(environ_of(tmp_path), tmp_path)
    hub, cloud = logins.find("docker.io"), logins.find("eu.gcr.io")
    assert hub is not None
    assert (hub.user, hub.password) == ("u", PASSWORD)
    assert cloud is not None
    assert cloud.token == "planted-token-33"
    assert {(one.registry, one.where) for one in logins.list()} == {
        ("docker.io", "docker-credential-desktop"), ("eu.gcr.io", "docker-credential-cloud"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        {"credsStore": "gone"},
        {"auths": {"ghcr.io": {"auth": "%%%"}}},
        {"auths": {"ghcr.io": {}, "://": auth("u", "p")}},
        {"auths": [], "credHelpers": "x"},
    ],
)
def test_a_strange_configuration_of_docker_is_no_login(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    docker_config(tmp_path, document)
    logins = DockerLogins(environ_of(tmp_path), tmp_path)
    assert logins.find("ghcr.io") is None
    assert logins.list() == []


def test_a_kept_login_lies_in_the_keychain_alone_and_wins_over_dockers(tmp_path: Path) -> None:
    docker_config(tmp_path, {"auths": {"ghcr.io": auth("theirs", "their-password")}})
    keychain = Keychain()
    store = LoginStore(keychain, DockerLogins({}, tmp_path))
    assert store.keep("ghcr.io", Login("me", PASSWORD)).where == KEYCHAIN
    assert any(PASSWORD in value for value in keychain.kept.values())
    again = LoginStore(keychain, DockerLogins({}, tmp_path))  # the next start of the program
    found = again.find("ghcr.io")
    assert found is not None
    assert (found.user, found.password) == ("me", PASSWORD)
    assert [(one.user, one.where) for one in again.list()] == [("me", KEYCHAIN)]
    assert again.forget("ghcr.io")
    assert keychain.kept == {}
    assert not again.forget("ghcr.io")
    theirs = again.find("ghcr.io")
    assert theirs is not None
    assert theirs.user == "theirs"


def test_without_a_keychain_a_login_lives_as_long_as_the_session(tmp_path: Path) -> None:
    keychain = Keychain(usable=False)
    store = LoginStore(keychain, DockerLogins({}, tmp_path))
    assert store.keep("ghcr.io", Login("me", PASSWORD)).where == MEMORY
    assert store.find("ghcr.io") is not None
    assert LoginStore(keychain, DockerLogins({}, tmp_path)).find("ghcr.io") is None
    assert store.forget("ghcr.io")


def test_passwords_are_in_no_text_form_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    login = Login("me", PASSWORD)
    both = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    assert PASSWORD not in repr(login)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s", redact(f"{PASSWORD} Basic {both}"))
    assert PASSWORD not in caplog.text
    assert both not in caplog.text
