"""What is known of base models and of this computer's memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.hardware import Hardware
from models.domain.measured_fit import MeasuredFit
from services.model_shapes import ShapeAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig
    from models.domain.model_shape import ModelShape
    from services.progress import CancelToken, Reporter
from tests.qt.fakes.values import GIB


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
class FakeMeasure:
    """Answers with this, or raises it."""

    found: MeasuredFit | AppError = field(
        default_factory=lambda: MeasuredFit(
            True, "cpu", 3 * 2**30, 12 * 2**30, 2, 2048, 40, 12.0, 480.0
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
