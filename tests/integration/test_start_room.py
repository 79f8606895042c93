"""The room that a start needs, and what takes too long to find out."""

from __future__ import annotations

import shutil
import socket
import threading
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from models.domain.config import RUNTIME_DOCKER, TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError, ConfigError
from models.domain.start_fixes import CHOOSE_FOLDER
from services import start_needs
from services.docker import sdk
from services.run_outputs import OnExisting
from services.start_needs import StartNeeds, room_problems
from tests.integration import start_world
from tests.integration.start_world import GIGABYTE, OPEN, SECONDS, World, choose, forecast_of, timed
from trainer_image.contract import OUTPUT_MARKER_FILE, OutputMarker

pytestmark = pytest.mark.slow
world = start_world.world


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
            choose(local__runtime=RUNTIME_DOCKER, local__image="temper-trainer:1")(world)
            world.problems()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        world.values["hp.base_model"] = OPEN
        forecast = partial(forecast_of, world)
        world.service.starter.also_ask(StartNeeds(lambda: None, forecast))

        found, seconds = timed(world)

    assert seconds < SECONDS
    assert [problem.field for problem in found] == ["local.runtime"]
    assert "does not answer" in found[0].message


def _shared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program has the model."""
    from huggingface_hub import hf_hub_download

    for name in ("config.json", "model.safetensors"):
        hf_hub_download(OPEN, name, cache_dir=world.home / "theirs", endpoint=world.hub.url)
    monkeypatch.setenv("HF_HUB_CACHE", str(world.home / "theirs"))


def test_a_model_that_has_no_room_to_be_downloaded_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = bytes(2_000_000)
    world.hub.files[OPEN] = {"config.json": b"{}", "model.safetensors": weights, "x.bin": weights}
    world.values["hp.base_model"] = OPEN
    usage = shutil.disk_usage(world.home)
    free = [1_000_000_000]
    monkeypatch.setattr(start_needs.shutil, "disk_usage", lambda _: usage._replace(free=free[0]))
    assert world.problems() == []
    free[0] = 1_900_000
    (problem,) = world.problems()
    assert problem.field == "hp.base_model"
    assert problem.message.startswith("has 2 MB to be downloaded, and the disk of ")
    assert "2 MB free" in problem.message
    assert problem.fix is not None
    assert problem.fix.does == CHOOSE_FOLDER
    free[0] = 1_000_000_000
    _shared(world, monkeypatch)
    free[0] = 1_900_000
    assert world.problems() == [], "it is linked"


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
    found = room_problems(config, forecast_of(world, config))
    if fix is None:
        assert found == []
        return
    (problem,) = found
    assert problem.fix is not None
    assert (problem.fix.values[0] if problem.fix.values else problem.fix.does) == fix
    if problem.fix.values:
        kept_now = with_values(config, dict(problem.fix.values))
        assert room_problems(kept_now, forecast_of(world, kept_now)) == []
