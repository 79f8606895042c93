"""What the history says of a run, and how it is found: pure rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.config import SOURCE_HUB, TrainingConfig
from models.domain.config_compare import changed_settings, differences, value_words
from models.domain.config_io import settings_index, with_values
from models.domain.run import Run, RunState
from models.domain.run_history import (
    STATE_WORDS,
    best_loss,
    clean_tags,
    dataset_name,
    final_loss,
    matches,
    model_name,
    seconds,
)

RUN = Run(
    id="20261125-120000-abcd", name="Support", config=TrainingConfig(), state=RunState.FINISHED,
    runtime="Docker", data_root="/d", created_at=1.0, output_directory="/d/outputs/x",
)  # fmt: skip


def with_config(**values: object) -> Run:
    return replace(RUN, config=with_values(TrainingConfig(), dict(values)))


@pytest.mark.parametrize(
    ("changes", "final", "best"),
    [
        ({}, None, None),
        ({"train_loss": 1.5}, 1.5, None),
        ({"train_loss": 1.5, "eval_loss_after": 2.0}, 2.0, 2.0),
        ({"train_loss": 1.5, "eval_loss_after": 2.0, "best_eval_loss": 1.8}, 2.0, 1.8),
        ({"best_eval_loss": 1.8}, None, 1.8),
    ],
)
def test_losses_are_of_held_out_rows_where_these_were_measured(
    changes: dict[str, float], final: float | None, best: float | None
) -> None:
    run = replace(RUN, **changes)
    assert (final_loss(run), best_loss(run)) == (final, best)


def test_a_run_takes_until_its_end_or_until_now() -> None:
    assert seconds(RUN) is None
    assert seconds(replace(RUN, started_at=10.0, ended_at=25.0), now=99.0) == 15.0
    live = replace(RUN, started_at=10.0, state=RunState.RUNNING)
    assert (seconds(live), seconds(live, now=12.0)) == (None, 2.0)
    assert seconds(replace(RUN, started_at=10.0), now=12.0) is None  # over, nobody saw when


def test_a_dataset_has_the_name_it_had_or_what_the_setup_says() -> None:
    assert dataset_name(replace(RUN, dataset_name="Questions")) == "Questions"
    assert dataset_name(with_config(**{"dataset.session": "Answers"})) == "Answers"
    assert dataset_name(with_config(**{"dataset.session": "7"})) == "No. 7"
    hub = {"dataset.source": SOURCE_HUB, "dataset.hf_repo": "a/b"}
    assert dataset_name(with_config(**hub)) == "a/b"


def test_a_model_is_named_without_publisher_and_folder() -> None:
    assert model_name(replace(RUN, base_model="unsloth/Qwen2.5")) == "Qwen2.5"
    assert model_name(replace(RUN, base_model="/home/me/models/mine/")) == "mine"


def test_every_state_is_found_by_the_windows_word_and_by_its_own() -> None:
    assert set(STATE_WORDS) == set(RunState)
    stopped = replace(RUN, state=RunState.CANCELLED)
    assert matches(stopped, "stopped")
    assert matches(stopped, "cancelled")
    assert not matches(stopped, "finished")
    assert matches(replace(RUN, state=RunState.QUEUED), "waiting")


def test_all_words_must_match_somewhere() -> None:
    run = replace(RUN, notes="Zweiter Versuch", tags=("ÜBER",), dataset_name="Fragen")
    for words in ("", "sUpPoRt", "über versuch", "fragen docker local", "abcd"):
        assert matches(run, words), words
    assert not matches(run, "support missing")


def test_tags_are_kept_once_and_clean() -> None:
    assert clean_tags([" a  b ", "A B", "", "c", 3]) == ("a b", "c", "3")
    assert clean_tags("abc") == ()


def test_what_is_not_as_it_comes_is_told_where_it_means_something() -> None:
    changed = with_values(
        TrainingConfig(),
        {"hp.lora_r": 8, "hp.tuning": "full", "hp.max_steps": 5, "runpod.gpu_count": 3},
    )
    found = {item.path: item.values for item in changed_settings(changed)}
    assert found == {"hp.tuning": ("full", "LoRA"), "hp.max_steps": ("5", "no limit")}
    assert changed_settings(TrainingConfig()) == []


def test_a_setting_that_means_nothing_to_one_of_the_runs_says_so() -> None:
    full = with_config(**{"hp.tuning": "full", "hp.quantization": "none"})
    lora = with_config(**{"hp.quantization": "none", "hp.lora_r": 8})
    found = {item.path: item.values for item in differences([full, lora])}
    assert found["hp.tuning"] == ("full", "LoRA")
    assert found["hp.lora_r"] == ("not used", "8")
    assert "hp.quantization" not in found


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("hp.packing", True, "on"),
        ("hp.packing", False, "off"),
        ("hp.max_steps", None, "no limit"),
        ("hp.learning_rate", 2e-4, "2e-4"),
        ("hp.learning_rate", 0.0015, "0.0015"),
        ("hp.epochs", 2.0, "2"),
        ("dataset.eval_percent", 2.5, "2.5 %"),
        ("dataset.session", "", "none"),
        ("hp.seed", 3407, "3407"),
    ],
)
def test_values_are_told_as_people_read_them(path: str, value: object, words: str) -> None:
    assert value_words(settings_index()[path], value) == words
