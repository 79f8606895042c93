"""Making clients of the Docker SDK, which is imported here and nowhere at start-up."""

from __future__ import annotations

import math
import socket
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from services.docker import advice

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.tls import TLSConfig

    from models.domain.errors import AppError
    from services.docker.endpoints import Computer, Endpoint

TIMEOUT_SECONDS = 10.0
"""For each call that is no stream: an engine that needs longer is as good as stopped."""
_ACCESS_DENIED = 5  # of Windows


def connect(
    endpoint: Endpoint, computer: Computer, seconds: float = TIMEOUT_SECONDS
) -> DockerClient:
    """A client of an engine that answered just now, in the engine's own version of the API.

    ``seconds`` is what its first answer may take. AppError of the kinds in
    :mod:`services.docker.advice`.
    """
    _check_address(endpoint)
    problem = knock(endpoint, computer, seconds)
    if problem is not None:
        raise problem
    first = _client(endpoint, advice.OLDEST_API, seconds)
    with closing(first):
        version = _version(first, endpoint, computer)
    api = str(version["ApiVersion"])
    if _number(api) < _number(advice.OLDEST_API):
        raise advice.old(str(version.get("Version") or ""), api, is_podman=is_podman(version))
    if str(version.get("Os") or "linux").lower() == "windows":
        raise advice.windows_containers()
    return _client(endpoint, api, TIMEOUT_SECONDS)


def knock(
    endpoint: Endpoint, computer: Computer, seconds: float = TIMEOUT_SECONDS
) -> AppError | None:
    """Why nothing can be said to this place; None where somebody opens within so many seconds.

    With a socket of our own: the SDK wraps the reason in three exceptions.
    """
    try:
        if endpoint.socket_path:
            _knock_unix(endpoint.socket_path, seconds)
        elif endpoint.url.startswith("tcp://"):
            parts = urlsplit(endpoint.url)
            address = (parts.hostname or "localhost", parts.port or 0)
            socket.create_connection(address, seconds).close()
    except PermissionError:
        return advice.denied(computer, endpoint)
    except OSError:
        return advice.stopped(computer, endpoint)
    return None


def is_podman(version: dict[str, Any]) -> bool:
    """Whether an answer to ``/version`` is Podman's."""
    parts = version.get("Components") or ()
    return any("podman" in str(part.get("Name", "")).lower() for part in parts)


def _knock_unix(path: str, seconds: float) -> None:
    if not stat.S_ISSOCK(Path(path).stat().st_mode):
        raise ConnectionRefusedError(path)
    with closing(socket.socket(socket.AF_UNIX)) as tried:
        tried.settimeout(seconds)
        tried.connect(path)


def _check_address(endpoint: Endpoint) -> None:
    kind = endpoint.url.partition("://")[0]
    if kind == "ssh":
        raise advice.over_ssh(endpoint)
    if kind not in {"unix", "npipe", "tcp", "http", "https"}:
        raise advice.bad_address(endpoint)
    try:
        has_port = urlsplit(endpoint.url).port is not None
    except ValueError:
        has_port = False
    if kind == "tcp" and not has_port:
        raise advice.bad_address(endpoint)


def _version(client: DockerClient, endpoint: Endpoint, computer: Computer) -> dict[str, Any]:
    from docker.errors import APIError
    from requests.exceptions import SSLError

    try:
        found: object = client.api.version(api_version=False)
    except SSLError as error:
        raise advice.bad_tls(endpoint) from error
    except ValueError as error:  # no JSON
        raise advice.no_engine_there(endpoint) from error
    except APIError as error:  # Docker Desktop answers so while it starts
        failed = error.is_server_error()
        raise (
            advice.stopped(computer, endpoint) if failed else advice.no_engine_there(endpoint)
        ) from error
    except Exception as error:  # whatever it is: a pipe raises pywin32's own
        is_denied = getattr(error, "winerror", 0) == _ACCESS_DENIED
        why = advice.denied if is_denied else advice.stopped
        raise why(computer, endpoint) from error
    if not isinstance(found, dict) or not found.get("ApiVersion"):
        raise advice.no_engine_there(endpoint)
    return found


def _client(endpoint: Endpoint, api: str, seconds: float) -> DockerClient:
    """A client that has not connected yet: a version is given, so none is asked for."""
    import docker
    from docker.errors import DockerException

    timeout = math.ceil(seconds)  # the SDK counts in whole ones
    try:
        client = docker.DockerClient(
            base_url=endpoint.url, version=api, timeout=timeout, tls=_tls(endpoint)
        )
    except (DockerException, ValueError, OSError) as error:
        raise advice.bad_address(endpoint) from error
    if endpoint.socket_path:
        from services.docker.tidy_adapter import TidyAdapter

        adapter = TidyAdapter(f"http+{endpoint.url}", timeout=timeout)
        client.api.mount("http+docker://", adapter)
    return client


def _tls(endpoint: Endpoint) -> TLSConfig | bool:
    from docker.errors import TLSParameterError
    from docker.tls import TLSConfig

    files = endpoint.tls
    if files is None:
        return False
    try:
        return TLSConfig(
            client_cert=(files.cert, files.key) if files.cert and files.key else None,
            ca_cert=files.ca or None,
            verify=files.verify,
        )
    except TLSParameterError as error:
        raise advice.bad_tls(endpoint) from error


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
