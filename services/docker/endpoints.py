"""Where a container engine may listen, in the order in which places are tried."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.docker.docker_config import TlsFiles, chosen_context, config_folder, tls_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DOCKER, DESKTOP, ROOTLESS, PODMAN, OTHER = "docker", "desktop", "rootless", "podman", "other"
"""What an endpoint belongs to, as far as its place tells; the next step depends on it."""
LINUX, MAC, WINDOWS = "linux", "darwin", "win32"


@dataclass(frozen=True, slots=True)
class Computer:
    """What of this computer the search depends on; tests give another one."""

    environ: Mapping[str, str]
    home: Path
    system: str
    root: Path = Path("/")
    user: int = 0
    which: Callable[[str], str | None] = shutil.which

    @property
    def runtime(self) -> Path:
        """The folder for the user's sockets."""
        given = self.environ.get("XDG_RUNTIME_DIR", "")
        return Path(given) if given else self.root / "run" / "user" / str(self.user)

    @property
    def has_systemd(self) -> bool:
        """Whether services are started with systemctl."""
        return (self.root / "run" / "systemd" / "system").is_dir()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place. ``chosen`` says by what the user chose it; then no other place is tried."""

    url: str
    owner: str = OTHER
    chosen: str = ""
    tls: TlsFiles | None = None

    @property
    def socket_path(self) -> str:
        """The socket's file; empty for a pipe or an address."""
        return self.url.removeprefix("unix://") if self.url.startswith("unix://") else ""

    @property
    def is_local(self) -> bool:
        """Whether the engine sees this computer's folders, as far as its address tells."""
        if self.url.startswith(("unix://", "npipe://")):
            return True
        host = self.url.partition("://")[2].rpartition(":")[0]
        return host.strip("[]") in {"localhost", "127.0.0.1", "::1"}


def this_computer(environ: Mapping[str, str] | None = None) -> Computer:
    """This one."""
    getuid = getattr(os, "getuid", None)
    return Computer(
        os.environ if environ is None else environ,
        Path.home(),
        LINUX if sys.platform.startswith("linux") else sys.platform,
        user=getuid() if getuid is not None else 0,
    )


def find_endpoints(computer: Computer) -> Sequence[Endpoint]:
    """The one place that the user chose, else every place where an engine may be.

    As the docker command does it: DOCKER_HOST before DOCKER_CONTEXT before ``docker context use``.
    AppError("docker_context") for a chosen context that cannot be read.
    """
    environ, folder = computer.environ, config_folder(computer.environ, computer.home)
    if host := environ.get("DOCKER_HOST", "").strip():
        files = _tls_of_environment(environ, folder) if host.startswith("tcp") else None
        return [Endpoint(_normal(host), _owner(host, computer), "DOCKER_HOST", files)]
    context = chosen_context(environ, folder)
    if context is not None:
        by = f"Docker's context “{context.name}”"
        return [Endpoint(_normal(context.url), _owner(context.url, computer), by, context.tls)]
    return _usual_places(computer)


def _usual_places(computer: Computer) -> list[Endpoint]:
    if computer.system == WINDOWS:
        return [
            Endpoint("npipe:////./pipe/docker_engine", DESKTOP),
            Endpoint("npipe:////./pipe/dockerDesktopLinuxEngine", DESKTOP),
            Endpoint("npipe:////./pipe/podman-machine-default", PODMAN),
        ]
    places = _mac_places(computer) if computer.system == MAC else _linux_places(computer)
    return [Endpoint(f"unix://{path}", owner) for path, owner in places]


def _linux_places(computer: Computer) -> list[tuple[Path, str]]:
    return [
        (computer.root / "var/run/docker.sock", DOCKER),
        (computer.home / ".docker/desktop/docker.sock", DESKTOP),
        (computer.runtime / "docker.sock", ROOTLESS),
        (computer.home / ".rd/docker.sock", OTHER),
        (computer.runtime / "podman/podman.sock", PODMAN),
        (computer.root / "run/podman/podman.sock", PODMAN),
    ]


def _mac_places(computer: Computer) -> list[tuple[Path, str]]:
    temporary = Path(computer.environ.get("TMPDIR", "") or computer.root / "tmp")
    return [
        (computer.root / "var/run/docker.sock", DESKTOP),
        (computer.home / ".docker/run/docker.sock", DESKTOP),
        (computer.home / ".orbstack/run/docker.sock", OTHER),
        (computer.home / ".colima/default/docker.sock", OTHER),
        (computer.home / ".rd/docker.sock", OTHER),
        (computer.home / ".local/share/containers/podman/machine/podman.sock", PODMAN),
        (temporary / "podman/podman-machine-default-api.sock", PODMAN),
    ]


def _owner(url: str, computer: Computer) -> str:
    """What the address of a chosen engine gives away."""
    known = {place.url: place.owner for place in _usual_places(computer)}
    if _normal(url) in known:
        return known[_normal(url)]
    if "podman" in url:
        return PODMAN
    return DESKTOP if ".docker/" in url or "dockerDesktop" in url else OTHER


def _normal(url: str) -> str:
    """``unix://path`` means ``unix:///path``, and an address alone is one of TCP."""
    url = url.strip()
    if "://" not in url:
        return f"tcp://{url}"
    kind, rest = url.split("://", 1)
    if kind == "unix" and not rest.startswith("/"):
        rest = f"/{rest}"
    return f"{kind}://{rest}".rstrip("/")


def _tls_of_environment(environ: Mapping[str, str], folder: Path) -> TlsFiles | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    given = environ.get("DOCKER_CERT_PATH", "")
    return tls_folder(Path(given) if given else folder, verify=verify)
