"""What the window needs of the services as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from controllers.ports import (
        ConfigPort,
        DatasetPort,
        InferencePort,
        PeakPort,
        ProbePort,
        RunPort,
        RuntimePort,
        ShapePort,
    )


class WindowServices(Protocol):
    """``app.bootstrap.Services``, or the fakes of a test."""

    @property
    def runs(self) -> RunPort:
        """Runs."""

    @property
    def datasets(self) -> DatasetPort:
        """The dataset library."""

    @property
    def configs(self) -> ConfigPort:
        """Saved configurations."""

    @property
    def inference(self) -> InferencePort:
        """Quick Local Inference."""

    @property
    def runtime(self) -> RuntimePort:
        """The managed environment."""

    @property
    def gpus(self) -> ProbePort:
        """GPUs and main memory."""

    @property
    def shapes(self) -> ShapePort:
        """The sizes of base models."""

    @property
    def peaks(self) -> PeakPort:
        """Measured peaks of memory."""

    def close(self) -> None:
        """End what is open; runs go on."""
