"""What of the disk is a run's own: its folder, and what it made in its output directory."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.run_history import RunSize
from services.run_files import output_marker
from services.run_follower import run_folder
from trainer_image.contract import OUTPUT_MARKER_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.domain.run import Run

OWN_OUTPUTS = (
    "adapter", "adapter.tmp", "adapter.old", "model", "model.tmp", "model.old", "merged.tmp",
    "checkpoints", "checkpoints-of-other-data", "tensorboard", "wandb", OUTPUT_MARKER_FILE,
)  # fmt: skip
"""What a training makes in its output directory; anything else there is somebody else's."""


def measure(run: Run) -> RunSize:
    """What deleting a run gives back, in bytes: links are counted, not followed, and a file that
    has a name elsewhere as well, such as of a checkpoint that a longer run took over, stays."""
    kept = why_outputs_stay(run)
    outputs = 0 if kept else _freed(own_outputs(run))
    return RunSize(_freed([run_folder(run).path]), outputs, run.output_directory, kept)


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


def _freed(paths: Iterable[Path]) -> int:
    """Bytes of files, or of all files below folders: each once, and only where all of its names are
    among them. What vanishes meanwhile counts nothing."""
    found = {}
    names: Counter[tuple[int, int]] = Counter()
    for status in (one for path in paths for one in _files(path)):
        inode = (status.st_dev, status.st_ino)
        found[inode] = status
        names[inode] += 1
    return sum(one.st_size for inode, one in found.items() if one.st_nlink <= names[inode])


def _files(path: Path) -> Iterator[os.stat_result]:
    with suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            yield path.lstat()
            return
        with os.scandir(path) as entries:
            for entry in entries:
                yield from _files(Path(entry.path))
