"""Configurations of other programs: what they mean comes along, and what does not is told."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from models.domain.config import SKILL_EXPERT, SOURCE_HUB, TrainingConfig
from models.domain.config_io import get_value, to_dict
from models.domain.errors import AppError, ConfigError
from models.domain.foreign_config import (
    Fate,
    ForeignNote,
    ImportedConfig,
    Program,
    grouped,
    summary,
)
from services.config_files import config_text, parse_config
from services.foreign_configs.importing import any_config_of_bytes, read_any_config
from services.foreign_configs.reading import MOST_BYTES

EXAMPLES = Path(__file__).parents[1] / "data" / "foreign"
LF, AX, UN = Program.LLAMA_FACTORY, Program.AXOLOTL, Program.UNSLOTH
TOKEN = "hf_" + "abcdefghijklmnopqrstuvwxyz"


def _read(text: str, program: Program | None = None) -> ImportedConfig:
    return any_config_of_bytes(text.encode(), "theirs.yaml", program)


def _note(imported: ImportedConfig, field: str) -> ForeignNote:
    return next(note for note in imported.notes if note.field == field)


def _fields(imported: ImportedConfig, fate: Fate) -> set[str]:
    return {note.field for note in imported.notes if note.fate is fate}


CASES: dict[str, tuple[Program, dict[str, object], set[str]]] = {
    "llama_factory_sft": (
        LF,
        {
            "hp.base_model": "Qwen/Qwen3-4B-Instruct-2507", "hp.epochs": 3.0, "hp.lora_r": 8,
            "hp.lora_alpha": 16, "hp.learning_rate": 1e-4, "hp.batch_size": 1, "hp.grad_accum": 8,
            "hp.warmup_ratio": 0.1, "hp.precision": "bfloat16", "hp.packing": False,
            "hp.quantization": "none", "hp.weight_decay": 0.0, "hp.seed": 42, "hp.save_steps": 500,
            "hp.assistant_only_loss": True, "output.directory": "/data/outputs/sft",
            "dataset.eval_percent": 0.0, "hp.gradient_checkpointing": "on",
        },
        {"trust_remote_code", "dataset", "max_samples"},
    ),
    "llama_factory_dpo": (
        LF,
        {"hp.method": "DPO", "hp.learning_rate": 5e-6, "hp.logging_steps": 10},
        {"trust_remote_code", "dataset", "max_samples"},
    ),
    "llama_factory_full": (
        LF,
        {"hp.tuning": "full", "hp.learning_rate": 1e-5, "hp.grad_accum": 2},
        {"trust_remote_code", "dataset", "max_samples", "deepspeed"},
    ),
    "axolotl_qlora": (
        AX,
        {
            "hp.base_model": "NousResearch/Llama-3.2-1B", "hp.quantization": "4-bit",
            "hp.tuning": "LoRA", "hp.optimizer": "adamw_8bit", "hp.packing": True,
            "hp.lora_targets": "gate_proj, down_proj, up_proj, q_proj, v_proj, k_proj, o_proj",
            "dataset.source": SOURCE_HUB, "dataset.hf_repo": "teknium/GPT4-LLM-Cleaned",
            "dataset.hf_split": "train", "dataset.eval_percent": 10.0, "hp.max_seq_length": 2048,
            "hp.lora_dropout": 0.05, "output.directory": "/data/outputs/qlora-out",
        },
        {"loss_watchdog_threshold", "loss_watchdog_patience", "special_tokens"},
    ),
    "axolotl_qwen3": (
        AX,
        {
            "dataset.hf_split": "train[:20%]", "hp.optimizer": "adamw_torch", "hp.grad_accum": 2,
            "dataset.eval_percent": 0.0, "hp.lora_dropout": 0.0, "hp.gradient_checkpointing": "on",
        },
        {"plugins", "optimizer"},
    ),
    "axolotl_dpo": (
        AX,
        {"hp.method": "DPO", "hp.quantization": "8-bit", "hp.lora_targets": "all-linear"},
        {"special_tokens"},
    ),
    "unsloth_studio": (
        UN,
        {
            "hp.max_steps": 60, "hp.epochs": 1000.0, "hp.warmup_ratio": 0.0833,
            "hp.lora_variant": "rsLoRA", "hp.lora_targets": "q_proj, v_proj", "hp.lora_alpha": 16,
            "hp.scheduler": "linear", "hp.save_steps": 30, "dataset.eval_percent": 0.0,
            "hp.base_model": TrainingConfig().hp.base_model, "hp.quantization": "auto",
        },
        set(),
    ),
    "unsloth_command_line": (
        UN,
        {
            "hp.base_model": "unsloth/Qwen3-0.6B", "hp.epochs": 2.0, "hp.learning_rate": 1e-4,
            "hp.assistant_only_loss": False, "hp.packing": False, "hp.quantization": "none",
            "hp.lora_r": 32, "hp.lora_alpha": 16, "hp.report_to": "wandb", "hp.scheduler": "linear",
            "dataset.hf_repo": "yahma/alpaca-cleaned",
            "output.directory": "/data/outputs/my-outputs",
        },
        {"lora.use_loftq"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_real_examples_are_recognised_and_mean_the_same_here(name: str) -> None:
    program, wanted, lost = CASES[name]
    imported = read_any_config(EXAMPLES / f"{name}.yaml")
    assert imported.program is program
    assert {path: get_value(imported.config, path) for path in wanted} == wanted
    assert _fields(imported, Fate.LOST) == lost
    assert imported.config.training.skill_level == SKILL_EXPERT  # else most would not be seen


def test_every_setting_of_a_file_is_used_or_told() -> None:
    for name in CASES:
        text = (EXAMPLES / f"{name}.yaml").read_text("utf-8")
        imported = _read(text + "made_up_by_nobody: 7\n")
        note = _note(imported, "made_up_by_nobody")
        assert (note.fate, note.value, note.line) == (Fate.LOST, "7", len(text.splitlines()) + 1)


def test_our_own_files_are_ours() -> None:
    imported = _read(config_text(TrainingConfig()))
    assert (imported.program, imported.config) == (None, TrainingConfig())
    assert _read("hp: {epochs: 2}").config.hp.epochs == 2.0
    with pytest.raises(ConfigError) as caught:
        _read("training: {target: Mars}\nhp: {lora_r: x}\n")
    assert [problem.line for problem in caught.value.problems] == [1, 2]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("model_name_or_path: a\nstage: rm\n", "rm training with LLaMA-Factory"),
        ("stage: sft\nfinetuning_type: oft\n", "tuning by oft"),
        ("base_model: a\ndatasets: []\nrl: grpo\n", "grpo training with Axolotl"),
        ("base_model: a\nadapter: lora\nreward_model: true\n", "a reward model"),
        ("base_model: a\nadapter: llama-adapter\n", "tuning by llama-adapter"),
    ],
)
def test_another_kind_of_training_is_refused_not_bent(text: str, what: str) -> None:
    with pytest.raises(AppError) as caught:
        _read(text)
    assert caught.value.kind == "not_offered"
    assert what in caught.value.message


def test_tokens_are_never_read() -> None:
    secret = "0123456789secret"
    text = (
        f"stage: sft\nfinetuning_type: lora\nhf_hub_token: {secret}\nswanlab_api_key: {secret}\n"
        f"model_name_or_path: {TOKEN}\nrun_name: {TOKEN}\ndataset: [{TOKEN}]\n"
    )
    imported = _read(text)
    withheld = {"hf_hub_token", "swanlab_api_key", "model_name_or_path", "run_name"}
    assert _fields(imported, Fate.WITHHELD) == withheld
    told = str(to_dict(imported.config)) + "".join(map(str, imported.notes))
    assert secret not in told
    assert TOKEN not in told
    logging = f"training: {{num_epochs: 1}}\nlogging: {{wandb_token: {secret}}}\n"
    assert _fields(_read(logging), Fate.WITHHELD) == {"logging.wandb_token"}
    # These only look like it: they name tokens of the model.
    axolotl = "base_model: a\nadapter: lora\nspecial_tokens: {pad_token: x}\nbos_token: y\n"
    assert not _fields(_read(axolotl), Fate.WITHHELD)


def test_wrong_types_come_all_at_once_with_their_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        _read(
            "stage: sft\nlora_rank: many\ncutoff_len: [1]\nnum_train_epochs: true\nbf16: maybe\n",
            LF,
        )
    assert [(one.line, one.field) for one in caught.value.problems] == [
        (2, "lora_rank"), (3, "cutoff_len"), (4, "num_train_epochs"), (5, "bf16"),
    ]  # fmt: skip


def test_what_is_out_of_our_range_stays_and_is_told() -> None:
    imported = _read("stage: sft\nlora_rank: 5000\nval_size: 0.9\n", LF)
    assert imported.config.hp.lora_r == 8
    assert imported.config.dataset.eval_percent == 0.0
    assert "at most 1024" in _note(imported, "lora_rank").text
    assert "stays at 8" in _note(imported, "lora_rank").text


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("train_on_prompt: true", "hp.assistant_only_loss", False),
        ("mask_history: true", "hp.train_on", "last answer"),
        ("neat_packing: true", "hp.packing", True),
        ("quantization_bit: 4", "hp.quantization", "4-bit"),
        ("pure_bf16: true", "hp.precision", "bfloat16"),
        ("disable_gradient_checkpointing: true", "hp.gradient_checkpointing", "off"),
        ("lora_target: q_proj,v_proj", "hp.lora_targets", "q_proj, v_proj"),
        ("lora_rank: 32", "hp.lora_alpha", 64),
        ("optim: paged_adamw_8bit", "hp.optimizer", "paged_adamw_8bit"),
        ("lr_scheduler_type: constant_with_warmup", "hp.scheduler", "constant_with_warmup"),
        ("learning_rate: 1e-4", "hp.learning_rate", 1e-4),
        ("warmup_steps: 0.2", "hp.warmup_ratio", 0.2),
        ("max_steps: -1", "hp.max_steps", None),
        ("max_steps: 100\nwarmup_steps: 10", "hp.warmup_ratio", 0.1),
        ("max_steps: 100\neval_steps: 0.25", "hp.eval_steps", 25),
        ("stage: dpo\npref_loss: orpo", "hp.method", "ORPO"),
        ("stage: pt", "hp.assistant_only_loss", False),
        ("dataset: me/rows\ndataset_dir: ONLINE", "dataset.hf_repo", "me/rows"),
        ("dataset: me/rows\ndataset_dir: ONLINE\nmax_samples: 9", "dataset.hf_split", "train[:9]"),
        ("report_to: [wandb]", "hp.report_to", "wandb"),
        ("use_dora: true", "hp.lora_variant", "DoRA"),
        ("hub_model_id: me/x\npush_to_hub: true", "hp.hub_repo", "me/x"),
        ("output_dir: saves\\a b\\*", "output.directory", "/data/outputs/imported"),
    ],
)
def test_words_of_llama_factory(text: str, path: str, value: object) -> None:
    assert get_value(_read(text, LF).config, path) == value


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("num_epochs: 2.5", "hp.epochs", 2.5),
        ("{}", "hp.max_seq_length", 512),
        ("{}", "hp.tuning", "full"),
        ("batch_size: 8\nmicro_batch_size: 2", "hp.grad_accum", 4),
        ("batch_size: 8\nmicro_batch_size: 2\ngradient_accumulation_steps: 3", "hp.grad_accum", 3),
        ("train_on_inputs: true", "hp.assistant_only_loss", False),
        ("load_in_8bit: true", "hp.quantization", "8-bit"),
        ("fp16: true", "hp.precision", "float16"),
        ("bf16: auto", "hp.precision", "auto"),
        ("float32: true", "hp.precision", "float32"),
        ("lora_target_modules: q_proj", "hp.lora_targets", "q_proj"),
        ("peft_use_rslora: true", "hp.lora_variant", "rsLoRA"),
        ("datasets: [{path: me/rows, name: de, split: test}]", "dataset.hf_config", "de"),
        ("datasets: [{path: ./rows.jsonl}]", "dataset.hf_repo", ""),
        ("datasets: [{path: json, data_files: x}]", "dataset.hf_repo", ""),
        ("datasets: [{path: me/a}, {path: me/b}]", "dataset.hf_repo", ""),
        ("val_set_size: 500", "dataset.eval_percent", 0.0),
        ("early_stopping_patience: 3", "hp.early_stopping", 3),
        ("wandb_project: mine", "hp.report_to", "wandb"),
        ("hub_model_id: me/x", "hp.push_to_hub", True),
        ("lora_target_modules: 'layers.[\\d]+.mlp'", "hp.lora_targets", "all-linear"),
        ("save_steps: 20\nsave_strategy: epoch", "hp.save_steps", None),
    ],
)
def test_words_of_axolotl(text: str, path: str, value: object) -> None:
    assert get_value(_read(text, AX).config, path) == value


def test_the_summary_and_the_groups_say_what_matters_first() -> None:
    imported = _read(
        "stage: sft\ndeepspeed: x.json\nhub_token: abcd\ntemplate: t\ndo_train: true\n", LF
    )
    headings = [heading for heading, _notes in grouped(imported.notes)]
    assert headings == [
        fate.value for fate in (Fate.WITHHELD, Fate.LOST, Fate.CHANGED, Fate.UNNEEDED)
    ]
    assert summary(imported) == (
        "2 settings are taken over from LLaMA-Factory. 1 setting has no counterpart here."
    )


def _bomb() -> bytes:
    levels = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
    return "\n".join(["stage: sft", "lora_rank: 8", "a0: &a0 [x]", *levels]).encode()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"stage: [1\nlora_rank: 2", "line 2: not valid YAML"),
        (b"[" * 50_000, "nested too deeply"),
        (b"stage: " + b"[" * 20 + b"]" * 20, "nested too deeply"),
        (_bomb(), "repeats itself"),
        (b"stage: &a [*a]\nlora_rank: 2\n", "repeats itself"),
        (b"- a\n- b\n", "holds no settings"),
        (b"", "holds no settings"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
        (b"#" * (MOST_BYTES + 1), "larger than a configuration"),
        (b"stage: \x00", "not valid YAML"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(data: bytes, text: str) -> None:
    with pytest.raises(AppError) as caught:
        any_config_of_bytes(data, "theirs.yaml", LF)
    assert caught.value.kind == "bad_config"
    assert text in caught.value.message


_DAMAGE = (b"\x00", b"&a ", b"*a", b"[", b"}", b": ", b"\n", b"9" * 400, b"~", b".nan", b"1e999",
           b"!!python/name:os ", b"- ", b"'", b"{a: 1}", b"-1", b"true", b"\xff")  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_a_configuration_or_a_sentence(name: str) -> None:
    whole = (EXAMPLES / f"{name}.yaml").read_bytes()
    rng = random.Random(name)
    for _ in range(150):
        start = rng.randrange(len(whole))
        data = whole[:start] + rng.choice(_DAMAGE) + whole[start + rng.randrange(12) :]
        with contextlib.suppress(AppError):
            imported = any_config_of_bytes(data, "theirs.yaml", rng.choice([None, *Program]))
            assert parse_config(config_text(imported.config), "ours.yaml") == imported.config


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        read_any_config(tmp_path / "nothing.yaml")
    assert caught.value.kind == "not_found"
    with pytest.raises(AppError, match="cannot be read"):
        read_any_config(tmp_path)
