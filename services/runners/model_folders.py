"""Which folders a base model on this computer consists of, for whoever must hand them over."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from services.job_builder import is_local_model
from trainer_image.contract import CONTAINER_DATA_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_LINKS = 8
"""Links that lead to links; more is a circle."""


def model_folders(model: Path) -> Sequence[Path]:
    """The model's folder and those that its symbolic links lead to, outermost only.

    Hugging Face's cache keeps a model as links into a neighbouring folder.
    """
    found = {model}
    for link in _links(model):
        found.update(_ways(link))
    return sorted(one for one in found if not any(parent in found for parent in one.parents))


def is_mounted(model: str) -> bool:
    """Whether a job's base model is a folder that a container sees only if it is given."""
    return is_local_model(model) and not PurePosixPath(model).is_relative_to(CONTAINER_DATA_ROOT)


def name_in_job(job: Path) -> str:
    """How a job names its base model."""
    return str(json.loads(job.read_bytes())["base_model"])


def rename_in_job(job: Path, model: str) -> None:
    """Let a job name its base model so."""
    content = json.loads(job.read_bytes()) | {"base_model": model}
    temporary = job.with_name(f".{job.name}.tmp")
    temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
    temporary.replace(job)


def _links(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink():
                yield path


def _ways(link: Path) -> Iterator[Path]:
    """The folders that a link passes through, as their names are and not as they resolve."""
    for _ in range(_MOST_LINKS):
        if not link.is_symlink():
            return
        link = Path(os.path.normpath(link.parent / link.readlink()))
        yield link if link.is_dir() and not link.is_symlink() else link.parent
