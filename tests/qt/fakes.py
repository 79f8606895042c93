"""Small synchronous services for the window's tests: they do at once what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.app_settings import AppSettings, with_setting
from models.domain.config import DEFAULT_IMAGE, TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import DatasetSession, SavedConfig
from models.domain.docker import (
    EngineInfo,
    GpuSupport,
    ImageInfo,
    ImageProgress,
    RegistryLogin,
)
from models.domain.doctor import Check, CheckState
from models.domain.earlier_program import EarlierImport
from models.domain.errors import AppError, Problem
from models.domain.foreign_config import ExportedConfig, ImportedConfig, Program
from models.domain.gpu_list import GpuList
from models.domain.hardware import Hardware
from models.domain.inference import (
    Answer,
    Message,
    SamplePrompt,
    SamplingSettings,
    TunedModel,
    common_system_prompt,
)
from models.domain.measured_fit import MeasuredFit
from models.domain.pod_rows import PodEnd, PodRow, Swept
from models.domain.run import Failure, Run, RunEvent, RunState, RunUpdate
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
from models.domain.secrets import ENVIRONMENT, KEYCHAIN, MEMORY, SECRETS, SecretState
from services.model_shapes import ShapeAnswer
from services.progress import CancelToken, Progress, Reporter
from services.remote.quotes import RemoteQuote
from tests.qt.fake_bundles import FakeBundles
from tests.qt.fake_learning import FakeEarly, FakeLearning
from tests.qt.fake_models import FakeModels
from tests.qt.fake_storage import FakeStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from models.domain.dataset import MergePart
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from models.domain.model_shape import ModelShape
    from models.domain.rented import RentedRun

NOW = 1_780_000_000.0
GIB = 1024**3


class SyncLane:
    """A lane without a thread: the call is made where it is awaited."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def run(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(getattr(work, "__name__", repr(work)))
        return work(*args, **kwargs)

    def close(self, timeout: float = 0.0) -> bool:
        return True

    def end(self) -> None:
        """There is no thread to be told."""


def make_session(number: int = 1, name: str = "Support answers", rows: int = 400) -> DatasetSession:
    return DatasetSession(
        id=number,
        name=name,
        source=f"/home/me/{name.lower().replace(' ', '-')}.jsonl",
        format="messages",
        rows=rows,
        size=rows * 700,
        sha256=f"{number:064x}",
        created_at=NOW + number,
    )


def make_run(run_id: str = "run-1", state: RunState = RunState.RUNNING, **changes: Any) -> Run:
    run = Run(
        id=run_id,
        name=changes.pop("name", run_id),
        config=changes.pop("config", TrainingConfig()),
        state=state,
        runtime="Python on this computer",
        data_root="/tmp/data",
        created_at=NOW,
        output_directory="/tmp/data/outputs/local_run",
        started_at=NOW,
        base_model="unsloth/Qwen2.5-0.5B-Instruct",
    )
    if state is RunState.FINISHED:
        run = replace(run, adapter_path="/data/outputs/local_run/adapter", ended_at=NOW + 61)
    return replace(run, **changes)


def progress_event(step: int, total: int = 10, loss: float = 2.0, **more: Any) -> RunEvent:
    fields = {"step": step, "total_steps": total, "loss": loss, "learning_rate": 2e-4, **more}
    return RunEvent(step, NOW + step, "progress", fields)


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
        return RunSize(2_000_000, outputs, place, self.outputs_kept)

    def delete(self, run_ids: Sequence[str], *, with_outputs: bool = False) -> Deleted:
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


