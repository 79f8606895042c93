"""Everything that may be missing for a start is said before it, at once, each with its remedy.

The program's own services, a real disk, a real Hub's answers over HTTP; the container engine is one
that is not there, the images' part is in ``tests/docker/test_image_preflight.py``.
"""

from __future__ import annotations

import itertools
import json
import math
import socket
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models.db.database import Database
from models.domain.config import (
    RUNTIME_DOCKER,
    RUNTIME_PYTHON,
    RUNTIME_RUNPOD,
    SOURCE_HUB,
    TARGET_LOCAL,
    TARGET_RUNPOD,
    TrainingConfig,
)
from models.domain.config_io import get_value, with_values
from models.domain.errors import AppError, ConfigError, Fix, Problem
from models.domain.start_fixes import (
    CHOOSE_DATASET,
    CHOOSE_FOLDER,
    CHOOSE_MODEL,
    GO_ONLINE,
    OPEN_SETTINGS,
)
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.docker import sdk
from services.docker.engine import DockerEngine
from services.install_id import InstallId
from services.job_builder import JobBuilder
from services.offline import OfflinePolicy
from services.run_outputs import OnExisting
from services.run_records import RunRecords
from services.runners.docker import DockerRunner
from services.runners.process import ProcessRunner
from services.runs import RunService
from services.start_needs import StartNeeds, room_problems
from services.trainer_code import TrainerCode
from tests.emulators.hub_models import HubModels
from tests.emulators.server import Reply, Request
from tests.whole_model import lay_whole_model
from trainer_image.contract import OUTPUT_MARKER_FILE, OutputMarker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 2.0
LOOKS = 5
GATED, OPEN, NOT_GRANTED = "org/gated", "org/open", "org/others"
GIGABYTE = 1_000_000_000


@dataclass
class World:
    """A computer on which all is there, until something is taken away."""

    home: Path
    service: RunService
    policy: SimpleNamespace
    values: dict[str, object] = field(default_factory=dict)
    token: str | None = "hf_granted"
    indexes: tuple[int, ...] = (0, 1)
    free: int = 100 * GIGABYTE

    def problems(self) -> list[Problem]:
        return self.service.problems(with_values(TrainingConfig(), self.values))


class GatedHub(HubModels):
    """The Hub, which also tells whether a token opens a model; those of ``closed`` none does."""

    closed: frozenset[str] = frozenset()

    def answer(self, request: Request) -> Reply:
        path = request.target.split("?")[0]
        if not path.endswith("/auth-check"):
            return super().answer(request) or Reply(404, b"{}")
        repo = path.removeprefix("/api/models/").removesuffix("/auth-check")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if repo in self.closed or (repo in self.gated and token not in self.granted):
            return Reply(403, b"{}", {"X-Error-Code": "GatedRepo"})
        return Reply(200, b"{}", {"Content-Type": "application/json"})


class NoPods:
    """A runner whose account is not set up."""

    def check(self, config: TrainingConfig, data_root: Path, *, offline: bool) -> list[Problem]:
        from models.domain.start_fixes import SET_KEY

        return [Problem("training.target", TARGET_RUNPOD, "needs a Runpod API key.", fix=SET_KEY)]


