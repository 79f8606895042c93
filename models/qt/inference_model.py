"""Quick Local Inference as a page shows it: the adapter, state, samples, the answers so far."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.inference import Exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.inference import Answer, InferenceRequest, SamplePrompt, TunedModel

LOADING_TEXT = "Loading fine-tuned model and generating response…"
GENERATING_TEXT = "Generating response from fine-tuned model…"
BASE_TEXT = "Generating response from base model…"
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


class InferenceModel(QObject):
    """State and history of one page's inference.

    Signals:
        adapter_changed: there is an adapter to try now, or none, or the reason why not.
        state_changed: state or status text.
        samples_changed: other sample prompts.
        added: a new Exchange (payload) at the end.
        updated: an Exchange (payload) got text or its end.
        cleared: the history is empty now.
    """

    adapter_changed = Signal()
    state_changed = Signal()
    samples_changed = Signal()
    added = Signal(object)
    updated = Signal(object)
    cleared = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = InferenceState.IDLE
        self._status = IDLE_TEXT
        self._held = ""
        self._tuned: TunedModel | None = None
        self._missing = ""
        self._samples: tuple[SamplePrompt, ...] = ()
        self._system = ""
        self._exchanges: list[Exchange] = []
        self._made = 0

    @property
    def tuned(self) -> TunedModel | None:
        """What can be tried, once it was looked for and found to be whole."""
        return self._tuned

    @property
    def missing(self) -> str:
        """Why the adapter of this finished run cannot be tried, if so."""
        return self._missing

    @property
    def status(self) -> str:
        """The status line: what is done, what went wrong, or what one has to wait for."""
        return self._held if self._held and not self.state.is_busy else self._status

    @property
    def can_ask(self) -> bool:
        """Whether a prompt may be sent off now."""
        return self._tuned is not None and not self._held and not self.state.is_busy

    @property
    def samples(self) -> tuple[SamplePrompt, ...]:
        """Prompts of the run's own dataset."""
        return self._samples

    @property
    def system_prompt(self) -> str:
        """The system prompt that all of the dataset's prompts share, if they do."""
        return self._system

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The history, oldest first."""
        return tuple(self._exchanges)

    def set_tuned(self, tuned: TunedModel) -> None:
        """The run's adapter is there and whole."""
        self._set_adapter(tuned, "")

    def set_missing(self, reason: str) -> None:
        """The run finished, but its adapter cannot be tried."""
        self._set_adapter(None, reason)

    def hold(self, reason: str) -> None:
        """Take no prompts, and say why; the empty string takes them again."""
        if reason != self._held:
            self._held = reason
            self.state_changed.emit()

    def set_state(self, state: InferenceState, status: str = "") -> None:
        """Say what the engine does."""
        self.state = state
        words = {
            InferenceState.LOADING: LOADING_TEXT,
            InferenceState.GENERATING: GENERATING_TEXT,
        }
        self._status = status or words.get(state, IDLE_TEXT)
        self.state_changed.emit()

    def set_samples(self, samples: Sequence[SamplePrompt], system: str = "") -> None:
        """Offer these prompts; ``system`` is what all of the dataset's are asked with."""
        self._samples, self._system = tuple(samples), system
        self.samples_changed.emit()

    def begin(self, request: InferenceRequest) -> Exchange:
        """Add a prompt whose answer is awaited."""
        self._made += 1
        exchange = Exchange(self._made, request, time.time())
        self._exchanges.append(exchange)
        self.added.emit(exchange)
        return exchange

    def stream(self, number: int, use: str, text: str) -> None:
        """Add a piece to the answer of the exchange with this number, if it is still there."""
        for old in self._find(number):
            self._put(replace(old, texts={**old.texts, use: old.texts.get(use, "") + text}))

    def answer(self, number: int, use: str, answer: Answer) -> None:
        """Set a finished answer of an exchange."""
        for old in self._find(number):
            texts, answers = {**old.texts, use: answer.text}, {**old.answers, use: answer}
            self._put(replace(old, texts=texts, answers=answers))

    def end(self, number: int, error: str = "") -> None:
        """An exchange gets no more text; ``error`` says why it lacks an answer."""
        for old in self._find(number):
            self._put(replace(old, is_over=True, error=error))

    def clear_history(self) -> None:
        """Forget all exchanges."""
        self._exchanges.clear()
        self.cleared.emit()

    def clear(self) -> None:
        """Begin for another run."""
        self.clear_history()
        self.set_samples(())
        self.set_state(InferenceState.IDLE)
        self._set_adapter(None, "")

    def _set_adapter(self, tuned: TunedModel | None, missing: str) -> None:
        if (tuned, missing) != (self._tuned, self._missing):
            self._tuned, self._missing = tuned, missing
            self.adapter_changed.emit()

    def _find(self, number: int) -> list[Exchange]:
        """The exchange with this number, or none: it may have been cleared meanwhile."""
        return [one for one in self._exchanges if one.number == number]

    def _put(self, exchange: Exchange) -> None:
        numbers = [one.number for one in self._exchanges]
        self._exchanges[numbers.index(exchange.number)] = exchange
        self.updated.emit(exchange)
