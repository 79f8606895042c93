"""A training configuration of the earlier program as one of ours, with what cannot be told.

Its database holds each as a JSON document: ``hp`` (settings, mostly as texts; a switch that is off
is left out), ``meta`` (target, skill level), ``infra_ui`` (Runpod) and ``local_ui``, as that
program's ``docs/development/database.md`` and what it writes tell. What is not known here is named
in a note, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from models.domain.config import (
    PRESETS,
    SKILL_BEGINNER,
    SKILL_EXPERT,
    SOURCE_HUB,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import parse_value, settings_index, with_values
from models.domain.errors import ConfigError
from services.config_secrets import secret_problem

_SAME = {
    "hp.base_model": "hp.base_model",
    "hp.epochs": "hp.epochs",
    "hp.lr": "hp.learning_rate",
    "hp.bsz": "hp.batch_size",
    "hp.grad_accum": "hp.grad_accum",
    "hp.max_steps": "hp.max_steps",
    "hp.packing": "hp.packing",
    "hp.auto_resume": "hp.auto_resume",
    "hp.resume_from": "hp.resume_from",
    "hp.push": "hp.push_to_hub",
    "hp.hf_repo_id": "hp.hub_repo",
    "hp.lora_r": "hp.lora_r",
    "hp.lora_alpha": "hp.lora_alpha",
    "hp.lora_dropout": "hp.lora_dropout",
    "hp.optim": "hp.optimizer",
    "hp.optimizer": "hp.optimizer",
    "hp.lr_scheduler": "hp.scheduler",
    "hp.weight_decay": "hp.weight_decay",
    "hp.logging_steps": "hp.logging_steps",
    "hp.seed": "hp.seed",
    "hp.save_total_limit": "hp.save_total_limit",
    "hp.report_to": "hp.report_to",
    "hp.output_dir": "output.directory",
    "hp.hf_dataset_id": "dataset.hf_repo",
    "hp.hf_dataset_split": "dataset.hf_split",
    "hp.hf_dataset_config": "dataset.hf_config",
    "infra_ui.dc": "runpod.data_center",
    "infra_ui.vol_name": "runpod.volume_name",
    "infra_ui.vol_size": "runpod.volume_size",
    "infra_ui.tpl_name": "runpod.template_name",
    "infra_ui.image": "runpod.image",
    "infra_ui.container_disk": "runpod.container_disk",
    "local_ui.use_gpu": "local.use_gpu",
    "local_ui.pass_hf_token": "local.pass_hf_token",
}
"""Its settings that mean the same here."""
_OFF_WHERE_ABSENT = ("hp.packing", "hp.auto_resume", "hp.push")
_READ_APART = {
    "hp.use_lora", "hp.use_rslora", "hp.fp16", "hp.bf16", "hp.db_session_id", "hp.json_path",
    "meta.train_target", "meta.skill_level",
}  # fmt: skip
_SAYS_NOTHING: dict[str, tuple[object, ...]] = {
    "meta.beginner_mode": ("",),
    "infra_ui.resize_if_smaller": (True,),
    "infra_ui.pod_volume_gb": (0, "0"),
    "infra_ui.mount_path": ("/data",),
    "infra_ui.category": ("NVIDIA",),
    "infra_ui.public": (False,),
}
"""Values that mean what is done here anyway: nothing is lost with them."""
_SECTIONS = ("hp", "meta", "infra_ui", "local_ui")
_SECRET = re.compile(r"token|secret|password|api_?key", re.IGNORECASE)
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class EarlierConfig:
    """``session`` is the number of the session that it learns from, empty for other datasets."""

    config: TrainingConfig
    session: str
    notes: tuple[str, ...]


def earlier_config(document: Any, target: str = "") -> EarlierConfig | None:
    """Our configuration for a document of that program, None where it is none of its.

    ``target`` is its column of this name, for documents that name none themselves.
    """
    if not isinstance(document, dict) or not isinstance(document.get("hp"), dict):
        return None
    return _Taking(document).taken(target)


@dataclass(slots=True)
class _Taking:
    """One configuration on its way."""

    document: dict[str, Any]
    _found: dict[str, Any] = field(default_factory=dict)
    _values: dict[str, object] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)
    _unknown: list[str] = field(default_factory=list)

    def taken(self, target: str) -> EarlierConfig:
        self._flatten()
        for name in _OFF_WHERE_ABSENT:
            self._found.setdefault(name, False)
        self._take_target(target)
        self._take_switches()
        for name, value in self._found.items():
            self._take(name, value)
        session = self._take_dataset()
        if self._unknown:
            names = ", ".join(sorted(self._unknown)[:_MOST_NAMED])
            more = len(self._unknown) - _MOST_NAMED
            others = f" and {more} more" if more > 0 else ""
            verb = "has" if len(self._unknown) == 1 else "have"
            self._notes.append(f"{names}{others} {verb} no counterpart here.")
        config = with_values(TrainingConfig(), self._values)
        return EarlierConfig(config, session, tuple(self._notes))

    def _flatten(self) -> None:
        for section, part in self.document.items():
            if section in _SECTIONS and isinstance(part, dict):
                named = ((f"{section}.{key}", value) for key, value in part.items())
                self._found |= {name: value for name, value in named if value is not None}
            elif section in _SECTIONS:
                self._notes.append(f"{section} cannot be read.")
            else:
                self._tell_unknown(section)

    def _take_target(self, column: str) -> None:
        named = self._found.get("meta.train_target") or column
        word = named.strip().lower() if isinstance(named, str) else ""
        known = {"runpod": TARGET_RUNPOD, "local": TARGET_LOCAL}
        target = next((known[key] for key in known if word.startswith(key)), "")
        if not target:
            self._notes.append(f"It names no training target that is known; {TARGET_LOCAL} is set.")
        target = target or TARGET_LOCAL
        # The preset itself is not taken over: what it had set are values of their own already.
        self._values |= {"training.target": target, "training.preset": PRESETS[target][0]}
        skill = str(self._found.get("meta.skill_level") or "").strip().title()
        if skill in {SKILL_BEGINNER, SKILL_EXPERT}:
            self._values["training.skill_level"] = skill

    def _take_switches(self) -> None:
        if _is_off(self._found.get("hp.use_lora", True)):
            self._values["hp.tuning"] = "full"
        if _is_on(self._found.get("hp.use_rslora")):
            self._values["hp.lora_variant"] = "rsLoRA"
        for name, precision in (("hp.fp16", "float16"), ("hp.bf16", "bfloat16")):
            if _is_on(self._found.get(name)):
                self._values["hp.precision"] = precision

    def _take(self, name: str, value: Any) -> None:
        if name in _READ_APART or value in _SAYS_NOTHING.get(name, ()):
            return
        path = _SAME.get(name)
        if path is None:
            self._tell_unknown(name)
        elif isinstance(value, str | int | float):
            self._set(name, path, value)
        else:
            self._notes.append(f"{name} cannot be read; {path} keeps its default.")

    def _set(self, name: str, path: str, value: str | float) -> None:
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if not text.strip():
            return
        if path == "hp.max_steps" and _is_no_limit(text):
            self._values[path] = None
            return
        info = settings_index()[path]
        try:
            parsed = text.strip() if info.kind is str else parse_value(path, text)
        except ConfigError:
            self._notes.append(f"{name} cannot be read; {path} keeps its default.")
            return
        if secret_problem(path, parsed) is not None:
            self._notes.append(f"{name} holds a token or a password, and is left out.")
        elif info.rule.problem(path, parsed, info.kind) is not None:
            self._notes.append(f"The value of {name} is not possible here; {path} keeps its own.")
        elif path == "output.directory" and not _is_below_data(text):
            self._notes.append(f"{name} is not below /data; {path} keeps its default.")
        else:
            self._values[path] = parsed

    def _take_dataset(self) -> str:
        if self._values.get("dataset.hf_repo"):
            self._values["dataset.source"] = SOURCE_HUB
            return ""
        file = self._found.get("hp.json_path")
        session = self._found.get("hp.db_session_id")
        if isinstance(session, str | int) and str(session).strip():
            return str(session).strip()
        if isinstance(file, str) and file.strip():
            name = PurePath(file.strip().replace("\\", "/")).name
            self._notes.append(f"It learns from the file {name}: import it, and choose it.")
        else:
            self._notes.append("It names no dataset: choose one.")
        return ""

    def _tell_unknown(self, name: object) -> None:
        text = name if isinstance(name, str) and name.isprintable() else "?"
        if _SECRET.search(text):
            self._notes.append(f"{text[:60]} may be a secret, and is never taken over.")
        else:
            self._unknown.append(text[:60])


def _is_on(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in {"true", "1"})


def _is_off(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() in {"false", "0"})


def _is_no_limit(text: str) -> bool:
    """That program's word for no limit is -1."""
    try:
        return float(text) <= 0
    except ValueError:
        return False


def _is_below_data(text: str) -> bool:
    place = text.strip()
    return place.startswith("/data/") and ".." not in PurePath(place).parts
