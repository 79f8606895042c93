"""Why no engine can be used, as a sentence, and the next step on this system."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.docker.endpoints import (
    DESKTOP,
    DOCKER,
    LINUX,
    MAC,
    OTHER,
    PODMAN,
    ROOTLESS,
    WINDOWS,
)

if TYPE_CHECKING:
    from services.docker.endpoints import Computer, Endpoint

MISSING, STOPPED, DENIED, OLD = "docker_missing", "docker_stopped", "docker_denied", "docker_old"
OLDEST_API = "1.41"
"""Docker 20.10's: the oldest with device requests, cgroup choice and platforms as we use them."""
_OLDEST_ENGINE = "20.10"
_DESKTOP_FOLDERS = {
    LINUX: "opt/docker-desktop",
    MAC: "Applications/Docker.app",
    WINDOWS: "Program Files/Docker/Docker",
}
_WITHOUT = "Without Docker, training works with Python on this computer."


def no_engine(computer: Computer) -> AppError:
    """Nothing listens in any usual place: not started, or not installed."""
    owner = _installed(computer)
    if owner is None:
        return AppError(
            MISSING,
            "Docker is not installed on this computer.",
            f"{_install(computer)} {_WITHOUT}",
        )
    return stopped(computer, None, owner)


def stopped(computer: Computer, endpoint: Endpoint | None, owner: str = "") -> AppError:
    """An engine that is there and does not answer."""
    owner = owner or (endpoint.owner if endpoint is not None else DOCKER)
    name = {DESKTOP: "Docker Desktop", PODMAN: "Podman"}.get(owner, "The Docker engine")
    if endpoint is None or not endpoint.chosen:
        return AppError(STOPPED, f"{name} is not running.", _start(computer, owner))
    return AppError(
        STOPPED,
        f"{name} does not answer at {endpoint.url}, which {endpoint.chosen} names.",
        f"{_start(computer, owner)} If that address is not the right one, {_unchoose(endpoint)}.",
    )


def denied(computer: Computer, endpoint: Endpoint) -> AppError:
    """The engine is there, and this user may not use it."""
    place = endpoint.socket_path or endpoint.url
    message = f"You are not allowed to use the Docker engine ({place})."
    if computer.system == WINDOWS:
        hint = "Add your account to the group docker-users, then sign out and in again."
    elif computer.system == MAC:
        hint = "Start Docker Desktop as the user who is logged in, then try again."
    elif endpoint.owner in {PODMAN, ROOTLESS, DESKTOP}:
        hint = "This socket belongs to another user. Start the engine as yourself."
    else:
        hint = _group_step(Path(place))
    return AppError(DENIED, message, hint)


def old(version: str, api: str, *, is_podman: bool = False) -> AppError:
    """The engine answers, but lacks what we need of it."""
    name, oldest = ("Podman", "4.0") if is_podman else ("Docker", _OLDEST_ENGINE)
    return AppError(
        OLD,
        f"{name} {version} is too old for Temper: its programming "
        f"interface is {api}, and {OLDEST_API} is needed.",
        f"Update it to {oldest} or later.",
    )


def windows_containers() -> AppError:
    """Docker Desktop in the mode that no Linux image runs in."""
    return AppError(
        "docker_windows",
        "Docker runs Windows containers just now; training needs Linux containers.",
        "Choose “Switch to Linux containers” in Docker Desktop's menu.",
    )


def over_ssh(endpoint: Endpoint) -> AppError:
    """An engine behind SSH: the SDK would need an SSH library, and folders are not shared."""
    host = endpoint.url.removeprefix("ssh://")
    return AppError(
        "docker_ssh",
        f"{endpoint.chosen or 'Docker'} names an engine over SSH ({host}), which Temper cannot "
        "use: the training's folders are on this computer.",
        f"Use this computer's own engine: {_unchoose(endpoint)}.",
    )


