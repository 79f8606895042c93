"""An emulated Runpod, a database with a run for it, and the driver as a program has it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.db.database import Database
from models.domain.config import RUNTIME_RUNPOD, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.processes import processes_of
from models.domain.remote_run import RemoteAttempt, RemotePhase
from models.domain.run import Run, RunState
from models.domain.secrets import HF_TOKEN
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.docker.image_needs import read_needs
from services.job_builder import JobBuilder, build_job
from services.offline import OfflinePolicy
from services.remote import booting
from services.remote.driver import RemoteDriver
from services.remote.marks import RunTokens, pod_name
from services.remote.runner import RemoteRunner
from services.remote.steps import STEPS
from services.remote.store import AttemptStore
from services.remote.work import Tools
from services.run_files import RunFolder
from services.run_records import RunRecords
from services.runpod.account import RunpodAccount
from services.runs import RunService
from services.secrets import SecretStore
from services.trainer_code import place_trainer_code
from tests.emulators.runpod.pod_python import PodPython
from tests.integration.runpod_world import GPU, KEY, wait_for, world

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    import pytest

    from services.remote.steps import Step
    from services.runners.base import Runner
    from tests.emulators.runpod.emulator import RunpodEmulator

_ANSWERS_WITHIN = 10.0
"""Real seconds that a pod's agent may take to come up: it is a process of this computer, whatever
the emulator's clock says meanwhile."""
ROOT = Path(__file__).parents[2]
INSTALL = "1a2b3c4d5e6f7081"
_TRAINER = ROOT / "trainer_image"
NEEDS = read_needs(_TRAINER / "needs.txt", _TRAINER / "requirements.txt")


class NoKeychain:
    """A system without one, as a server has it."""

    def is_usable(self) -> bool:
        return False

    def get(self, name: str) -> str | None:
        return None

    def set(self, name: str, value: str) -> None:
        raise AssertionError(name)

    def remove(self, name: str) -> None:
        raise AssertionError(name)


class EmulatedTime:
    """The emulator's, for what waits by our clocks."""

    def __init__(self, runpod: RunpodEmulator) -> None:
        self._clock = runpod.cloud.clock

    def now(self) -> float:
        return self._clock.now()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(self._clock.real(seconds))


class Switch(OfflinePolicy):
    """Offline mode, switched by a test."""

    on = False

    def is_offline(self) -> bool:
        return self.on


def tools_of(
    database: Database, environ: Mapping[str, str], offline: OfflinePolicy, home: Path
) -> Tools:
    """As the program builds them, without a keychain and by this computer's clock."""
    secrets = SecretStore(NoKeychain(), environ)
    code = place_trainer_code(ROOT / "trainer_image", home / "pod-code")
    return Tools(
        store=AttemptStore(database),
        records=RunRecords(database),
        account=RunpodAccount(secrets, offline),
        secrets=secrets,
        tokens=RunTokens(NoKeychain(), secrets.get),
        offline=offline,
        install_id=lambda: INSTALL,
        code=lambda: code,
    )


def runner_of(
    database: Database, environ: Mapping[str, str], offline: OfflinePolicy, home: Path
) -> RemoteRunner:
    """For services that only check what they would start."""
    return RemoteRunner(RemoteDriver(tools_of(database, environ, offline, home)))


