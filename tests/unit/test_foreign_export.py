"""Configurations for other programs: in their words, and what they cannot be told is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.config import TrainingConfig
from models.domain.config_io import get_value, settings_index, with_values
from models.domain.errors import AppError, ConfigError
from models.domain.foreign_config import Fate, Program
from services.foreign_configs.exporting import (
    foreign_config,
    foreign_sheet,
    write_foreign_config,
)
from services.foreign_configs.importing import any_config_of_bytes
from services.foreign_configs.sheet import trained_paths

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
TOKEN = "hf_" + "abcdefghijklmnopqrstuvwxyz"
LF, AX, UN = Program.LLAMA_FACTORY, Program.AXOLOTL, Program.UNSLOTH
_LORA_ONLY = {path for path in settings_index() if path.startswith("hp.lora_")}
_SFT_ONLY = {"hp.packing", "hp.assistant_only_loss", "hp.train_on"}
_OF_THE_HUB = {"dataset.hf_repo", "dataset.hf_split", "dataset.hf_config"}
_OF_OTHERS = {"hp.auto_resume", "hp.hub_private", "output.directory"}
_AUTO = {"hp.gradient_checkpointing": "on", "hp.optimizer": "adamw_8bit"}


def _made(**values: object) -> TrainingConfig:
    return with_values(TrainingConfig(), {name.replace("__", "."): v for name, v in values.items()})


def _written(config: TrainingConfig, program: Program) -> dict[str, object]:
    return dict(yaml.safe_load(foreign_config(config, program).text))


@pytest.mark.parametrize("program", Program)
def test_no_setting_is_forgotten(program: Program) -> None:
    for config in (TrainingConfig(), _made(dataset__source="Hugging Face", hp__max_steps=9)):
        assert foreign_sheet(config, program).handled >= trained_paths()


def test_llama_factory_gets_its_own_words() -> None:
    config = _made(
        hp__base_model="me/model", hp__lora_targets="q_proj, v_proj", hp__packing=True,
        hp__train_on="last answer", hp__quantization="8-bit", hp__precision="float16",
        hp__eval_steps=10, hp__save_steps=20, hp__early_stopping=3, dataset__session="My rows",
        hp__lora_variant="rsLoRA", output__directory="/data/outputs/mine", hp__epochs=2.5,
    )  # fmt: skip
    written = _written(config, LF)
    wanted = {
        "model_name_or_path": "me/model", "stage": "sft", "finetuning_type": "lora",
        "lora_target": "q_proj,v_proj", "packing": True, "neat_packing": True, "fp16": True,
        "mask_history": True, "quantization_bit": 8, "eval_strategy": "steps", "eval_steps": 10,
        "save_steps": 20, "load_best_model_at_end": True, "early_stopping_steps": 3,
        "dataset": "My_rows", "use_rslora": True, "output_dir": "saves/mine", "val_size": 0.02,
        "num_train_epochs": 2.5, "optim": "adamw_bnb_8bit",
    }  # fmt: skip
    assert {name: written[name] for name in wanted} == wanted


def test_axolotl_gets_its_own_words() -> None:
    config = _made(
        hp__method="DPO", dataset__source="Hugging Face", dataset__hf_repo="me/pairs",
        dataset__hf_config="de", dataset__hf_split="train[:500]", hp__max_seq_length=1024,
        dataset__eval_percent=0.0, hp__push_to_hub=True, hp__hub_repo="me/x",
    )  # fmt: skip
    written = _written(config, AX)
    entry = {"path": "me/pairs", "split": "train[:500]", "name": "de"}
    wanted = {
        "rl": "dpo", "datasets": [{**entry, "type": "chat_template.default"}],
        "sequence_len": 1024, "excess_length_strategy": "truncate", "adapter": "qlora",
        "load_in_4bit": True, "lora_target_linear": True, "bf16": "auto", "hub_model_id": "me/x",
        "val_set_size": 0.0, "sample_packing": False, "train_on_inputs": False,
    }  # fmt: skip
    assert {name: written[name] for name in wanted} == wanted
    assert "evals_per_epoch" not in written
    assert "attn_implementation" not in written
    packed = _written(_made(hp__packing=True), AX)
    assert (packed["sample_packing"], packed["attn_implementation"]) == (True, "flash_attention_2")


def test_unsloth_studio_gets_steps_or_epochs() -> None:
    by_steps = _written(_made(hp__max_steps=100, hp__warmup_ratio=0.05, hp__eval_steps=10), UN)
    training = by_steps["training"]
    assert isinstance(training, dict)
    found = [training[name] for name in ("num_epochs", "max_steps", "warmup_steps", "eval_steps")]
    assert found == [0, 100, 5, 0.1]
    exported = foreign_config(_made(hp__epochs=1.5), UN)
    assert yaml.safe_load(exported.text)["training"]["num_epochs"] == 2
    fates = {note.field: note.fate for note in exported.notes}
    assert fates["hp.epochs"] is Fate.CHANGED
    assert fates["hp.warmup_ratio"] is Fate.LOST
    assert fates["hp.base_model"] is Fate.LOST


def _valid_values() -> st.SearchStrategy[TrainingConfig]:
    """What is trained, each setting within its range, as the other programs need it."""
    values: dict[str, st.SearchStrategy[object]] = {}
    for path in sorted(trained_paths()):
        info, rule = settings_index()[path], settings_index()[path].rule
        if rule.choices:
            one: st.SearchStrategy[object] = st.sampled_from(rule.choices)
        elif info.kind is bool:
            one = st.booleans()
        elif info.kind is int:
            one = st.integers(int(rule.minimum or 0), min(int(rule.maximum or 99), 500))
        elif info.kind is float:
            low = int(rule.minimum or 0) + (1 if rule.above is not None else 0)
            steps = st.integers(low, 40)
            one = steps.map(lambda n, top=rule.maximum: min(n, top or 40) / (40 if top == 1 else 1))
            one = one if rule.maximum != 0.9 else st.sampled_from([0.0, 0.05, 0.5])
        else:
            one = st.just(info.default)
        values[path] = st.none() | one if rule.optional else one
    values["dataset.hf_repo"] = st.just("me/rows")
    values["hp.hub_repo"] = st.just("me/x")
    values["hp.lora_targets"] = st.sampled_from(["all-linear", "q_proj, v_proj"])
    values["dataset.hf_split"] = st.sampled_from(["train", "train[:50]", "test"])
    return st.fixed_dictionaries(values).map(lambda made: with_values(TrainingConfig(), made))


def _may_differ(config: TrainingConfig) -> set[str]:
    """What has no meaning in this configuration, so it need not come back."""
    found = set(_OF_OTHERS)
    if config.dataset.source != "Hugging Face":
        found |= _OF_THE_HUB
    if config.hp.tuning == "full":
        found |= {*_LORA_ONLY, "hp.quantization"}
    if config.hp.method != "SFT":
        found |= _SFT_ONLY
    else:
        found.add("hp.beta")
    if not config.hp.assistant_only_loss:
        found.add("hp.train_on")
    if not config.dataset.eval_percent:
        found |= {"hp.eval_steps", "hp.load_best", "hp.early_stopping"}
    if config.hp.early_stopping is not None:
        found.add("hp.load_best")
    if config.hp.max_steps is not None:
        found |= {"hp.epochs", "hp.warmup_ratio", "hp.eval_steps"}
    if not config.hp.push_to_hub:
        found.add("hp.hub_repo")
    return found


@pytest.mark.parametrize("program", Program)
@settings(max_examples=25, deadline=None)
@given(config=_valid_values())
def test_what_does_not_come_back_was_told(program: Program, config: TrainingConfig) -> None:
    exported = foreign_config(config, program)
    back = any_config_of_bytes(exported.text.encode(), "theirs.yaml")
    assert back.program is program
    told = {note.field for note in exported.notes} | _may_differ(config)
    if program is UN and told & {"dataset.hf_repo", "dataset.session"}:
        told |= {*_OF_THE_HUB, "dataset.source", "hp.hub_repo"}
    for path in sorted(trained_paths() - told):
        ours, theirs = get_value(config, path), get_value(back.config, path)
        if ours == "auto" and path in _AUTO:
            ours = _AUTO[path]
        assert theirs == ours, path


@pytest.mark.parametrize("program", Program)
def test_no_secret_and_nothing_out_of_range_leaves(program: Program, tmp_path: Path) -> None:
    target = tmp_path / "theirs.yaml"
    for config in (_made(hp__hub_repo=TOKEN), _made(hp__epochs=float("inf")), _made(hp__lora_r=0)):
        with pytest.raises(ConfigError):
            write_foreign_config(target, config, program)
    assert list(tmp_path.iterdir()) == []
    exported = write_foreign_config(target, TrainingConfig(), program)
    assert target.read_text("utf-8") == exported.text
    with pytest.raises(AppError, match="cannot be written"):
        write_foreign_config(tmp_path / "no" / "theirs.yaml", TrainingConfig(), program)
