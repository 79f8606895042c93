"""Asking a run's model from a terminal: one answer or two, each of which Ctrl+C can end."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.cli.output import say
from models.domain.inference import BASE, TUNED, Exchange, Message
from services.progress import CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from models.domain.inference import Answer, InferenceRequest
    from services.inference_engine import InferenceEngine

_TITLES = {TUNED: "FINE-TUNED", BASE: "BASE MODEL"}


@dataclass(slots=True)
class Asker:
    """Who is asked and how answers are shown; keeps all exchanges for an export."""

    engine: InferenceEngine
    uses: tuple[str, ...]
    is_quiet: bool = False
    exchanges: list[Exchange] = field(default_factory=list)

    def ask(
        self, request: InferenceRequest, context: Callable[[str], Sequence[Message]]
    ) -> dict[str, Answer]:
        """Ask one prompt; ``context`` says what stands before it, for each of the models.

        The answers by TUNED and BASE; after Ctrl+C without those that were not begun.
        """
        exchange = Exchange(len(self.exchanges) + 1, request, time.time())
        answers: dict[str, Answer] = {}
        try:
            with interruptible() as cancel:
                for use in self.uses:
                    if not cancel.cancelled:
                        answers[use] = self._answer(request, use, context(use), cancel)
        finally:
            texts = {use: answer.text for use, answer in answers.items()}
            self.exchanges.append(replace(exchange, texts=texts, answers=answers, is_over=True))
        return answers

    def _answer(
        self,
        request: InferenceRequest,
        use: str,
        context: Sequence[Message],
        cancel: CancelToken,
    ) -> Answer:
        if len(self.uses) > 1 and not self.is_quiet:
            print(f"{_TITLES[use]}:")
        answer = self.engine.generate(
            request.prompt,
            use=use,
            settings=request.settings,
            on_token=_ignore if self.is_quiet else _print_token,
            context=context,
            cancel=cancel,
        )
        if not self.is_quiet:
            print()
            ended = " (cancelled)" if answer.finish == "cancelled" else ""
            say(f"{answer.tokens} tokens in {answer.seconds:.1f} s{ended}")
        return answer


@contextmanager
def interruptible() -> Iterator[CancelToken]:
    """While answers come, Ctrl+C ends them and nothing else; a second one ends the program."""
    cancel = CancelToken()

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


def _print_token(text: str) -> None:
    print(text, end="", flush=True)


def _ignore(_text: str) -> None:
    return
