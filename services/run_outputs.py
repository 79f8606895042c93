"""What to do with an output directory that already holds something: never guess, ask."""

from __future__ import annotations

from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.run_files import RunFolder, host_path, output_marker
from trainer_image.contract import Job
from trainer_image.drift import differences, sentence

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from trainer_image.contract import OutputMarker


class OnExisting(StrEnum):
    """The user's answers; ``refuse`` is no answer yet."""

    REFUSE = "refuse"
    RESUME = "resume"
    NEW = "new"
    OVERWRITE = "overwrite"


def settle_output(
    job: Job, data_root: Path, answer: OnExisting, taken: Collection[Path] = ()
) -> Job:
    """The job with its output directory settled; ``taken`` are directories of other runs, some of
    which have not begun yet.

    An empty or missing directory is used as it is, and so is an unfinished run of the very same job
    when auto-resume is on. Otherwise the answer decides; without one, AppError("output_exists").
    """
    directory = host_path(data_root, job.output_directory)
    if not _holds_something(directory) and directory not in taken:
        return job
    if answer is OnExisting.NEW:
        return job.model_copy(update={"output_directory": _free_name(job, data_root, taken)})
    marker = output_marker(directory)
    if answer is OnExisting.RESUME and marker is not None:
        job = _on_the_same_adapter(job, data_root, marker.run_id)
    if answer is not OnExisting.REFUSE:
        return job.model_copy(update={"on_existing": answer.value})
    same_job = marker is not None and job.may_go_on_from(marker.fingerprint)
    if same_job and marker is not None and not marker.finished and job.hp.auto_resume:
        return job.model_copy(update={"on_existing": OnExisting.RESUME.value})
    raise AppError(
        "output_exists",
        f"The output directory {job.output_directory} already holds "
        f"{_what(same_job, marker is not None and marker.finished)}{_difference(job, marker)}.",
        "Resume it, train into a new directory, or overwrite it "
        "(--on-existing resume|new|overwrite).",
    )


def _on_the_same_adapter(job: Job, data_root: Path, run_id: str) -> Job:
    """A run that goes on stays on the adapter that lay below the one it learns; a setup, from which
    the job was made, knows of none."""
    try:
        before = Job.model_validate_json(RunFolder(data_root, run_id).job.read_bytes())
    except (OSError, ValueError):
        return job
    below = {name: getattr(before, name) for name in ("on_top_of", "on_top_of_sha256")}
    return job.model_copy(update=below)


def _what(same_job: bool, finished: bool) -> str:
    state = "finished" if finished else "unfinished"
    return f"a{'n' if not finished else ''} {state} run of {'this' if same_job else 'another'} job"


def _difference(job: Job, marker: OutputMarker | None) -> str:
    """What is another setting in the job that is there, by name, where it says so."""
    found = differences(marker.decisive, job.decisive()) if marker is not None else {}
    return f" ({sentence(found)})" if found else ""


def _holds_something(directory: Path) -> bool:
    return directory.exists() and (not directory.is_dir() or any(directory.iterdir()))


def _free_name(job: Job, data_root: Path, taken: Collection[Path]) -> str:
    for number in count(2):
        name = f"{job.output_directory}-{number}"
        directory = host_path(data_root, name)
        if not _holds_something(directory) and directory not in taken:
            break
    return name
