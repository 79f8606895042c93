"""Runs: start, follow, stop, resume. The command line and the window's controllers use this one."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.inference import common_system_prompt
from models.domain.run import Run, RunState
from services.adapters import tuned_model
from services.run_follower import RunFollower, run_folder
from services.run_outcome import engine_gone
from services.run_outputs import OnExisting
from services.run_samples import choose_samples, read_samples
from services.run_starter import RunStarter, left_queue, refuse_if_in_use
from services.runners.base import Runners

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.errors import Problem
    from models.domain.inference import SamplePrompt, TunedModel
    from models.domain.run import JobHandle, RunEvent, RunUpdate
    from services.datasets import DatasetLibrary
    from services.job_builder import JobBuilder
    from services.offline import OfflinePolicy
    from services.run_records import RunRecords
    from services.runners.base import Runner
    from services.trainer_code import TrainerCode
    from trainer_image.contract import Result

_MOST_LIVE = 1000


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
        self._runners = Runners(runners)
        self._starter = RunStarter(records, library, builder, self._runners, code, offline)
        self._follower = RunFollower(records, self._runners, on_finished)
        self._lock = threading.RLock()

    @property
    def starter(self) -> RunStarter:
        """What starts runs, for those that start otherwise: the queue, running again."""
        return self._starter

    def problems(self, config: TrainingConfig) -> list[Problem]:
        """Everything that would refuse a start of this setup now, at once, each with its remedy.

        Quick: what takes long to find out is left to the start, or to the trainer.
        """
        return self._starter.all_problems(config)

    def start(self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse") -> Run:
        """Check everything, write the job, start it detached, and return the run.

        Raises ConfigError with every problem, AppError("output_exists") when the output directory
        needs an answer, AppError("runtime_missing") when the trainer's environment is not there.
        """
        with self._lock:
            planned = self._starter.plan(config, name, OnExisting(on_existing), self.others)
            return self._starter.launch(self._starter.add(config, planned))

    def resume(self, run_id: str) -> Run:
        """Go on with an ended run in the same folder, from its newest valid checkpoint."""
        with self._lock:
            run = self._follower.refresh(run_id)
            if run.state is RunState.FINISHED:
                raise AppError("finished", f"Run {run.id} has finished.", "Start a new run.")
            if run.state.is_live:
                raise AppError("running", f"Run {run.id} is still running.", "Attach to it.")
            if run.state is RunState.QUEUED:
                raise AppError("queued", f"Run {run.id} waits in the queue.", "Let it start first.")
            refuse_if_in_use(Path(run.output_directory), self.others())
            self._starter.check_resume(run)
            self._starter.rewrite_job(run, on_existing=OnExisting.RESUME.value)
            self._follower.forget(run_id)
            begun = self._records.transition_from(
                run,
                RunState.PREPARING,
                handle=None,
                phase="",
                started_at=time.time(),
                failure=None,
                exit_code=None,
                ended_at=None,
                queued_at=None,
            )
            if begun is None:
                raise AppError("running", f"Run {run.id} goes on already.", "Attach to it.")
            return self._starter.launch(begun)

    def stop(self, run_id: str) -> Run:
        """Ask a run to save a checkpoint and end; later polls see it through.

        One that waits in the queue leaves it; one that is over already stays as it is.
        """
        with self._lock:
            run = self._follower.refresh(run_id)
            if run.state is RunState.QUEUED:
                left = self._records.transition_from(run, RunState.CANCELLED, **left_queue())
                return left or self.stop(run_id)
            if not run.state.is_live or run.handle is None:
                return run
            stopping = self._records.transition_from(run, RunState.STOPPING)
            if stopping is None:  # it moved on this very moment
                return self.stop(run_id)
            self._follower.stop_asked(stopping)
            self._runners.of(run.runtime).stop(run.handle, run_folder(run))
            return stopping

    def kill(self, run_id: str) -> Run:
        """End a run at once. What it did since its last checkpoint is lost.

        One that is being stopped already and whose engine does not answer is given up: it is lost.
        """
        with self._lock:
            run = self._records.get(run_id)
            if not run.state.is_live or run.handle is None:
                return run
            stopping = self._records.transition_from(run, RunState.STOPPING)
            if stopping is None:
                return self.kill(run_id)
            try:
                self._runners.of(run.runtime).kill(run.handle)
            except AppError as error:
                if run.state is not RunState.STOPPING or not error.kind.startswith("docker_"):
                    raise
                return self._give_up(stopping, run.handle, error)
            return stopping

    def _give_up(self, run: Run, handle: JobHandle, error: AppError) -> Run:
        """Else it would hold the queue, and could not be deleted, until its engine came back."""
        run_folder(run).ask_to_stop()
        changes = {"failure": engine_gone(error), "ended_at": time.time()}
        lost = self._records.transition_from(run, RunState.LOST, **changes)
        self._runners.of(run.runtime).release(handle, run_folder(run))
        return lost or self._records.get(run.id)

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
            found = self._refresh_live()
            live = {run.id for run in found if run.state.is_live}
            for runner in self._runners.all():
                runner.tidy(live)
            return found

    def others(self) -> Sequence[Run]:
        """The runs that train now and those that wait for it."""
        with self._lock:
            live = [run for run in self._refresh_live() if run.state.is_live]
            return [*live, *self._records.waiting()]

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

    def _refresh_live(self) -> Sequence[Run]:
        live = self._records.newest(_MOST_LIVE, live_only=True)
        return [self._follower.refresh(run.id) for run in live]
