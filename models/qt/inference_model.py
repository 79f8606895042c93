"""Quick Local Inference as a page shows it: state, samples, and the answers so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.inference import Answer, SamplePrompt, SamplingSettings

TUNED, BASE = "adapter", "base"
LOADING_TEXT = "Loading fine-tuned model and generating response…"
GENERATING_TEXT = "Generating response from fine-tuned model…"
IDLE_TEXT = "Ready"


class InferenceState(StrEnum):
    """What the engine does for this page."""

    IDLE = "idle"
    LOADING = "loading"
    GENERATING = "generating"
    ERROR = "error"

    @property
    def is_busy(self) -> bool:
        """Whether an answer is on its way."""
        return self in {InferenceState.LOADING, InferenceState.GENERATING}


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What the user asks for."""

    prompt: str
    settings: SamplingSettings
    preset: str
    compare: bool = False
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One prompt with the answers it got so far; ``texts`` by TUNED and BASE."""

    number: int
    request: InferenceRequest
    asked_at: float
    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    is_over: bool = False

    @property
    def uses(self) -> tuple[str, ...]:
        """Whose answers this exchange holds, in the order they are made."""
        return (TUNED, BASE) if self.request.compare else (TUNED,)


class InferenceModel(QObject):
    """State and history of one page's inference.

    Signals:
        state_changed: state or status text.
        samples_changed: other sample prompts.
        added: a new Exchange (payload) at the end.
        updated: an Exchange (payload) got text or its end.
        cleared: the history is empty now.
    """

    state_changed = Signal()
    samples_changed = Signal()
    added = Signal(object)
    updated = Signal(object)
    cleared = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = InferenceState.IDLE
        self.status = IDLE_TEXT
        self._samples: tuple[SamplePrompt, ...] = ()
        self._exchanges: list[Exchange] = []
        self._made = 0

    @property
    def samples(self) -> tuple[SamplePrompt, ...]:
        """Prompts of the run's own dataset."""
        return self._samples

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The history, oldest first."""
        return tuple(self._exchanges)

    def set_state(self, state: InferenceState, status: str = "") -> None:
        """Say what the engine does."""
        self.state = state
        words = {
            InferenceState.LOADING: LOADING_TEXT,
            InferenceState.GENERATING: GENERATING_TEXT,
        }
        self.status = status or words.get(state, IDLE_TEXT)
        self.state_changed.emit()

    def set_samples(self, samples: Sequence[SamplePrompt]) -> None:
        """Offer these prompts."""
        self._samples = tuple(samples)
        self.samples_changed.emit()

    def begin(self, request: InferenceRequest) -> Exchange:
        """Add a prompt whose answer is awaited."""
        self._made += 1
        exchange = Exchange(self._made, request, time.time())
        self._exchanges.append(exchange)
        self.added.emit(exchange)
        return exchange

    def stream(self, use: str, text: str) -> None:
        """Add a piece to the newest exchange's answer."""
        if self._exchanges:
            last = self._exchanges[-1]
            self._replace_last(
                replace(last, texts={**last.texts, use: last.texts.get(use, "") + text})
            )

    def answer(self, use: str, answer: Answer) -> None:
        """Set the newest exchange's finished answer."""
        if self._exchanges:
            last = self._exchanges[-1]
            texts = {**last.texts, use: answer.text}
            self._replace_last(replace(last, texts=texts, answers={**last.answers, use: answer}))

    def end(self) -> None:
        """The newest exchange gets no more text."""
        if self._exchanges:
            self._replace_last(replace(self._exchanges[-1], is_over=True))

    def clear_history(self) -> None:
        """Forget all exchanges."""
        self._exchanges.clear()
        self.cleared.emit()

    def clear(self) -> None:
        """Begin for another run."""
        self.clear_history()
        self.set_samples(())
        self.set_state(InferenceState.IDLE)

    def _replace_last(self, exchange: Exchange) -> None:
        self._exchanges[-1] = exchange
        self.updated.emit(exchange)
