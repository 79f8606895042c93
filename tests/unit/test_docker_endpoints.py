"""Where an engine is looked for, on every system."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.docker.endpoints import (
    DESKTOP,
    DOCKER,
    LINUX,
    MAC,
    PODMAN,
    ROOTLESS,
    WINDOWS,
    Computer,
    find_endpoints,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def linux(tmp_path: Path) -> Computer:
    return Computer({}, tmp_path / "home", LINUX, tmp_path, user=1000)


def add_context(home: Path, name: str, host: str, *, skip_tls: bool = True) -> Path:
    """Write a context as ``docker context create`` does; the folder for its certificates."""
    key = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts" / "meta" / key
    folder.mkdir(parents=True)
    engine = {"Host": host, "SkipTLSVerify": skip_tls}
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": engine}}
    (folder / "meta.json").write_text(json.dumps(document))
    return home / ".docker" / "contexts" / "tls" / key / "docker"


def choose_context(home: Path, name: str) -> None:
    (home / ".docker").mkdir(parents=True, exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


def test_nothing_chosen_on_linux_tries_docker_desktop_rootless_and_podman(linux: Computer) -> None:
    found = find_endpoints(linux)
    assert [place.owner for place in found if place.owner != "other"] == [
        DOCKER, DESKTOP, ROOTLESS, PODMAN, PODMAN,
    ]  # fmt: skip
    sockets = [place.socket_path for place in found]
    assert sockets[0] == f"{linux.root}/var/run/docker.sock"
    assert f"{linux.home}/.docker/desktop/docker.sock" in sockets
    assert f"{linux.root}/run/user/1000/podman/podman.sock" in sockets
    assert all(place.is_local and not place.chosen for place in found)


def test_the_runtime_folder_is_the_sessions_own(linux: Computer) -> None:
    computer = replace(linux, environ={"XDG_RUNTIME_DIR": "/somewhere"})
    sockets = [place.socket_path for place in find_endpoints(computer)]
    assert {"/somewhere/docker.sock", "/somewhere/podman/podman.sock"} <= set(sockets)


def test_on_a_mac_docker_desktops_own_socket_is_among_the_places(linux: Computer) -> None:
    sockets = [p.socket_path for p in find_endpoints(replace(linux, system=MAC))]
    assert f"{linux.home}/.docker/run/docker.sock" in sockets


def test_on_windows_the_places_are_pipes(linux: Computer) -> None:
    found = find_endpoints(replace(linux, system=WINDOWS))
    assert found[0].url == "npipe:////./pipe/docker_engine"
    assert all(place.url.startswith("npipe://") and place.is_local for place in found)


@pytest.mark.parametrize(
    ("given", "url", "local"),
    [
        ("unix:///x/docker.sock", "unix:///x/docker.sock", True),
        ("unix://x/docker.sock", "unix:///x/docker.sock", True),
        ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375", True),
        ("10.0.0.7:2375", "tcp://10.0.0.7:2375", False),
        (" ssh://me@far ", "ssh://me@far", False),
    ],
)
def test_docker_host_is_used_alone(linux: Computer, given: str, url: str, local: bool) -> None:
    choose_context(linux.home, "other")  # docker, too, lets the variable win
    found = find_endpoints(replace(linux, environ={"DOCKER_HOST": given}))
    assert [(one.url, one.chosen, one.is_local) for one in found] == [(url, "DOCKER_HOST", local)]


def test_the_context_in_use_is_used_alone(linux: Computer) -> None:
    add_context(linux.home, "lab", "unix:///lab/docker.sock")
    choose_context(linux.home, "lab")
    (found,) = find_endpoints(linux)
    assert found.url == "unix:///lab/docker.sock"
    assert "lab" in found.chosen


def test_docker_context_wins_over_the_configuration(linux: Computer) -> None:
    add_context(linux.home, "a", "unix:///a.sock")
    add_context(linux.home, "b", "unix:///b.sock")
    choose_context(linux.home, "a")
    (found,) = find_endpoints(replace(linux, environ={"DOCKER_CONTEXT": "b"}))
    assert found.url == "unix:///b.sock"


def test_the_default_context_is_no_choice(linux: Computer) -> None:
    choose_context(linux.home, "default")
    assert len(find_endpoints(linux)) > 1


def test_docker_config_moves_the_configuration(linux: Computer, tmp_path: Path) -> None:
    add_context(tmp_path / "else", "c", "unix:///c.sock")
    choose_context(tmp_path / "else", "c")
    computer = replace(linux, environ={"DOCKER_CONFIG": str(tmp_path / "else" / ".docker")})
    assert [one.url for one in find_endpoints(computer)] == ["unix:///c.sock"]


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"Endpoints": {}}'])
def test_a_chosen_context_that_cannot_be_read_is_told(linux: Computer, broken: str) -> None:
    choose_context(linux.home, "gone")
    if broken:
        add_context(linux.home, "gone", "unix:///x")
        key = hashlib.sha256(b"gone").hexdigest()
        meta = linux.home / ".docker" / "contexts" / "meta" / key / "meta.json"
        meta.write_text(broken)
    with pytest.raises(AppError, match="“gone” is chosen") as caught:
        find_endpoints(linux)
    assert caught.value.kind == "docker_context"
    assert "docker context use default" in caught.value.hint


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"currentContext": null}'])
def test_a_configuration_that_cannot_be_read_chooses_nothing(linux: Computer, content: str) -> None:
    (linux.home / ".docker").mkdir(parents=True)
    (linux.home / ".docker" / "config.json").write_text(content)
    assert len(find_endpoints(linux)) > 1


def test_certificates_come_from_the_context_or_from_docker_cert_path(
    linux: Computer, tmp_path: Path
) -> None:
    folder = add_context(linux.home, "safe", "tcp://10.0.0.7:2376", skip_tls=False)
    folder.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).touch()
    (found,) = find_endpoints(replace(linux, environ={"DOCKER_CONTEXT": "safe"}))
    assert found.tls is not None
    assert (found.tls.ca, found.tls.verify) == (str(folder / "ca.pem"), True)
    environ = {
        "DOCKER_HOST": "tcp://10.0.0.7:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(folder),
    }
    (found,) = find_endpoints(replace(linux, environ=environ))
    assert found.tls is not None
    assert found.tls.key == str(folder / "key.pem")
    del environ["DOCKER_TLS_VERIFY"]
    assert find_endpoints(replace(linux, environ=environ))[0].tls is None
