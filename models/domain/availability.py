"""Which settings are shown, which can be changed, and what Offline mode makes of a setup.

Pure functions of a configuration and of the circumstances: the form, its tests and the services
read the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.config import (
    RUNTIME_DOCKER,
    SKILL_BEGINNER,
    SKILL_EXPERT,
    SOURCE_HUB,
    SOURCE_SESSION,
    TARGET_LOCAL,
    TARGET_RUNPOD,
)
from models.domain.config_io import settings_index
from models.domain.methods import has_meaning
from models.domain.processes import chosen_gpus

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

OFFLINE_TARGET = "Offline mode: training runs on this computer only."
OFFLINE_SOURCE = "Offline mode: Hugging Face datasets cannot be fetched."
OFFLINE_PUSH = "Offline mode: nothing is uploaded."
OFFLINE_RUNPOD = "Offline mode: Runpod cannot be reached."
OFFLINE_IMAGES = "Offline mode: images are not fetched. Those on this computer can be used."
NO_RUNPOD_KEY = "Needs a Runpod API key."
SET_RUNPOD_KEY = f"{NO_RUNPOD_KEY} Set one under Settings."
NO_HF_TOKEN = "Needs a Hugging Face token. Set one under Settings."  # noqa: S105 - a sentence

FORCED_OFFLINE: dict[str, object] = {
    "training.target": TARGET_LOCAL,
    "dataset.source": SOURCE_SESSION,
    "hp.push_to_hub": False,
}
"""What Offline mode enforces whatever the user chose; the choices come back with the network."""

_HUB_ONLY = {"hp.hub_repo", "hp.hub_private", "hp.hub_content"}
_LORA_ONLY = {
    "hp.lora_r", "hp.lora_alpha", "hp.lora_dropout", "hp.lora_targets", "hp.lora_variant",
}  # fmt: skip
_DOCKER_ONLY = {
    "local.image", "local.container_name", "local.memory_limit",
}  # fmt: skip
_DEVICES = "local.gpu_devices"
_MEASURED_ONLY = {"hp.eval_steps", "hp.early_stopping", "hp.load_best"}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What beyond the setup itself decides what can be used."""

    offline: bool = False
    has_hf_token: bool = False
    has_runpod_key: bool = False
    gpu_count: int = 0


_NOTHING_KNOWN = Circumstances()


def is_shown(
    config: TrainingConfig, path: str, circumstances: Circumstances = _NOTHING_KNOWN
) -> bool:
    """Whether a setting has a meaning in this setup; one that has none is not shown.

    GPUs are chosen among by everybody where there are several, and else are shown
    only where some are chosen already.
    """
    is_expert = config.training.skill_level == SKILL_EXPERT
    if path == _DEVICES:
        is_expert = circumstances.gpu_count > 1 or bool(chosen_gpus(config.local))
    if settings_index()[path].rule.expert and not is_expert:
        return False
    section, name = path.split(".", 1)
    if section in {"local", "runpod"}:
        return _target_setting_is_shown(config, path)
    if path == "training.preset":
        return config.training.skill_level == SKILL_BEGINNER
    if path == "dataset.session":
        return config.dataset.source == SOURCE_SESSION
    if name.startswith("hf_"):
        return config.dataset.source == SOURCE_HUB
    return _hyperparameter_is_shown(config, path)


def _target_setting_is_shown(config: TrainingConfig, path: str) -> bool:
    if path.startswith("runpod."):
        return config.training.target == TARGET_RUNPOD
    in_docker = config.local.runtime == RUNTIME_DOCKER
    if path == _DEVICES and not config.local.use_gpu:
        return False
    return config.training.target == TARGET_LOCAL and (in_docker or path not in _DOCKER_ONLY)


def _hyperparameter_is_shown(config: TrainingConfig, path: str) -> bool:
    if path in _HUB_ONLY:
        merges = path == "hp.hub_content"
        return config.hp.push_to_hub and (config.hp.tuning == "LoRA" or not merges)
    if path in _LORA_ONLY:
        return config.hp.tuning == "LoRA"
    if not has_meaning(path, config.hp.method):
        return False
    if path in _MEASURED_ONLY:
        return config.dataset.eval_percent > 0 or bool(config.dataset.eval_split)
    return True


def disabled_reason(path: str, circumstances: Circumstances, value: object = None) -> str:
    """Why this setting cannot be changed now, in a sentence; empty where it can.

    ``value`` is what it has: a push that is on can be switched off without a token.
    """
    if path.startswith("docker.") and circumstances.offline:
        return OFFLINE_IMAGES
    if path.startswith("runpod."):
        if circumstances.offline:
            return OFFLINE_RUNPOD
        what = SET_RUNPOD_KEY if path == "runpod.start" else NO_RUNPOD_KEY
        return "" if circumstances.has_runpod_key else what
    if path.startswith("dataset.hf_") and circumstances.offline:
        return OFFLINE_SOURCE
    if path == "hp.push_to_hub" or path in _HUB_ONLY:
        if circumstances.offline:
            return OFFLINE_PUSH
        is_free = circumstances.has_hf_token or (path == "hp.push_to_hub" and value is True)
        return "" if is_free else NO_HF_TOKEN
    return ""


def disabled_choices(path: str, circumstances: Circumstances) -> dict[str, str]:
    """The choices of this setting that cannot be taken now, each with the reason."""
    if circumstances.offline and path == "training.target":
        return {TARGET_RUNPOD: OFFLINE_TARGET}
    if circumstances.offline and path == "dataset.source":
        return {SOURCE_HUB: OFFLINE_SOURCE}
    return {}
