"""Runs: what starts and follows them, what can be done with those that were, the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.errors import Problem
    from models.domain.inference import SamplePrompt, TunedModel
    from models.domain.model_export import ExportedModel, ExportKind
    from models.domain.run import Run, RunUpdate
    from models.domain.run_history import Curve, Deleted, Difference, QueueTurn, Repetition, RunSize
    from services.progress import CancelToken, Reporter


class RunPort(Protocol):
    """Runs: start, follow, stop, resume."""

    def problems(self, config: TrainingConfig) -> Sequence[Problem]:
        """Everything that would refuse a start now, each with its remedy; in two seconds."""

    def start(self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse") -> Run:
        """Start a run. ConfigError, AppError("output_exists"), AppError("runtime_missing")."""

    def poll(self, run_id: str) -> RunUpdate:
        """What is new since the last poll."""

    def history(self, run_id: str) -> RunUpdate:
        """Events (of a long run those that its curves are seen by) and the end of the log; polls
        go on from here."""

    def stop(self, run_id: str) -> Run:
        """Ask a run to save and end."""

    def kill(self, run_id: str) -> Run:
        """End a run at once."""

    def resume(self, run_id: str) -> Run:
        """Go on with an ended run."""

    def list(self, limit: int = 200) -> Sequence[Run]:
        """Runs, newest first."""

    def reattach(self) -> Sequence[Run]:
        """Find the runs again that the database believes live."""

    def samples(
        self, run_id: str, count: int = 5, *, avoid: Collection[str] = ()
    ) -> Sequence[SamplePrompt]:
        """Random prompts of the run's dataset, others than ``avoid`` while there are others."""

    def system_prompt(self, run_id: str) -> str:
        """The system prompt that all of the run's prompts have in common, or none."""

    def log_path(self, run_id: str) -> Path:
        """The file with the whole log."""

    def tuned_model(self, run: Run) -> TunedModel:
        """What to load to try a run, its files checked; AppError where it cannot be tried."""


class HistoryPort(Protocol):
    """What can be done with runs that were: find, compare, name, repeat, delete."""

    def list(self, limit: int | None = None) -> Sequence[Run]:
        """Runs, newest first; those that wait in the queue too."""

    def search(self, words: str) -> Sequence[Run]:
        """The runs with all of these words in name, id, models, dataset, notes, tags or state."""

    def rename(self, run_id: str, name: str) -> Run:
        """Give another name. AppError("bad_name")."""

    def set_notes(self, run_id: str, notes: str) -> Run:
        """Keep notes in place of the earlier ones. AppError("bad_use") where they are too long."""

    def set_tags(self, run_id: str, tags: Sequence[str]) -> Run:
        """Keep these tags in place of the earlier ones, each once. AppError("bad_use")."""

    def curves(
        self,
        run_ids: Sequence[str],
        metric: str = "loss",
        *,
        points: int = 2000,
        over: str = "step",
    ) -> Sequence[Curve]:
        """One thinned curve for each run, empty where it has none of this metric."""

    def differences(self, run_ids: Sequence[str]) -> Sequence[Difference]:
        """The settings that are not the same in all of these runs."""

    def size(self, run_id: str) -> RunSize:
        """How large a run is on disk. Reads every folder of it."""

    def delete(
        self, run_ids: Sequence[str], *, with_outputs: bool = False, keep_pinned: bool = False
    ) -> Deleted:
        """Forget ended or waiting runs and remove their files; none where one cannot be. With
        ``keep_pinned`` the outputs of pinned ones stay."""

    def plan_again(self, run_id: str) -> Repetition:
        """What running it again exactly means. AppError where that cannot be, and why."""

    def run_again(self, run_id: str, *, queued: bool = False) -> Run:
        """Start it again exactly, or let it wait in the queue. Raises as RunPort.start does."""

    def plan_longer(self, run_id: str, *, epochs: float | None = None) -> Repetition:
        """What training it to so many epochs in all means. AppError where that cannot be."""

    def plan_on_top(self, run_id: str, values: Mapping[str, object] | None = None) -> Repetition:
        """What a new adapter on top of it means, trained by its setup with these changes."""

    def begin_onward(self, plan: Repetition, *, queued: bool = False) -> Run:
        """Start what was planned, or let it wait. Raises as RunPort.start does."""

    def export_metrics(self, run_id: str, path: Path) -> None:
        """Write every event to a ``.csv`` or ``.jsonl`` file; AppError where it cannot be."""


class ExportPort(Protocol):
    """Taking out what runs made."""

    def export_into(
        self, run: Run, kind: ExportKind, parent: Path, report: Reporter, cancel: CancelToken
    ) -> ExportedModel:
        """Write it to a new folder in ``parent``. AppError, Cancelled: then nothing."""


class QueuePort(Protocol):
    """Runs that wait until nothing else trains on this computer."""

    def enqueue(
        self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse"
    ) -> Run:
        """Check a setup as for a start and let it wait. Raises as RunPort.start does."""

    def list(self) -> Sequence[Run]:
        """The runs that wait, the next one first."""

    def move(self, run_id: str, where: str) -> Sequence[Run]:
        """Change the order: ``up``, ``down``, ``first``, ``last``; the runs in their new order.
        AppError("not_queued") where it waits no more."""

    def remove(self, run_id: str) -> Run:
        """Take a run out of the queue; it is stopped then. AppError("not_queued")."""

    def due(self) -> Run | None:
        """The run that would be started now; None where none would."""

    def start_next(self) -> QueueTurn:
        """Start the next run if nothing trains on this computer; nothing where something does."""
