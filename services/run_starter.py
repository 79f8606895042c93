"""From a setup to a trainer that runs: planning, storing, starting; for every way of starting."""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, RUNTIME_RUNPOD, TARGET_LOCAL
from models.domain.errors import OUTPUT_BUSY, AppError, ConfigError
from models.domain.run import Failure, Run, RunState
from models.domain.start_fixes import ANOTHER_FOLDER, DEFAULT_FOLDER
from services.gpu_count import fitted
from services.job_builder import is_local_model, local_model
from services.models.sharing import lend
from services.run_files import RunFolder, host_path, output_marker
from services.run_follower import run_folder
from services.run_outputs import OnExisting, refuse_overwriting, settle_output
from services.runners.base import Launch
from services.start_checkpoint import checkpoint_problems, in_new_directory
from services.storage.pins import Pins
from trainer_image.contract import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession
    from models.domain.errors import Problem
    from models.domain.run import JobHandle
    from services.datasets import DatasetLibrary
    from services.job_builder import JobBuilder, PlannedJob
    from services.offline import OfflinePolicy
    from services.run_records import RunRecords
    from services.runners.base import Runners, Started
    from services.start_needs import StartNeeds
    from services.trainer_code import TrainerCode

_ALL = 100_000
_ITS_NAME, _ITS_FOLDER = "local.container_name", "local.host_data_dir"


