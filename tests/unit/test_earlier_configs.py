"""What a configuration of the earlier program becomes here, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from models.domain.config import SOURCE_HUB, SOURCE_SESSION, TARGET_LOCAL, TARGET_RUNPOD
from models.domain.config_io import get_value
from services.config_secrets import secret_problems
from services.earlier_configs import earlier_config

HP = {
    "base_model": "unsloth/Qwen2.5-1.5B-Instruct", "epochs": "3", "lr": "1e-4", "bsz": "8",
    "grad_accum": "2", "max_steps": "200", "use_lora": True, "output_dir": "/data/outputs/mine",
    "db_session_id": "7", "packing": True, "lora_r": "32",
}  # fmt: skip
META = {"skill_level": "Expert", "beginner_mode": "", "train_target": "Runpod - Pod"}
INFRA = {
    "dc": "EU-RO-1", "vol_name": "my-volume", "vol_size": 80, "resize_if_smaller": True,
    "tpl_name": "my-template", "image": "docker.io/me/trainer:1", "container_disk": 60,
    "pod_volume_gb": 0, "mount_path": "/data", "category": "NVIDIA", "public": False,
}  # fmt: skip
LOCAL = {"use_gpu": False, "pass_hf_token": True}


def document(hp: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """As that program writes it; a setting that is None here is left out."""
    found = {name: value for name, value in (HP | (hp or {})).items() if value is not None}
    return {"hp": found, "meta": META, "infra_ui": INFRA, "local_ui": LOCAL} | sections


def taken(hp: dict[str, Any] | None = None, **sections: Any) -> tuple[Any, tuple[str, ...]]:
    found = earlier_config(document(hp, **sections))
    assert found is not None
    return found.config, found.notes


def test_every_setting_that_both_have_is_taken_over() -> None:
    found = earlier_config(document())
    assert found is not None
    expected = {
        "training.target": TARGET_RUNPOD, "training.skill_level": "Expert",
        "dataset.source": SOURCE_SESSION, "output.directory": "/data/outputs/mine",
        "hp.base_model": "unsloth/Qwen2.5-1.5B-Instruct", "hp.epochs": 3.0,
        "hp.learning_rate": 1e-4, "hp.batch_size": 8, "hp.grad_accum": 2, "hp.max_steps": 200,
        "hp.tuning": "LoRA", "hp.lora_r": 32, "hp.packing": True,
        "runpod.data_center": "EU-RO-1", "runpod.volume_name": "my-volume",
        "runpod.volume_size": 80, "runpod.template_name": "my-template",
        "runpod.image": "docker.io/me/trainer:1", "runpod.container_disk": 60,
        "local.use_gpu": False, "local.pass_hf_token": True,
    }  # fmt: skip
    assert {path: get_value(found.config, path) for path in expected} == expected
    assert (found.session, found.notes) == ("7", ())


def test_a_switch_that_is_left_out_was_off() -> None:
    config, notes = taken({"packing": None})
    assert (config.hp.packing, config.hp.auto_resume, config.hp.push_to_hub) == (False,) * 3
    assert notes == ()


def test_a_dataset_of_the_hub_is_taken_before_a_session() -> None:
    config, notes = taken(
        {"hf_dataset_id": "me/rows", "hf_dataset_split": "test", "hf_dataset_config": "one"}
    )
    assert config.dataset.source == SOURCE_HUB
    assert (config.dataset.hf_repo, config.dataset.hf_split) == ("me/rows", "test")
    assert config.dataset.hf_config == "one"
    assert notes == ()


@pytest.mark.parametrize("value", ["-1", -1, "0", 0.0])
def test_its_word_for_no_limit_is_none(value: Any) -> None:
    config, notes = taken({"max_steps": value})
    assert config.hp.max_steps is None
    assert notes == ()


def test_what_is_not_known_is_named_and_not_guessed() -> None:
    config, notes = taken(
        {"pin_memory": True, "warmup_steps": "10"},
        meta=META | {"beginner_mode": "fastest"},
        somewhere={"a": 1},
    )
    assert notes == (
        "hp.pin_memory, hp.warmup_steps, meta.beginner_mode, somewhere have no counterpart here.",
    )
    assert config.training.preset == "Fastest (Runpod)"
    assert config.hp.warmup_ratio == 0.05


def test_values_that_cannot_be_here_keep_our_default_and_are_told_without_being_quoted() -> None:
    config, notes = taken(
        {"epochs": "many", "lr": "7", "optim": "lion_32", "output_dir": "/root/x", "bsz": [1]}
    )
    assert (config.hp.epochs, config.hp.learning_rate, config.hp.optimizer) == (1.0, 2e-4, "auto")
    assert (config.output.directory, config.hp.batch_size) == ("/data/outputs/local_run", 2)
    assert len(notes) == 5
    assert not any(word in " ".join(notes) for word in ("many", "lion_32", "/root/x"))


def test_secrets_are_never_taken_over_nor_repeated() -> None:
    token = "hf_" + "aB3" * 12
    config, notes = taken(
        {"hf_repo_id": token, "hf_token": token}, local_ui=LOCAL | {"api_key": "k" * 20}
    )
    assert config.hp.hub_repo == ""
    assert secret_problems(config) == []
    assert token not in " ".join(notes)
    assert {note.split()[0] for note in notes} == {
        "hp.hf_repo_id", "hp.hf_token", "local_ui.api_key",
    }  # fmt: skip


def test_without_lora_and_with_rank_stabilised_lora() -> None:
    assert taken({"use_lora": False})[0].hp.tuning == "full"
    assert taken({"use_rslora": True})[0].hp.lora_variant == "rsLoRA"


@pytest.mark.parametrize(("word", "target"), [("local", TARGET_LOCAL), ("Local Docker", "Local")])
def test_the_column_says_the_target_where_the_document_does_not(word: str, target: str) -> None:
    found = earlier_config(document(meta={}), word)
    assert found is not None
    assert found.config.training.target == target
    assert found.config.training.preset == "Quick local test"
    assert found.notes == ()


def test_a_target_or_a_dataset_that_is_not_named_is_told() -> None:
    _, notes = taken({"db_session_id": None, "json_path": "C:\\data\\rows.json"}, meta={})
    assert len(notes) == 2
    assert "rows.json" in notes[1]


@pytest.mark.parametrize("what", [None, [], "x", {}, {"hp": []}, {"meta": {}}])
def test_what_is_no_configuration_is_none(what: Any) -> None:
    assert earlier_config(what) is None
