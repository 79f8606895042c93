"""Running a run again exactly: the same setup word for word, on the very same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, SOURCE_HUB
from models.domain.errors import AppError
from models.domain.run_history import Repetition, Verb
from services.run_outputs import OnExisting
from services.run_record import Surroundings, last_boot
from services.run_starter import dataset_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.dataset import DatasetSession
    from models.domain.run import Run
    from services.datasets import DatasetLibrary
    from services.job_builder import PlannedJob
    from services.runs import RunService
    from trainer_image.contract import Job


_MOVED, _RENAMED = "The output goes", "The dataset is called"
"""How the remarks begin that speak of names and places, and of nothing that is computed."""


class RunAgain:
    """Plans the repetition of a run, for whoever starts it or lets it wait."""

    def __init__(
        self, runs: RunService, library: DatasetLibrary, here: Surroundings | None = None
    ) -> None:
        self._runs = runs
        self._library = library
        self._here = here or Surroundings()

    def describe(self, run: Run) -> Repetition:
        """What running it again means; AppError or ConfigError say why it cannot be done."""
        planned = self.plan(run, queued=True)
        remarks = [*self._remarks(run, planned), *self._here.differences(run)]
        differs = any(not one.startswith((_MOVED, _RENAMED)) for one in remarks)
        exact = last_boot(run) is not None and not differs
        return Repetition(run.id, run.name, run.config, tuple(remarks), Verb.AGAIN, exact=exact)

    def plan(self, run: Run, *, queued: bool = False) -> PlannedJob:
        """The job of the repetition, in a new directory where the old one is occupied.

        AppError("dataset_gone") where the library does not have the rows any more; ConfigError
        where the base model, the image or a checkpoint is gone, or Offline mode forbids what it
        needs.
        """
        planned = self._runs.starter.plan(
            run.config, run.name, OnExisting.NEW, self._runs.others,
            session=session_of(run, self._library), queued=queued,
        )  # fmt: skip
        return replace(planned, job=self._word_for_word(run, planned.job))

    def _word_for_word(self, run: Run, planned: Job) -> Job:
        """The job as it was written then, and with as many threads as it had; only the name, the
        time and the place are new. As planned where the old one cannot be read any more."""
        try:
            old = self._runs.starter.read_job(run)
        except AppError:
            return planned
        boot = last_boot(run)
        return old.model_copy(
            update={
                "run_id": planned.run_id,
                "name": planned.name,
                "created_at": planned.created_at,
                "output_directory": planned.output_directory,
                "on_existing": planned.on_existing,
                "offline": planned.offline,
                "threads": boot.threads if boot is not None and boot.threads else None,
            }
        )

    def _remarks(self, run: Run, planned: PlannedJob) -> Iterator[str]:
        if planned.job.output_directory != run.config.output.directory:
            yield f"{_MOVED} to {planned.job.output_directory}: the old place is occupied."
        if planned.session is not None and planned.session.name != run.dataset_name:
            yield f"{_RENAMED} {planned.session.name} now; its rows are the same."
        if run.config.dataset.source == SOURCE_HUB:
            yield "The dataset comes from Hugging Face, where it may have changed since."
        if run.trainer_sha256 and run.trainer_sha256 != self._runs.starter.code_sha256():
            yield "Temper's training code has changed since; the result may differ a little."
        if run.runtime == RUNTIME_DOCKER and run.image_digest:
            yield f"It uses what {run.image} is now, which may have been replaced since."


def session_of(run: Run, library: DatasetLibrary) -> DatasetSession | None:
    """The dataset with the same rows, whatever it is called now; None for one of the Hub.
    AppError("dataset_gone")."""
    if run.config.dataset.source == SOURCE_HUB or not run.dataset_sha256:
        return None
    for session in library.list():
        if session.sha256 == run.dataset_sha256:
            return session
    raise dataset_gone(run)
