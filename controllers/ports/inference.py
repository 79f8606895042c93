"""The model that answers prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.inference import Answer, Message, SamplingSettings, TunedModel
    from services.progress import CancelToken


class InferencePort(Protocol):
    """One model in memory, answering prompts."""

    def is_loaded(self, model: TunedModel) -> bool:
        """Whether it need not be loaded first; never blocks."""

    def load(self, model: TunedModel, cancel: CancelToken | None = None) -> None:
        """Load a base model with its adapter; at once where both are loaded. Or Cancelled."""

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
        """Answer a prompt; ``on_token`` gets each piece in the calling thread. Once ``cancel`` is
        set it ends with what it has."""

    def unload(self) -> None:
        """Give the model's memory back and wait for it; from any thread."""
