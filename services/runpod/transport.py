"""Calls to Runpod: our name, time limits, retries, and errors that say what was meant."""

from __future__ import annotations

import logging
import random
import threading
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx

from services.runpod.addresses import addresses
from services.runpod.refusals import SERVICE, RunpodError, refusal, unclear
from services.web import anything_goes, hooks, new_client, refused, unreachable, user_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from models.domain.errors import AppError
    from services.runpod.addresses import Addresses

_log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
TRIES = 5
"""Of a call that may be repeated: with the waits below about half a minute in all."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 16.0
LONGEST_RETRY_AFTER = 90.0
"""Runpod's shortest window is a minute; whoever must wait longer has used up an hour or a day."""
_IDEMPOTENT = frozenset({"GET", "PUT", "PATCH", "DELETE"})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The request did not leave this computer, so nothing can have come of it."""


class Transport:
    """Sends with one key. Blocking; may be used from several threads: each has its own connection.

    ``pause`` waits between tries and may raise to end them (``CancelToken.pause``); ``guard`` is
    called before each call and raises where it may not be made.
    """

    def __init__(
        self,
        key: str,
        where: Addresses | None = None,
        *,
        pause: Callable[[float], None] = time.sleep,
        guard: Callable[[], None] = anything_goes,
    ) -> None:
        self._key = key
        self._hooks = hooks(guard)
        self.where = where or addresses()
        self._pause = pause
        self._local = threading.local()
        self._clients: list[httpx.Client] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the connections of all threads."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()

    def call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON object, empty for 204. ``path`` begins after ``/v2``.

        Waits as often as Runpod asks for it, and repeats what may be repeated: every call but a
        POST, and a POST that was never sent or was turned away unread (429). Raises RunpodError;
        of the kind ``create_unclear`` where a POST may or may not have been carried out.
        """
        url = f"{self.where.rest}/v2{path}"
        response = self._repeated(method, url, what, json=body, params=query)
        return {} if response.status_code == httpx.codes.NO_CONTENT else json_object(response)

    def dated(self, path: str, what: str) -> tuple[dict[str, Any], datetime | None]:
        """What is at ``path``, and the moment at which Runpod's own clock said so, where it did."""
        response = self._repeated("GET", f"{self.where.rest}/v2{path}", what)
        return json_object(response), _moment(response.headers.get("Date", ""))

    def ask_graphql(self, query: str, what: str) -> dict[str, Any]:
        """The ``data`` of a GraphQL query, which must change nothing: it is repeated."""
        response = self._repeated(
            "POST", self.where.graphql, what, json={"query": query}, reads_only=True
        )
        content = json_object(response)
        errors, data = content.get("errors"), content.get("data")
        if errors or not isinstance(data, dict):
            raise refused(response.status_code, SERVICE, str(errors))
        return data

    def stream_client(self, timeout: httpx.Timeout) -> httpx.Client:
        """A client of its own, as for an answer that never ends; close it."""
        return new_client(timeout=timeout, headers=self._headers(), event_hooks=self._hooks)

    def _repeated(
        self, method: str, url: str, what: str, *, reads_only: bool = False, **sent: Any
    ) -> httpx.Response:
        may_repeat = reads_only or method in _IDEMPOTENT
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(method, url, what, may_repeat=may_repeat, **sent)
            except _Again as again:
                if attempt == TRIES or again.wait > LONGEST_RETRY_AFTER:
                    raise again.error from None
                wait = again.wait or _backoff(attempt)
                _log.info("Runpod, %s: %s; again in %.1f s", what, again.error.message, wait)
                self._pause(wait)
        raise AssertionError(TRIES)

    def _once(
        self, method: str, url: str, what: str, *, may_repeat: bool, **sent: Any
    ) -> httpx.Response:
        try:
            response = self._client().request(method, url, **sent)
        except httpx.HTTPError as error:
            failure = unreachable(error, url, SERVICE)
            if may_repeat or isinstance(error, _NEVER_SENT):
                raise _Again(failure) from None
            raise unclear(failure, what) from None
        _note(method, response)
        if response.is_success:
            return response
        refusing = refusal(response, what)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise _Again(refusing, refusing.retry_after)
        if response.is_server_error and may_repeat:
            raise _Again(refusing, refusing.retry_after)
        raise unclear(refusing, what) if response.is_server_error else refusing

    def _client(self) -> httpx.Client:
        client: httpx.Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self.stream_client(TIMEOUT)
            self._local.client = client
            with self._lock:
                self._clients.append(client)
        return client

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": user_agent(), "Authorization": f"Bearer {self._key}"}


class _Again(Exception):  # noqa: N818 - a wish of this module, never seen outside
    """The call may be tried again; ``error`` is what to say when it may not any more."""

    def __init__(self, error: AppError, wait: float = 0.0) -> None:
        self.error = error
        self.wait = wait


def json_object(response: httpx.Response) -> dict[str, Any]:
    """The answer as an object. RunpodError("bad_answer") where it is none."""
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        error = refused(response.status_code, SERVICE, response.text)
        raise RunpodError("bad_answer", error.message, error.hint, error.details)
    return content


def _moment(date: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _backoff(attempt: int) -> float:
    """Doubling waits, spread so that programs which failed together do not return together."""
    wait: float = min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
    return wait * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _note(method: str, response: httpx.Response) -> None:
    request_id = response.headers.get("x-request-id", "none")
    path, status = response.url.path, response.status_code
    _log.debug("Runpod: %s %s: %d, request %s", method, path, status, request_id)
