"""The engine's stream of a container's output, entry by entry, with times."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.docker.errors import calling
from services.runners.log_lines import as_since

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from services.runners.log_lines import Position

_HEADER = struct.Struct(">BxxxL")
BROKEN = "log_broken"
_CHUNK = 1 << 20
_CONNECT_SECONDS = 10.0
_SILENT_SECONDS = 60.0
"""A stream that is silent for so long is opened anew: it may be dead, as after a laptop's sleep."""


class LogStream:
    """Entries from a position on. :meth:`close` may be called from any thread.

    Of Docker's two kinds of framing only the one without a terminal is known here: ours have none.
    """

    def __init__(
        self, client: DockerClient, container: str, position: Position, *, follow: bool
    ) -> None:
        """AppError where the engine does not answer, or knows no such container (not_found)."""
        api: Any = client.api  # a requests.Session whose own method for logs hides the streams
        parameters: dict[str, str | int] = {
            "stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow),
        }  # fmt: skip
        if position.since:
            parameters["since"] = as_since(position.since)
        url = f"{api.base_url}/v{api.api_version}/containers/{container}/logs"
        with calling("read the container's output"):
            self._response = api.get(
                url, params=parameters, stream=True, timeout=(_CONNECT_SECONDS, _SILENT_SECONDS)
            )
            try:
                api._raise_for_status(self._response)  # makes the SDK's own errors
            except BaseException:  # whatever it was: no open connection stays behind
                self._response.close()
                raise

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Number of the stream (1 output, 2 errors) and entry, to the end of the output.

        AppError(BROKEN) where the connection ends before that, or is silent for too long.
        """
        try:
            while header := self._read(_HEADER.size):
                stream, length = _HEADER.unpack(header)
                yield stream, self._read(length)
        finally:
            self._response.close()

    def _read(self, size: int) -> bytes:
        """So many bytes, or none at the end."""
        data = self._read_some(size)
        if data and len(data) < size:
            raise _broken()
        return data

    def _read_some(self, size: int = _CHUNK) -> bytes:
        from http.client import HTTPException

        from urllib3.exceptions import HTTPError

        try:
            data: bytes = self._response.raw.read(size)
        except (HTTPError, HTTPException, OSError, ValueError, AttributeError) as error:
            # The last two: closed from another thread in the middle of a read.
            raise _broken() from error
        return data

    def count(self) -> int:
        """How many entries there are; quicker than taking them."""
        count, data = 0, b""
        try:
            while more := self._read_some():
                data += more
                begin = 0
                while len(data) - begin >= _HEADER.size:
                    end = begin + _HEADER.size + _HEADER.unpack_from(data, begin)[1]
                    if end > len(data):
                        break
                    count, begin = count + 1, end
                data = data[begin:]
        finally:
            self._response.close()
        return count

    def close(self) -> None:
        """Wake whoever reads, and end the stream."""
        from docker.types import CancellableStream

        cancellable: Any = CancellableStream(iter(()), self._response)
        try:
            cancellable.close()
        except (OSError, AttributeError):  # it has ended by itself
            self._response.close()


def _broken() -> AppError:
    return AppError(
        BROKEN,
        "The connection to the Docker engine broke while the training's output was read.",
        "It is tried again by itself.",
    )
