"""What the window needs of the services as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from controllers.ports import (
        ConfigPort,
        DatasetPort,
        InferencePort,
        RunPort,
        RuntimePort,
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

    def close(self) -> None:
        """End what is open; runs go on."""
