"""All the services of a window."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.qt.fake_bundles import FakeBundles
from tests.qt.fake_learning import FakeEarly, FakeLearning
from tests.qt.fake_models import FakeModels
from tests.qt.fake_storage import FakeStorage
from tests.qt.fakes.base_models import FakeMeasure, FakePeaks, FakeProbe, FakeShapes
from tests.qt.fakes.care import FakeDoctor
from tests.qt.fakes.configs import FakeConfigs
from tests.qt.fakes.datasets import FakeDatasets, FakeEarlier
from tests.qt.fakes.environments import FakeDocker, FakeImages, FakeRuntime
from tests.qt.fakes.inference import FakeInference
from tests.qt.fakes.remote import FakeRemote, FakeRented
from tests.qt.fakes.runs import FakeExports, FakeHistory, FakeQueue, FakeRuns
from tests.qt.fakes.settings import FakeOffline, FakeSecretChecks, FakeSecrets, FakeSettings
from tests.qt.fakes.welcome import FakeDemo, FakeWelcome


@dataclass
class FakeServices:
    """All of them."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    history: FakeHistory = field(default_factory=FakeHistory)
    exports: FakeExports = field(default_factory=FakeExports)
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