def _forecast(world: World, config: TrainingConfig) -> Any:
    """A checkpoint of 10 GB, a result of 1 GB."""
    count = config.hp.save_total_limit + 1
    one, result = 10 * GIGABYTE, GIGABYTE
    return SimpleNamespace(
        size=SimpleNamespace(checkpoint=one, result=result), count=count, free=world.free,
        place="this disk", least=one + result, most=one * count + result,
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    rows = ({"question": f"q{n}", "answer": "a"} for n in range(5))
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    folder = tmp_path / "data" / "models" / "mine"
    lay_whole_model(folder)
    models = {repo: {"config.json": b"{}"} for repo in (GATED, OPEN, NOT_GRANTED)}
    with GatedHub(models) as hub, closing(Database.open(tmp_path / "temper.db")) as database:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.gated, hub.granted = {GATED, NOT_GRANTED}, {"hf_granted"}
        hub.closed = frozenset({NOT_GRANTED})
        library = DatasetLibrary(database, DatasetStore(tmp_path / "d"), tmp_path / "rows.jsonl")
        library.add_sample()
        made = World(tmp_path, SimpleNamespace(), SimpleNamespace(offline=False))  # type: ignore[arg-type]
        policy = OfflinePolicy()
        monkeypatch.setattr(policy, "is_offline", lambda: made.policy.offline)
        builder = JobBuilder(library, lambda: tmp_path / "data", lambda: made.token)
        engine = DockerEngine()
        made.service = RunService(
            records=RunRecords(database), library=library, builder=builder, offline=policy,
            runners={
                RUNTIME_PYTHON: ProcessRunner(Path, gpu_indexes=lambda: made.indexes),
                RUNTIME_DOCKER: DockerRunner(engine, lambda: made.token, InstallId(database)),
                RUNTIME_RUNPOD: NoPods(),  # type: ignore[dict-item]
            },
            code=lambda: TrainerCode(tmp_path, "0" * 64),
        )  # fmt: skip
        made.service.starter.also_ask(
            # Its limit has a test of its own: a busy machine is no reason to miss a gated model.
            StartNeeds(lambda: made.token, partial(_forecast, made), limit=30.0)
        )
        made.values = {"dataset.session": "1", "hp.base_model": "/data/models/mine"}
        yield made
        engine.forget()


@dataclass(frozen=True)
class Missing:
    """One thing that is not there, where that is told, with which words and which button.

    ``aspects`` are what of the setup it decides: two that share one do not go together.
    """

    take_away: Callable[[World], None]
    field: str
    says: str
    button: str
    does: str = ""
    aspects: frozenset[str] = frozenset()


def _set(**values: object) -> Callable[[World], None]:
    found = {name.replace("__", "."): value for name, value in values.items()}
    return lambda world: world.values.update(found)


def _offline(**values: object) -> Callable[[World], None]:
    def take(world: World) -> None:
        world.policy.offline = True
        _set(**values)(world)

    return take


def _world(name: str, value: object, **values: object) -> Callable[[World], None]:
    def take(world: World) -> None:
        setattr(world, name, value)
        _set(**values)(world)

    return take


def _file_in_the_way(world: World) -> None:
    (world.home / "file").write_text("")
    world.values["local.host_data_dir"] = str(world.home / "file" / "data")
    if world.values["hp.base_model"] == "/data/models/mine":  # which would be gone with it
        world.values["hp.base_model"] = OPEN


def _is(*names: str) -> frozenset[str]:
    return frozenset(names)


MISSING: dict[str, Missing] = {
    "no dataset": Missing(
        _set(dataset__session=""), "dataset.session", "is not chosen", "Choose a dataset…",
        CHOOSE_DATASET, _is("data"),
    ),
    "dataset gone": Missing(
        _set(dataset__session="77"), "dataset.session", "no dataset", "Choose a dataset…",
        CHOOSE_DATASET, _is("data"),
    ),
    "split gone": Missing(
        _set(dataset__eval_split="validation"), "dataset.eval_split", "is no split",
        "Hold out a share instead", aspects=_is("data"),
    ),
    "dataset of the Hub, offline": Missing(
        _offline(dataset__source=SOURCE_HUB, dataset__hf_repo="org/rows"), "dataset.source",
        "Offline mode is on", "Turn Offline mode off", GO_ONLINE, _is("data", "offline"),
    ),
    "model not here, offline": Missing(
        _offline(hp__base_model=OPEN), "hp.base_model", "is not on this computer",
        "Turn Offline mode off", GO_ONLINE, _is("model", "offline"),
    ),
    "model gated, no token": Missing(
        _world("token", None, hp__base_model=GATED), "hp.base_model", "is gated",
        "Set a token…", OPEN_SETTINGS, _is("model", "token", "online"),
    ),
    "model gated, not granted": Missing(
        _set(hp__base_model=NOT_GRANTED), "hp.base_model", "has not granted your token",
        "Choose another model…", CHOOSE_MODEL, _is("model", "token", "online"),
    ),
    "model gated, token kept back": Missing(
        _set(hp__base_model=GATED), "local.pass_hf_token", "must be on", "Pass it",
        aspects=_is("model", "token", "online"),
    ),
    "model's folder gone": Missing(
        _set(hp__base_model="/data/models/gone"), "hp.base_model", "There is no folder",
        "Choose another model…", CHOOSE_MODEL, _is("model"),
    ),
    "folder that is no model": Missing(
        _set(hp__base_model="/data/models"), "hp.base_model", "holds no config.json",
        "Choose another model…", CHOOSE_MODEL, _is("model"),
    ),
    "upload, offline": Missing(
        _offline(hp__push_to_hub=True, hp__hub_repo="me/mine"), "hp.push_to_hub",
        "Offline mode is on", "Do not upload", aspects=_is("push", "offline"),
    ),
    "upload, no token": Missing(
        _world("token", None, hp__push_to_hub=True, hp__hub_repo="me/mine",
               local__pass_hf_token=True),
        "hp.push_to_hub", "none is set", "Set a token…", OPEN_SETTINGS,
        _is("push", "token", "online"),
    ),
    "token to pass, none set": Missing(
        _world("token", None, local__pass_hf_token=True), "local.pass_hf_token", "none is set",
        "Set a token…", OPEN_SETTINGS, _is("token", "push"),
    ),
    "data folder cannot be": Missing(
        _file_in_the_way, "local.host_data_dir", "cannot be written", "Use Temper's own folder",
        aspects=_is("folder", "online"),
    ),
    "no room for all checkpoints": Missing(
        _world("free", 25 * GIGABYTE), "hp.save_total_limit", "may fill this disk", "Keep 1",
        aspects=_is("folder"),
    ),
    "no room for one checkpoint": Missing(
        _world("free", 5 * GIGABYTE), "local.host_data_dir", "has too little room",
        "Choose a folder…", CHOOSE_FOLDER, _is("folder"),
    ),
    "GPU that is not there": Missing(
        _set(local__gpu_devices="0,5"), "local.gpu_devices", "not there: 5", "Use all",
        aspects=_is("runtime"),
    ),
    "no container engine": Missing(
        _set(local__runtime=RUNTIME_DOCKER, local__image="temper-trainer:1"), "local.runtime",
        "cannot be used", "Use Python on this computer", aspects=_is("runtime"),
    ),
    "no key for pods": Missing(
        _set(training__target=TARGET_RUNPOD, runpod__volume_name="v", runpod__template_name="t"),
        "training.target", "needs a Runpod API key", "Set a key…", OPEN_SETTINGS,
        _is("runtime", "push", "online", "token", "folder"),
    ),
}  # fmt: skip


def test_nothing_is_missing_where_all_is_there(world: World) -> None:
    assert world.problems() == []


@pytest.mark.parametrize("name", MISSING)
def test_each_thing_that_is_missing_refuses_by_itself_with_a_remedy_that_works(
    world: World, name: str
) -> None:
    missing = MISSING[name]
    missing.take_away(world)

    found, seconds = _timed(world)

    assert seconds < SECONDS
    (problem,) = found
    _is_told(missing, problem)
    with pytest.raises(ConfigError):  # the start itself says the same
        world.service.start(with_values(TrainingConfig(), world.values))
    assert world.service.list() == []
    _press(world, problem.fix)
    assert [one.field for one in world.problems()] == []


def _press(world: World, fix: Fix | None) -> None:
    """What the button changes; for one that opens something, what a person does there."""
    assert fix is not None
    config = with_values(TrainingConfig(), world.values)
    for path, value in fix.values:
        get_value(config, path)  # it is a setting
        world.values[path] = value
    if fix.does == GO_ONLINE:
        world.policy.offline = False
        world.values["dataset.source"] = TrainingConfig().dataset.source
    elif fix.does == CHOOSE_DATASET:
        world.values["dataset.session"] = "1"
    elif fix.does == CHOOSE_MODEL:
        world.values["hp.base_model"] = OPEN
    elif fix.does == CHOOSE_FOLDER:
        world.free = 100 * GIGABYTE
        world.values["local.host_data_dir"] = str(world.home / "elsewhere")
        world.values["hp.base_model"] = OPEN
    elif fix.does == OPEN_SETTINGS:
        world.token = "hf_granted"
        world.values |= {"training.target": TARGET_LOCAL, "local.pass_hf_token": True}


def _trios() -> Iterator[tuple[str, str, str]]:
    """Three at a time that can be missing at once; each thing is in one at least."""
    missing, seen = MISSING, set()
    for trio in itertools.combinations(missing, 3):
        aspects = [missing[name].aspects for name in trio]
        together = frozenset().union(*aspects)
        clash = sum(map(len, aspects)) != len(together) or {"offline", "online"} <= together
        if not clash and not {*trio} <= seen:
            seen |= {*trio}
            yield trio


@pytest.mark.parametrize("trio", [*_trios()], ids=" + ".join)
def test_three_that_are_missing_are_said_at_once(world: World, trio: tuple[str, ...]) -> None:
    for name in trio:
        MISSING[name].take_away(world)

    found, seconds = _timed(world)

    assert seconds < SECONDS
    by_field = {problem.field: problem for problem in found}
    assert by_field.keys() == {MISSING[name].field for name in trio}
    for name in trio:
        _is_told(MISSING[name], by_field[MISSING[name].field])


def _timed(world: World) -> tuple[list[Problem], float]:
    """What is told, and in how many seconds by the clock: the quickest of :data:`LOOKS` looks, for
    what else this machine does meanwhile is not ours."""
    quickest = math.inf
    for _ in range(LOOKS):
        began = time.monotonic()
        found = world.problems()
        quickest = min(quickest, time.monotonic() - began)
        if quickest < SECONDS:
            break
    return found, quickest


def _is_told(missing: Missing, problem: Problem) -> None:
    assert problem.field == missing.field
    assert missing.says in problem.message
    assert problem.fix is not None
    assert (problem.fix.label, problem.fix.does) == (missing.button, missing.does)


def test_one_that_goes_on_is_not_refused_for_the_room_that_its_checkpoints_take(
    world: World,
) -> None:
    world.free = 5 * GIGABYTE
    config = with_values(TrainingConfig(), world.values)
    assert [one.field for one in world.service.problems(config)] == ["local.host_data_dir"]

    starter = world.service.starter
    assert starter.plan(config, "", OnExisting.RESUME, list).job.on_existing == "refuse"
    assert starter.runner_problems(config) == []


def test_one_that_goes_on_by_itself_is_not_refused_for_that_room_either(world: World) -> None:
    world.free = 5 * GIGABYTE
    values = {**world.values, "output.directory": "/data/outputs/begun", "hp.auto_resume": True}
    config = with_values(TrainingConfig(), values)
    output = world.home / "data" / "outputs" / "begun"
    output.mkdir(parents=True)
    marker = OutputMarker(run_id="before", fingerprint="0" * 64)
    (output / OUTPUT_MARKER_FILE).write_text(marker.model_dump_json())
    assert [one.field for one in world.service.problems(config)] == ["local.host_data_dir"]

    (output / "checkpoints" / "checkpoint-5").mkdir(parents=True)
    assert world.service.problems(config) == []
    anew = with_values(config, {"hp.auto_resume": False})
    assert [one.field for one in world.service.problems(anew)] == ["local.host_data_dir"]
    plan = world.service.starter.plan
    with pytest.raises(AppError, match="of another job"):
        plan(config, "", OnExisting.REFUSE, list)
    with pytest.raises(ConfigError, match="too little room"):
        plan(config, "", OnExisting.NEW, list)


def test_what_overwriting_clears_counts_as_room(world: World) -> None:
    world.free = 31 * GIGABYTE - 1_000_000
    values = {**world.values, "output.directory": "/data/outputs/old", "hp.save_total_limit": 2}
    config = with_values(TrainingConfig(), values)
    output = world.home / "data" / "outputs" / "old"
    output.mkdir(parents=True)
    (output / "model.safetensors").write_bytes(bytes(range(256)) * 8000)
    plan = world.service.starter.plan

    assert plan(config, "", OnExisting.OVERWRITE, list).job.on_existing == "overwrite"
    with pytest.raises(AppError, match="already holds"):  # asks, as overwriting would do
        plan(config, "", OnExisting.REFUSE, list)
    with pytest.raises(ConfigError, match=r"and 31\.0 GB are free"):
        plan(config, "", OnExisting.NEW, list)

    world.free -= 10_000_000
    with pytest.raises(ConfigError, match=r"with 2 MB of what is overwritten"):
        plan(config, "", OnExisting.OVERWRITE, list)


def test_what_takes_too_long_to_find_out_does_not_keep_a_start_back(world: World) -> None:
    released, ended = threading.Event(), threading.Event()

    def slow(_: TrainingConfig) -> Any:
        released.wait(60)
        ended.set()
        raise AppError("unknown_size", "not known")

    world.service.starter.also_ask(StartNeeds(lambda: None, slow, limit=0.3))
    found = world.problems()

    assert (found, ended.is_set()) == ([], False)
    released.set()


def test_neither_an_engine_nor_a_hub_that_is_silent_keeps_a_start_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as engine, closing(socket.socket()) as hub:
        engine.bind(str(world.home / "no.sock"))
        hub.bind(("127.0.0.1", 0))
        engine.listen(64)
        hub.listen(64)
        with monkeypatch.context() as patched:
            patched.setattr(sdk, "TIMEOUT_SECONDS", 0.1)  # what a look at the section has waited
            _set(local__runtime=RUNTIME_DOCKER, local__image="temper-trainer:1")(world)
            world.problems()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        world.values["hp.base_model"] = OPEN
        forecast = partial(_forecast, world)
        world.service.starter.also_ask(StartNeeds(lambda: None, forecast))

        found, seconds = _timed(world)

    assert seconds < SECONDS
    assert [problem.field for problem in found] == ["local.runtime"]
    assert "does not answer" in found[0].message


@pytest.mark.parametrize(
    ("free", "kept", "fix"),
    [(31, 2, None), (30, 2, ("hp.save_total_limit", 1)), (20, 2, CHOOSE_FOLDER),
     (45, 5, ("hp.save_total_limit", 3))],
)  # fmt: skip
def test_fewer_checkpoints_are_offered_where_they_would_fit(
    world: World, free: int, kept: int, fix: object
) -> None:
    world.free = free * GIGABYTE
    config = with_values(TrainingConfig(), {"hp.save_total_limit": kept})
    found = room_problems(config, _forecast(world, config))
    if fix is None:
        assert found == []
        return
    (problem,) = found
    assert problem.fix is not None
    assert (problem.fix.values[0] if problem.fix.values else problem.fix.does) == fix
    if problem.fix.values:
        kept_now = with_values(config, dict(problem.fix.values))
        assert room_problems(kept_now, _forecast(world, kept_now)) == []
