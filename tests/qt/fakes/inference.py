"""A model that answers what a test tells it to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from models.domain.inference import Answer, Message, SamplingSettings, TunedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.errors import AppError
    from services.progress import CancelToken


@dataclass
class FakeInference:
    """An engine that answers with the words of ``answer``, piece by piece."""

    answer: str = "one two three"
    error: AppError | None = None
    calls: list[tuple[str, Any]] = field(default_factory=list)
    on_generate: Callable[[], None] | None = None
    loaded: TunedModel | None = None

    def is_loaded(self, model: TunedModel) -> bool:
        return self.loaded == model

    def load(self, model: TunedModel, cancel: CancelToken | None = None) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        self.calls.append(("load", model))
        if self.error is not None:
            raise self.error
        self.loaded = model

    def generate(
        self,
        prompt: str,
        *,
        use: str,
        settings: SamplingSettings,
        on_token: Callable[[str], None],
        context: Sequence[Message] = (),
        cancel: CancelToken | None = None,
    ) -> Answer:
        self.calls.append(("generate", (prompt, use, settings, tuple(context))))
        words = self.answer.split()
        for word in words:
            on_token(word + " ")
        if self.on_generate is not None:
            self.on_generate()
        cancelled = cancel is not None and cancel.cancelled
        return Answer(self.answer, len(words), 0.5, "cancelled" if cancelled else "stop")

    def unload(self) -> None:
        self.calls.append(("unload", None))
        self.loaded = None
