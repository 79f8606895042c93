"""Runs: start, follow, stop, resume. The command line and the window's controllers use this one."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config import RUNTIME_DOCKER, TARGET_LOCAL
from models.domain.errors import AppError, ConfigError
from models.domain.inference import common_system_prompt
from models.domain.run import Failure, Run, RunState
from services.adapters import tuned_model
from services.job_builder import local_model, offline_problems
from services.run_files import RunFolder, host_path
from services.run_follower import RunFollower, run_folder
from services.run_outputs import OnExisting, settle_output
from services.run_samples import choose_samples, read_samples
from services.runners.base import Launch, Runners
from trainer_image.contract import Job

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Collection, Mapping, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.errors import Problem
    from models.domain.inference import SamplePrompt, TunedModel
    from models.domain.run import RunEvent, RunUpdate
    from services.datasets import DatasetLibrary
    from services.job_builder import JobBuilder, PlannedJob
    from services.offline import OfflinePolicy
    from services.run_records import RunRecords
    from services.runners.base import Runner
    from services.trainer_code import TrainerCode
    from trainer_image.contract import Result


class RunService:
    """All that can be done with runs. Blocking and thread-safe; knows no Qt.

    ``code`` places the trainer's code and says where; it is asked at every start. ``on_finished``
    is told of each run that is seen to finish (:class:`RunFollower`).
    """

    def __init__(
        self,
        *,
        records: RunRecords,
        library: DatasetLibrary,
        builder: JobBuilder,
        runners: Mapping[str, Runner],
        code: Callable[[], TrainerCode],
        offline: OfflinePolicy,
        on_finished: Callable[[Run, Result], None] | None = None,
    ) -> None:
        self._records = records
        self._library = library
        self._builder = builder
        self._runners = Runners(runners)
        self._code = code
        self._offline = offline
        self._follower = RunFollower(records, self._runners, on_finished)
        self._lock = threading.RLock()

    def start(self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse") -> Run:
        """Check everything, write the job, start it detached, and return the run.

        Raises ConfigError with every problem, AppError("output_exists") when the output directory
        needs an answer, AppError("runtime_missing") when the trainer's environment is not there.
        """
        with self._lock:
            planned = self._plan(config, name, OnExisting(on_existing))
            code = self._code()
            self._write_job(planned)
            return self._launch(self._record(config, planned, code), code)

    def resume(self, run_id: str) -> Run:
        """Go on with an ended run in the same folder, from its newest valid checkpoint."""
        with self._lock:
            run = self._follower.refresh(run_id)
            if run.state is RunState.FINISHED:
                raise AppError("finished", f"Run {run.id} has finished.", "Start a new run.")
            if run.state.is_live:
                raise AppError("running", f"Run {run.id} is still running.", "Attach to it.")
            self._refuse_if_in_use(Path(run.output_directory))
            self._check_resume(run)
            offline = self._offline.is_offline()
            _rewrite_job_for_resume(run, offline=offline)
            self._follower.forget(run_id)
            queued = self._records.transition(
                run, RunState.QUEUED, failure=None, exit_code=None, ended_at=None
            )
            return self._launch(queued, self._code())

    def stop(self, run_id: str) -> Run:
        """Ask a run to save a checkpoint and end; later polls see it through.

        A run that is over already stays as it is.
        """
        with self._lock:
            run = self._follower.refresh(run_id)
            if not run.state.is_live or run.handle is None:
                return run
            run = self._records.transition(run, RunState.STOPPING)
            self._follower.stop_asked(run)
            if run.handle is not None:
                self._runners.of(run.runtime).stop(run.handle, run_folder(run))
            return run

    def kill(self, run_id: str) -> Run:
        """End a run at once. What it did since its last checkpoint is lost."""
        with self._lock:
            run = self._records.get(run_id)
            if run.state.is_live and run.handle is not None:
                run = self._records.transition(run, RunState.STOPPING)
                if run.handle is not None:
                    self._runners.of(run.runtime).kill(run.handle)
            return run

    def poll(self, run_id: str) -> RunUpdate:
        """What a run brought since the last poll, stored and returned; cheap when nothing did."""
        with self._lock:
            return self._follower.poll(run_id)

    def history(self, run_id: str) -> RunUpdate:
        """Everything so far, of a long run the events that its curves are seen by, and the end of
        the log; polls go on from here."""
        with self._lock:
            return self._follower.history(run_id)

    def events(self, run_id: str) -> Sequence[RunEvent]:
        """Every event so far; polls go on from here."""
        with self._lock:
            self._follower.poll(run_id)
            return self._records.events(run_id)

    def reattach(self) -> Sequence[Run]:
        """Find every run that the database believes live again; ended ones are settled."""
        with self._lock:
            live = self._records.newest(1000, live_only=True)
            found = [self._follower.refresh(run.id) for run in live]
            self._tidy(found)
            return found

    def list(self, limit: int = 200) -> Sequence[Run]:
        """Runs, newest first."""
        return self._records.newest(limit)

    def get(self, run_id: str) -> Run:
        """One run; AppError("not_found") where there is none."""
        return self._records.get(run_id)

    def find(self, text: str) -> Run:
        """A run by its id, the beginning of it, or ``last``."""
        return self._records.find(text)

    def samples(
        self,
        run_id: str,
        count: int = 5,
        *,
        held_out: bool | None = None,
        avoid: Collection[str] = (),
    ) -> Sequence[SamplePrompt]:
        """Random prompts of the run's own dataset with their expected answers, others than
        ``avoid`` while there are others."""
        found = read_samples(run_folder(self.get(run_id)).samples)
        fitting = [one for one in found if held_out is None or one.held_out == held_out]
        return choose_samples(fitting, count, avoid)

    def system_prompt(self, run_id: str) -> str:
        """The system prompt that all of the run's prompts have in common, or none."""
        return common_system_prompt(read_samples(run_folder(self.get(run_id)).samples))

    def log_path(self, run_id: str) -> Path:
        """The file with everything the trainer printed."""
        return run_folder(self.get(run_id)).log

    def adapter_path(self, run: Run) -> Path:
        """The real folder of a run's adapter; AppError where it has none."""
        if not run.adapter_path:
            raise AppError("no_adapter", f"Run {run.id} has no adapter.", "Let it finish first.")
        return Path(run.adapter_path)

    def tuned_model(self, run: Run) -> TunedModel:
        """What to load to try a run, its files checked; AppError says why it cannot be tried."""
        return tuned_model(run)

    def delete(self, run_id: str) -> None:
        """Forget an ended run and remove its folder; its output directory stays."""
        with self._lock:
            run = self.get(run_id)
            if run.state.is_live:
                raise AppError("running", f"Run {run.id} is still running.", "Stop it first.")
            self._records.delete(run_id)
            self._follower.forget(run_id)
        shutil.rmtree(run_folder(run).path, ignore_errors=True)

    def _plan(self, config: TrainingConfig, name: str, answer: OnExisting) -> PlannedJob:
        offline = self._offline.is_offline()
        planned = self._builder.plan(
            config, name=name, offline=offline, further=self._runner_problems(config)
        )
        job = settle_output(planned.job, planned.data_root, answer)
        output = host_path(planned.data_root, job.output_directory)
        self._refuse_if_in_use(output)
        return replace(planned, job=job, output=output)

    def _check_resume(self, run: Run) -> None:
        problems = self._runner_problems(run.config)
        if self._offline.is_offline():
            problems += offline_problems(run.config, Path(run.data_root))
        if problems:
            raise ConfigError(problems)

    def _runner_problems(self, config: TrainingConfig) -> builtins.list[Problem]:
        if config.training.target != TARGET_LOCAL:
            return []
        return self._runners.of(config.local.runtime).check(
            config, self._builder.data_root(config), offline=self._offline.is_offline()
        )

    def _tidy(self, seen: Sequence[Run]) -> None:
        live = {run.id for run in seen if run.state.is_live}
        for runner in self._runners.all():
            runner.tidy(live)

    def _refuse_if_in_use(self, output: Path) -> None:
        for other in self.reattach():
            if other.state.is_live and Path(other.output_directory) == output:
                raise AppError(
                    "output_in_use",
                    f"Run {other.id} is training into {output} right now.",
                    "Stop it, or choose another output directory.",
                )

    def _write_job(self, planned: PlannedJob) -> None:
        folder = RunFolder(planned.data_root, planned.job.run_id)
        folder.path.mkdir(parents=True, exist_ok=True)
        if planned.session is not None:
            self._library.place_into(planned.session, planned.data_root / "datasets")
        _replace_text(folder.job, planned.job.model_dump_json(indent=2))

    def _record(self, config: TrainingConfig, planned: PlannedJob, code: TrainerCode) -> Run:
        job = planned.job
        run = Run(
            id=job.run_id,
            name=job.name or job.run_id,
            config=config,
            state=RunState.QUEUED,
            runtime=config.local.runtime,
            data_root=str(planned.data_root),
            created_at=time.time(),
            output_directory=str(planned.output),
            trainer_sha256=code.sha256,
            dataset_sha256=job.dataset.sha256,
            base_model=local_model(job.base_model, planned.data_root),
            image=config.local.image if config.local.runtime == RUNTIME_DOCKER else "",
        )
        return self._records.add(run)

    def _launch(self, run: Run, code: TrainerCode) -> Run:
        run = self._records.transition(
            run,
            RunState.PREPARING,
            started_at=time.time(),
            handle=None,
            trainer_sha256=code.sha256,
        )
        launch = Launch(
            run_folder(run),
            code,
            run.config.local,
            offline=self._offline.is_offline(),
            base_model=run.base_model,
        )
        try:
            started = self._runners.of(run.runtime).start(launch)
        except AppError as error:
            failure = Failure(error.kind, error.message, error.hint)
            self._records.transition(run, RunState.FAILED, failure=failure, ended_at=time.time())
            raise
        return self._records.transition(
            run, RunState.PREPARING, handle=started.handle, image_digest=started.image_digest
        )


def _rewrite_job_for_resume(run: Run, *, offline: bool) -> None:
    path = run_folder(run).job
    job = Job.model_validate_json(path.read_bytes())
    resumed = job.model_copy(update={"on_existing": OnExisting.RESUME.value, "offline": offline})
    _replace_text(path, resumed.model_dump_json(indent=2))


def _replace_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
