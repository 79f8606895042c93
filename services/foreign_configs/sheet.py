"""The bookkeeping of an export: what is written, and what the other program cannot be told."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import yaml

from models.domain.config import RUNTIME_DOCKER, SOURCE_HUB, TARGET_RUNPOD
from models.domain.config_io import get_value, settings_index
from models.domain.foreign_config import ExportedConfig, Fate, ForeignNote, Program
from services.foreign_configs.translation import as_text

if TYPE_CHECKING:
    from models.domain.config import TrainingConfig

_SLICE = re.compile(r"(?P<split>[\w.-]+)\[:(?P<rows>\d+)\]")


class Sheet:
    """Gives out our settings and collects theirs; ``handled`` are the paths given out."""

    def __init__(self, config: TrainingConfig, program: Program) -> None:
        self.config = config
        self._program = program
        self._notes: list[ForeignNote] = []
        self.handled: set[str] = set()
        self.out: dict[str, object] = {}

    def __getitem__(self, path: str) -> object:
        """The value of one of our settings."""
        self.handled.add(path)
        return get_value(self.config, path)

    def text(self, path: str) -> str:
        """A setting of ours that is a text."""
        return str(self[path]).strip()

    def is_on(self, path: str) -> bool:
        """A setting of ours that is a switch."""
        return bool(self[path])

    def copy(self, path: str, name: str) -> None:
        """Write a setting as it is, under their name; nothing where it is empty."""
        value = self[path]
        if value not in (None, ""):
            self.out[name] = value

    def lost(self, path: str, *neutral: object, text: str = "") -> None:
        """Tell that a setting cannot be written, unless it is one that changes nothing."""
        value = self[path]
        if value not in neutral:
            reason = text or f"{self._program.label} has no counterpart."
            self._notes.append(ForeignNote(path, as_text(value), Fate.LOST, reason))

    def changed(self, path: str, text: str) -> None:
        """Tell that a setting is written, but not as it is."""
        self._notes.append(ForeignNote(path, as_text(self[path]), Fate.CHANGED, text))

    def result(self) -> ExportedConfig:
        """What to write, with its notes."""
        self._tell_place()
        made = f"# Written by Temper for {self._program.label}.\n"
        text = yaml.safe_dump(self.out, sort_keys=False, allow_unicode=True, width=1000)
        return ExportedConfig(self._program, made + text, tuple(self._notes))

    def _tell_place(self) -> None:
        target, local = self.config.training.target, self.config.local
        text = "Where it trains is not part of such a file."
        if target == TARGET_RUNPOD:
            self._notes.append(ForeignNote("training.target", target, Fate.UNNEEDED, text))
        elif local.runtime == RUNTIME_DOCKER:
            self._notes.append(ForeignNote("local.runtime", local.runtime, Fate.UNNEEDED, text))


def quantisation(sheet: Sheet) -> int:
    """Bits of the base model's weights, 0 for not quantised."""
    word = sheet.text("hp.quantization")
    if sheet.text("hp.tuning") == "full":
        return 0
    if word == "auto":
        sheet.changed("hp.quantization", "It is written as 4-bit, as on a GPU.")
    return {"auto": 4, "4-bit": 4, "8-bit": 8}.get(word, 0)


def checkpointing(sheet: Sheet) -> bool:
    """Whether activations are computed twice; auto is on, as on a GPU."""
    return sheet.text("hp.gradient_checkpointing") != "off"


def optimiser(sheet: Sheet, eight_bit: str) -> str:
    """The optimiser; auto is 8-bit AdamW as on a GPU, which they call ``eight_bit``."""
    word = sheet.text("hp.optimizer")
    return eight_bit if word in {"auto", "adamw_8bit"} else word


def module_names(sheet: Sheet) -> list[str]:
    """The modules that LoRA is put on; empty for all linear ones."""
    words = [word.strip() for word in sheet.text("hp.lora_targets").split(",")]
    return [] if words == ["all-linear"] else [word for word in words if word]


def limit_of_steps(sheet: Sheet) -> int | None:
    """The most steps; told, because there they are a number and no limit."""
    limit = sheet.config.hp.max_steps
    if sheet["hp.max_steps"] is not None:
        text = "There the steps alone decide when it ends, also after the epochs."
        sheet.changed("hp.max_steps", text)
    return limit


def hub_split(sheet: Sheet) -> tuple[str, int | None]:
    """Name of the Hub dataset's split and, of a slice from the beginning, its number of rows."""
    split = sheet.text("dataset.hf_split")
    found = _SLICE.fullmatch(split)
    return (found["split"], int(found["rows"])) if found else (split, None)


def is_hub(sheet: Sheet) -> bool:
    """Whether the rows come from the Hub."""
    return sheet["dataset.source"] == SOURCE_HUB


def dataset_name(sheet: Sheet) -> str:
    """The library's dataset as the name of a file without its ending."""
    name = sheet.text("dataset.session") or "dataset"
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in name)


def folder(sheet: Sheet) -> str:
    """The last part of the output directory."""
    return PurePosixPath(sheet.text("output.directory")).name or "output"


def measures(sheet: Sheet) -> float:
    """The held-out share of the rows, between 0 and 1."""
    return round(float(str(sheet["dataset.eval_percent"])) / 100, 6)


def our_own(sheet: Sheet) -> None:
    """What concerns only how Temper goes on with its own runs."""
    sheet.handled.add("hp.auto_resume")
    sheet.lost("hp.resume_from", "", text="Checkpoints of Temper are for Temper.")


def trained_paths() -> set[str]:
    """The settings that say what is learnt, from what and to where: those of no place."""
    elsewhere = ("training.", "runpod.", "local.")
    return {path for path in settings_index() if not path.startswith(elsewhere)}
