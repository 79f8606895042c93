"""Quick Local Inference: what is asked, how to sample, and what came back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.config import LocalSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.config import TrainingConfig

TUNED, BASE = "adapter", "base"
"""Who answers: the base model with its adapter, or the base model alone."""


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How tokens are drawn. ``temperature`` 0 means greedy: always the likeliest token."""

    temperature: float
    top_p: float
    max_new_tokens: int
    repetition_penalty: float


INFERENCE_PRESETS: dict[str, SamplingSettings] = {
    "Deterministic": SamplingSettings(0.0, 1.0, 256, 1.1),
    "Balanced": SamplingSettings(0.7, 0.9, 256, 1.15),
    "Creative": SamplingSettings(1.0, 0.95, 512, 1.1),
}
CUSTOM = "Custom"
"""The name of settings that were moved away from a preset."""


@dataclass(frozen=True, slots=True)
class TunedModel:
    """What is loaded to answer: a base model with an adapter, as this computer names both.

    ``data_root`` is the run's own: its cache holds the base model where that came from the Hub.
    ``quantization`` is the run's setting, for an adapter belongs to the weights it was trained on;
    ``local`` how the run was run on this computer. ``is_whole`` is that the ``adapter`` is none,
    but the whole model of a full fine-tune.
    """

    base_model: str
    adapter: str
    data_root: str
    quantization: str = "auto"
    local: LocalSection = field(default_factory=LocalSection)
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class SamplePrompt:
    """A prompt of the run's own dataset with the answer that the dataset gives.

    ``context`` is what stands before the prompt in its row: a system prompt, earlier turns.
    """

    prompt: str
    expected: str
    held_out: bool
    context: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What the user asks for; ``context`` is what stands before the prompt."""

    prompt: str
    settings: SamplingSettings
    preset: str
    compare: bool = False
    expected: str = ""
    context: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer. ``finish`` is stop, length or cancelled."""

    text: str
    tokens: int
    seconds: float
    finish: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One prompt with the answers it got so far; ``texts`` and ``answers`` by TUNED and BASE.

    ``error`` is the sentence that stands for an answer that failed.
    """

    number: int
    request: InferenceRequest
    asked_at: float
    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    is_over: bool = False
    error: str = ""

    @property
    def uses(self) -> tuple[str, ...]:
        """Whose answers this exchange holds, in the order they are made."""
        return (TUNED, BASE) if self.request.compare else (TUNED,)


def made_word(config: TrainingConfig) -> str:
    """What a run of this setup makes, as a caption: an adapter, or of a full fine-tune a model."""
    return "Model" if config.hp.tuning == "full" else "Adapter"


def common_system_prompt(samples: Sequence[SamplePrompt]) -> str:
    """The system prompt that all samples have in common, or the empty string.

    A model that was trained with one answers differently without it.
    """
    found = {
        next((message.content for message in sample.context if message.role == "system"), "")
        for sample in samples
    }
    return found.pop() if len(found) == 1 else ""
