"""Runs, their history and the queue, all over the same runs in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.config_io import with_values
from models.domain.inference import SamplePrompt, TunedModel, common_system_prompt
from models.domain.model_export import ExportedModel, ExportKind
from models.domain.run import Failure, Run, RunState, RunUpdate
from models.domain.run_history import (
    Curve,
    Deleted,
    Difference,
    QueueTurn,
    Repetition,
    RunSize,
    Verb,
    clean_tags,
    matches,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from models.domain.config import TrainingConfig
    from models.domain.errors import AppError, Problem
    from services.progress import CancelToken, Progress, Reporter
from tests.qt.fakes.values import NOW, make_run


@dataclass
class FakeRuns:
    """Runs whose polls are played from ``script``; the last update is repeated."""

    script: list[RunUpdate] = field(default_factory=list)
    stored: dict[str, Run] = field(default_factory=dict)
    histories: dict[str, RunUpdate] = field(default_factory=dict)
    live: list[Run] = field(default_factory=list)
    error: AppError | None = None
    missing: list[Problem] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    log: Path = Path("/nowhere/train.log")
    adapter_error: AppError | None = None
    prompts: list[SamplePrompt] = field(
        default_factory=lambda: [
            SamplePrompt(f"Question {n}?", f"Answer {n}.", n % 2 == 0) for n in range(10)
        ]
    )

    def problems(self, config: TrainingConfig) -> list[Problem]:
        return list(self.missing)

    def start(self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse") -> Run:
        self.calls.append(("start", on_existing))
        if self.error is not None and on_existing == "refuse":
            raise self.error
        run = make_run("run-1", RunState.PREPARING, config=config, name=name or "run-1")
        self.stored[run.id] = run
        return run

    def poll(self, run_id: str) -> RunUpdate:
        self.calls.append(("poll", run_id))
        update = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.stored[run_id] = update.run
        return update

    def history(self, run_id: str) -> RunUpdate:
        self.calls.append(("history", run_id))
        return self.histories.get(run_id) or RunUpdate(self.stored[run_id])

    def stop(self, run_id: str) -> Run:
        self.calls.append(("stop", run_id))
        run = replace(self.stored[run_id], state=RunState.STOPPING)
        self.script = [RunUpdate(replace(run, state=RunState.CANCELLED))]
        return run

    def kill(self, run_id: str) -> Run:
        self.calls.append(("kill", run_id))
        return replace(self.stored[run_id], state=RunState.STOPPING)

    def resume(self, run_id: str) -> Run:
        self.calls.append(("resume", run_id))
        run = replace(self.stored[run_id], state=RunState.PREPARING, failure=None)
        self.stored[run_id] = run
        return run

    def list(self, limit: int = 200) -> list[Run]:
        return list(self.stored.values())[:limit]

    def reattach(self) -> list[Run]:
        return self.live

    def samples(
        self, run_id: str, count: int = 5, *, avoid: Collection[str] = ()
    ) -> list[SamplePrompt]:
        self.calls.append(("samples", run_id))
        return [one for one in self.prompts if one.prompt not in avoid][:count]

    def system_prompt(self, run_id: str) -> str:
        return common_system_prompt(self.prompts)

    def log_path(self, run_id: str) -> Path:
        return self.log

    def tuned_model(self, run: Run) -> TunedModel:
        if self.adapter_error is not None:
            raise self.adapter_error
        is_whole = run.config.hp.tuning == "full"
        folder = f"{run.data_root}/outputs/local_run/{'model' if is_whole else 'adapter'}"
        return TunedModel(run.base_model, folder, run.data_root, is_whole=is_whole)


@dataclass
class FakeHistory:
    """The history over the runs of FakeRuns; curves, differences and sizes as a test sets them."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    drawn: dict[tuple[str, str], Curve] = field(default_factory=dict)
    different: list[Difference] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    outputs_kept: str = ""
    pinned: dict[str, str] = field(default_factory=dict)
    error: AppError | None = None
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def list(self, limit: int | None = None) -> list[Run]:
        return [*self.runs.stored.values()][:limit]

    def search(self, words: str) -> list[Run]:
        return [run for run in self.list() if matches(run, words)]

    def rename(self, run_id: str, name: str) -> Run:
        return self._change("rename", run_id, name=name)

    def set_notes(self, run_id: str, notes: str) -> Run:
        return self._change("set_notes", run_id, notes=notes)

    def set_tags(self, run_id: str, tags: Sequence[str]) -> Run:
        return self._change("set_tags", run_id, tags=clean_tags(tags))

    def curves(
        self,
        run_ids: Sequence[str],
        metric: str = "loss",
        *,
        points: int = 2000,
        over: str = "step",
    ) -> list[Curve]:
        self._called("curves", (tuple(run_ids), metric, over))
        return [self.drawn.get((one, metric), Curve(one, metric)) for one in run_ids]

    def differences(self, run_ids: Sequence[str]) -> list[Difference]:
        self._called("differences", tuple(run_ids))
        return self.different

    def size(self, run_id: str) -> RunSize:
        self._called("size", run_id)
        outputs = 0 if self.outputs_kept else 300_000_000
        place = self.runs.stored[run_id].output_directory
        pinned = self.pinned.get(run_id, "")
        return RunSize(2_000_000, outputs, place, self.outputs_kept, pinned)

    def delete(
        self, run_ids: Sequence[str], *, with_outputs: bool = False, keep_pinned: bool = False
    ) -> Deleted:
        assert keep_pinned, "the dialog has said that they stay"
        self._called("delete", (tuple(run_ids), with_outputs))
        for run_id in run_ids:
            del self.runs.stored[run_id]
        return Deleted(tuple(run_ids))

    def plan_again(self, run_id: str) -> Repetition:
        self._called("plan_again", run_id)
        run = self.runs.stored[run_id]
        return Repetition(run.id, run.name, run.config, self.remarks)

    def run_again(self, run_id: str, *, queued: bool = False) -> Run:
        self._called("run_again", (run_id, queued))
        state = RunState.QUEUED if queued else RunState.PREPARING
        changes: dict[str, Any] = {"queued_at": NOW} if queued else {}
        again = replace(self.runs.stored[run_id], id=f"{run_id}-again", state=state, **changes)
        self.runs.stored[again.id] = again
        return again

    def plan_longer(self, run_id: str, *, epochs: float | None = None) -> Repetition:
        self._called("plan_longer", (run_id, epochs))
        run = self.runs.stored[run_id]
        config = with_values(run.config, {"hp.epochs": epochs or run.config.hp.epochs + 1})
        return Repetition(run.id, run.name, config, self.remarks, Verb.LONGER, steps=run.step)

    def plan_on_top(self, run_id: str, values: Mapping[str, object] | None = None) -> Repetition:
        self._called("plan_on_top", (run_id, dict(values or {})))
        run = self.runs.stored[run_id]
        config = with_values(run.config, dict(values or {}))
        return Repetition(run.id, run.name, config, self.remarks, Verb.ON_TOP, steps=run.step)

    def begin_onward(self, plan: Repetition, *, queued: bool = False) -> Run:
        self._called("begin_onward", (plan.run_id, plan.verb, queued))
        state = RunState.QUEUED if queued else RunState.PREPARING
        changes: dict[str, Any] = {"queued_at": NOW} if queued else {}
        first = self.runs.stored[plan.run_id]
        made = replace(
            first, id=f"{plan.run_id}-next", state=state, config=plan.config, step=0, **changes
        )
        self.runs.stored[made.id] = made
        return made

    def export_metrics(self, run_id: str, path: Path) -> None:
        self._called("export_metrics", (run_id, path))
        path.write_text("seq,time,type\n", encoding="utf-8")

    def _change(self, called: str, run_id: str, **changes: Any) -> Run:
        self._called(called, (run_id, *changes.values()))
        self.runs.stored[run_id] = replace(self.runs.stored[run_id], **changes)
        return self.runs.stored[run_id]

    def _called(self, name: str, what: Any) -> None:
        self.calls.append((name, what))
        if self.error is not None:
            raise self.error


