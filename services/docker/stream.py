"""Long answers of the engine, event by event, that can be stopped at any moment."""

from __future__ import annotations

import json
import queue
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from services.docker.errors import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from docker import DockerClient
    from requests import Response

    from services.progress import CancelToken

_POLL_SECONDS = 0.1
_CHUNK = 2**20
_END_SECONDS = 5.0
_REMOVE_SECONDS = 600.0
_START_SECONDS = 25.0
Answer = TypeVar("Answer")


def engine_events(
    open_response: Callable[[], Response], cancel: CancelToken, what: str
) -> Generator[dict[str, Any], None, None]:
    """The JSON objects of a streamed answer, until it ends.

    Read in a thread, since a silent engine would keep a cancel waiting. Leaving early closes the
    connection, at which the engine stops the work. AppError as :func:`translate` with ``what``.
    """
    reader = _Reader(open_response)
    reader.start()
    try:
        while (item := _next(reader.items, cancel)) is not None:
            if isinstance(item, Exception):
                raise translate(item, what) from item
            yield item
    finally:
        reader.close()


def engine_bytes(
    open_response: Callable[[], Response], cancel: CancelToken, what: str
) -> Generator[bytes, None, None]:
    """The bytes of a streamed answer, until it ends; a cancel closes the connection at once.

    AppError as :func:`translate` with ``what``; Cancelled.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        with abandonable(open_response, cancel) as response, _hung_up_at(cancel, response):
            for chunk in response.iter_content(_CHUNK):
                cancel.raise_if_cancelled()
                yield chunk
    except (DockerException, RequestException, HTTPError, OSError, ValueError) as error:
        cancel.raise_if_cancelled()  # a connection that was closed fails in many ways
        raise translate(error, what) from error
    cancel.raise_if_cancelled()


def start_get(client: DockerClient, path: str) -> Response:
    """As :func:`start_post`, for what is only read."""
    return _checked(client.api.get(_url(client, path), stream=True, timeout=None))


def start_post(client: DockerClient, path: str, **options: Any) -> Response:
    """Post to the engine and return when its answer begins, however long that takes."""
    return _checked(client.api.post(_url(client, path), stream=True, timeout=None, **options))


def start_container(client: DockerClient, container: str) -> None:
    """Start a container: GPUs and a busy computer take longer than the SDK waits for an answer."""
    url = _url(client, f"/containers/{container}/start")
    _checked(client.api.post(url, timeout=_START_SECONDS)).close()


def remove_image(client: DockerClient, name: str, *, force: bool = False) -> None:
    """Remove an image: gigabytes of small files take longer than the SDK waits for an answer."""
    url = _url(client, f"/images/{quote(name, safe='/:@')}")
    parameters = {"force": int(force)}
    _checked(client.api.delete(url, params=parameters, timeout=_REMOVE_SECONDS)).close()


def _url(client: DockerClient, path: str) -> str:
    return f"{client.api.base_url}/v{client.api.api_version}{path}"


def _checked(response: Response) -> Response:
    from docker.errors import create_api_error_from_http_exception
    from requests.exceptions import HTTPError

    try:
        response.raise_for_status()
    except HTTPError as error:
        with response:
            create_api_error_from_http_exception(error)
    return response


def abandonable(work: Callable[[], Answer], cancel: CancelToken) -> Answer:
    """The work's answer; at a cancel it is left to end by itself, in its thread."""
    done: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            done.put((None, error))

    threading.Thread(target=run, name="docker-ask", daemon=True).start()
    while True:
        cancel.raise_if_cancelled()
        with suppress(queue.Empty):
            answer, error = done.get(timeout=_POLL_SECONDS)
            if error is not None:
                raise error
            return answer  # type: ignore[return-value]


@contextmanager
def _hung_up_at(cancel: CancelToken, response: Response) -> Iterator[None]:
    """At a cancel the connection ends, also in the middle of a read."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL_SECONDS):
            if cancel.cancelled:
                _hang_up(response)
                return

    watcher = threading.Thread(target=watch, name="docker-cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(_END_SECONDS)


def _next(
    items: queue.SimpleQueue[dict[str, Any] | Exception | None], cancel: CancelToken
) -> dict[str, Any] | Exception | None:
    while True:
        cancel.raise_if_cancelled()
        with suppress(queue.Empty):
            return items.get(timeout=_POLL_SECONDS)


class _Reader(threading.Thread):
    """Reads one answer. Whatever happens after :meth:`close` interests nobody."""

    def __init__(self, open_response: Callable[[], Response]) -> None:
        super().__init__(name="docker-stream", daemon=True)
        self.items: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()
        self._open = open_response
        self._response: Response | None = None
        self._closed = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Read to the end, or until it is closed."""
        try:
            response = self._open()
            with self._lock:
                self._response = response
                closed = self._closed
            with response:
                for line in () if closed else response.iter_lines(chunk_size=None):
                    if line:
                        self.items.put(json.loads(line))
            self.items.put(None)
        except Exception as error:  # noqa: BLE001 - told where the events are awaited
            self.items.put(error)

    def close(self) -> None:
        """End the connection, also in the middle of a read."""
        with self._lock:
            self._closed = True
            response = self._response
        if response is None:
            return  # it closes itself as soon as the engine answers
        if self.is_alive():
            _hang_up(response)
        self.join(_END_SECONDS)


def _hang_up(response: Response) -> None:
    from docker.types import CancellableStream

    with suppress(OSError, AttributeError):  # it has just ended by itself
        CancellableStream(iter(()), response).close()