@dataclass
class FakeDatasets:
    """A library in memory; an import reports once and takes what ``error`` says. ``on_import`` is
    called at its begin; ``verdict`` is told of one that goes well."""

    sessions: list[DatasetSession] = field(default_factory=list)
    error: AppError | None = None
    imported: list[Path | HubSource] = field(default_factory=list)
    options: list[ImportOptions | None] = field(default_factory=list)
    verdict: ImportVerdict | None = None
    format_of_imports: str = "messages"
    on_import: Callable[[Path | HubSource], None] | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def import_file(
        self,
        path: Path | HubSource,
        *,
        name: str = "",
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
        on_verdict: Callable[[ImportVerdict], None] | None = None,
    ) -> DatasetSession:
        self.imported.append(path)
        self.options.append(options)
        if self.on_import is not None:
            self.on_import(path)
        if report is not None:
            report(Progress(0.5, "200 rows"))
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        if on_verdict is not None and self.verdict is not None:
            on_verdict(self.verdict)
        session = self._add(name or (path.stem if isinstance(path, Path) else path.repo))
        self.sessions[0] = replace(session, format=self.format_of_imports)
        return self.sessions[0]

    def list(self) -> list[DatasetSession]:
        return list(self.sessions)

    def rows(self, session_id: int, start: int, count: int) -> list[dict[str, object]]:
        self.asked.append((start, count))
        return [
            {"prompt": f"Question {n}", "messages": [{"role": "user", "content": f"Row {n}"}]}
            for n in range(start, start + count)
        ]

    def rename(self, session_id: int, name: str) -> DatasetSession:
        return self._change("rename", session_id, name=name)

    def duplicate(self, session_id: int, name: str = "") -> DatasetSession:
        return self._add(name or f"{self._get(session_id).name} (copy)")

    def delete(self, session_id: int) -> DatasetSession:
        session = self._get(session_id)
        self.sessions.remove(session)
        return session

    def restore(self, session: DatasetSession) -> DatasetSession:
        if self.error is not None:
            raise self.error
        self.sessions = sorted([*self.sessions, session], key=lambda one: -one.id)
        return session

    def export(
        self,
        session_id: int,
        path: Path,
        format: str = "jsonl",
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self._work("export", (session_id, path, format), report, cancel)

    def merge(
        self,
        parts: Sequence[MergePart],
        name: str,
        *,
        seed: int = 0,
        shuffle: bool = True,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        self._work("merge", (tuple(parts), name, seed, shuffle), report, cancel)
        return self._add(name)

    def split_off(
        self,
        session_id: int,
        *,
        percent: float | None = None,
        rows: int | None = None,
        seed: int = 0,
        as_split: bool,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[DatasetSession, ...]:
        self._work("split_off", (session_id, percent, rows, seed, as_split), report, cancel)
        name = self._get(session_id).name
        if as_split:
            return (self._add(f"{name} (split)"),)
        return self._add(f"{name} (rest)"), self._add(f"{name} (held out)")

    def find_row(
        self,
        session_id: int,
        text: str,
        start: int = 0,
        *,
        backwards: bool = False,
        cancel: CancelToken | None = None,
    ) -> int | None:
        self.calls.append(("find_row", (text, start, backwards)))
        if self.error is not None:
            raise self.error
        step = -1 if backwards else 1
        end = -1 if backwards else self._get(session_id).rows
        found = (n for n in range(start, end, step) if text.casefold() in f"question {n}")
        return next(found, None)

    def add_sample(self) -> DatasetSession:
        return self._add("Sample")

    def _work(
        self, name: str, what: Any, report: Reporter | None, cancel: CancelToken | None
    ) -> None:
        self.calls.append((name, what))
        if report is not None:
            report(Progress(0.5, "200 rows"))
        if cancel is not None:
            cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error

    def _change(self, called: str, session_id: int, **changes: Any) -> DatasetSession:
        self.calls.append((called, (session_id, *changes.values())))
        if self.error is not None:
            raise self.error
        changed = replace(self._get(session_id), **changes)
        self.sessions[self.sessions.index(self._get(session_id))] = changed
        return changed

    def _get(self, session_id: int) -> DatasetSession:
        return next(session for session in self.sessions if session.id == session_id)

    def _add(self, name: str) -> DatasetSession:
        session = make_session(max((one.id for one in self.sessions), default=0) + 1, name)
        self.sessions.insert(0, session)
        return session


@dataclass
class FakeEarlier:
    """The database of the earlier program is any file that ends with ``.db``."""

    found: EarlierImport = field(default_factory=EarlierImport)
    error: AppError | None = None
    imported: list[Path] = field(default_factory=list)

    def is_database(self, path: Path) -> bool:
        return path.suffix == ".db"

    def import_all(
        self,
        path: Path,
        *,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> EarlierImport:
        self.imported.append(path)
        if self.error is not None:
            raise self.error
        return self.found


@dataclass
class FakeConfigs:
    """Configurations in memory, for tests of other things; those of configurations take the real
    store.
    """

    saved: dict[str, TrainingConfig] = field(default_factory=dict)
    last: str = ""
    error: AppError | None = None

    def list(self, target: str | None = None) -> list[SavedConfig]:
        return [self._entry(name) for name in self.saved]

    def recent(self) -> list[SavedConfig]:
        return [self._entry(self.last)] if self.last else []

    def load(self, config_id: int) -> tuple[SavedConfig, TrainingConfig]:
        self.last = list(self.saved)[config_id - 1]
        return self._entry(self.last), self.saved[self.last]

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        if self.error is not None:
            raise self.error
        self.saved[name] = config
        self.last = name
        return self._entry(name)

    def save_over(
        self, seen: SavedConfig, config: TrainingConfig, *, anyway: bool = False
    ) -> SavedConfig:
        return self.save(seen.name, config)

    def add(self, name: str, config: TrainingConfig) -> SavedConfig:
        return self.save(name, config)

    def duplicate(self, config_id: int, name: str) -> SavedConfig:
        return self.save(name, list(self.saved.values())[config_id - 1])

    def rename(self, seen: SavedConfig, name: str) -> SavedConfig:
        self.saved = {name if old == seen.name else old: one for old, one in self.saved.items()}
        return self._entry(name)

    def delete(self, seen: SavedConfig) -> None:
        del self.saved[seen.name]

    def read_any_file(self, path: Path, program: Program | None = None) -> ImportedConfig:
        return ImportedConfig(TrainingConfig())

    def write_file(self, path: Path, config: TrainingConfig) -> None:
        path.write_text(repr(config), encoding="utf-8")

    def write_foreign_file(
        self, path: Path, config: TrainingConfig, program: Program
    ) -> ExportedConfig:
        path.write_text(repr(config), encoding="utf-8")
        return ExportedConfig(program, repr(config))

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        if self.error is not None:
            raise self.error
        return (self._entry(self.last), self.saved[self.last]) if self.last else None

    def _entry(self, name: str) -> SavedConfig:
        return SavedConfig(list(self.saved).index(name) + 1, name, "Local", NOW)


@dataclass
class FakeInference:
    """An engine that answers with the words of ``answer``, piece by piece."""

    answer: str = "one two three"
    error: AppError | None = None
    calls: list[tuple[str, Any]] = field(default_factory=list)
    on_generate: Callable[[], None] | None = None
    loaded: TunedModel | None = None

    def is_loaded(self, model: TunedModel) -> bool:
        return self.loaded == model

    def load(self, model: TunedModel, cancel: CancelToken | None = None) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        self.calls.append(("load", model))
        if self.error is not None:
            raise self.error
        self.loaded = model

    def generate(
        self,
        prompt: str,
        *,
        use: str,
        settings: SamplingSettings,
        on_token: Callable[[str], None],
        context: Sequence[Message] = (),
        cancel: CancelToken | None = None,
    ) -> Answer:
        self.calls.append(("generate", (prompt, use, settings, tuple(context))))
        words = self.answer.split()
        for word in words:
            on_token(word + " ")
        if self.on_generate is not None:
            self.on_generate()
        cancelled = cancel is not None and cancel.cancelled
        return Answer(self.answer, len(words), 0.5, "cancelled" if cancelled else "stop")

    def unload(self) -> None:
        self.calls.append(("unload", None))
        self.loaded = None


@dataclass
class FakeRuntime:
    """An environment that is ready, or becomes so when it is created."""

    ready: bool = True
    error: AppError | None = None
    created: int = 0

    def is_ready(self) -> bool:
        return self.ready

    def create(self, report: Reporter, cancel: CancelToken, *, offline: bool = False) -> None:
        self.created += 1
        report(Progress(0.4, "Downloading PyTorch"))
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        self.ready = True


@dataclass
class FakeProbe:
    """A computer whose memory a test sets; ``hold`` is called before each answer."""

    hardware: Hardware = field(
        default_factory=lambda: Hardware((), 16 * GIB, 12 * GIB, probed=True, reason="No GPU.")
    )
    hold: Callable[[], None] | None = None
    probes: int = 0

    def probe(self) -> Hardware:
        self.probes += 1
        if self.hold is not None:
            self.hold()
        return self.hardware


@dataclass
class FakeShapes:
    """The sizes of the models that a test knows; others are unknown for ``reason``."""

    known: dict[str, ModelShape] = field(default_factory=dict)
    reason: str = "nobody knows it"
    asked: list[tuple[str, str]] = field(default_factory=list)

    def find(self, model: str, data_root: str = "") -> ShapeAnswer:
        self.asked.append((model, data_root))
        shape = self.known.get(model)
        return ShapeAnswer(shape, "" if shape else self.reason)


@dataclass
class FakePeaks:
    """Calibrations by model and device."""

    factors: dict[tuple[str, str], float] = field(default_factory=dict)
    error: AppError | None = None

    def factor(self, base_model: str, device: str) -> float:
        if self.error is not None:
            raise self.error
        return self.factors.get((base_model, device), 1.0)


@dataclass
class FakeDemo:
    """A demo that is made ready at once; ``on_prepare`` happens meanwhile."""

    error: AppError | None = None
    prepared: int = 0
    on_prepare: Callable[[], None] | None = None

    def prepare(self, report: Reporter, cancel: CancelToken) -> tuple[SavedConfig, TrainingConfig]:
        report(Progress(0.4, "Reading the model file"))
        if self.on_prepare is not None:
            self.on_prepare()
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        self.prepared += 1
        values = {"dataset.session": "1", "hp.base_model": "/data/models/tiny", "hp.max_steps": 60}
        return SavedConfig(99, "Demo", "Local", NOW), with_values(TrainingConfig(), values)


@dataclass
class FakeWelcome:
    """By default somebody said no already."""

    due: bool = False
    error: AppError | None = None
    dismissed: int = 0

    def is_due(self) -> bool:
        if self.error is not None:
            raise self.error
        return self.due

    def dismiss(self) -> None:
        self.dismissed += 1


@dataclass
class FakeSettings:
    """Settings in memory."""

    now: AppSettings = field(default_factory=AppSettings)
    stored: set[str] = field(default_factory=set)
    error: AppError | None = None

    def values(self) -> AppSettings:
        if self.error is not None:
            raise self.error
        return self.now

    def is_stored(self, name: str) -> bool:
        return name in self.stored

    def set(self, name: str, value: object) -> AppSettings:
        if self.error is not None:
            raise self.error
        self.now = with_setting(self.now, name, value)
        self.stored.add(name)
        return self.now


@dataclass
class FakeOffline:
    """A switch over the settings, which may be forced."""

    settings: FakeSettings = field(default_factory=FakeSettings)
    is_forced: bool = False

    def is_offline(self) -> bool:
        return self.is_forced or self.settings.now.offline

    def set(self, offline: bool) -> None:
        self.settings.set("offline", offline)


@dataclass
class FakeSecrets:
    """A keychain in memory; without one, ``problem`` says so."""

    kept: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    error: AppError | None = None

    def keychain_problem(self) -> str:
        return self.problem

    def states(self) -> list[SecretState]:
        return [self._state(name) for name in SECRETS]

    def set(self, name: str, value: str) -> SecretState:
        if self.error is not None:
            raise self.error
        self.kept[name] = value
        return self._state(name)

    def remove(self, name: str) -> SecretState:
        if self.error is not None:
            raise self.error
        self.kept.pop(name, None)
        return self._state(name)

    def variable(self, name: str) -> str:
        return self.variables.get(name, "")

    def _state(self, name: str) -> SecretState:
        if name in self.kept:
            return SecretState(name, True, MEMORY if self.problem else KEYCHAIN, self.problem)
        if name in self.variables:
            return SecretState(name, True, ENVIRONMENT)
        return SecretState(name)


@dataclass
class FakeSecretChecks:
    """Says ``answer`` of every secret, or raises."""

    answer: str = "It works: signed in as me."
    error: AppError | None = None
    tested: list[tuple[str, str]] = field(default_factory=list)

    def test(self, name: str, data_center: str = "") -> str:
        self.tested.append((name, data_center))
        if self.error is not None:
            raise self.error
        return self.answer


@dataclass
class FakeDoctor:
    """Finds ``found``; ``hold`` is called once half of it is told."""

    found: tuple[Check, ...] = (
        Check("This computer", "Memory", CheckState.OK, "12 GB free", "Rows lie in it."),
    )
    hold: Callable[[], None] | None = None
    looked: int = 0

    def checks(
        self,
        report: Callable[[tuple[Check, ...]], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[Check, ...]:
        self.looked += 1
        half = len(self.found) // 2
        waiting = (replace(one, state=CheckState.WAITING) for one in self.found[half:])
        if report is not None:
            report((*self.found[:half], *waiting))
        if self.hold is not None:
            self.hold()
        if cancel is not None:
            cancel.raise_if_cancelled()
        return self.found

    def report(self, checks: Sequence[Check]) -> str:
        return "\n".join(f"{check.name}: {check.message}" for check in checks)


def make_engine(**changes: Any) -> EngineInfo:
    engine = EngineInfo(
        version="28.2.1",
        api_version="1.50",
        kind="Docker Engine",
        endpoint="unix:///var/run/docker.sock",
        is_rootless=False,
        is_local=True,
        architecture="x86_64",
        cpus=2,
        memory=23 * GIB,
        data_root="/var/lib/docker",
        gpu=GpuSupport(False, "This Docker engine has no NVIDIA runtime."),
    )
    return replace(engine, **changes)


def make_image(tag: str = DEFAULT_IMAGE, **changes: Any) -> ImageInfo:
    image = ImageInfo(tag, f"sha256:{tag}", "sha256:of-the-registry", 8_100_000_000, NOW)
    return replace(image, **changes)


@dataclass
class FakeDocker:
    """No engine, until a test says otherwise."""

    engine: EngineInfo | None = None
    error: AppError = field(
        default_factory=lambda: AppError(
            "docker_missing", "Docker is not installed on this computer.", "Install it."
        )
    )
    asked: int = 0
    forgotten: int = 0

    def info(self) -> EngineInfo:
        self.asked += 1
        if self.engine is None:
            raise self.error
        return self.engine

    def forget(self) -> None:
        self.forgotten += 1


@dataclass
class FakeImages:
    """Images in memory. A pull or build reports ``script``, calls ``hold``, then takes ``error``
    or adds the image.
    """

    there: dict[str, ImageInfo] = field(default_factory=dict)
    script: list[ImageProgress] = field(default_factory=list)
    hold: Callable[[], None] | None = None
    error: AppError | None = None
    known: dict[str, RegistryLogin] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)

    def find(self, tag: str) -> ImageInfo | None:
        self.calls.append(("find", tag))
        return self.there.get(tag)

    def list(self, also: Iterable[str] = ()) -> list[ImageInfo]:
        return [*self.there.values()]

    def pull(
        self, tag: str, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> ImageInfo:
        self.calls.append(("pull", tag))
        return self._get(make_image(tag), report, cancel)

    def build(
        self,
        tag: str,
        variant: str,
        report: Callable[[ImageProgress], None],
        cancel: CancelToken,
    ) -> ImageInfo:
        self.calls.append(("build", f"{tag} {variant}"))
        return self._get(make_image(tag, digest=""), report, cancel)

    def remove(self, tag: str) -> None:
        self.calls.append(("remove", tag))
        if self.error is not None:
            raise self.error
        del self.there[tag]

    def login(self, registry: str, user: str, password: str) -> RegistryLogin:
        self.passwords.append(password)
        if self.error is not None:
            raise self.error
        self.known[registry] = RegistryLogin(registry, user, KEYCHAIN)
        return self.known[registry]

    def logout(self, registry: str) -> None:
        del self.known[registry]

    def logins(self) -> list[RegistryLogin]:
        return [*self.known.values()]

    def _get(
        self, image: ImageInfo, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> ImageInfo:
        for progress in self.script:
            report(progress)
        if self.hold is not None:
            self.hold()
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        self.there[image.tag] = image
        return image


@dataclass
class FakeMeasure:
    """Answers with this, or raises it."""

    found: MeasuredFit | AppError = field(
        default_factory=lambda: MeasuredFit(
            True, "cpu", 3 * 2**30, 3 * 2**30, 12 * 2**30, 2, 2048, 40, 12.0, 480.0
        )
    )
    asked: list[TrainingConfig] = field(default_factory=list)

    def measure(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> MeasuredFit:
        self.asked.append(config)
        if isinstance(self.found, AppError):
            raise self.found
        return self.found


@dataclass
class FakePods:
    """Rented pods; ``stubborn`` ones are not gone however often they are ended."""

    there: tuple[PodRow, ...] = ()
    stubborn: set[str] = field(default_factory=set)
    fails: AppError | None = None
    calls: list[str] = field(default_factory=list)
    refuses: AppError | None = None
    """Why Runpod cannot be asked for a list."""

    def known(self) -> tuple[PodRow, ...]:
        return self.there

    def rows(self) -> tuple[PodRow, ...]:
        if self.refuses is not None:
            raise self.refuses
        return self.there

    def page(self, pod_id: str) -> str:
        return f"https://console.example/pods?id={pod_id}"

    def end(self, pod_id: str) -> PodEnd:
        self.calls.append(pod_id)
        if self.fails is not None:
            raise self.fails
        row = next(one for one in self.there if one.id == pod_id)
        if pod_id in self.stubborn:
            return PodEnd(row, gone=False, trouble="Runpod still lists it.")
        self.there = tuple(one for one in self.there if one.id != pod_id)
        return PodEnd(row, gone=True)


@dataclass
class FakeRented:
    """Pods of runs, by the runs' ids."""

    known: dict[str, RentedRun] = field(default_factory=dict)

    def seen(self, run_id: str) -> RentedRun | None:
        return self.known.get(run_id)


@dataclass
class FakeQuotes:
    """GPUs to rent and what they cost; ``asked`` are the setups, True where it was to be anew."""

    gpus: GpuList = field(default_factory=GpuList)
    quote: RemoteQuote = field(
        default_factory=lambda: RemoteQuote((), None, None, NOW, reason="Nothing is in stock.")
    )
    fails: AppError | None = None
    asked: list[tuple[TrainingConfig, bool]] = field(default_factory=list)

    def offers(self, config: TrainingConfig, *, refresh: bool = False) -> GpuList:
        self.asked.append((config, refresh))
        if self.fails is not None:
            raise self.fails
        return self.gpus

    def ask(self, config: TrainingConfig, *, refresh: bool = False) -> RemoteQuote:
        return self.quote


@dataclass
class FakeInfrastructure:
    """Network volume and template."""

    lines: tuple[str, ...] = ("Using the network volume.", "Using the template.")
    fails: AppError | None = None
    ensured: list[TrainingConfig] = field(default_factory=list)

    def ensure(self, config: TrainingConfig) -> tuple[str, ...]:
        self.ensured.append(config)
        if self.fails is not None:
            raise self.fails
        return self.lines


@dataclass
class FakeReaper:
    """Does nothing by itself; ``told`` is who would hear of a sweep."""

    told: Callable[[Swept], None] | None = None

    def start(self, told: Callable[[Swept], None] | None = None) -> None:
        self.told = told


@dataclass
class FakeRemote:
    """All about rented pods."""

    pods: FakePods = field(default_factory=FakePods)
    quotes: FakeQuotes = field(default_factory=FakeQuotes)
    infrastructure: FakeInfrastructure = field(default_factory=FakeInfrastructure)
    reaper: FakeReaper = field(default_factory=FakeReaper)


@dataclass
class FakeServices:
    """All of them."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    history: FakeHistory = field(default_factory=FakeHistory)
    queue: FakeQueue = field(default_factory=FakeQueue)
    models: FakeModels = field(default_factory=FakeModels)
    storage: FakeStorage = field(default_factory=FakeStorage)
    datasets: FakeDatasets = field(default_factory=FakeDatasets)
    learning: FakeLearning = field(default_factory=FakeLearning)
    early: FakeEarly = field(default_factory=FakeEarly)
    earlier_program: FakeEarlier = field(default_factory=FakeEarlier)
    configs: FakeConfigs = field(default_factory=FakeConfigs)
    inference: FakeInference = field(default_factory=FakeInference)
    runtime: FakeRuntime = field(default_factory=FakeRuntime)
    gpus: FakeProbe = field(default_factory=FakeProbe)
    probe: FakeMeasure = field(default_factory=FakeMeasure)
    shapes: FakeShapes = field(default_factory=FakeShapes)
    peaks: FakePeaks = field(default_factory=FakePeaks)
    remote: FakeRemote = field(default_factory=FakeRemote)
    bundles: FakeBundles = field(default_factory=FakeBundles)
    rented: FakeRented = field(default_factory=FakeRented)
    demo: FakeDemo = field(default_factory=FakeDemo)
    welcome: FakeWelcome = field(default_factory=FakeWelcome)

    settings: FakeSettings = field(default_factory=FakeSettings)
    offline: FakeOffline = field(default_factory=FakeOffline)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    secret_checks: FakeSecretChecks = field(default_factory=FakeSecretChecks)
    doctor: FakeDoctor = field(default_factory=FakeDoctor)
    docker: FakeDocker = field(default_factory=FakeDocker)
    images: FakeImages = field(default_factory=FakeImages)

    def __post_init__(self) -> None:
        self.offline.settings = self.settings
        self.history.runs = self.queue.runs = self.runs

    def close(self) -> None:
        """Nothing is open."""
