"""What a run needs on its pod, by the paths under which a local run has it, too."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.config import SOURCE_HUB
from models.domain.errors import AppError
from services.job_builder import is_local_model
from services.run_files import RunFolder, host_path
from services.runpod.agent_package import pack_code
from trainer_image.contract import CONTAINER_DATA_ROOT, OUTPUT_MARKER_FILE, Job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.domain.config import TrainingConfig

_CODE_FILE = "pod-code.zip"
_SEAL = "temper-checkpoint.json"
"""Written last, so a folder with it is a whole checkpoint (``trainer_image/checkpoints.py``)."""
_TAKEN = ("outputs", "models")
"""Folders of the pod's data root into which the agent lets files come."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file: its path under the pod's data root, and where it is here."""

    path: str
    source: Path

    def sha256(self) -> str:
        """Of all of it. OSError where it is gone."""
        with self.source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def needs_hub(config: TrainingConfig) -> bool:
    """Whether a pod fetches or brings something at the Hugging Face Hub: then it is given the
    user's token, if one is set. Gated models and private datasets cannot be had without."""
    is_hub_model = not is_local_model(config.hp.base_model.strip())
    return is_hub_model or config.dataset.source == SOURCE_HUB or config.hp.push_to_hub


def job_of(folder: RunFolder) -> Job:
    """The run's job; AppError where it is gone or damaged."""
    try:
        return Job.model_validate_json(folder.job.read_bytes())
    except (OSError, ValueError) as error:
        message = f"The job of run {folder.run_id} cannot be read: it is gone or damaged."
        raise AppError("job_gone", message, "Start a new run.", str(error)) from error


def inputs_of(job: Job, data_root: Path) -> tuple[Input, ...]:
    """Dataset, base model, and whatever the run begins from. AppError where one is missing."""
    found: list[Input] = []
    if job.dataset.path:
        found.append(_file(job.dataset.path, data_root))
    if is_local_model(job.base_model):
        found += _folder(job.base_model, data_root)
    if job.on_top_of:
        found += _folder(job.on_top_of, data_root)
    if "/" in job.hp.resume_from:
        found += _folder(job.hp.resume_from, data_root)
    return tuple(dict.fromkeys(found + list(_own_checkpoint(job, data_root))))


def code_of(folder: RunFolder, code: Path) -> Input:
    """The trainer's code as it travels, packed into the run's folder; named by its hash.

    ``code`` is the folder that holds the package. AppError where the folder does not take it.
    """
    packed = pack_code(code / "trainer_image")
    path = folder.path / _CODE_FILE
    try:
        path.write_bytes(packed)
    except OSError as error:
        raise AppError(
            "io", f"{path} cannot be written on this computer: {error.strerror}.",
            "Free some space, or check who may write there; then resume.",
        ) from error  # fmt: skip
    return Input(f"code/{hashlib.sha256(packed).hexdigest()[:32]}.zip", path)


def history_of(folder: RunFolder) -> tuple[Input, ...]:
    """What earlier boots told, for a pod whose disk knows nothing of them: so numbers go on."""
    paths = (folder.events, folder.path / "record.json")
    return tuple(
        Input(f"runs/{folder.run_id}/{path.name}", path)
        for path in paths
        if path.is_file() and path.stat().st_size
    )


def unreadable(one: Input, error: OSError) -> AppError:
    """The error of a file that was there when the sending began."""
    return AppError(
        "io", f"{one.source} cannot be read any more: {error.strerror}.",
        "Put it back, then resume.",
    )  # fmt: skip


def marker_path(job: Job) -> str:
    """Where the output directory says whose it is, under the data root."""
    return f"{_relative(job.output_directory)}/{OUTPUT_MARKER_FILE}"


def _own_checkpoint(job: Job, data_root: Path) -> Iterator[Input]:
    """Of the output directory itself, where the run began on this computer: the newest, and the
    one that it names."""
    output = host_path(data_root, job.output_directory)
    whole = [
        folder
        for folder in (output / "checkpoints").glob("checkpoint-*")
        if (folder / _SEAL).is_file() and folder.name.rpartition("-")[2].isdigit()
    ]
    newest = max(whole, key=lambda one: int(one.name.rpartition("-")[2]), default=None)
    for folder in whole:
        if folder == newest or folder.name == job.hp.resume_from:
            yield from _files(folder, data_root)
    marker = output / OUTPUT_MARKER_FILE
    if newest is not None and marker.is_file():
        yield Input(marker_path(job), marker)


def _file(path: str, data_root: Path) -> Input:
    source = host_path(data_root, path)
    if not source.is_file():
        message = f"{path} is not there any more."
        raise AppError("dataset_gone", message, "Import the same file again, or start a new run.")
    return Input(_relative(path), source)


def _folder(path: str, data_root: Path) -> Iterator[Input]:
    """All files of a folder of the data root."""
    folder = host_path(data_root, path)
    if (
        not path.startswith(f"{CONTAINER_DATA_ROOT}/")
        or _relative(path).split("/")[0] not in _TAKEN
    ):
        raise AppError(
            "not_portable",
            f"{path} is only on this computer, and does not go to a pod from there.",
            "Move it into the folder models of the data folder and name it /data/models/…, or "
            "choose a model of the Hugging Face Hub.",
        )
    if not folder.is_dir():
        raise AppError("not_found", f"There is no folder {folder}.", "Put it back.")
    yield from _files(folder, data_root)


def _files(folder: Path, data_root: Path) -> Iterator[Input]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(data_root).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            yield Input("/".join(parts), path)


def _relative(path: str) -> str:
    return path.removeprefix(f"{CONTAINER_DATA_ROOT}/")
