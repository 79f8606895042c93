"""A worker that is spoken with in JSON lines: requests on standard input, replies on standard
output, and nothing else there: whatever a library prints goes to standard error.

Each reply carries the request's ``id`` and a ``type``; ``ready`` comes once at the start, ``error``
ends a request that failed. ``{"op": "cancel", "id": 2}`` and ``{"op": "quit"}`` are understood by
every worker. Whoever wants the memory back ends the process.
"""

from __future__ import annotations

import json
import os
import queue
import sys
from threading import Event, Thread
from typing import IO, TYPE_CHECKING, Any

from pydantic import ValidationError

from trainer_image.checks import sentences
from trainer_image.contract import FailureKind
from trainer_image.failures import TrainerError, understand

if TYPE_CHECKING:
    from collections.abc import Mapping

Request = dict[str, Any]


def claim_stdout() -> IO[str]:
    """Keep standard output for replies; what anything else writes there goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return replies


class LineWorker:
    """Does one request at a time; another thread reads, so that a cancellation comes through.

    ``sentences`` says what is told of a failure where the sentence of a failed training would
    mislead.
    """

    def __init__(
        self, replies: IO[str], sentences: Mapping[FailureKind, tuple[str, str]] | None = None
    ) -> None:
        self._replies = replies
        self._sentences = sentences or {}
        self._requests: queue.SimpleQueue[tuple[Request, Event] | None] = queue.SimpleQueue()
        self._cancels: dict[Any, Event] = {}

    def serve(self, requests: IO[bytes]) -> None:
        """Read and answer requests until they end."""
        self.reply(None, "ready")
        Thread(target=self._read, args=(requests,), daemon=True).start()
        while (request := self._requests.get()) is not None:
            self._do(*request)

    def dispatch(self, request_id: Any, op: object, rest: Request, cancel: Event) -> None:
        """Do one request and reply to it; any exception becomes an ``error``."""
        raise TrainerError(FailureKind.BAD_CONFIG, "The request has no known 'op'.")

    def reply(self, request_id: Any, type_: str, /, **fields: Any) -> None:
        """Say something of a request."""
        identity = {} if request_id is None else {"id": request_id}
        reply = identity | {"type": type_} | fields
        self._replies.write(json.dumps(reply, ensure_ascii=False) + "\n")
        self._replies.flush()

    def _read(self, requests: IO[bytes]) -> None:
        for line in requests:
            request = _parse(line)
            if request.get("op") == "cancel":
                self._cancel(request.get("id"))
            elif request.get("op") == "quit":
                break
            else:
                cancel = self._cancels[request.get("id")] = Event()
                self._requests.put((request, cancel))
        for request_id in list(self._cancels):
            self._cancel(request_id)
        self._requests.put(None)

    def _cancel(self, request_id: Any) -> None:
        event = self._cancels.get(request_id)
        if event is not None:
            event.set()

    def _do(self, request: Request, cancel: Event) -> None:
        request_id = request.get("id")
        rest = {name: value for name, value in request.items() if name not in ("id", "op")}
        try:
            self.dispatch(request_id, request.get("op"), rest, cancel)
        except ValidationError as error:
            self._error(request_id, FailureKind.BAD_CONFIG, sentences(error))
        except Exception as error:  # noqa: BLE001 - the worker outlives any failed request
            failure = understand(error)
            print(failure.details, file=sys.stderr)  # noqa: T201
            message, hint = failure.message, failure.hint
            if not isinstance(error, TrainerError):
                message, hint = self._sentences.get(failure.kind, (message, hint))
            self._error(request_id, failure.kind, message, hint)
        finally:
            if self._cancels.get(request_id) is cancel:  # the client may use its id again already
                del self._cancels[request_id]

    def _error(self, request_id: Any, kind: FailureKind, message: str, hint: str = "") -> None:
        self.reply(request_id, "error", kind=kind, message=message, hint=hint)


def _parse(line: bytes) -> Request:
    """A request; what is none becomes one without an ``op``, which is answered with an error."""
    try:
        request = json.loads(line)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}
