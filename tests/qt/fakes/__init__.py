"""Small synchronous services for the window's tests: they do at once what they are told.

Their modules are those of ``controllers.ports``.
"""

from tests.qt.fakes.base_models import FakeMeasure, FakePeaks, FakeProbe, FakeShapes
from tests.qt.fakes.care import FakeDoctor
from tests.qt.fakes.configs import FakeConfigs
from tests.qt.fakes.datasets import FakeDatasets, FakeEarlier
from tests.qt.fakes.environments import FakeDocker, FakeImages, FakeRuntime
from tests.qt.fakes.inference import FakeInference
from tests.qt.fakes.lanes import SyncLane
from tests.qt.fakes.remote import (
    FakeInfrastructure,
    FakePods,
    FakeQuotes,
    FakeReaper,
    FakeRemote,
    FakeRented,
)
from tests.qt.fakes.runs import FakeHistory, FakeQueue, FakeRuns
from tests.qt.fakes.services import FakeServices
from tests.qt.fakes.settings import FakeOffline, FakeSecretChecks, FakeSecrets, FakeSettings
from tests.qt.fakes.values import (
    GIB,
    NOW,
    make_engine,
    make_image,
    make_run,
    make_session,
    progress_event,
)
from tests.qt.fakes.welcome import FakeDemo, FakeWelcome

__all__ = [
    "GIB",
    "NOW",
    "FakeConfigs",
    "FakeDatasets",
    "FakeDemo",
    "FakeDocker",
    "FakeDoctor",
    "FakeEarlier",
    "FakeHistory",
    "FakeImages",
    "FakeInference",
    "FakeInfrastructure",
    "FakeMeasure",
    "FakeOffline",
    "FakePeaks",
    "FakePods",
    "FakeProbe",
    "FakeQueue",
    "FakeQuotes",
    "FakeReaper",
    "FakeRemote",
    "FakeRented",
    "FakeRuns",
    "FakeRuntime",
    "FakeSecretChecks",
    "FakeSecrets",
    "FakeServices",
    "FakeSettings",
    "FakeShapes",
    "FakeWelcome",
    "SyncLane",
    "make_engine",
    "make_image",
    "make_run",
    "make_session",
    "progress_event",
]