class RunStarter:
    """Blocking; knows no Qt. ``code`` places the trainer's code and is asked at every start."""

    def __init__(
        self,
        records: RunRecords,
        library: DatasetLibrary,
        builder: JobBuilder,
        runners: Runners,
        code: Callable[[], TrainerCode],
        offline: OfflinePolicy,
    ) -> None:
        self._needs: StartNeeds | None = None
        self._records = records
        self._pins = Pins(records.database)
        self._library = library
        self._builder = builder
        self._runners = runners
        self._code = code
        self._offline = offline

    def also_ask(self, needs: StartNeeds) -> None:
        """Who knows what a start needs beside its settings and its runner."""
        self._needs = needs

    def plan(
        self,
        config: TrainingConfig,
        name: str,
        answer: OnExisting,
        others: Callable[[], Sequence[Run]],
        *,
        session: DatasetSession | None = None,
        queued: bool = False,
    ) -> PlannedJob:
        """Check everything and settle the output directory; nothing is changed.

        ``others`` tells which runs train or wait: none may have the same output directory.
        ``session`` is the dataset where the setup's own name of it is not to be looked up. A run
        that is to wait may have the name of a container that is there now.
        """
        goes_on = answer is OnExisting.RESUME or (
            answer is OnExisting.REFUSE and self._may_go_on(config)
        )
        # Without an answer overwriting may become it: what is missing even then is said at once.
        clears = answer in {OnExisting.OVERWRITE, OnExisting.REFUSE}
        further = self._further_problems(config, goes_on=goes_on, clears=clears)
        if queued:
            further = [problem for problem in further if problem.field != _ITS_NAME]
        offline = self._offline.is_offline()
        planned = self._builder.plan(
            config,
            name=name,
            offline=offline,
            further=further,
            session=session,
            asks_hub=self._needs is None,
        )
        owners = {Path(run.output_directory): run for run in others()}
        owner = owners.get(planned.output)
        if owner is not None and answer is not OnExisting.NEW:
            raise _in_use(owner, ask=queued and answer is OnExisting.REFUSE)
        job = settle_output(planned.job, planned.data_root, answer, taken=owners)
        refuse_overwriting(job, planned.data_root, owners.values(), self._pins.in_words)
        if lost := in_new_directory(config, planned.data_root, job.output_directory):
            raise ConfigError(lost)
        return replace(planned, job=job, output=host_path(planned.data_root, job.output_directory))

    def add(
        self, config: TrainingConfig, planned: PlannedJob, *, queued_at: float | None = None
    ) -> Run:
        """Write the job and store the run, which waits where it has a ``queued_at``.

        Another one is stored as being started, so that one of a program that is ended before it
        starts it is found and settled as any other that never started.
        """
        code = self._code()
        planned = replace(planned, job=_with_parent(planned.job, planned.output))
        folder = RunFolder(planned.data_root, planned.job.run_id)
        with _writing(str(folder.path)):
            folder.path.mkdir(parents=True, exist_ok=True)
        if planned.session is not None:
            self._library.place_into(planned.session, planned.data_root / "datasets")
        _replace_text(folder.job, planned.job.model_dump_json(indent=2))
        return self._records.add(_run_of(config, planned, code, queued_at))

    def launch(self, run: Run) -> Run:
        """Start a stored run. One that cannot be started is stored as failed, and AppError raised.

        A run of the queue has its ``queued_at`` until its handle is stored: one without a handle
        was never started, or that was never learned.
        """
        code = self._code()
        run = self._records.transition(
            run,
            RunState.PREPARING,
            started_at=time.time(),
            handle=None,
            trainer_sha256=code.sha256,
        )
        self._lend_model(run)
        launch = Launch(
            run_folder(run),
            code,
            run.config.local,
            offline=self._offline.is_offline(),
            base_model=run.base_model,
        )
        try:
            with _writing(f"The folder of run {run.id}"):
                started = self._runners.of(run.runtime).start(launch)
        except AppError as error:
            self.fail(run, error)
            raise
        stored = self._records.transition_from(
            run,
            RunState.PREPARING,
            handle=started.handle,
            image_digest=started.image_digest,
            queued_at=None,
        )
        return stored or self._overtaken(run, started)

    def _lend_model(self, run: Run) -> None:
        """Where it may fetch its model, what other programs have of it is not fetched again."""
        is_here = run.config.training.target == TARGET_LOCAL
        if is_here and not is_local_model(run.base_model) and not self._offline.is_offline():
            lend(run.base_model, run_folder(run).data_root)

    def _overtaken(self, run: Run, started: Started) -> Run:
        """Another program thought us gone: it found what we started, or gave the run up."""
        now = self._records.get(run.id)
        if now.handle == started.handle:
            return self._records.change(run.id, image_digest=started.image_digest)
        runner = self._runners.of(run.runtime)
        runner.kill(started.handle)
        runner.release(started.handle, run_folder(run))
        return now

    def code_sha256(self) -> str:
        """The hash of the trainer's code that a run would be started with now."""
        return self._code().sha256

    def find(self, run: Run) -> JobHandle | None:
        """What was started for a run whose handle was never stored. AppError where that cannot be
        known just now."""
        return self._runners.of(run.runtime).find(run_folder(run), run.started_at or 0)

    def fail(self, run: Run, error: AppError) -> Run:
        """Store that a run could not be started, and why."""
        failure = Failure(error.kind, error.message, error.hint)
        return self._records.transition(
            run, RunState.FAILED, failure=failure, ended_at=time.time(), queued_at=None
        )

    def check_resume(self, run: Run) -> None:
        """Whether a run may go on in its folder; ConfigError with all that is in the way."""
        problems = self._builder.resume_problems(
            run.config, offline=self._offline.is_offline(), further=self.runner_problems(run.config)
        )
        if problems:
            raise ConfigError(problems)

    def check_waiting(self, run: Run) -> None:
        """Look again at all that may have changed since a run was put into the queue.

        ConfigError, AppError("dataset_gone"), AppError("output_exists"), AppError("in_use") or
        AppError("pinned") say what is in the way.
        """
        job = self.read_job(run)
        goes_on = job.on_existing == OnExisting.RESUME.value
        problems = self._builder.problems(
            run.config,
            offline=self._offline.is_offline(),
            further=self._further_problems(
                run.config,
                goes_on=goes_on,
                clears=job.on_existing == OnExisting.OVERWRITE.value,
            ),
            asks_hub=self._needs is None,
        )
        if problems:
            raise ConfigError(problems)
        data_root = run_folder(run).data_root
        if job.dataset.path and not host_path(data_root, job.dataset.path).is_file():
            raise dataset_gone(run)
        settle_output(job, data_root, OnExisting(job.on_existing))
        live = self._records.newest(_ALL, live_only=True)
        others = [one for one in (*live, *self._records.waiting()) if one.id != run.id]
        refuse_overwriting(job, data_root, others, self._pins.in_words)

    def read_job(self, run: Run) -> Job:
        """The job as it was written; AppError where it is gone or damaged."""
        path = run_folder(run).job
        try:
            return Job.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            message = f"The job of run {run.id} cannot be read: {path} is gone or damaged."
            raise AppError("job_gone", message, "Start a new run.", str(error)) from error

    def rewrite_job(self, run: Run, **changes: object) -> None:
        """Store the job with these changes, with what the network is now, and for no more GPUs
        than there are now."""
        now = {"offline": self._offline.is_offline(), **changes}
        job = fitted(self.read_job(run).model_copy(update=now), self._builder.processes(run.config))
        _replace_text(run_folder(run).job, job.model_dump_json(indent=2))

    def all_problems(self, config: TrainingConfig) -> list[Problem]:
        """Everything that would refuse a start now, at once; nothing is changed."""
        further = self._further_problems(config, goes_on=self._may_go_on(config), clears=True)
        return self._builder.all_problems(
            config,
            offline=self._offline.is_offline(),
            further=further,
            asks_hub=self._needs is None,
        )

    def _may_go_on(self, config: TrainingConfig) -> bool:
        """Whether Start goes on with what is there (:func:`settle_output`), or asks: another job
        does not go on, and what it needs is looked at with the answer."""
        output = host_path(self._builder.data_root(config), config.output.directory)
        marker = output_marker(output) if config.hp.auto_resume else None
        has_begun = next(output.glob("checkpoints/checkpoint-*"), None) is not None
        return marker is not None and not marker.finished and has_begun

    def _further_problems(
        self, config: TrainingConfig, *, goes_on: bool, clears: bool
    ) -> list[Problem]:
        """The runner's, and what a new run needs besides; one that goes on has its model, and
        checkpoints that take room already. ``clears``: one that may overwrite its output."""
        data_root, offline = self._builder.data_root(config), self._offline.is_offline()
        found = checkpoint_problems(config, data_root, goes_on=goes_on)
        if self._needs is None or goes_on:
            return [*self.runner_problems(config), *found]
        needs = self._needs.ask(config, data_root, offline=offline, clears=clears)
        return [*self.runner_problems(config), *found, *needs()]

    def runner_problems(self, config: TrainingConfig) -> list[Problem]:
        """What keeps this computer, or its account at Runpod, from running the setup."""
        data_root, offline = self._builder.data_root(config), self._offline.is_offline()
        found = self._runners.of(_runtime(config)).check(config, data_root, offline=offline)
        fix = DEFAULT_FOLDER if config.local.host_data_dir.strip() else ANOTHER_FOLDER
        return [
            replace(one, fix=fix) if one.field == _ITS_FOLDER and one.fix is None else one
            for one in found
        ]


