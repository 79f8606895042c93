"""The container engine: found once, spoken to through the Docker SDK, asked anew when wanted."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.docker import advice
from services.docker.endpoints import Endpoint, find_endpoints, this_computer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docker import DockerClient

    from models.domain.docker import EngineInfo, GpuSupport
    from services.docker.endpoints import Computer

_TELLING = (advice.DENIED, advice.OLD, "docker_windows", "docker_address", advice.STOPPED)
"""Of several places that do not serve, the one whose reason helps most is told."""

_PIPES = "//./pipe/"

AGAIN_SECONDS = 1.0
"""For the first answer of an engine that gave none last time."""


class DockerEngine:
    """Blocking; every call may be made from any thread. Nothing is looked for before the first.

    What raises: :meth:`client` and all that build on it raise AppError of the kinds
    ``docker_missing``, ``docker_stopped``, ``docker_denied``, ``docker_old``, and of what the user
    chose wrongly (``docker_context``, ``docker_address``, ``docker_ssh``, ``docker_tls``,
    ``docker_windows``), each with the next step for this system; and ``offline`` where the engine
    is on another computer, which Offline mode does not ask.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        computer: Computer | None = None,
        is_offline: Callable[[], bool] = lambda: False,
    ) -> None:
        self._computer = computer or this_computer(environ)
        self._is_offline = is_offline
        self._found: Endpoint | None = None
        self._clients: dict[str, DockerClient] = {}
        self._silent: set[str] = set()
        self._lock = threading.Lock()

    def client(self) -> DockerClient:
        """A client of the engine the user chose, else of the first that answers; kept."""
        return self._client_of(self.endpoint())

    def client_at(self, url: str) -> DockerClient:
        """A client of the engine at this address, found or not; AppError where it is not up."""
        with self._lock:
            known = self._found if self._found and self._found.url == url else None
        return self._client_of(known or self._endpoint_at(url))

    def endpoint(self) -> Endpoint:
        """Where the engine is that :meth:`client` speaks to."""
        with self._lock:
            found = self._found
        if found is None:
            found = self._search()  # unlocked: it may take long, and forget() must not wait
            with self._lock:
                self._found = found
        return found

    def info(self) -> EngineInfo:
        """What the engine is, asked now. AppError where it does not answer."""
        from services.docker.engine_info import engine_info
        from services.docker.errors import calling

        client, endpoint = self.client(), self.endpoint()
        with calling("say what it is"):
            info, version = client.info(), client.version()
        return engine_info(endpoint, info, version, self._computer)

    def try_gpu(self, image: str, devices: str = "all") -> GpuSupport:
        """Whether a container of ``image`` really gets the GPUs: one is started and removed."""
        from services.docker.gpu import try_gpu

        return try_gpu(self.client(), image, self.info().kind, devices)

    def forget(self) -> None:
        """Look for the engine anew at the next call."""
        with self._lock:
            clients, self._clients, self._found = [*self._clients.values()], {}, None
        for client in clients:
            client.close()

    def _client_of(self, endpoint: Endpoint) -> DockerClient:
        if not endpoint.is_local and self._is_offline():
            raise advice.elsewhere(endpoint)
        with self._lock:
            known = self._clients.get(endpoint.url)
        if known is not None:
            return known
        made = self._connect(endpoint)
        with self._lock:
            kept = self._clients.setdefault(endpoint.url, made)
        if kept is not made:  # another thread was faster
            made.close()
        return kept

    def _connect(self, endpoint: Endpoint) -> DockerClient:
        """One that was silent for the whole of its time is given little at the next try: what
        waits for it, as a start does, is told at once what is known."""
        from services.docker.sdk import TIMEOUT_SECONDS, connect

        seconds = AGAIN_SECONDS if endpoint.url in self._silent else TIMEOUT_SECONDS
        began = time.monotonic()
        try:
            made = connect(endpoint, self._computer, seconds)
        except AppError as error:
            if error.kind == advice.STOPPED and time.monotonic() - began >= seconds:
                self._silent.add(endpoint.url)
            raise
        self._silent.discard(endpoint.url)
        return made

    def _search(self) -> Endpoint:
        places = find_endpoints(self._computer)
        problems: list[AppError] = []
        for place in places:
            if not place.chosen and not _may_be_there(place):
                continue
            try:
                self._client_of(place)
            except AppError as error:
                if place.chosen:
                    raise
                problems.append(error)
            else:
                return place
        telling = (one for kind in _TELLING for one in problems if one.kind == kind)
        raise next(telling, None) or advice.no_engine(self._computer)

    def _endpoint_at(self, url: str) -> Endpoint:
        """With the certificates that belong to it, where it is among the usual or the chosen."""
        try:
            places = find_endpoints(self._computer)
        except AppError:
            places = ()
        return next((place for place in places if place.url == url), Endpoint(url))


def _may_be_there(place: Endpoint) -> bool:
    """Whether there is a socket or a pipe; an address has to be tried."""
    try:
        if sys.platform == "win32" and place.url.startswith("npipe:"):
            return place.url.rpartition("/")[2] in os.listdir(_PIPES)  # noqa: PTH208
        return not place.socket_path or Path(place.socket_path).exists()
    except OSError:  # a folder we may not look into: trying tells more
        return True
