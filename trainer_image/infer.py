"""``python -m trainer_image.infer``: answers of a base model and of its adapter, over JSON lines.

Requests come on standard input, replies go to standard output, and nothing else does: whatever a
library prints goes to standard error. Requests::

    {"id": 1, "op": "load", "base_model": "...", "adapter": "..." or null}
    {"id": 2, "op": "generate", "messages": [...], "use": "adapter" or "base", ...}
    {"op": "cancel", "id": 2}   {"op": "quit"}

Each reply carries the request's ``id`` and a ``type``: ``loaded``, ``token``, ``done`` or
``error``; ``ready`` comes once at the start. Whoever wants the memory back ends the process.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import time
from threading import Event, Thread
from typing import IO, Any

from pydantic import ValidationError

from trainer_image.chat import Chat, Load, Prompt
from trainer_image.checks import sentences
from trainer_image.contract import FailureKind
from trainer_image.environment import prepare_process
from trainer_image.failures import TrainerError, understand

Request = dict[str, Any]

_SENTENCES = {
    FailureKind.CUDA_OOM: (
        "The GPU ran out of memory.",
        "Close other programs that use it, or ask for fewer tokens.",
    ),
    FailureKind.HOST_OOM: (
        "The computer ran out of memory.",
        "Close other programs, or ask for fewer tokens.",
    ),
    FailureKind.NETWORK: (
        "The base model is not on this computer, and Hugging Face could not be reached.",
        "Check the connection; in Offline mode only models that are here already can be used.",
    ),
    FailureKind.INTERNAL: (
        "The model could not answer.",
        "logs/inference.log has the details; please report it.",
    ),
}
"""Where the sentence of a failed training would mislead."""


def main() -> int:
    """Serve until standard input ends or ``quit`` comes."""
    replies = _claim_stdout()
    prepare_process(
        offline=os.environ.get("HF_HUB_OFFLINE") == "1",
        use_gpu=os.environ.get("CUDA_VISIBLE_DEVICES") != "",
    )
    Worker(replies).serve(sys.stdin.buffer)
    return 0


def _claim_stdout() -> IO[str]:
    """Keep standard output for replies; what anything else writes there goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return replies


class Worker:
    """Does one request at a time; another thread reads, so that a cancellation comes through."""

    def __init__(self, replies: IO[str]) -> None:
        self._replies = replies
        self._chat = Chat()
        self._requests: queue.SimpleQueue[tuple[Request, Event] | None] = queue.SimpleQueue()
        self._cancels: dict[Any, Event] = {}

    def serve(self, requests: IO[bytes]) -> None:
        """Read and answer requests until they end."""
        self._reply(None, "ready")
        Thread(target=self._read, args=(requests,), daemon=True).start()
        while (request := self._requests.get()) is not None:
            self._do(*request)

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
        try:
            self._dispatch(request_id, request, cancel)
        except ValidationError as error:
            self._error(request_id, FailureKind.BAD_CONFIG, sentences(error))
        except Exception as error:  # noqa: BLE001 - the worker outlives any failed request
            failure = understand(error)
            print(failure.details, file=sys.stderr)  # noqa: T201
            message, hint = failure.message, failure.hint
            if not isinstance(error, TrainerError):
                message, hint = _SENTENCES.get(failure.kind, (message, hint))
            self._error(request_id, failure.kind, message, hint)
        finally:
            if self._cancels.get(request_id) is cancel:  # the client may use its id again already
                del self._cancels[request_id]

    def _dispatch(self, request_id: Any, request: Request, cancel: Event) -> None:
        rest = {name: value for name, value in request.items() if name not in ("id", "op")}
        match request.get("op"):
            case "load":
                self._load(request_id, Load.model_validate(rest))
            case "generate":
                self._generate(request_id, Prompt.model_validate(rest), cancel)
            case _:
                raise TrainerError(FailureKind.BAD_CONFIG, "The request has no known 'op'.")

    def _load(self, request_id: Any, load: Load) -> None:
        before = time.monotonic()
        self._chat.load(load)
        self._reply(
            request_id,
            "loaded",
            base_model=load.base_model,
            adapter=load.adapter,
            device=self._chat.device,
            seconds=time.monotonic() - before,
        )

    def _generate(self, request_id: Any, prompt: Prompt, cancel: Event) -> None:
        answer = self._chat.answer(
            prompt, lambda text: self._reply(request_id, "token", text=text), cancel
        )
        self._reply(
            request_id,
            "done",
            text=answer.text,
            tokens=answer.tokens,
            seconds=answer.seconds,
            tokens_per_second=answer.tokens_per_second,
            finish=answer.finish,
        )

    def _error(self, request_id: Any, kind: FailureKind, message: str, hint: str = "") -> None:
        self._reply(request_id, "error", kind=kind, message=message, hint=hint)

    def _reply(self, request_id: Any, type_: str, /, **fields: Any) -> None:
        identity = {} if request_id is None else {"id": request_id}
        reply = identity | {"type": type_} | fields
        self._replies.write(json.dumps(reply, ensure_ascii=False) + "\n")
        self._replies.flush()


def _parse(line: bytes) -> Request:
    """A request; what is none becomes one without an ``op``, which is answered with an error."""
    try:
        request = json.loads(line)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
