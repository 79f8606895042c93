"""The file that Export chats writes: all that one needs to ask the same again."""

from __future__ import annotations

import re
from dataclasses import replace

from models.domain.chat_export import export_text, settings_text
from models.domain.config import TrainingConfig
from models.domain.hyperparameters import HyperparameterSection
from models.domain.inference import (
    INFERENCE_PRESETS,
    Answer,
    Exchange,
    InferenceRequest,
    Message,
)
from models.domain.run import Run, RunState

RUN = Run(
    id="run-1", name="Support", config=TrainingConfig(), state=RunState.FINISHED, runtime="Docker",
    data_root="/d", created_at=0, output_directory="/d/o", adapter_path="/d/o/adapter",
    base_model="org/model",
)  # fmt: skip
REQUEST = InferenceRequest(
    "Why?", INFERENCE_PRESETS["Balanced"], "Balanced", compare=True, expected="Because.",
    context=(Message("system", "Be brief."),),
)  # fmt: skip
EXCHANGE = Exchange(
    1,
    REQUEST,
    1_780_000_000.0,
    {"adapter": "Because it is.", "base": "Hm."},
    {"adapter": Answer("Because it is.", 4, 0.25, "stop"), "base": Answer("Hm.", 1, 2, "length")},
    is_over=True,
)


def test_run_adapter_base_model_settings_times_and_both_answers_are_there() -> None:
    text = export_text(RUN, [EXCHANGE])
    for part in (
        "Run:        Support (run-1)\nAdapter:    /d/o/adapter\nBase model: org/model\n",
        "Balanced · temperature 0.7 · top-p 0.9 · at most 256 tokens · repetition penalty 1.15",
        "BEFORE (system)\nBe brief.",
        "PROMPT\nWhy?",
        "EXPECTED\nBecause.",
        "FINE-TUNED (4 tokens, 0.2 s, stop)\nBecause it is.",
        "BASE MODEL (1 tokens, 2.0 s, length)\nHm.",
    ):
        assert part in text
    assert re.search(r"^2026-05-2\dT\d\d:\d\d:40[+-]\d\d:\d\d · Balanced", text, re.MULTILINE)


def test_a_full_fine_tune_has_made_a_model() -> None:
    config = TrainingConfig(hp=HyperparameterSection(tuning="full"))
    text = export_text(replace(RUN, config=config, adapter_path="/d/o/model"), [])
    assert "Model:      /d/o/model\nBase model: org/model\n" in text


def test_what_was_not_answered_says_so() -> None:
    failed = replace(EXCHANGE, texts={}, answers={}, error="No memory.")
    text = export_text(RUN, [failed])
    assert "FINE-TUNED (not answered)" in text
    assert "ERROR\nNo memory." in text


def test_a_greedy_answer_has_no_temperature() -> None:
    assert settings_text(INFERENCE_PRESETS["Deterministic"]) == (
        "greedy · at most 256 tokens · repetition penalty 1.1"
    )
