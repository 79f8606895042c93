"""Whether the checkpoint that a setup names is there, before anything is started to look for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.config import TARGET_LOCAL
from models.domain.errors import Fix, Problem
from services.run_files import host_path
from services.storage.histories import seems_whole

if TYPE_CHECKING:
    from pathlib import Path

    from models.domain.config import TrainingConfig

_FIELD = "hp.resume_from"
_FIX = Fix("Leave it empty", ((_FIELD, ""),))


def checkpoint_problems(
    config: TrainingConfig, data_root: Path, *, goes_on: bool = False
) -> list[Problem]:
    """Why training cannot begin with the checkpoint that is named; empty where it can, or where
    none is. Its files are as long as they should be: their contents the trainer compares.

    ``goes_on``: a run goes on that has checkpoints of its own, so another directory's is not asked
    for. What lies on a volume at Runpod is not known here.
    """
    name = config.hp.resume_from.strip()
    place = named_checkpoint(config, data_root)
    if place is None or (goes_on and not place.is_relative_to(_output(config, data_root))):
        return []
    if config.training.target != TARGET_LOCAL and "/" not in name:
        return []
    if not place.is_dir():
        message, remedy = f"There is no checkpoint {place}.", _choose(place)
        return [Problem(_FIELD, name, message, remedy, fix=_FIX)]
    if not seems_whole(place):
        message, remedy = f"The checkpoint {place} is damaged, or is none.", _choose(place)
        return [Problem(_FIELD, name, message, remedy, fix=_FIX)]
    return []


def named_checkpoint(config: TrainingConfig, data_root: Path) -> Path | None:
    """Where the checkpoint lies that a setup names; None where it names none."""
    name = config.hp.resume_from.strip()
    if not name:
        return None
    if "/" in name:
        return host_path(data_root, name)
    return _output(config, data_root) / "checkpoints" / name


def in_new_directory(config: TrainingConfig, data_root: Path, directory: str) -> list[Problem]:
    """Why a checkpoint that is named by its name alone is not found once the output directory of
    the setup gives way to a new one, with its whole name as the remedy."""
    name = config.hp.resume_from.strip()
    if not name or "/" in name or directory == config.output.directory:
        return []
    whole = f"{config.output.directory}/checkpoints/{name}"
    fix = Fix("Name it by its folder", ((_FIELD, whole),))
    if not seems_whole(host_path(data_root, whole)):
        fix = _FIX
    message = f"is looked for in the output directory, and {directory} is a new one."
    return [Problem(_FIELD, name, message, f"Enter {whole}, or leave it empty.", fix=fix)]


def _output(config: TrainingConfig, data_root: Path) -> Path:
    return host_path(data_root, config.output.directory)


def _choose(place: Path) -> str:
    there = sorted(
        (one.name for one in place.parent.glob("checkpoint-*") if seems_whole(one)),
        key=lambda name: (len(name), name),
    )
    known = f" There are: {', '.join(there)}." if there else ""
    return f"Leave it empty, or name one that is there.{known}"
