"""What the controllers ask of the services. All calls block, know no Qt, and are made in lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from models.domain.app_settings import AppSettings
    from models.domain.cached_model import CachedModel, ModelCheck
    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport, TokenView
    from models.domain.dataset import DatasetSession, MergePart, SavedConfig
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from models.domain.docker import EngineInfo, ImageInfo, ImageProgress, RegistryLogin
    from models.domain.doctor import Check
    from models.domain.earlier_program import EarlierImport
    from models.domain.errors import Problem
    from models.domain.foreign_config import ExportedConfig, ImportedConfig, Program
    from models.domain.gpu_list import GpuList
    from models.domain.hardware import Hardware
    from models.domain.inference import (
        Answer,
        Message,
        SamplePrompt,
        SamplingSettings,
        TunedModel,
    )
    from models.domain.measured_fit import MeasuredFit
    from models.domain.pod_rows import PodEnd, PodRow, Swept
    from models.domain.rented import RentedRun
    from models.domain.run import Run, RunUpdate
    from models.domain.run_history import (
        Curve,
        Deleted,
        Difference,
        QueueTurn,
        Repetition,
        RunSize,
    )
    from models.domain.secrets import SecretState
    from models.domain.storage import Cleaned, CleanPlan, RetentionRules, StorageReport
    from models.domain.storage_forecast import StorageForecast
    from services.model_shapes import ShapeAnswer
    from services.progress import CancelToken, Reporter
    from services.remote.quotes import RemoteQuote


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

    def delete(self, run_ids: Sequence[str], *, with_outputs: bool = False) -> Deleted:
        """Forget ended or waiting runs and remove their files; none where one cannot be."""

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


class ModelPort(Protocol):
    """The base models of this computer."""

    def all(self) -> Sequence[CachedModel]:
        """The catalogue, both caches, local folders."""

    def download(self, repo: str, report: Reporter, cancel: CancelToken) -> CachedModel:
        """Fetch what is not here, or is damaged. AppError, Cancelled."""

    def verify(self, model: CachedModel, report: Reporter, cancel: CancelToken) -> ModelCheck:
        """Compare every byte with the Hub's hashes. AppError, Cancelled."""

    def remove(self, model: CachedModel) -> int:
        """Take it off this computer; the bytes that are free now. AppError where it must stay."""

    def add(self, folder: Path) -> CachedModel:
        """List a folder. AppError where it is no whole model."""