def elsewhere(endpoint: Endpoint) -> AppError:
    """An engine of another computer, while nothing may leave this one."""
    return AppError(
        "offline",
        f"Offline mode: {endpoint.chosen or 'Docker'} names an engine on another computer "
        f"({endpoint.url}), which is not asked.",
        f"Use this computer's own engine: {_unchoose(endpoint)}.",
    )


def bad_address(endpoint: Endpoint) -> AppError:
    """An address that means nothing to us."""
    return AppError(
        "docker_address",
        f"{endpoint.chosen or 'Docker'} names the engine's address {endpoint.url!r}, "
        "which cannot be read.",
        "An address looks like unix:///var/run/docker.sock or tcp://127.0.0.1:2375.",
    )


def no_engine_there(endpoint: Endpoint) -> AppError:
    """Something answers, and it is not an engine."""
    other = "look what listens there, or name another address in DOCKER_HOST"
    return AppError(
        "docker_address",
        f"What answers at {endpoint.url} is no Docker engine.",
        f"Use another one: {_unchoose(endpoint) if endpoint.chosen else other}.",
    )


def bad_tls(endpoint: Endpoint) -> AppError:
    """Certificates that are not there or do not fit."""
    return AppError(
        "docker_tls",
        f"No safe connection to the engine at {endpoint.url}: the certificates that "
        f"{endpoint.chosen or 'Docker'} names are missing or not the engine's.",
        "Check the files ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or the context.",
    )


def _installed(computer: Computer) -> str | None:
    """What is installed here, if anything."""
    if (computer.root / _DESKTOP_FOLDERS.get(computer.system, "nowhere")).exists():
        return DESKTOP
    for program, owner in (("dockerd", DOCKER), ("docker", DOCKER), ("podman", PODMAN)):
        if computer.which(program):
            on_linux = computer.system == LINUX or owner == PODMAN
            return owner if on_linux else DESKTOP
    return None


def _install(computer: Computer) -> str:
    if computer.system != LINUX:
        return "Install Docker Desktop from docker.com and start it."
    return (
        "Install Docker Engine (on Debian and Ubuntu: sudo apt install docker.io; otherwise see "
        "docs.docker.com/engine/install) or Docker Desktop."
    )


def _start(computer: Computer, owner: str) -> str:
    if owner == PODMAN:
        on_linux = computer.system == LINUX
        return f"Start it: {'systemctl --user start podman.socket' if on_linux else 'podman machine start'}"  # noqa: E501
    if computer.system != LINUX:
        return "Start Docker Desktop and wait until it says that the engine is running."
    if owner == DESKTOP:
        return "Start it from the menu, or with: systemctl --user start docker-desktop"
    if owner == ROOTLESS:
        return "Start it: systemctl --user start docker"
    if owner == OTHER:
        return "Start it, then try again."
    systemd = "sudo systemctl start docker"
    return f"Start it: {systemd if computer.has_systemd else 'sudo service docker start'}"


def _unchoose(endpoint: Endpoint) -> str:
    if endpoint.chosen == "DOCKER_HOST":
        return "change or unset the variable DOCKER_HOST and start Temper again"
    return "choose another one with: docker context use default"


def _group_step(socket: Path) -> str:
    """Being in the group, and being in it in this session, are two things."""
    group, members = _group_of(socket)
    if group == "root":
        return f"Only root may use {socket}. Set up rootless Docker, or give it to a group."
    if _user_name() in members:
        return f"You are in the group {group}, but not yet in this session: log out and in again."
    return (
        f"Add yourself to the group {group}: sudo usermod -aG {group} $USER, then log out and in "
        "again. Its members can do what root can; rootless Docker needs no group."
    )


def _group_of(socket: Path) -> tuple[str, list[str]]:
    if sys.platform != "win32":
        import grp

        with suppress(OSError, KeyError):
            found = grp.getgrgid(socket.stat().st_gid)
            return found.gr_name, found.gr_mem
    return "docker", []


def _user_name() -> str:
    if sys.platform != "win32":
        import os
        import pwd

        with suppress(KeyError):
            return pwd.getpwuid(os.getuid()).pw_name
    return ""
