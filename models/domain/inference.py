"""Quick Local Inference: how to sample, and what came back."""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class SamplePrompt:
    """A prompt of the run's own dataset with the answer that the dataset gives."""

    prompt: str
    expected: str
    held_out: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer. ``finish`` is stop, length or cancelled."""

    text: str
    tokens: int
    seconds: float
    finish: str
