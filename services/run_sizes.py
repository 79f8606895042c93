"""What of the disk is a run's own: its folder, and what it made in its output directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.run_history import RunSize
from services.run_files import output_marker
from services.run_follower import run_folder
from trainer_image.contract import OUTPUT_MARKER_FILE

if TYPE_CHECKING:
    from models.domain.run import Run

OWN_OUTPUTS = (
    "adapter", "adapter.tmp", "adapter.old", "model", "model.tmp", "model.old", "merged.tmp",
    "checkpoints", "checkpoints-of-other-data", "tensorboard", "wandb", OUTPUT_MARKER_FILE,
)  # fmt: skip
"""What a training makes in its output directory; anything else there is somebody else's."""


def measure(run: Run) -> RunSize:
    """How much a run takes on disk, in bytes. Links are counted, not followed."""
    kept = why_outputs_stay(run)
    outputs = 0 if kept else sum(_size(path) for path in own_outputs(run))
    return RunSize(_size(run_folder(run).path), outputs, run.output_directory, kept)


def own_outputs(run: Run) -> list[Path]:
    """What there is of a run's outputs, for a run whose outputs are its own."""
    places = (Path(run.output_directory) / name for name in OWN_OUTPUTS)
    return [path for path in places if path.is_symlink() or path.exists()]


def why_outputs_stay(run: Run) -> str:
    """Why nothing in the output directory is this run's to remove, in a sentence; else empty."""
    directory, data_root = Path(run.output_directory), Path(run.data_root)
    if not directory.is_dir():
        return f"There is no folder {directory} any more."
    if directory.is_symlink():
        return f"{directory} is a link to another place."
    if not directory.resolve().is_relative_to(data_root.resolve()):
        return f"{directory} lies outside the data folder {data_root}."
    marker = output_marker(directory)
    if marker is None:
        return f"{directory} does not say which run it belongs to."
    if marker.run_id != run.id:
        return f"{directory} belongs to run {marker.run_id} now."
    return ""


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what vanishes meanwhile counts nothing."""
    try:
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        with os.scandir(path) as entries:
            return sum(_size(Path(entry.path)) for entry in entries)
    except OSError:
        return 0
