"""What to do with an output directory that already holds something: never guess, ask."""

from __future__ import annotations

import os
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.run_files import RunFolder, host_path, output_marker
from services.run_sizes import OWN_OUTPUTS
from services.storage.needs import needs_of_run, needs_of_setup
from trainer_image.contract import Job
from trainer_image.drift import differences, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from models.domain.run import Run
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


def refuse_overwriting(
    job: Job, data_root: Path, others: Iterable[Run], pinned: Callable[[str], str]
) -> None:
    """AppError where overwriting the output directory would take away what the job itself or one of
    the ``others``, which have not ended, begins with, or what is pinned; ``pinned`` says of a run
    what is, in words."""
    if job.on_existing != OnExisting.OVERWRITE.value:
        return
    directory = host_path(data_root, job.output_directory)
    marker = output_marker(directory)
    if marker is not None and (what := pinned(marker.run_id)):
        raise _not_overwritten(job, "pinned", f"you have pinned {what} of run {marker.run_id}")
    own = needs_of_setup("this training", [job.base_model, job.on_top_of], [data_root])
    places = [os.path.realpath(directory / name) for name in OWN_OUTPUTS]
    for need in (*own, *(need for run in others for need in needs_of_run(run))):
        if any(Path(need.path).is_relative_to(place) for place in places):
            raise _not_overwritten(job, "in_use", f"{need.who} begins with {need.path}")


def _not_overwritten(job: Job, kind: str, why: str) -> AppError:
    message = f"The output directory {job.output_directory} cannot be overwritten: {why}."
    return AppError(kind, message, "Train into a new directory (--on-existing new).")


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
