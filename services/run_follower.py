"""Following runs: what their trainers append is read from where we stopped, stored, and judged."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.run import (
    ContainerHandle,
    Failure,
    JobHandle,
    PodHandle,
    ProcessHandle,
    Run,
    RunEvent,
    RunState,
    RunUpdate,
)
from models.domain.run_history import CURVE_POINTS
from services.run_files import RunFolder, events_offset, log_tail, read_events, read_log
from services.run_outcome import Ending, ending_changes, event_changes, judge
from services.runners.base import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.run_records import RunRecords
    from services.runners.base import Runner, Runners
    from trainer_image.contract import Result
    from trainer_image.contract import RunState as TrainerState

logger = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 120.0
"""After a stop was asked for, so long the trainer may take to save; then it is killed."""
_LOG_TAIL_LINES = 5000
_TRAINING = "training"
START_SECONDS = 30.0
"""So long a program may take between storing a run and storing its process."""
_NEVER_STARTED = "Temper was ended while it started this run, and no trainer of it can be found."


@dataclass(slots=True)
class _Cursor:
    """How far this program has read a run's files, and when it asked the run to stop."""

    next_seq: int
    log_offset: int
    events_offset: int = 0
    stop_asked: float | None = None
    last_failure: RunEvent | None = None
    handle: JobHandle | None = None
    kept_events: tuple[RunEvent, ...] = ()
    kept_log: str = ""


class RunFollower:
    """Reads each run's files by offset. Not thread-safe: :class:`RunService` holds the lock.

    ``on_finished`` is called before a finished run is stored as such, so that it is called again
    where it, or storing, fails with AppError; twice for one run must be like once.
    """

    def __init__(
        self,
        records: RunRecords,
        runners: Runners,
        on_finished: Callable[[Run, Result], None] | None = None,
    ) -> None:
        self._records = records
        self._runners = runners
        self._on_finished = on_finished
        self._cursors: dict[str, _Cursor] = {}

    def poll(self, run_id: str) -> RunUpdate:
        """What a run brought since the last poll, stored and returned; cheap when nothing did."""
        update = self._poll(run_id)
        cursor = self._cursor(update.run)
        events, log = (*cursor.kept_events, *update.events), cursor.kept_log + update.log
        cursor.kept_events, cursor.kept_log = (), ""
        return replace(update, events=events, log=log)

    def refresh(self, run_id: str) -> Run:
        """The run as it is now; what it brought is kept for whoever polls next."""
        update = self._poll(run_id)
        self._keep(update)
        return update.run

    def _poll(self, run_id: str) -> RunUpdate:
        # Looked at before the files are read: what a trainer wrote before it ended is then seen.
        run, look = self._look(self._records.get(run_id))
        update = self._read_new(run)
        if look.trouble or update.run.handle != run.handle:  # another program has resumed it
            return replace(update, trouble=look.trouble)
        try:
            return replace(update, run=self._follow_state(update, look))
        except BaseException:  # what was read is not read again
            self._keep(update)
            raise

    def _keep(self, update: RunUpdate) -> None:
        cursor = self._cursor(update.run)
        cursor.kept_events = (*cursor.kept_events, *update.events)
        cursor.kept_log += update.log

    def history(self, run_id: str) -> RunUpdate:
        """Everything so far, of a long run the telling events, and the end of the log; polls go
        on from here."""
        update = self._poll(run_id)
        cursor = self._cursor(update.run)
        cursor.kept_events, cursor.kept_log = (), ""
        text, cursor.log_offset = log_tail(run_folder(update.run).log, _LOG_TAIL_LINES)
        events = self._records.telling_events(run_id, CURVE_POINTS)
        return replace(update, events=tuple(events), log=text)

    def stop_asked(self, run: Run) -> None:
        """Start the grace time after which the run is killed."""
        self._cursor(run).stop_asked = time.monotonic()

    def forget(self, run_id: str) -> None:
        """Drop what is remembered of a run that is started again or deleted."""
        self._cursors.pop(run_id, None)

    def _cursor(self, run: Run) -> _Cursor:
        known = self._cursors.get(run.id)
        if known is None:
            known = _Cursor(run.next_seq, run.log_offset, handle=run.handle)
            self._cursors[run.id] = known
            if run.next_seq:  # another program read so far, or this one before it was ended
                known.events_offset = events_offset(run_folder(run).events, run.next_seq)
                ends = self._records.events_of(run.id, "failed", "phase")
                failure = _last_failure(ends, None)
                is_of_boot = failure is not None and failure.time >= (run.started_at or 0)
                known.last_failure = failure if is_of_boot else None
        return known

    def _read_new(self, run: Run) -> RunUpdate:
        # A copy: where the database cannot store, the same is read again the next time.
        cursor, folder = replace(self._cursor(run)), run_folder(run)
        found, cursor.events_offset = read_events(folder.events, cursor.events_offset)
        events = [event for event in found if event.seq >= cursor.next_seq]
        text, cursor.log_offset = read_log(folder.log, cursor.log_offset)
        if cursor.handle not in {None, run.handle}:  # another boot; times may be of other clocks
            cursor.last_failure = None
        cursor.handle = run.handle
        cursor.last_failure = _last_failure(found, cursor.last_failure)
        if events:
            cursor.next_seq = events[-1].seq + 1
        if events or text:
            run = self._store(run, events, cursor.log_offset)
        self._cursors[run.id] = cursor
        return RunUpdate(run, tuple(events), text)

    def _store(self, run: Run, events: Sequence[RunEvent], log_offset: int) -> Run:
        changes = event_changes(run, events) | {"log_offset": log_offset}
        return self._records.store(run.id, events, changes)

    def _look(self, run: Run) -> tuple[Run, Look]:
        if not run.state.is_live:
            return run, Look()
        try:
            run = self._with_handle(run)
            if run.handle is None:
                return run, Look(lost=_NEVER_STARTED)
            return run, self._runner(run).look(run.handle, run_folder(run))
        except AppError as error:
            return run, Look(trouble=str(error))

    def _follow_state(self, update: RunUpdate, look: Look) -> Run:
        run = update.run
        if not run.state.is_live:
            return run
        if look.is_alive or _is_being_started(run):
            if not look.takes_its_time:
                self._kill_after_grace(run)
            begins = run.state is RunState.PREPARING and _has_trained(update)
            return self._move(run, RunState.RUNNING) if begins else run
        if not run_folder(run).path.exists():
            return self._move(run, RunState.LOST, failure=_folder_gone(run), ended_at=time.time())
        ended = self._end(run, look)
        if run.handle is not None:
            self._runner(run).release(run.handle, run_folder(run))
        return ended

    def _end(self, run: Run, look: Look) -> Run:
        folder, cursor = run_folder(run), self._cursor(run)
        ending = Ending(_state_of_boot(run), folder.result(), cursor.last_failure, look)
        state, _, _ = judge(run, ending)
        if state is RunState.FINISHED and ending.result and self._on_finished is not None:
            self._on_finished(run, ending.result)
        return self._move(run, state, **ending_changes(run, ending, time.time()))

    def _move(self, run: Run, state: RunState, **changes: object) -> Run:
        """Move a run on, unless another program did so meanwhile; the run as it is then."""
        moved = self._records.transition_from(run, state, **changes)
        return moved or self._records.get(run.id)

    def _with_handle(self, run: Run) -> Run:
        """A program killed between start and record stored no handle; what was started has one."""
        if run.handle is not None:
            return run
        handle = self._runner(run).find(run_folder(run), run.started_at or 0)
        if handle is None:
            return run
        return self._move(run, run.state, handle=handle, queued_at=None)

    def _runner(self, run: Run) -> Runner:
        return self._runners.of(run.runtime)

    def _kill_after_grace(self, run: Run) -> None:
        if run.state is not RunState.STOPPING or run.handle is None:
            return
        cursor, now = self._cursor(run), time.monotonic()
        try:
            if cursor.stop_asked is None:  # asked by a program that is gone, perhaps before it
                cursor.stop_asked = now  # could tell the trainer: its grace starts anew
                self._runner(run).stop(run.handle, run_folder(run))
            if now - cursor.stop_asked > STOP_GRACE_SECONDS:
                self._runner(run).kill(run.handle)
        except AppError as error:  # an engine that went this moment: it is tried again
            logger.info("run %s cannot be ended yet: %s", run.id, error.message)


