"""What the controllers ask of the services. All calls block, know no Qt, and are made in lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession, SavedConfig
    from models.domain.hardware import Hardware
    from models.domain.inference import Answer, SamplePrompt, SamplingSettings
    from models.domain.run import Run, RunUpdate
    from services.model_shapes import ShapeAnswer
    from services.progress import CancelToken, Reporter


class RunPort(Protocol):
    """Runs: start, follow, stop, resume."""

    def start(self, config: TrainingConfig, *, name: str = "", on_existing: str = "refuse") -> Run:
        """Start a run. ConfigError, AppError("output_exists"), AppError("runtime_missing")."""

    def poll(self, run_id: str) -> RunUpdate:
        """What is new since the last poll."""

    def history(self, run_id: str) -> RunUpdate:
        """All events, and the end of the log; polls go on from here."""

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

    def samples(self, run_id: str, count: int = 5) -> Sequence[SamplePrompt]:
        """Random prompts of the run's dataset."""

    def log_path(self, run_id: str) -> Path:
        """The file with the whole log."""

    def adapter_path(self, run: Run) -> Path:
        """The real folder of the run's adapter."""

    def delete(self, run_id: str) -> None:
        """Forget an ended run."""


class DatasetPort(Protocol):
    """The dataset library."""

    def import_file(
        self,
        path: Path,
        *,
        name: str = "",
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> DatasetSession:
        """Import a file; AppError names the faulty lines."""

    def list(self) -> Sequence[DatasetSession]:
        """All datasets, newest first."""

    def rows(self, session_id: int, start: int, count: int) -> Sequence[Mapping[str, object]]:
        """Some rows, without reading the others."""

    def delete(self, session_id: int) -> None:
        """Remove a dataset."""

    def add_sample(self) -> DatasetSession:
        """The bundled sample; the same one however often it is asked for."""


class ConfigPort(Protocol):
    """Saved configurations."""

    def list(self, target: str | None = None) -> Sequence[SavedConfig]:
        """Saved configurations, newest first."""

    def load(self, config_id: int) -> TrainingConfig:
        """Read one and mark it as the last used."""

    def save(self, name: str, config: TrainingConfig) -> SavedConfig:
        """Store one by name and mark it as the last used."""

    def last_used(self) -> tuple[SavedConfig, TrainingConfig] | None:
        """The one to start with; AppError where it cannot be read."""


class InferencePort(Protocol):
    """One model in memory, answering prompts."""

    def load(self, base_model: str, adapter: str) -> None:
        """Load a base model with an adapter; at once where both are loaded."""

    def generate(
        self,
        prompt: str,
        *,
        use: str,
        settings: SamplingSettings,
        on_token: Callable[[str], None],
    ) -> Answer:
        """Answer a prompt; ``on_token`` gets each piece in the calling thread."""

    def cancel(self) -> None:
        """End the answer that is being made; from any thread."""

    def unload(self) -> None:
        """Give the model's memory back."""


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
