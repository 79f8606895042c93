"""Checkpoints that can be trusted: each carries a manifest of its files, written last.

Without a manifest, or with a file that is not as the manifest says, a checkpoint does not count.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from trainer_image.contract import FailureKind
from trainer_image.failures import RefusedError
from trainer_image.keeping import keep_files, keep_names
from trainer_image.rows import file_sha256
from trainer_image.run_folder import write_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "temper-checkpoint.json"
_SHOWN = 16
"""So much of a dataset's hash tells it from others."""


class FileSeal(BaseModel):
    """Size in bytes and SHA-256 of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int
    sha256: str


class Manifest(BaseModel):
    """``temper-checkpoint.json``. The token counts and seconds are those of the run so far.

    ``decisive`` is what the fingerprint is made of (``Job.decisive``), ``base_sha256`` what the
    base model was (``record.base_signature``); both are empty in those of earlier versions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    step: int
    fingerprint: str
    base_model: str
    dataset_sha256: str
    trained_tokens: int = 0
    processed_tokens: int = 0
    seconds: float = 0.0
    decisive: dict[str, Any] = {}
    base_sha256: str = ""
    files: dict[str, FileSeal] = {}


def seal(folder: Path, manifest: Manifest) -> None:
    """Make a checkpoint valid: from now on it says what belongs to it.

    Its files are on the disk before the seal is, or older checkpoints might be removed for one
    that a power cut leaves empty.
    """
    keep_files(folder)
    files = {
        path.relative_to(folder).as_posix(): FileSeal(
            size=path.stat().st_size, sha256=file_sha256(path)
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    write_model(folder / MANIFEST, manifest.model_copy(update={"files": files}))
    keep_names(folder)
    keep_names(folder.parent)


def adopt(source: Path, folder: Path, manifest: Manifest) -> Path:
    """Take another run's checkpoint into ``folder`` under a manifest of our own, which names the
    job that goes on from it; the other run may be deleted then. It takes no space where the file
    system has hard links: a sealed file is never written to again.
    """
    target, temporary = folder / source.name, folder / f"adopting-{source.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    for name in manifest.files:
        place = temporary / name
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(source / name, place)
    write_model(temporary / MANIFEST, manifest)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    keep_names(folder)
    return target


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


def manifest_of(folder: Path) -> Manifest | None:
    """What a checkpoint says of itself, or nothing if it cannot be trusted."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        sound = all(_is_sound(folder / name, seal) for name, seal in manifest.files.items())
    except (OSError, ValidationError):
        return None
    return manifest if sound else None


def _is_sound(path: Path, expected: FileSeal) -> bool:
    return path.stat().st_size == expected.size and file_sha256(path) == expected.sha256


def newest_first(folder: Path) -> list[Path]:
    """All checkpoints in a folder, sound or not, the one of the highest step first."""
    return sorted(_checkpoints(folder), key=_step, reverse=True)


def remove_unsealed(folder: Path) -> None:
    """Remove what a crash or a full disk left of a checkpoint, which also frees its space."""
    for path in _checkpoints(folder):
        if not (path / MANIFEST).exists():
            shutil.rmtree(path, ignore_errors=True)


def put_aside(folder: Path, aside: Path, dataset_sha256: str) -> None:
    """Move the checkpoints that were made with other rows away from the training with these."""
    for path in _checkpoints(folder):
        try:
            made_with = Manifest.model_validate_json((path / MANIFEST).read_bytes()).dataset_sha256
        except (OSError, ValidationError):
            continue
        if made_with != dataset_sha256:
            target = aside / (made_with[:_SHOWN] or "unknown") / path.name
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)


def remove_after(folder: Path, step: int) -> None:
    """Remove checkpoints of a higher step: training goes on from ``step`` and makes them anew."""
    for path in _checkpoints(folder):
        if _step(path) > step:
            shutil.rmtree(path, ignore_errors=True)


def rotate(folder: Path, keep: int, best_step: int | None) -> None:
    """Keep the newest ``keep`` checkpoints and the best one."""
    for path in newest_first(folder)[keep:]:
        if _step(path) != best_step:
            shutil.rmtree(path, ignore_errors=True)


def named(path: Path) -> Manifest:
    """The manifest of a checkpoint that the user named; RefusedError if there is none to trust."""
    if not path.is_dir():
        raise RefusedError(
            FailureKind.NOT_FOUND,
            f"The checkpoint to resume from was not found: {path}",
            "Choose one of the checkpoints in the output directory, or none.",
        )
    manifest = manifest_of(path)
    if manifest is None:
        raise RefusedError(
            FailureKind.CHECKPOINT_CORRUPT,
            f"The checkpoint to resume from is damaged: {path}",
            "Choose an earlier checkpoint, or leave the choice to the program.",
        )
    return manifest


def _checkpoints(folder: Path) -> Iterator[Path]:
    for path in folder.glob("checkpoint-*"):
        if path.name.removeprefix("checkpoint-").isdecimal():
            yield path


def _step(path: Path) -> int:
    return int(path.name.removeprefix("checkpoint-"))