def left_queue() -> dict[str, object]:
    """What changes of a run that leaves the queue without having begun."""
    return {"queued_at": None, "ended_at": time.time()}


def refuse_if_in_use(output: Path, others: Sequence[Run]) -> None:
    """AppError("output_in_use") where one of these runs has this output directory."""
    for other in others:
        if Path(other.output_directory) == output:
            raise _in_use(other)


def dataset_gone(run: Run) -> AppError:
    """The error of a run whose rows are not there any more."""
    name = f'"{run.dataset_name}"' if run.dataset_name else "of this run"
    return AppError(
        "dataset_gone",
        f"The dataset {name} is no longer in the library.",
        "Import the same file again: the same rows are recognised, whatever their name.",
    )


def _in_use(run: Run, *, ask: bool = False) -> AppError:
    does = "waits to train" if run.state is RunState.QUEUED else "is training"
    return AppError(
        OUTPUT_BUSY if ask else "output_in_use",
        f"Run {run.name or run.id}{'' if ask else f' ({run.id})'} {does} into "
        f"{run.output_directory}"
        f"{' right now' if run.state is not RunState.QUEUED else ''}.",
        "Train into a new directory (--on-existing new)."
        if ask
        else "Stop it, or choose another output directory.",
        f"Its number: {run.id}",
    )


def _run_of(
    config: TrainingConfig, planned: PlannedJob, code: TrainerCode, queued_at: float | None
) -> Run:
    job, now = planned.job, time.time()
    return Run(
        id=job.run_id,
        name=job.name or _default_name(job.base_model),
        config=config,
        state=RunState.PREPARING if queued_at is None else RunState.QUEUED,
        runtime=_runtime(config),
        data_root=str(planned.data_root),
        created_at=now,
        started_at=now if queued_at is None else None,
        output_directory=str(planned.output),
        trainer_sha256=code.sha256,
        dataset_sha256=job.dataset.sha256,
        dataset_name=job.dataset.name,
        base_model=local_model(job.base_model, planned.data_root),
        image=_image(config),
        queued_at=queued_at,
        parent_run_id=job.parent_run_id,
    )


def _runtime(config: TrainingConfig) -> str:
    """What runs it: on a pod nothing of this computer's section counts."""
    return config.local.runtime if config.training.target == TARGET_LOCAL else RUNTIME_RUNPOD


def _image(config: TrainingConfig) -> str:
    by_runtime = {RUNTIME_DOCKER: config.local.image, RUNTIME_RUNPOD: config.runpod.image}
    return by_runtime.get(_runtime(config), "")


def _with_parent(job: Job, output: Path) -> Job:
    """A job that goes on in another run's output directory names that run."""
    marker = output_marker(output) if job.on_existing == OnExisting.RESUME.value else None
    return job if marker is None else job.model_copy(update={"parent_run_id": marker.run_id})


def _default_name(model: str) -> str:
    """What a run is called until the user names it: its base model, and when it was made."""
    now = datetime.now().astimezone()
    return f"{model.rstrip('/').rsplit('/', 1)[-1]}, {now.day} {now:%b %H:%M}"


def _replace_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with _writing(str(path)):
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)


@contextmanager
def _writing(what: str) -> Iterator[None]:
    """A disk that takes it not is a sentence."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise AppError(
            "disk_full" if is_full else "io",
            f"{what} cannot be written: {error.strerror or error}.",
            "Free some space, then try again."
            if is_full
            else "Check who may write there, then try again.",
        ) from error
