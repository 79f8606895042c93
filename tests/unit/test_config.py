"""Configurations: every field has its rule, survives a round trip, and is refused with a reason."""

from __future__ import annotations

import math

import pytest

from models.domain.config import TARGET_LOCAL, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import (
    CONFIG_VERSION,
    from_dict,
    get_value,
    parse_value,
    settings_index,
    to_dict,
    with_values,
)
from models.domain.errors import AppError, ConfigError
from models.domain.methods import rate_note
from models.domain.validation import validate


def test_every_default_but_the_dataset_is_valid() -> None:
    assert [problem.field for problem in validate(TrainingConfig())] == ["dataset.session"]


def test_every_setting_has_a_label_and_is_found_at_its_path() -> None:
    for path, info in settings_index().items():
        assert info.rule.label, path
        assert get_value(TrainingConfig(), path) == info.default


def test_round_trip_through_a_dict() -> None:
    config = with_values(
        TrainingConfig(), {"hp.epochs": 2.5, "hp.max_steps": 7, "dataset.session": "faq"}
    )
    assert from_dict(to_dict(config)) == config


def test_an_older_file_takes_the_defaults_for_what_it_lacks() -> None:
    assert from_dict({"version": 1, "hp": {"epochs": 3}}).hp.epochs == 3.0
    assert from_dict({}) == TrainingConfig()


@pytest.mark.parametrize(
    ("given", "directory"),
    [
        ({}, "/data/outputs/local_run"),
        ({"training": {"target": TARGET_LOCAL}}, "/data/outputs/local_run"),
        ({"training": {"target": TARGET_RUNPOD}}, "/data/outputs/runpod_run"),
        ({"output": {"directory": "/data/o"}, "training": {"target": TARGET_RUNPOD}}, "/data/o"),
    ],
)
def test_a_target_has_its_own_output_directory_where_none_is_named(
    given: dict[str, object], directory: str
) -> None:
    assert from_dict(given).output.directory == directory


def test_a_number_that_yaml_takes_for_text_is_a_number() -> None:
    assert from_dict({"hp": {"learning_rate": "1e-4", "epochs": 2}}).hp.learning_rate == 1e-4


def test_a_file_of_a_later_version_is_refused_with_a_next_step() -> None:
    with pytest.raises(AppError, match="Update Temper") as caught:
        from_dict({"version": CONFIG_VERSION + 1})
    assert caught.value.kind == "newer_version"


def test_all_wrong_names_and_types_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        from_dict({"hp": {"learning_rat": 1, "epochs": "many"}, "extra": {}})
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"hp.learning_rat", "hp.epochs", "extra"}
    assert "hp.learning_rate" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("hp.learning_rate", "1e-4", 1e-4),
        ("hp.batch_size", " 8 ", 8),
        ("hp.packing", "off", False),
        ("hp.max_steps", "none", None),
        ("hp.max_steps", "12", 12),
        ("output.directory", "/data/outputs/x", "/data/outputs/x"),
    ],
)
def test_typed_text_becomes_the_settings_value(path: str, text: str, value: object) -> None:
    assert parse_value(path, text) == value


@pytest.mark.parametrize(
    ("path", "text"),
    [("hp.learning_rate", "abc"), ("hp.batch_size", "1.5"), ("hp.packing", "perhaps")],
)
def test_text_of_the_wrong_kind_names_field_and_value(path: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_value(path, text)
    assert path in str(caught.value)
    assert text in str(caught.value)


def test_an_unknown_setting_names_its_neighbours() -> None:
    with pytest.raises(ConfigError, match=r"hp\.epochs"):
        parse_value("hp.epoch", "1")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"hp.learning_rate": 0.0}, "hp.learning_rate"),
        ({"hp.learning_rate": 1.5}, "hp.learning_rate"),
        ({"hp.learning_rate": math.nan}, "hp.learning_rate"),
        ({"hp.epochs": math.inf}, "hp.epochs"),
        ({"hp.batch_size": 0}, "hp.batch_size"),
        ({"hp.scheduler": "zigzag"}, "hp.scheduler"),
        ({"output.directory": "/tmp/out"}, "output.directory"),
        ({"output.directory": "/data"}, "output.directory"),
        ({"output.directory": "/data/../etc"}, "output.directory"),
        ({"hp.base_model": "  "}, "hp.base_model"),
        ({"dataset.source": "Hugging Face"}, "dataset.hf_repo"),
        ({"hp.push_to_hub": True}, "hp.hub_repo"),
        ({"hp.early_stopping": 2, "dataset.eval_percent": 0.0}, "hp.early_stopping"),
        ({"hp.tuning": "full", "hp.quantization": "4-bit"}, "hp.quantization"),
        ({"hp.tuning": "full", "hp.base_model": "unsloth/x-bnb-4bit"}, "hp.base_model"),
        ({"hp.method": "KTO", "hp.batch_size": 1, "hp.grad_accum": 1}, "hp.grad_accum"),
        ({"hp.method": "KTO", "hp.tuning": "full"}, "hp.tuning"),
        ({"hp.resume_from": "/tmp/checkpoint-3"}, "hp.resume_from"),
        ({"training.target": "Runpod - Pod", "runpod.max_cost": 0.0}, "runpod.max_cost"),
        ({"training.target": "Runpod - Pod", "runpod.volume_name": " "}, "runpod.volume_name"),
    ],
)
def test_a_bad_value_is_named_with_a_remedy(changes: dict[str, object], field: str) -> None:
    config = with_values(TrainingConfig(), {"dataset.session": "1", **changes})
    found = [problem for problem in validate(config) if problem.field == field]
    assert found, validate(config)
    assert found[0].message
    assert found[0].remedy


@pytest.mark.parametrize("volume", ["temper-volume", ""])
def test_the_community_cloud_needs_no_volume_and_ignores_a_named_one(volume: str) -> None:
    values = {
        "training.target": "Runpod - Pod", "dataset.session": "1", "runpod.cloud": "Community",
        "runpod.volume_name": volume,
    }  # fmt: skip
    assert validate(with_values(TrainingConfig(), values)) == []


@pytest.mark.parametrize("rate", [math.inf, math.nan, 1.5])
def test_what_is_no_rate_is_not_called_high(rate: float) -> None:
    values = {"hp.method": "DPO", "hp.learning_rate": rate}
    assert rate_note(with_values(TrainingConfig(), values).hp) == ""


def test_the_two_answers_of_a_step_may_be_those_of_two_gpus() -> None:
    values = {"hp.method": "KTO", "hp.batch_size": 1, "hp.grad_accum": 1}
    config = with_values(TrainingConfig(), {"dataset.session": "1", **values})
    assert [problem.field for problem in validate(config)] == ["hp.grad_accum"]
    assert validate(config, processes=2) == []


def test_the_section_of_the_other_target_does_not_forbid_a_start() -> None:
    config = with_values(
        TrainingConfig(), {"dataset.session": "1", "runpod.max_cost": 0.0, "runpod.gpu_count": 0}
    )
    assert validate(config) == []


def test_all_problems_come_at_once() -> None:
    config = with_values(
        TrainingConfig(),
        {"hp.learning_rate": 2.0, "hp.lora_r": 0, "output.directory": "x"},
    )
    assert {problem.field for problem in validate(config)} == {
        "hp.learning_rate",
        "hp.lora_r",
        "output.directory",
        "dataset.session",
    }
