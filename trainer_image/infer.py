"""``python -m trainer_image.infer``: answers of a base model and of its adapter, over JSON lines.

Requests come on standard input, replies go to standard output (:mod:`trainer_image.lines`)::

    {"id": 1, "op": "load", "base_model": "...", "adapter": "..." or null}
    {"id": 2, "op": "generate", "messages": [...], "use": "adapter" or "base", ...}

The replies are of the types ``loaded``, ``token`` and ``done``.
"""

from __future__ import annotations

import os
import sys
import time
from typing import IO, TYPE_CHECKING, Any

from trainer_image.chat import Chat, Load, Prompt
from trainer_image.contract import FailureKind
from trainer_image.environment import prepare_process
from trainer_image.lines import LineWorker, Request, claim_stdout

if TYPE_CHECKING:
    from threading import Event

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
"""What is said instead of the sentences of a failed training."""


def main() -> int:
    """Serve until standard input ends or ``quit`` comes."""
    replies = claim_stdout()
    prepare_process(
        offline=os.environ.get("HF_HUB_OFFLINE") == "1",
        use_gpu=os.environ.get("CUDA_VISIBLE_DEVICES") != "",
    )
    Worker(replies).serve(sys.stdin.buffer)
    return 0


class Worker(LineWorker):
    """Loads models and asks them."""

    def __init__(self, replies: IO[str]) -> None:
        super().__init__(replies, _SENTENCES)
        self._chat = Chat()

    def dispatch(self, request_id: Any, op: object, rest: Request, cancel: Event) -> None:
        """``load`` or ``generate``."""
        match op:
            case "load":
                self._load(request_id, Load.model_validate(rest))
            case "generate":
                self._generate(request_id, Prompt.model_validate(rest), cancel)
            case _:
                super().dispatch(request_id, op, rest, cancel)

    def _load(self, request_id: Any, load: Load) -> None:
        before = time.monotonic()
        self._chat.load(load)
        self.reply(
            request_id,
            "loaded",
            base_model=load.base_model,
            adapter=load.adapter,
            device=self._chat.device,
            seconds=time.monotonic() - before,
        )

    def _generate(self, request_id: Any, prompt: Prompt, cancel: Event) -> None:
        answer = self._chat.answer(
            prompt, lambda text: self.reply(request_id, "token", text=text), cancel
        )
        self.reply(
            request_id,
            "done",
            text=answer.text,
            tokens=answer.tokens,
            seconds=answer.seconds,
            tokens_per_second=answer.tokens_per_second,
            finish=answer.finish,
        )


if __name__ == "__main__":
    sys.exit(main())
