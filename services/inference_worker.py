"""The process that holds base model and adapter in memory, and the lines spoken with it."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.inference_places import is_killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from services.inference_places import WorkerPlace
    from services.progress import CancelToken

Reply = dict[str, Any]
UNLOADED = "unloaded"
"""The kind of the error that a request gets whose worker we ended ourselves."""

_ON_THE_WAY = ("token", "progress")
"""Replies that are followed by others."""
_POLL_SECONDS = 0.05
_QUIT_SECONDS = 0.5
"""An idle worker ends in milliseconds; one that is loading would not hear us for a minute."""
_STDERR_TAIL_BYTES = 4000


class InferenceWorker:
    """One worker of the trainer's code. One request at a time; :meth:`end` from any thread.

    A thread of its own reads the replies, so that whoever waits for one can be cancelled.
    """

    def __init__(self, place: WorkerPlace) -> None:
        self.place = place
        self._link = place.start()
        self._replies: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._number = 0
        self._ended_by_us = False
        self._reader = threading.Thread(target=self._read, name="inference-replies", daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self._ended_by_us and self._link.exit_code() is None

    def ask(
        self, request: Mapping[str, Any], cancel: CancelToken, on_cancel: Callable[[int], None]
    ) -> Iterator[Reply]:
        """Send a request and yield its replies up to and including the last one.

        ``on_cancel`` is called once with the request's number when ``cancel`` is set meanwhile.
        AppError is what the worker says, or that it is gone.
        """
        self._number += 1
        number = self._number
        self.send({**request, "id": number})
        is_told = False
        while True:
            if cancel.cancelled and not is_told:
                is_told = True
                on_cancel(number)
            reply = self._next(number)
            if reply is None:
                continue
            if reply["type"] == "error":
                raise AppError(reply["kind"], reply["message"], reply.get("hint", ""))
            yield reply
            if reply["type"] not in _ON_THE_WAY:
                return

    def send(self, request: Mapping[str, Any]) -> None:
        """Write one line; AppError where nobody reads it any more."""
        try:
            with self._writing:
                if self._ended_by_us:
                    raise self._gone()
                self._link.write(json.dumps(request) + "\n")
        except (OSError, ValueError) as error:
            raise self._gone() from error

    def cancel(self, number: int) -> None:
        """Ask for the end of an answer; it ends with what it has."""
        self.send({"op": "cancel", "id": number})

    def end(self) -> None:
        """End the process and wait until it is gone, and its memory with it."""
        self._ended_by_us = True
        # A long message to a worker that is loading is not read, and whoever writes it waits.
        if self._writing.acquire(timeout=_QUIT_SECONDS):
            self._link.close_input()
            self._writing.release()
        if not self._link.wait(_QUIT_SECONDS):
            self._link.kill()
        self._reader.join(_QUIT_SECONDS)

    def _next(self, number: int) -> Reply | None:
        """The next reply to this request, or None for now."""
        try:
            reply = self._replies.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return None
        if reply is None:
            raise self._gone()
        return reply if reply.get("id") == number else None

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._link.lines():
                self._replies.put(json.loads(line))
        self._replies.put(None)

    def _gone(self) -> AppError:
        if self._ended_by_us:
            return AppError(
                UNLOADED, "The answer was ended, because its memory is needed.", "Ask again later."
            )
        # What stands in the pipe's way is over: its exit code comes within moments.
        self._link.wait(_QUIT_SECONDS)
        return AppError("worker_died", *_last_words(self._link.exit_code()), self._log_tail())

    def _log_tail(self) -> str:
        try:
            data = self.place.log.read_bytes()
        except OSError:
            return ""
        return data[-_STDERR_TAIL_BYTES:].decode("utf-8", errors="replace")


def _last_words(code: int | None) -> tuple[str, str]:
    """What is said of a worker that ended by itself, and what to do."""
    if is_killed(code):
        return (
            "The process that answers was ended by the system, most often for want of memory.",
            "Close other programs or choose a smaller model, then ask again.",
        )
    how = "" if code is None else f" (code {code})"
    return (
        f"The process that answers has ended unexpectedly{how}.",
        "Ask again: it is started anew. If it happens again, logs/inference.log says more.",
    )
