"""Base models, and what of them fits this computer: sizes, GPUs, memory that was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.cached_model import CachedModel, ModelCheck
    from models.domain.config import TrainingConfig
    from models.domain.hardware import Hardware
    from models.domain.measured_fit import MeasuredFit
    from services.model_shapes import ShapeAnswer
    from services.progress import CancelToken, Reporter


class ModelPort(Protocol):
    """The base models of this computer."""

    def all(self) -> Sequence[CachedModel]:
        """The catalogue, both caches, local folders."""

    def download(self, repo: str, report: Reporter, cancel: CancelToken) -> CachedModel:
        """Fetch what is not here, or is damaged. AppError, Cancelled."""

    def verify(self, model: CachedModel, report: Reporter, cancel: CancelToken) -> ModelCheck:
        """Compare every byte with the Hub's hashes. AppError, Cancelled."""

    def why_kept(self, model: CachedModel) -> str:
        """Why it cannot be removed now; empty where it can."""

    def remove(self, model: CachedModel) -> int:
        """Take it off this computer; the bytes that are free now. AppError where it must stay."""

    def add(self, folder: Path) -> CachedModel:
        """List a folder. AppError where it is no whole model."""


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
