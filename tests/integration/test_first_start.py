"""What a first start asks the database, and what the demo puts together, with real files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.paths import resource
from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.run import Run, RunState
from services.configs import ConfigStore
from services.dataset_store import DatasetStore
from services.datasets import DatasetLibrary
from services.demo import DEMO_CONFIG, Demo, loss_drop
from services.progress import Cancelled, CancelToken, Progress
from services.welcome import Welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.progress import Reporter


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "temper.db")
    yield opened
    opened.close()


def _library(database: Database, tmp_path: Path) -> DatasetLibrary:
    store = DatasetStore(tmp_path / "datasets")
    return DatasetLibrary(database, store, resource("samples/python-docs.jsonl"))


class _SampleModel:
    """Is there at once, unless it was cancelled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ensure(self, report: Reporter, cancel: CancelToken) -> Path:
        report(Progress(1.0, "The sample model is ready"))
        cancel.raise_if_cancelled()
        return self.folder


def _demo(database: Database, tmp_path: Path) -> Demo:
    model = _SampleModel(tmp_path / "data" / "models" / "SmolLM2")
    library = _library(database, tmp_path)
    return Demo(resource("demo.yaml"), model, library, ConfigStore(database))  # type: ignore[arg-type]


def _run() -> Run:
    return Run("r", "r", TrainingConfig(), RunState.DRAFT, "python", "/data", 1.0, "/data/o")


def _add_run(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.runs.add(_run())
        uow.commit()


def _add_config(database: Database) -> None:
    ConfigStore(database).put("Mine", TrainingConfig())


def test_the_welcome_is_due_until_it_is_dismissed(database: Database) -> None:
    welcome = Welcome(database)
    assert welcome.is_due()
    assert welcome.is_due()
    welcome.dismiss()
    welcome.dismiss()
    assert not Welcome(database).is_due()


@pytest.mark.parametrize("something", [_add_run, _add_config])
def test_who_has_something_already_is_no_newcomer(
    database: Database, something: Callable[[Database], None]
) -> None:
    something(database)
    assert not Welcome(database).is_due()


def test_who_has_a_dataset_is_no_newcomer(database: Database, tmp_path: Path) -> None:
    _library(database, tmp_path).add_sample()
    assert not Welcome(database).is_due()


def test_the_demo_is_ready_to_start_and_is_there_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    said: list[str] = []
    demo = _demo(database, tmp_path)
    saved, config = demo.prepare(lambda one: said.append(one.message), CancelToken())
    assert saved.name == DEMO_CONFIG
    assert config.hp.base_model == "/data/models/SmolLM2"
    assert config.hp.max_steps == 60
    library = _library(database, tmp_path)
    assert library.find(config.dataset.session).name.startswith("Python documentation")
    assert said == ["The sample model is ready", "Adding the sample dataset"]
    last = ConfigStore(database).last_used()
    assert last is not None
    assert last[1] == config


def test_a_second_demo_adds_nothing(database: Database, tmp_path: Path) -> None:
    demo = _demo(database, tmp_path)
    first = demo.prepare(lambda _one: None, CancelToken())
    second = demo.prepare(lambda _one: None, CancelToken())
    assert first[1] == second[1]
    assert first[0].id == second[0].id
    assert len(_library(database, tmp_path).list()) == 1


def test_a_cancelled_demo_leaves_no_setup(database: Database, tmp_path: Path) -> None:
    cancel = CancelToken()

    def report(progress: Progress) -> None:
        if progress.fraction is None:
            cancel.cancel()

    with pytest.raises(Cancelled):
        _demo(database, tmp_path).prepare(report, cancel)
    assert ConfigStore(database).list() == []


@pytest.mark.parametrize(
    ("before", "after", "drop"), [(2.0, 1.5, 0.25), (2.0, 0.0, 1.0), (None, 1.0, 0.0),
                                  (2.0, None, 0.0)]
)  # fmt: skip
def test_the_promise_of_the_demo_is_a_share(
    before: float | None, after: float | None, drop: float
) -> None:
    assert loss_drop(replace(_run(), eval_loss_before=before, eval_loss_after=after)) == drop