class DatasetPort(Protocol):
    """The dataset library."""

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
        """Import a file, a folder or a dataset of the Hub; ImportRefusedError names the faulty
        lines, ``on_verdict`` gets what is to be told of an import that goes well."""

    def list(self) -> Sequence[DatasetSession]:
        """All datasets, newest first."""

    def rows(self, session_id: int, start: int, count: int) -> Sequence[Mapping[str, object]]:
        """Some rows, without reading the others."""

    def rename(self, session_id: int, name: str) -> DatasetSession:
        """Give another name, also where a saved setup has it. AppError("name_taken")."""

    def duplicate(self, session_id: int, name: str = "") -> DatasetSession:
        """A second dataset of the same rows, which takes no room of its own."""

    def delete(self, session_id: int) -> DatasetSession:
        """Take a dataset out of the library; it can be restored until the program ends."""

    def restore(self, session: DatasetSession) -> DatasetSession:
        """Bring back what :meth:`delete` took out."""

    def export(
        self,
        session_id: int,
        path: Path,
        format: str = "jsonl",
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Write the rows to a file, ``jsonl`` or ``parquet``; all of it, or nothing. Or
        Cancelled."""

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
        """One dataset of several, each as much as its weight says. Or Cancelled."""

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
        """Hold a part out: one dataset with two splits, or two datasets. Or Cancelled."""

    def find_row(
        self,
        session_id: int,
        text: str,
        start: int = 0,
        *,
        backwards: bool = False,
        cancel: CancelToken | None = None,
    ) -> int | None:
        """The next row (from 0) from ``start`` on that has this text. Or Cancelled."""

    def add_sample(self) -> DatasetSession:
        """The bundled sample; the same one however often it is asked for."""


class LearningPort(Protocol):
    """What a setup's model would learn of a dataset, and whether a training may start with that.

    Called in the lane ``inspection``, but for what says otherwise. AppError says why nobody can
    look: no environment, no model, no engine.
    """

    def row(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        number: int,
        *,
        template: str | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[TokenView, ...]:
        """The texts that a row becomes. AppError("bad_dataset") says why it becomes none. In the
        lane ``rows``: a worker of its own answers while another looks at all rows."""

    def report(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport:
        """Look at every row; at once where that was done before. Or Cancelled."""

    def known(
        self, config: TrainingConfig, session: DatasetSession, *, template: str | None = None
    ) -> DataReport | None:
        """The report where it was made before; in any lane."""

    def faulty_rows(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        """All rows with findings of these codes. Or Cancelled."""

    def drop(
        self,
        config: TrainingConfig,
        session: DatasetSession,
        codes: Collection[str],
        *,
        template: str | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        """A new dataset without the rows of these codes. Or Cancelled."""

    def gate(
        self,
        config: TrainingConfig,
        *,
        sha256: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DataReport | None:
        """Asked before every start; DataRefusedError where the data refuses it. Or Cancelled.
        ``sha256`` are the rows where the setup's name for them is not to be looked up."""

    def close(self) -> None:
        """Give the memory back that looking took; from any thread."""


class EarlyPort(Protocol):
    """What a start is going to ask of its data, asked before it. In the lane ``inspection``."""

    def look(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> bool:
        """Whether the gate finds its answer now; False where what is needed is not here. AppError,
        Cancelled."""


class EarlierPort(Protocol):
    """The database of the earlier program."""

    def is_database(self, path: Path) -> bool:
        """Whether a file is one; reads its first bytes."""

    def import_all(
        self,
        path: Path,
        *,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> EarlierImport:
        """Import its datasets and its saved configurations; all of it, or nothing."""


class ConfigPort(Protocol):
    """Saved configurations."""

    def list(self, target: str | None = None) -> Sequence[SavedConfig]:
        """Saved configurations, newest first."""

    def recent(self) -> Sequence[SavedConfig]:
        """Those used last, the latest first."""

    def load(self, config_id: int) -> tuple[SavedConfig, TrainingConfig]:
        """Read one as it is now and mark it as the last used."""

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        """The one to start with; AppError where it cannot be read."""

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under a new name and mark it as the last used. AppError("name_taken")."""

    def save_over(
        self, seen: SavedConfig, config: TrainingConfig, *, anyway: bool = False
    ) -> SavedConfig:
        """Store in place of one. AppError("changed_elsewhere"), AppError("deleted_elsewhere")."""

    def add(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store under this or the next free name and mark it as the last used."""

    def duplicate(self, config_id: int, name: str) -> SavedConfig:
        """Store a copy under a new name."""

    def rename(self, seen: SavedConfig, name: str) -> SavedConfig:
        """Give another name."""

    def delete(self, seen: SavedConfig) -> None:
        """Remove one."""

    def read_any_file(self, path: Path, program: Program | None = None) -> ImportedConfig:
        """Read a file of ours or of another program, recognised by its content.

        ConfigError with every wrong setting and its line.
        """

    def write_file(self, path: Path, config: TrainingConfig) -> None:
        """Write a file that holds no secret."""

    def write_foreign_file(
        self, path: Path, config: TrainingConfig, program: Program
    ) -> ExportedConfig:
        """Write a file for another program; what it cannot be told comes back."""


class InferencePort(Protocol):
    """One model in memory, answering prompts."""

    def is_loaded(self, model: TunedModel) -> bool:
        """Whether it need not be loaded first; never blocks."""

    def load(self, model: TunedModel, cancel: CancelToken | None = None) -> None:
        """Load a base model with its adapter; at once where both are loaded. Or Cancelled."""

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
        """Answer a prompt; ``on_token`` gets each piece in the calling thread. Once ``cancel`` is
        set it ends with what it has."""

    def unload(self) -> None:
        """Give the model's memory back and wait for it; from any thread."""


class RuntimePort(Protocol):
    """The managed Python environment of the trainer."""

    def is_ready(self) -> bool:
        """Whether runs can use it."""

    def create(self, report: Reporter, cancel: CancelToken, *, offline: bool = False) -> None:
        """Make it; AppError with the next step, or Cancelled."""


class ProbePort(Protocol):
    """This computer's GPUs and main memory."""

    def probe(self) -> Hardware:
        """What there is now; where there is no GPU, why."""


class ShapePort(Protocol):
    """The sizes of base models."""

    def find(self, model: str, data_root: str = "") -> ShapeAnswer:
        """A model's shape, or in words why it is unknown."""


class PeakPort(Protocol):
    """Measured peaks of memory."""

    def factor(self, base_model: str, device: str) -> float:
        """The calibration of the estimate; 1.0 without any measurement."""


class MeasurePort(Protocol):
    """What a setup really takes, before it is trained. Called in the lane ``inspection``."""

    def measure(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> MeasuredFit:
        """Make its longest step; ConfigError, AppError or Cancelled where nothing was measured."""


class PodPort(Protocol):
    """The rented pods of this installation."""

    def known(self) -> tuple[PodRow, ...]:
        """Those that may cost, from the record alone. Called in the lane ``database``."""

    def rows(self) -> tuple[PodRow, ...]:
        """Those that Runpod lists, and those not proven gone; AppError. In the lane ``remote``."""

    def page(self, pod_id: str) -> str:
        """One in Runpod's console."""

    def end(self, pod_id: str) -> PodEnd:
        """End one on the user's click; AppError. Called in the lane ``remote``."""


class RentedPort(Protocol):
    """Runs on rented pods."""

    def seen(self, run_id: str) -> RentedRun | None:
        """A run's pod, its cost and its machine's log, by what is known here; None without one."""


class QuotePort(Protocol):
    """What a remote training would rent and cost. Called in the lane ``remote``; AppError."""

    def offers(self, config: TrainingConfig, *, refresh: bool = False) -> GpuList:
        """The GPUs that can be rented, and which suit."""

    def ask(self, config: TrainingConfig, *, refresh: bool = False) -> RemoteQuote:
        """What would be tried first, and its cost."""


class InfrastructurePort(Protocol):
    """Network volume and template."""

    def ensure(self, config: TrainingConfig) -> tuple[str, ...]:
        """Find or make them, and say which; AppError. Called in the lane ``remote``."""


class ReaperPort(Protocol):
    """Looks after pods that nobody needs, in a thread of its own."""

    def start(self, told: Callable[[Swept], None] | None = None) -> None:
        """Begin, once; ``told`` is called in that thread."""


class RemotePort(Protocol):
    """All about rented pods."""

    @property
    def pods(self) -> PodPort:
        """The pods."""

    @property
    def quotes(self) -> QuotePort:
        """What they would cost."""

    @property
    def infrastructure(self) -> InfrastructurePort:
        """What they keep their files on."""

    @property
    def reaper(self) -> ReaperPort:
        """Who ends those that nobody needs."""


class DemoPort(Protocol):
    """The demo: everything for its run, but the trainer's environment."""

    def prepare(self, report: Reporter, cancel: CancelToken) -> tuple[SavedConfig, TrainingConfig]:
        """Make what is missing and return its setup, saved; AppError, or Cancelled."""


class WelcomePort(Protocol):
    """Whether a newcomer is to be welcomed."""

    def is_due(self) -> bool:
        """Whether nothing was done with the program yet, and nobody said no."""

    def dismiss(self) -> None:
        """Do not welcome again."""


class SettingsPort(Protocol):
    """The program's settings."""

    def values(self) -> AppSettings:
        """All of them, as they are stored now."""

    def set(self, name: str, value: object) -> AppSettings:
        """Store one; ConfigError says what is wrong with it."""

    def is_stored(self, name: str) -> bool:
        """Whether the user ever chose this one."""


class OfflinePort(Protocol):
    """Whether the network may be used."""

    @property
    def is_forced(self) -> bool:
        """Whether it is forbidden whatever the user chooses now."""

    def is_offline(self) -> bool:
        """Whether it is forbidden, by force or by choice."""

    def set(self, offline: bool) -> None:
        """Keep the user's choice; AppError where it is forced."""


class SecretPort(Protocol):
    """Tokens and keys."""

    def keychain_problem(self) -> str:
        """Why secrets cannot be kept beyond this session; empty where they can."""

    def states(self) -> Sequence[SecretState]:
        """Which are set, and where they are kept."""

    def set(self, name: str, value: str) -> SecretState:
        """Keep one; the answer says where."""

    def remove(self, name: str) -> SecretState:
        """Forget one; the answer says whether another place still has it."""

    def variable(self, name: str) -> str:
        """The environment variable that holds it; never blocks."""


class SecretCheckPort(Protocol):
    """Trying tokens and keys out."""

    def test(self, name: str, data_center: str = "") -> str:
        """What the secret is good for, in a sentence; AppError says why it is not."""


class DoctorPort(Protocol):
    """A look at everything that a training stands on."""

    def checks(
        self,
        report: Callable[[tuple[Check, ...]], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> Sequence[Check]:
        """Look; ``report`` gets what is known so far, in the calling thread. Or Cancelled."""

    def report(self, checks: Sequence[Check]) -> str:
        """What was found as text to pass on, without secrets and names."""


class StoragePort(Protocol):
    """The disk: what takes room, and what of it can go. All of it reads many folders."""

    def report(self) -> StorageReport:
        """Everything that takes room."""

    def rules(self) -> RetentionRules:
        """The rules that were chosen last."""

    def set_rules(self, rules: RetentionRules) -> None:
        """Remember them; AppError("bad_use")."""

    def plan(self, rules: RetentionRules, setup: TrainingConfig | None = None) -> CleanPlan:
        """What a clean-up would remove; nothing is done. ``setup`` is one that is not saved."""

    def clean(
        self, shown: CleanPlan, rules: RetentionRules, setup: TrainingConfig | None = None
    ) -> Cleaned:
        """Remove what was shown and may still go; AppError("busy")."""

    def pin(self, run_id: str, checkpoint: str = "", *, pinned: bool = True) -> None:
        """Keep a run, or one checkpoint of it, or leave it to the rules; AppError("not_found")."""

    def forecast(self, config: TrainingConfig) -> StorageForecast:
        """What a training takes at most; AppError("unknown_size")."""


class DockerPort(Protocol):
    """The container engine."""

    def info(self) -> EngineInfo:
        """What it is, asked now; AppError says why none answers, and what to do."""

    def forget(self) -> None:
        """Look for it anew at the next call."""


class ImagePort(Protocol):
    """Images of the container engine. AppError where the engine does not answer."""

    def find(self, tag: str) -> ImageInfo | None:
        """The image of this tag, if it is on this computer."""

    def list(self, also: Iterable[str] = ()) -> Sequence[ImageInfo]:
        """Those of this computer that trainings run in, and ``also`` these."""

    def pull(
        self, tag: str, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> ImageInfo:
        """Fetch one; AppError with the next step, or Cancelled."""

    def build(
        self,
        tag: str,
        variant: str,
        report: Callable[[ImageProgress], None],
        cancel: CancelToken,
    ) -> ImageInfo:
        """Build our own, ``cuda`` or ``cpu``; AppError with the next step, or Cancelled."""

    def remove(self, tag: str) -> None:
        """Take one off this computer; AppError where a container stands on it."""

    def login(self, registry: str, user: str, password: str) -> RegistryLogin:
        """Sign in to a registry and keep it; the answer says where."""

    def logout(self, registry: str) -> None:
        """Forget a registry's login."""

    def logins(self) -> Sequence[RegistryLogin]:
        """The registries that know us."""


class SettingsServices(Protocol):
    """Everything that the Settings page needs."""

    @property
    def settings(self) -> SettingsPort:
        """The program's settings."""

    @property
    def offline(self) -> OfflinePort:
        """Whether the network may be used."""

    @property
    def secrets(self) -> SecretPort:
        """Tokens and keys."""

    @property
    def secret_checks(self) -> SecretCheckPort:
        """Trying them out."""
