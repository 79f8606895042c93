"""Which engine trains a job, and the sentence that says why: by facts, so that no GPU is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import FailureKind, Job
from trainer_image.engine import TRANSFORMERS, UNSLOTH, choose_engine
from trainer_image.failures import RefusedError, StoppedError
from trainer_image.machine import REFUSAL_VARIABLE, Machine
from trainer_image.unsloth_engine import first_words, import_first, or_start_anew

if TYPE_CHECKING:
    from pathlib import Path

CARD = Machine(gpu="NVIDIA L4", capability=(8, 9), unsloth="2026.10.9")
"""A machine on which nothing speaks against Unsloth."""


def job(hp: dict[str, Any] | None = None, **fields: Any) -> Job:
    dataset = {"path": "/data/datasets/rows.jsonl", "format": "question_answer"}
    return Job.model_validate(
        {
            "run_id": "run",
            "base_model": "meta-llama/Llama-3.1-8B-Instruct",
            "dataset": dataset,
            "output_directory": "/data/outputs/run",
            "hp": hp or {},
        }
        | fields
    )


@pytest.mark.spec("**PEFT / LoRA** (via Unsloth) for parameter‑efficient fine‑tuning.")
def test_unsloth_trains_adapters_on_a_card_that_it_supports() -> None:
    engine = choose_engine(job(), CARD)
    assert engine.name == UNSLOTH
    assert engine.is_unsloth
    assert engine.device == "NVIDIA L4"
    assert engine.precision == "bfloat16"
    assert engine.quantization == "4-bit"
    assert engine.reason == "Unsloth 2026.10.9 has faster kernels for this GPU."


@pytest.mark.parametrize("variant", ["LoRA", "rsLoRA"])
@pytest.mark.parametrize("quantization", ["4-bit", "none"])
def test_what_unsloth_is_used_for(variant: str, quantization: str) -> None:
    asked = job({"lora_variant": variant, "quantization": quantization, "precision": "bfloat16"})
    assert choose_engine(asked, CARD).is_unsloth


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (replace(CARD, unsloth=""), "Unsloth is not installed beside the trainer."),
        (replace(CARD, is_nvidia=False), "Unsloth is used on NVIDIA cards only."),
        (
            replace(CARD, is_linux=False),
            "Unsloth is used on Linux only, as in the trainer's image.",
        ),
        (
            replace(CARD, processes=2),
            "2 processes train together, and Unsloth trains in one.",
        ),
        (
            replace(CARD, capability=(6, 1)),
            "Unsloth needs the compute capability 7.0, and this GPU has 6.1.",
        ),
        (
            replace(CARD, refusal="No config file found."),
            "Unsloth does not take this model: No config file found.",
        ),
    ],
)
def test_machines_on_which_transformers_trains(machine: Machine, reason: str) -> None:
    engine = choose_engine(job(), machine)
    assert engine.name == TRANSFORMERS
    assert engine.reason == reason
    assert engine.on_gpu


@pytest.mark.parametrize(
    ("hp", "reason"),
    [
        ({"tuning": "full"}, "All of the model is trained, and Unsloth is used for adapters."),
        ({"method": "DPO"}, "The method is DPO, and Unsloth is used for SFT."),
        ({"lora_variant": "DoRA"}, "Unsloth has no faster layers for DoRA."),
        (
            {"quantization": "8-bit"},
            "Unsloth is used for 4-bit and 16-bit weights, not for 8-bit ones.",
        ),
        (
            {"precision": "float32"},
            "Unsloth computes in 16 bits, and the job asks for float32.",
        ),
    ],
)
def test_jobs_that_transformers_trains(hp: dict[str, Any], reason: str) -> None:
    engine = choose_engine(job(hp), CARD)
    assert engine.name == TRANSFORMERS
    assert engine.reason == reason


def test_a_second_adapter_below_the_new_one_is_left_to_transformers() -> None:
    engine = choose_engine(job(on_top_of="/data/outputs/before/adapter"), CARD)
    assert engine.name == TRANSFORMERS
    assert engine.reason == "A second adapter lies below the new one, and Unsloth computes one."


def test_older_cards_compute_in_float16() -> None:
    old = replace(CARD, gpu="Tesla T4", capability=(7, 5), has_bfloat16=False)
    assert choose_engine(job(), old).precision == "float16"


def test_all_weights_that_learn_are_not_quantised() -> None:
    assert choose_engine(job({"tuning": "full"}), CARD).quantization == "none"


@pytest.mark.parametrize(
    ("use_gpu", "reason"), [(True, "No GPU was found."), (False, "The job asks for the processor.")]
)
def test_without_a_gpu(use_gpu: bool, reason: str) -> None:
    engine = choose_engine(job(use_gpu=use_gpu), Machine())
    assert engine.name == TRANSFORMERS
    assert engine.device == "cpu"
    assert engine.precision == "float32"
    assert engine.quantization == "none"
    assert not engine.on_gpu
    assert engine.reason == reason


def test_a_setting_that_needs_a_gpu_is_refused_where_none_was_found() -> None:
    with pytest.raises(RefusedError, match="needs a GPU"):
        choose_engine(job({"precision": "float16"}), Machine())


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "4-bit"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "8-bit"),
        ({"quant_method": "gptq"}, "gptq"),
        (None, "none"),
    ],
)
def test_weights_that_are_stored_quantised_are_told_as_such(
    tmp_path: Path, stored: dict[str, Any] | None, told: str
) -> None:
    config = {"model_type": "llama"} | ({"quantization_config": stored} if stored else {})
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert choose_engine(job(base_model=str(tmp_path)), Machine()).quantization == told


def test_a_repository_of_four_bits_is_known_by_its_name() -> None:
    asked = job(base_model="unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit")
    assert choose_engine(asked, Machine()).quantization == "4-bit"


class Spoken:
    """The part of the reporter that a fallback speaks to."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class Replaced(BaseException):
    """Stands for this process having become another one."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that this process would have become; none of them is run."""
    commands: list[list[str]] = []

    def become(_: str, command: list[str]) -> None:
        commands.append(command)
        raise Replaced

    monkeypatch.setattr("os.execv", become)
    monkeypatch.setenv(REFUSAL_VARIABLE, "")
    return commands


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("Unsloth: this architecture\n is not supported yet"),
        RuntimeError("Unsloth: this architecture is not supported yet"),
        RefusedError(FailureKind.BAD_CONFIG, "this architecture is not supported yet."),
    ],
)
def test_a_model_that_unsloth_refuses_is_trained_by_a_new_process_without_it(
    error: Exception, started: list[list[str]]
) -> None:
    import os
    import sys

    spoken = Spoken()
    unsloth = choose_engine(job(), CARD)
    with pytest.raises(Replaced), or_start_anew(unsloth, spoken):  # type: ignore[arg-type]
        raise error
    assert started == [sys.orig_argv]
    reason = "this architecture is not supported yet."
    assert os.environ[REFUSAL_VARIABLE] == reason
    assert spoken.warnings == [
        f"Unsloth does not take this model, so Transformers trains it. {reason}"
    ]


@pytest.mark.parametrize(
    "error", [StoppedError(), MemoryError(), OSError(28, "No space left on device")]
)
def test_what_is_not_about_unsloth_stays_what_it_is(
    error: Exception, started: list[list[str]]
) -> None:
    unsloth = choose_engine(job(), CARD)
    with pytest.raises(type(error)), or_start_anew(unsloth, Spoken()):  # type: ignore[arg-type]
        raise error
    assert not started


def test_a_failure_of_transformers_is_not_tried_again(started: list[list[str]]) -> None:
    transformers = choose_engine(job(), Machine())
    import_first(transformers)  # imports nothing: Unsloth is not installed here
    with pytest.raises(ValueError, match="something else"), or_start_anew(transformers, Spoken()):  # type: ignore[arg-type]
        raise ValueError("something else")
    assert not started


def test_a_page_of_unsloths_words_is_cut_to_a_line() -> None:
    told = first_words(RuntimeError("Unsloth: " + "word " * 500))
    assert len(told) <= 301
    assert "\n" not in told
    assert first_words(AssertionError()) == "AssertionError."