@dataclass
class FakeExports:
    """Exports that write nothing; ``reports`` are made, and ``during`` is called, meanwhile."""

    error: AppError | None = None
    calls: list[tuple[str, str, Path]] = field(default_factory=list)
    reports: list[Progress] = field(default_factory=list)
    during: Callable[[], None] | None = None

    def export_into(
        self, run: Run, kind: ExportKind, parent: Path, report: Reporter, cancel: CancelToken
    ) -> ExportedModel:
        self.calls.append((run.id, kind.value, parent))
        for progress in self.reports:
            report(progress)
        if self.during is not None:
            self.during()
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        place = parent / f"{run.id}-{kind.value}"
        return ExportedModel(run.id, kind, place, 7_000_000, "0" * 64)


@dataclass
class FakeQueue:
    """A queue over the runs of FakeRuns; ``busy`` is whether something trains."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    waiting: list[str] = field(default_factory=list)
    busy: bool = False
    held: str = ""
    failing: dict[str, Failure] = field(default_factory=dict)
    error: AppError | None = None
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def enqueue(
        self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse"
    ) -> Run:
        self.calls.append(("enqueue", on_existing))
        if self.error is not None and on_existing == "refuse":
            raise self.error
        run = make_run(
            f"queued-{len(self.runs.stored) + 1}", RunState.QUEUED, config=config, queued_at=NOW,
            started_at=None, **({"name": name} if name else {}),
        )  # fmt: skip
        self.runs.stored[run.id] = run
        self.waiting.append(run.id)
        return run

    def list(self) -> list[Run]:
        return [self.runs.stored[run_id] for run_id in self.waiting]

    def move(self, run_id: str, where: str) -> list[Run]:
        self.calls.append(("move", (run_id, where)))
        place = self.waiting.index(run_id)
        places = {"up": place - 1, "down": place + 1, "first": 0, "last": len(self.waiting)}
        self.waiting.remove(run_id)
        self.waiting.insert(max(0, places[where]), run_id)
        return self.list()

    def remove(self, run_id: str) -> Run:
        self.calls.append(("remove", run_id))
        self.waiting.remove(run_id)
        run = replace(self.runs.stored[run_id], state=RunState.CANCELLED, queued_at=None)
        self.runs.stored[run_id] = run
        return run

    def due(self) -> Run | None:
        if self.busy or self.held or not self.waiting:
            return None
        return self.runs.stored[self.waiting[0]]

    def start_next(self) -> QueueTurn:
        self.calls.append(("start_next", None))
        failed: list[Run] = []
        while self.waiting and not self.busy and not self.held:
            run = self.runs.stored[self.waiting.pop(0)]
            failure = self.failing.get(run.id)
            state = RunState.FAILED if failure else RunState.PREPARING
            run = replace(run, state=state, failure=failure, queued_at=None, started_at=NOW)
            self.runs.stored[run.id] = run
            if failure is None:
                return QueueTurn(run, tuple(failed))
            failed.append(run)
        return QueueTurn(None, tuple(failed), self.held)
