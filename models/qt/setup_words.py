"""A setup in words, for reading before it is run: what stands out is what is not the default."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from models.domain.availability import is_shown
from models.domain.config import (
    OUTPUT_DIRECTORIES,
    RUNTIME_DOCKER,
    SKILL_BEGINNER,
    SKILL_EXPERT,
    SOURCE_HUB,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import get_value, settings_index, with_values
from models.qt.wording import value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

# Said in the rows above, or how the form looks rather than what is trained.
_SAID = {
    "training.target", "training.skill_level", "training.preset", "dataset.source",
    "dataset.session", "dataset.hf_repo", "dataset.hf_split", "dataset.hf_config",
    "dataset.eval_percent", "dataset.eval_split", "output.directory", "hp.base_model",
    "hp.epochs", "hp.learning_rate", "hp.batch_size", "hp.grad_accum", "hp.max_steps",
    "hp.method", "hp.tuning", "hp.lora_variant", "hp.lora_r", "hp.lora_alpha", "hp.quantization",
    "hp.push_to_hub", "hp.hub_repo", "hp.hub_private", "hp.hub_content", "local.runtime",
    "local.image", "local.use_gpu", "runpod.gpu", "runpod.gpu_count", "runpod.cloud",
    "runpod.max_hours", "runpod.max_cost", "runpod.on_finish",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a row; ``stands_out`` where they tell what is not the default."""

    text: str
    stands_out: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the summary."""

    label: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The row's words without emphasis."""
        return " · ".join(part.text for part in self.parts)


def describe_setup(config: TrainingConfig) -> tuple[Row, ...]:
    """The setup as rows, from what matters most to what is only worth knowing."""
    rows = (
        Row("Target", _target(config)),
        Row("Dataset", _dataset(config)),
        Row("Base model", (_part(config, config.hp.base_model or "none", "hp.base_model"),)),
        Row("Training", _training(config)),
        Row("Method", _method(config)),
        Row("Runs with", _runtime(config)),
        Row("Output", _output(config)),
        Row("Also changed", tuple(_others(config))),
    )
    return tuple(row for row in rows if row.parts)


@cache
def _defaults(target: str) -> TrainingConfig:
    folder = OUTPUT_DIRECTORIES.get(target, OUTPUT_DIRECTORIES[TARGET_LOCAL])
    return with_values(TrainingConfig(), {"output.directory": folder})


def _differs(config: TrainingConfig, paths: Iterable[str]) -> bool:
    usual = _defaults(config.training.target)
    return any(get_value(config, path) != get_value(usual, path) for path in paths)


def _part(config: TrainingConfig, text: str, *paths: str) -> Part:
    return Part(text, _differs(config, paths))


def _target(config: TrainingConfig) -> tuple[Part, ...]:
    training = config.training
    where = "This computer" if training.target == TARGET_LOCAL else training.target
    beginner = training.skill_level == SKILL_BEGINNER
    level = f"Beginner, {training.preset}" if beginner else training.skill_level
    return (Part(where), Part(level))


def _dataset(config: TrainingConfig) -> tuple[Part, ...]:
    dataset = config.dataset
    if dataset.source == SOURCE_HUB:
        parts = [Part(dataset.hf_repo or "none chosen", stands_out=True)]
        parts.append(_part(config, dataset.hf_split, "dataset.hf_split"))
        if dataset.hf_config:
            parts.append(Part(dataset.hf_config, stands_out=True))
    else:
        parts = [Part(dataset.session or "none chosen", stands_out=bool(dataset.session))]
    held_out = f"{value_text(dataset.eval_percent)} % held out"
    if dataset.eval_split:
        held_out = f"split {dataset.eval_split} held out"
    elif dataset.eval_percent == 0:
        held_out = "nothing held out"
    return (*parts, _part(config, held_out, "dataset.eval_percent", "dataset.eval_split"))


def _training(config: TrainingConfig) -> tuple[Part, ...]:
    hp = config.hp
    epochs = f"{value_text(hp.epochs)} {'epoch' if hp.epochs == 1 else 'epochs'}"
    batch = f"batch {hp.batch_size} × {hp.grad_accum}"
    parts = [
        _part(config, epochs, "hp.epochs"),
        _part(config, f"learning rate {value_text(hp.learning_rate)}", "hp.learning_rate"),
        _part(config, batch, "hp.batch_size", "hp.grad_accum"),
    ]
    if hp.max_steps is not None:
        parts.append(_part(config, f"at most {hp.max_steps} steps", "hp.max_steps"))
    return tuple(parts)


def _method(config: TrainingConfig) -> tuple[Part, ...]:
    hp = config.hp
    parts = [_part(config, hp.method, "hp.method")]
    if hp.tuning == "LoRA":
        parts.append(_part(config, hp.lora_variant, "hp.lora_variant"))
        rank = f"rank {hp.lora_r}, alpha {hp.lora_alpha}"
        parts.append(_part(config, rank, "hp.lora_r", "hp.lora_alpha"))
    else:
        parts.append(_part(config, "full fine-tune", "hp.tuning"))
    words = {"auto": "automatic quantisation", "none": "no quantisation"}
    precision = words.get(hp.quantization, f"{hp.quantization} weights")
    return (*parts, _part(config, precision, "hp.quantization"))


def _runtime(config: TrainingConfig) -> tuple[Part, ...]:
    if config.training.target == TARGET_RUNPOD:
        return _pod(config)
    local = config.local
    parts = [_part(config, local.runtime, "local.runtime")]
    if local.runtime == RUNTIME_DOCKER:
        parts.append(_part(config, local.image, "local.image"))
    gpu = "GPU where there is one" if local.use_gpu else "no GPU"
    return (*parts, _part(config, gpu, "local.use_gpu"))


def _pod(config: TrainingConfig) -> tuple[Part, ...]:
    pod = config.runpod
    count = f"{pod.gpu_count} × " if pod.gpu_count != 1 else ""
    limit = f"at most ${pod.max_cost:,.2f} and {value_text(pod.max_hours)} h"
    return (
        _part(config, f"{count}{pod.gpu or 'any GPU'}", "runpod.gpu", "runpod.gpu_count"),
        _part(config, f"{pod.cloud} cloud", "runpod.cloud"),
        _part(config, limit, "runpod.max_cost", "runpod.max_hours"),
        _part(config, f"{pod.on_finish} when finished", "runpod.on_finish"),
    )


def _output(config: TrainingConfig) -> tuple[Part, ...]:
    parts = [_part(config, config.output.directory, "output.directory")]
    if config.hp.push_to_hub:
        private = ", private" if config.hp.hub_private else ", public"
        merged = ", merged" if config.hp.hub_content == "merged" else ""
        where = f"pushed to {config.hp.hub_repo or 'the Hub'}{private}{merged}"
        parts.append(Part(where, stands_out=True))
    return tuple(parts)


def _others(config: TrainingConfig) -> Iterable[Part]:
    """Every other setting with a meaning here that is not as usual: nothing is left unsaid."""
    expert = with_values(config, {"training.skill_level": SKILL_EXPERT})
    for path, info in settings_index().items():
        if path in _SAID or not is_shown(expert, path) or not _differs(config, (path,)):
            continue
        value = get_value(config, path)
        if isinstance(value, bool):
            words = "on" if value else "off"
        else:
            words = value_text(value) or info.rule.none_means or "empty"
        unit = f" {info.rule.unit}" if info.rule.unit and value is not None else ""
        yield Part(f"{info.rule.label} {words}{unit}", stands_out=True)