def run_folder(run: Run) -> RunFolder:
    """Where a run's files lie."""
    return RunFolder(Path(run.data_root), run.id)


def _has_trained(update: RunUpdate) -> bool:
    """A short training may be evaluated or saved by the time that anybody looks."""
    told = (event.text("phase") for event in update.events if event.type == "phase")
    return _TRAINING in {update.run.phase, *told}


def _is_being_started(run: Run) -> bool:
    """Another program is between storing the run and storing its process.

    One of the queue is looked after by the queue, which starts it again where that failed.
    """
    if run.state is not RunState.PREPARING or run.handle is not None:
        return False
    if run.queued_at is not None:
        return True
    return time.time() - (run.started_at or 0) < START_SECONDS


def _state_of_boot(run: Run) -> TrainerState | None:
    """What this boot said of itself; a boot that died early leaves the file of the one before."""
    state = run_folder(run).state()
    if state is None:
        return None
    match run.handle:
        case ProcessHandle(pid=pid):
            return state if state.pid == pid else None
        case ContainerHandle(id=container):  # whose host name is the beginning of its id
            return state if state.host and container.startswith(state.host) else None
        case PodHandle() | None:  # of an earlier pod it is removed before this one's can come
            return state


def _folder_gone(run: Run) -> Failure:
    message = f"The run's folder {run_folder(run).path} is gone, so nothing tells how it ended."
    return Failure("folder_gone", message, "Put the folder back, or start a new run.")


def _last_failure(events: Sequence[RunEvent], before: RunEvent | None) -> RunEvent | None:
    """The latest ``failed`` event, forgotten when a later boot began afresh."""
    for event in events:
        if event.type == "failed":
            before = event
        elif event.type == "phase" and event.text("phase") == "preparing":
            before = None
    return before
