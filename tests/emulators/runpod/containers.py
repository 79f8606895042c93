"""Pods that are Docker containers: a real image, a real disk of its own, a real mount.

They share the network of the computer, so an agent in one finds the emulator where it is; therefore
a variable that holds nothing but the number of an exposed port is replaced by a free one, as with
processes. Their clock is the real one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.machines import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient

    from tests.emulators.runpod.machines import Container

LABEL = "runpod-emulator.pod"


@dataclass
class ContainerMachine:
    """Runs a pod as a container of ``image``, whatever image the pod names."""

    client: DockerClient
    image: str
    _container: Any = None
    _code: int | None = None
    _ports: dict[int, int] = field(default_factory=dict)

    def start(self, container: Container, say: Callable[[str], None]) -> None:
        self.stop()
        self._ports = {port: free_port() for port in container.ports}
        env = {name: self._here(value) for name, value in container.env.items()}
        volumes = []
        if container.folder is not None:
            container.folder.chmod(0o777)  # whoever the image's user is
            volumes = [f"{container.folder}:{container.mount}"]
        self._container = self.client.containers.run(
            self.image, list(container.command[1:]), entrypoint=[container.command[0]],
            environment=env, volumes=volumes, network_mode="host", detach=True,
            labels={LABEL: container.pod_id},
        )  # fmt: skip
        watch = (self._container, say)
        threading.Thread(target=self._watch, args=watch, daemon=True).start()

    def exit_code(self) -> int | None:
        return 127 if self._container is None else self._code

    def address(self, port: int) -> tuple[str, int] | None:
        found = self._ports.get(port)
        return ("127.0.0.1", found) if found and self.exit_code() is None else None

    def stop(self) -> None:
        container, self._container = self._container, None
        self._code = None
        if container is not None:
            container.remove(force=True, v=True)

    def _here(self, value: str) -> str:
        known = value.isdecimal() and int(value) in self._ports
        return str(self._ports[int(value)]) if known else value

    def _watch(self, container: Any, say: Callable[[str], None]) -> None:
        """Say what it prints, then how it ended."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            for line in _lines(container.logs(stream=True, follow=True)):
                say(line)
            code = int(container.wait()["StatusCode"])
        except (DockerException, RequestException, OSError):
            code = 137  # it was removed
        if container is self._container:
            self._code = code


def _lines(pieces: Any) -> Any:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")
