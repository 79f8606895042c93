"""Lines spoken with a worker in a container, over the container's standard streams."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, cast

from services.docker.errors import calling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient

_UNKNOWN = 255
"""As Docker says itself of a container whose end nobody saw."""
_GONE_SECONDS = 15.0
"""After a kill an engine needs seconds at most; then we go on without it."""


class ContainerLink:
    """A :class:`~services.inference_places.WorkerLink` over an attached container.

    The engine closes the container's input when whoever attached is gone, however that happened
    (``StdinOnce``), so a worker never outlives its program.
    """

    def __init__(self, client: DockerClient, spec: Mapping[str, Any], log: Path) -> None:
        """Create the container, attach to it, start it. AppError says what the engine says."""
        self._api = cast("Any", client.api)  # parts of the SDK have no types
        self._log = log
        self._code: int | None = None
        self._ended = threading.Event()
        with calling("start the container that answers"):
            self._id: str = self._api.create_container_from_config(dict(spec))["Id"]
            try:
                self._stream = self._attach()
                # The file that the SDK hands out only reads, and leaves its socket open.
                self._socket = getattr(self._stream, "_sock", self._stream)
                self._start()
            except BaseException:  # whatever it was: no container stays behind
                self._remove()
                raise
        threading.Thread(target=self._await_end, name="inference-end", daemon=True).start()

    @property
    def container_id(self) -> str:
        """The container's id."""
        return self._id

    def write(self, line: str) -> None:
        """Write into the container's standard input."""
        if self._ended.is_set():
            raise ValueError("the container has ended")
        self.send(line.encode())

    def send(self, data: bytes) -> None:
        """Write bytes into the container's standard input."""
        self._socket.sendall(data)

    def pieces(self) -> Iterator[tuple[bool, bytes]]:
        """All that it says, as it comes, until it has ended: whether it is of its standard error,
        and the bytes."""
        from docker.utils import socket as streams

        with contextlib.suppress(OSError, ValueError):
            for stream, data in _frames(self._stream):
                yield stream != streams.STDOUT, data

    def lines(self) -> Iterator[str]:
        """Its standard output line by line; its standard error goes to the log's file."""
        from docker.utils import socket as streams

        begun = b""
        with (
            contextlib.closing(self),
            self._log.open("wb") as log,
            contextlib.suppress(OSError, ValueError),
        ):
            for stream, data in _frames(self._stream):
                if stream != streams.STDOUT:
                    log.write(data)
                    log.flush()
                    continue
                *whole, begun = (begun + data).split(b"\n")
                yield from (line.decode("utf-8", "replace") + "\n" for line in whole)

    def exit_code(self) -> int | None:
        """As the engine told when it ended."""
        return self._code if self._ended.is_set() else None

    def close_input(self) -> None:
        """Close the container's standard input, and leave its output open."""
        with contextlib.suppress(OSError, AttributeError, NotImplementedError):
            self._socket.shutdown(socket.SHUT_WR)

    def wait(self, seconds: float) -> bool:
        """Wait until the engine has said that it ended."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """Remove the container, and wait until it is gone."""
        self._remove()
        self._ended.wait(_GONE_SECONDS)

    def close(self) -> None:
        """Let go of the streams; the container's input ends with them."""
        with contextlib.suppress(OSError):
            self._stream.close()
            self._socket.close()

    def _attach(self) -> Any:
        streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        found = self._api.attach_socket(self._id, params=streams)
        with contextlib.suppress(OSError, AttributeError):  # an answer takes as long as it takes
            getattr(found, "_sock", found).settimeout(None)
        return found

    def _start(self) -> None:
        try:
            self._api.start(self._id)
        except BaseException:  # whatever it was: no open socket stays behind
            self.close()
            raise

    def _await_end(self) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            self._code = int(self._api.wait(self._id, timeout=None)["StatusCode"])
        except (DockerException, RequestException, OSError, ValueError, KeyError):
            self._code = _UNKNOWN
        self._remove()
        self._ended.set()

    def _remove(self) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        with contextlib.suppress(DockerException, RequestException, OSError):
            self._api.remove_container(self._id, force=True)


def _frames(stream: Any) -> Iterator[tuple[int, bytes]]:
    """What comes, by the number of the stream it came on."""
    from docker.utils import socket as streams

    yield from cast("Any", streams).frames_iter(stream, tty=False)
