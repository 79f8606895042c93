"""What the window needs of the services as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from controllers.ports import SettingsServices

if TYPE_CHECKING:
    from controllers.offline_prepare_controller import BundlesPort
    from controllers.ports import (
        ConfigPort,
        DatasetPort,
        DemoPort,
        DockerPort,
        DoctorPort,
        EarlierPort,
        EarlyPort,
        ExportPort,
        HistoryPort,
        ImagePort,
        InferencePort,
        LearningPort,
        MeasurePort,
        ModelPort,
        PeakPort,
        ProbePort,
        QueuePort,
        RemotePort,
        RentedPort,
        RunPort,
        RuntimePort,
        ShapePort,
        StoragePort,
        WelcomePort,
    )


class WindowServices(SettingsServices, Protocol):
    """``app.bootstrap.Services``, or the fakes of a test."""

    @property
    def runs(self) -> RunPort:
        """Runs."""

    @property
    def history(self) -> HistoryPort:
        """What can be done with runs that were."""

    @property
    def exports(self) -> ExportPort:
        """What runs made, taken out."""

    @property
    def queue(self) -> QueuePort:
        """Runs that wait."""

    @property
    def datasets(self) -> DatasetPort:
        """The dataset library."""

    @property
    def models(self) -> ModelPort:
        """Base models."""

    @property
    def learning(self) -> LearningPort:
        """What a model would learn."""

    @property
    def early(self) -> EarlyPort:
        """The same, before anybody asks."""

    @property
    def earlier_program(self) -> EarlierPort:
        """The database of the earlier program."""

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
    def probe(self) -> MeasurePort:
        """What a setup really takes."""

    @property
    def bundles(self) -> BundlesPort:
        """Computers without a network."""

    @property
    def remote(self) -> RemotePort:
        """Rented pods."""

    @property
    def rented(self) -> RentedPort:
        """Runs on them."""

    @property
    def peaks(self) -> PeakPort:
        """Measured peaks of memory."""

    @property
    def demo(self) -> DemoPort:
        """The demo."""

    @property
    def welcome(self) -> WelcomePort:
        """Whether to welcome a newcomer."""

    @property
    def doctor(self) -> DoctorPort:
        """A look at everything that a training stands on."""

    @property
    def storage(self) -> StoragePort:
        """The disk."""

    @property
    def docker(self) -> DockerPort:
        """The container engine."""

    @property
    def images(self) -> ImagePort:
        """Its images."""

    def close(self) -> None:
        """End what is open; runs go on."""