class RemoteWorld:
    """One home. :meth:`program` gives a driver as a program that has just been started has it."""

    def __init__(self, runpod: RunpodEmulator, database: Database, home: Path) -> None:
        self.runpod, self.database, self.home = runpod, database, home
        self.store = AttemptStore(database)
        self.records = RunRecords(database)
        self.offline = Switch()
        self.environ = {"RUNPOD_API_KEY": KEY}
        self.secrets = SecretStore(NoKeychain(), self.environ)
        self.data_root = home / "data"
        self.library = DatasetLibrary(
            database, DatasetStore(home / "datasets"), home / "rows.jsonl"
        )
        self.drivers: list[RemoteDriver] = []
        self._python: PodPython | None = None

    def tools(self) -> Tools:
        """Pods that are processes of the tests' own Python are not asked what they hold: there is
        nothing of a trainer's in it."""
        made = tools_of(self.database, self.environ, self.offline, self.home)
        needs = NEEDS if self._python is not None else None
        return replace(made, clock=EmulatedTime(self.runpod), image_needs=needs)

    def program(self, steps: Mapping[RemotePhase, Step] | None = None) -> RemoteDriver:
        driver = RemoteDriver(self.tools(), {**STEPS, **(steps or {})})
        self.drivers.append(driver)
        return driver

    def service(
        self, driver: RemoteDriver, further: Mapping[str, Runner] | None = None
    ) -> RunService:
        """Runs as a program that has just been started has them; without ``further`` runners on
        pods alone."""
        code = driver.tools.code
        return RunService(
            records=self.records,
            library=self.library,
            builder=JobBuilder(
                self.library,
                lambda: self.data_root,
                lambda: self.secrets.get(HF_TOKEN),
                lambda config: processes_of(config, 0),
            ),
            runners={RUNTIME_RUNPOD: RemoteRunner(driver), **(further or {})},
            code=code,
            offline=self.offline,
        )

    def train_quickly(self, **how: Any) -> None:
        """Pods are processes by the emulator's clock, in which a stand-in trains."""
        if self._python is None:
            self._python = PodPython(self.home, self.runpod.cloud.clock)
        self._python.standin = how
        self.runpod.cloud.machine = self._python.machine

    def config(self, **changes: object) -> TrainingConfig:
        values = {
            "training.target": TARGET_RUNPOD, "dataset.session": "1", "runpod.gpu": GPU,
            "hp.base_model": "test/small", "runpod.data_center": "EU-RO-1",
            "runpod.volume_size": 10, "runpod.image": "docker.io/sbussiso/unsloth-trainer:latest",
        }  # fmt: skip
        return with_values(TrainingConfig(), values | changes)

    def add_run(self, **changes: object) -> Run:
        """A run that is about to be started, with its job and rows on this computer."""
        config = self.config(**changes)
        session = self.library.list()[0]
        job = build_job(config, session, name="remote")
        folder = RunFolder(self.data_root, job.run_id)
        folder.path.mkdir(parents=True)
        folder.job.write_text(job.model_dump_json())
        self.library.place_into(session, self.data_root / "datasets")
        return self.records.add(
            Run(
                id=job.run_id, name="remote", config=config, state=RunState.PREPARING,
                runtime=RUNTIME_RUNPOD, data_root=str(self.data_root),
                created_at=self.runpod.cloud.clock.now(),
                output_directory=str(self.data_root / "outputs" / "my_run"),
            )
        )  # fmt: skip

    def attempt(self, run: Run, **changes: Any) -> RemoteAttempt:
        """The first attempt of a run, written down."""
        name = pod_name(INSTALL, run.id, 1)
        now = self.runpod.cloud.clock.now()
        return self.store.add(RemoteAttempt(run.id, 1, name, **({"created_at": now} | changes)))

    def wait(
        self, run: Run, number: int, phase: RemotePhase, seconds: float = 120
    ) -> RemoteAttempt:
        """The attempt once it is in this phase."""

        def found() -> RemoteAttempt | None:
            all_ = [one for one in self.store.of_run(run.id) if one.number == number]
            return all_[0] if all_ and all_[0].phase is phase else None

        try:
            return wait_for(found, seconds)  # type: ignore[no-any-return]
        except AssertionError:
            raise AssertionError(f"not {phase}: {self.store.of_run(run.id)}") from None

    @property
    def pods(self) -> list[str]:
        """The names of the pods that are there."""
        return [pod.record["name"] for pod in list(self.runpod.cloud.pods.values())]

    def asked(self, method: str, path: str = "/v2/pods") -> int:
        return sum(
            one.method == method and one.target.startswith(path) for one in self.runpod.requests
        )


@contextmanager
def remote_world(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, speed: float = 60
) -> Iterator[RemoteWorld]:
    """Everything, and its end: drivers first, then pods, then the database."""
    rows = [json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(20)]
    (home / "rows.jsonl").write_text("\n".join(rows))
    answers_within = max(booting.ANSWER_SECONDS, _ANSWERS_WITHIN * speed)
    monkeypatch.setattr(booting, "ANSWER_SECONDS", answers_within)
    with world(speed=speed) as runpod:
        for name, value in runpod.environment.items():
            monkeypatch.setenv(name, value)
        database = Database.open(home / "temper.db")
        made = RemoteWorld(runpod, database, home)
        made.library.add_sample()
        try:
            yield made
        finally:
            for driver in made.drivers:
                driver.close()
            database.close()
