"""Overwriting an output directory takes nothing away that is pinned, or that a training needs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.errors import AppError
from services.run_queue import RunQueue
from services.run_records import RunRecords
from services.storage.pins import Pins
from tests.integration.runs_world import config, follow, make_home, make_service
from tests.whole_model import lay_whole_model
from trainer_image.contract import OUTPUT_MARKER_FILE, OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.runs import RunService

pytestmark = pytest.mark.slow
INSIDE = "/data/outputs/local_run/model"


@dataclass
class World:
    """Runs, and the usual output directory, in which a full fine-tune has left its model."""

    service: RunService
    database: Database
    directory: Path

    def overwrite(self, **values: object) -> None:
        """Start a run that overwrites; it is refused, and nothing is gone."""
        before = sorted(self.directory.rglob("*"))
        try:
            self.service.start(config("finish", **values), on_existing="overwrite")
        finally:
            assert sorted(self.directory.rglob("*")) == before


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = make_home(tmp_path)
    directory = home / "data" / "outputs" / "local_run"
    lay_whole_model(directory / "model")
    marker = OutputMarker(run_id="before", fingerprint="0" * 64, finished=True)
    (directory / OUTPUT_MARKER_FILE).write_text(marker.model_dump_json())
    with closing(Database.open(home / "temper.db")) as database:
        service = make_service(home, database)
        yield World(service, database, directory)
        for run in service.list():
            service.kill(run.id)


def test_what_the_training_itself_begins_with_stays(world: World) -> None:
    """As where a full fine-tune is to learn further, and the directory was left as it was."""
    with pytest.raises(AppError, match=r"this training begins with .*model") as caught:
        world.overwrite(**{"hp.base_model": INSIDE})
    assert caught.value.kind == "in_use"
    assert world.service.list() == []
    run = world.service.start(config("finish", **{"hp.base_model": INSIDE}), on_existing="new")
    assert run.output_directory != str(world.directory)
    follow(world.service, run)


def test_what_a_run_that_waits_begins_with_stays(world: World, tmp_path: Path) -> None:
    queue = RunQueue(world.service, RunRecords(world.database), tmp_path / "queue.lock")
    values = {"hp.base_model": INSIDE, "output.directory": "/data/outputs/other"}
    waiting = queue.enqueue(config("finish", **values))
    with pytest.raises(AppError, match=rf"Run {waiting.id} begins with .*model"):
        world.overwrite()


def test_what_is_pinned_stays(world: World) -> None:
    Pins(world.database).pin("before", "checkpoint-4")
    with pytest.raises(AppError, match="you have pinned checkpoint-4 of run before") as caught:
        world.overwrite()
    assert caught.value.kind == "pinned"
    Pins(world.database).unpin("before", "checkpoint-4")
    follow(world.service, world.service.start(config("finish"), on_existing="overwrite"))


def test_one_that_waits_to_overwrite_does_not_where_that_was_pinned_meanwhile(
    world: World, tmp_path: Path
) -> None:
    queue = RunQueue(world.service, RunRecords(world.database), tmp_path / "queue.lock")
    waiting = queue.enqueue(config("finish"), on_existing="overwrite")
    Pins(world.database).pin("before")
    (failed,) = queue.start_next().failed
    assert failed.id == waiting.id
    assert failed.failure is not None
    assert "you have pinned the run" in failed.failure.message
