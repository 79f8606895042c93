"""What the controllers ask of the services. All calls block, know no Qt, and are made in lanes."""

from controllers.ports.base_models import MeasurePort, ModelPort, PeakPort, ProbePort, ShapePort
from controllers.ports.care import DoctorPort, StoragePort
from controllers.ports.configs import ConfigPort
from controllers.ports.datasets import DatasetPort, EarlierPort
from controllers.ports.environments import DockerPort, ImagePort, RuntimePort
from controllers.ports.inference import InferencePort
from controllers.ports.learning import EarlyPort, LearningPort
from controllers.ports.remote import (
    InfrastructurePort,
    PodPort,
    QuotePort,
    ReaperPort,
    RemotePort,
    RentedPort,
)
from controllers.ports.runs import ExportPort, HistoryPort, QueuePort, RunPort
from controllers.ports.settings import (
    OfflinePort,
    SecretCheckPort,
    SecretPort,
    SettingsPort,
    SettingsServices,
)
from controllers.ports.welcome import DemoPort, WelcomePort

__all__ = [
    "ConfigPort",
    "DatasetPort",
    "DemoPort",
    "DockerPort",
    "DoctorPort",
    "EarlierPort",
    "EarlyPort",
    "ExportPort",
    "HistoryPort",
    "ImagePort",
    "InferencePort",
    "InfrastructurePort",
    "LearningPort",
    "MeasurePort",
    "ModelPort",
    "OfflinePort",
    "PeakPort",
    "PodPort",
    "ProbePort",
    "QueuePort",
    "QuotePort",
    "ReaperPort",
    "RemotePort",
    "RentedPort",
    "RunPort",
    "RuntimePort",
    "SecretCheckPort",
    "SecretPort",
    "SettingsPort",
    "SettingsServices",
    "ShapePort",
    "StoragePort",
    "WelcomePort",
]
