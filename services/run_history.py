"""The history of runs: find, compare, name, repeat, export, delete."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from models.db.repository import clean_name, storable
from models.domain.config_compare import differences
from models.domain.errors import AppError
from models.domain.run_history import (
    BY_STEP,
    CURVE_METRICS,
    CURVE_POINTS,
    LONGEST_NAME,
    LONGEST_NOTES,
    LONGEST_TAG,
    MOST_TAGS,
    clean_tags,
    matches,
)
from services.onward import Onward
from services.redaction import redact
from services.run_again import RunAgain
from services.run_curves import read_curve
from services.run_deletion import RunDeletion
from services.run_export import write_metrics
from services.run_follower import run_folder
from services.run_record import Surroundings, facts
from services.run_records import RunRecords
from services.run_sizes import measure

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.db.database import Database
    from models.domain.config import TrainingConfig
    from models.domain.run import Run
    from models.domain.run_history import Curve, Deleted, Difference, Repetition, RunSize
    from services.datasets import DatasetLibrary
    from services.job_builder import PlannedJob
    from services.runs import RunService

_ALL = 100_000
"""More runs than anybody has; each list has a limit."""


class RunHistory:
    """Blocking and thread-safe; knows no Qt. ``lock`` is a file for deletions, ``here`` tells what
    is another one on this computer than it was for a run."""

    def __init__(
        self,
        database: Database,
        runs: RunService,
        library: DatasetLibrary,
        lock: Path,
        here: Surroundings | None = None,
    ) -> None:
        self._database = database
        self._records = RunRecords(database)
        self._runs = runs
        self._again = RunAgain(runs, library, here)
        self._onward = Onward(runs, self._records, library)
        self._deletion = RunDeletion(database, lock)

    def list(self, limit: int | None = None) -> Sequence[Run]:
        """Runs, newest first; those that wait in the queue too. No run's file is looked at."""
        self._deletion.recover()
        return self._records.newest(limit or _ALL)

    def search(self, words: str) -> Sequence[Run]:
        """The runs with all of these words in name, id, models, dataset, notes, tags or state."""
        return [run for run in self.list() if matches(run, words)]

    def rename(self, run_id: str, name: str) -> Run:
        """Give another name. AppError("bad_name")."""
        cleaned = clean_name(_checked(name, "The name", LONGEST_NAME), "A run")
        return self._records.change(run_id, name=cleaned)

    def set_notes(self, run_id: str, notes: str) -> Run:
        """Keep notes in place of the earlier ones. AppError("bad_use") where they cannot be."""
        kept = storable(_checked(notes, "The notes", LONGEST_NOTES)).replace("\0", "")
        return self._records.change(run_id, notes=kept)

    def set_tags(self, run_id: str, tags: Sequence[str]) -> Run:
        """Keep these tags in place of the earlier ones, each once. AppError("bad_use")."""
        kept = clean_tags([storable(_checked(tag, "A tag", LONGEST_TAG)) for tag in tags])
        if len(kept) > MOST_TAGS:
            message = f"A run has at most {MOST_TAGS} tags; these are {len(kept)}."
            raise AppError("bad_use", message, "Leave some out.")
        return self._records.change(run_id, tags=kept)

    def curves(
        self,
        run_ids: Sequence[str],
        metric: str = "loss",
        *,
        points: int = CURVE_POINTS,
        over: str = BY_STEP,
    ) -> builtins.list[Curve]:
        """One thinned curve for each run, empty where it has none of this metric."""
        if metric not in CURVE_METRICS:
            known = ", ".join(CURVE_METRICS)
            raise AppError("bad_use", f'There are no curves of "{metric}".', f"Use {known}.")
        with self._database.unit_of_work() as uow:
            return [read_curve(uow, run_id, metric, points, over) for run_id in run_ids]

    def differences(self, run_ids: Sequence[str]) -> Sequence[Difference]:
        """What is not the same in all of these runs: settings, code, image."""
        return differences([self._records.get(run_id) for run_id in run_ids])

    def size(self, run_id: str) -> RunSize:
        """How large a run is on disk. Reads every folder of it, so never for a list."""
        return replace(measure(self._records.get(run_id)), pinned=self._deletion.pinned(run_id))

    def refuse_outputs(self, run_id: str) -> None:
        """AppError where a run cannot be deleted with its outputs: something of them is pinned, or
        another run that has not ended needs it."""
        self._deletion.refuse_outputs([self._records.get(run_id)])

    def delete(
        self, run_ids: Sequence[str], *, with_outputs: bool = False, keep_pinned: bool = False
    ) -> Deleted:
        """Forget ended or waiting runs and remove their files; none where one is live.

        With outputs: adapter and checkpoints too, where the output directory says that they are
        this run's. What is pinned refuses that, or stays with ``keep_pinned``; so does what a run
        that has not ended needs. Datasets, models and caches, which others share, always stay.
        """
        runs = [self._records.get(run_id) for run_id in dict.fromkeys(run_ids)]
        return self._deletion.delete(runs, with_outputs=with_outputs, keep_pinned=keep_pinned)

    def plan_again(self, run_id: str) -> Repetition:
        """What running it again exactly means. AppError where that cannot be, and why."""
        return self._again.describe(self._records.get(run_id))

    def run_again(self, run_id: str, *, queued: bool = False) -> Run:
        """Start it again exactly, or let it wait in the queue."""
        run = self._records.get(run_id)
        return self._begin(run.config, self._again.plan(run, queued=queued), queued=queued)

    def plan_longer(
        self,
        run_id: str,
        *,
        epochs: float | None = None,
        steps: int | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Repetition:
        """What training it longer means: to so many epochs or steps in all, as a new run from its
        last checkpoint. AppError where that cannot be, and why."""
        run = self._records.get(run_id)
        return self._onward.longer(run, epochs=epochs, steps=steps, values=values)

    def plan_on_top(self, run_id: str, values: Mapping[str, object] | None = None) -> Repetition:
        """What a new adapter on top of it means, trained by its setup with these changes."""
        return self._onward.on_top(self._records.get(run_id), values)

    def begin_onward(self, plan: Repetition, *, queued: bool = False) -> Run:
        """Start what was planned to go on from a run, or let it wait in the queue."""
        return self._begin(plan.config, self._onward.job(plan, queued=queued), queued=queued)

    def record_of(self, run_id: str) -> dict[str, str]:
        """All that is needed to repeat a run, by name."""
        return facts(self._records.get(run_id))

    def same_result(self, one: str, other: str) -> bool:
        """Whether two runs made the same adapter, byte for byte."""
        results = [run_folder(self._records.get(run_id)).result() for run_id in (one, other)]
        sums = [result.adapter_sha256 for result in results if result is not None]
        return len(sums) == len(results) and len({*sums}) == 1 and bool(sums[0])

    def _begin(self, config: TrainingConfig, planned: PlannedJob, *, queued: bool) -> Run:
        starter = self._runs.starter
        waiting = starter.add(config, planned, queued_at=time.time() if queued else None)
        return waiting if queued else starter.launch(waiting)

    def export_metrics(self, run_id: str, path: Path) -> None:
        """Write every event to a ``.csv`` or ``.jsonl`` file; AppError where it cannot be."""
        self._runs.reattach()  # stores what a live one brought, and leaves it for who follows it
        write_metrics(self._records.events(run_id), path)


def _checked(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        message = f"{what} has {len(text):,} characters; at most {longest:,} are kept."
        raise AppError("bad_use", message, "Shorten it.")
    if redact(text) != text:
        message = f"{what} holds a token or a password, which is never stored with a run."
        raise AppError("bad_use", message, "Take it out.")
    return text
