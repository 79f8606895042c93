"""When a dataset is looked at before a start, and when that is left to the start."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from models.domain.cached_model import CachedModel, ModelPlace, ModelState
from models.domain.config import SOURCE_HUB, TrainingConfig
from models.domain.config_io import with_values
from models.domain.data_report import DataReport, Learning
from models.domain.dataset import DatasetSession
from models.domain.errors import AppError
from services.early_look import MOST_BYTES, MOST_ROWS, EarlyLook
from services.progress import Cancelled, CancelToken

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "org/tiny"
REPORT = cast("DataReport", "a report")
WHOLE = CachedModel(MODEL, ModelState.COMPLETE, ModelPlace.OURS)


@dataclass
class Surroundings:
    """Library, check, worker, models and environment in one; ``did`` is what was asked of them."""

    root: Path
    session: DatasetSession
    model: CachedModel = WHOLE
    known_report: DataReport | None = None
    ready: bool = True
    error: Exception | None = None
    did: list[str] = field(default_factory=list)

    def find(self, name: str) -> DatasetSession:
        if name != self.session.name:
            raise AppError("not_found", "There is none.", "Choose another.")
        return self.session

    def learning(self, config: TrainingConfig) -> Learning:
        return Learning(MODEL, str(self.root))

    def known(self, config: TrainingConfig, session: DatasetSession) -> DataReport | None:
        return self.known_report

    def report(self, config: TrainingConfig, session: DatasetSession, **_: Any) -> DataReport:
        self.did.append(f"report {session.name}")
        if self.error is not None:
            raise self.error
        return REPORT

    def close(self) -> None:
        self.did.append("close")

    def is_complete(self, base_model: str, data_root: str) -> CachedModel:
        assert (base_model, data_root) == (MODEL, str(self.root))
        return self.model

    def is_ready(self) -> bool:
        return self.ready

    def look(self, cancel: CancelToken | None = None, **values: Any) -> bool:
        chosen = {"dataset.session": "Talks", "hp.base_model": MODEL} | values
        me = cast("Any", self)
        early = EarlyLook(check=me, inspection=me, library=me, models=me, runtime=me)
        return early.look(with_values(TrainingConfig(), chosen), cancel=cancel)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    session = DatasetSession(1, "Talks", "talks.jsonl", "messages", 60, 9_000, "a" * 64, 0.0)
    return Surroundings(tmp_path, session)


def test_a_small_dataset_is_looked_at_and_the_worker_is_gone(around: Surroundings) -> None:
    assert around.look()
    assert around.did == ["report Talks", "close"]


def test_what_is_known_needs_no_worker(around: Surroundings) -> None:
    around.known_report, around.ready = REPORT, False
    assert around.look()
    assert around.did == []


@pytest.mark.parametrize("error", [Cancelled(), AppError("worker_died", "It ended.", "Again.")])
def test_the_worker_is_gone_whatever_happens(around: Surroundings, error: Exception) -> None:
    around.error = error
    with pytest.raises(type(error)):
        around.look()
    assert around.did == ["report Talks", "close"]


@pytest.mark.parametrize(
    "values",
    [{"rows": MOST_ROWS + 1}, {"size": MOST_BYTES + 1}, {"rows": 0}, {"format": "preference"}],
)
def test_only_small_datasets_that_fit_the_method(
    around: Surroundings, values: dict[str, Any]
) -> None:
    around.session = replace(around.session, **values)
    assert not around.look()
    assert around.did == []


@pytest.mark.parametrize(
    "values",
    [
        {"dataset.source": SOURCE_HUB},
        {"dataset.session": "Another"},
        {"dataset.session": ""},
        {"hp.base_model": ""},
    ],
)
def test_nothing_is_chosen_that_could_be_looked_at(
    around: Surroundings, values: dict[str, Any]
) -> None:
    assert not around.look(**values)
    assert around.did == []


def test_nothing_is_looked_at_without_an_environment(around: Surroundings) -> None:
    around.ready = False
    assert not around.look()
    assert around.did == []


@pytest.mark.parametrize(
    ("state", "where"),
    [
        (ModelState.MISSING, ModelPlace.NOWHERE),
        (ModelState.PARTIAL, ModelPlace.OURS),
        (ModelState.COMPLETE, ModelPlace.SHARED),
    ],
)
def test_no_model_is_fetched_for_it(
    around: Surroundings, state: ModelState, where: ModelPlace
) -> None:
    around.model = CachedModel(MODEL, state, where)
    assert not around.look()
    assert around.did == []


def test_a_data_folder_that_is_being_typed_is_not_made(around: Surroundings) -> None:
    around.root = around.root / "half-typed"
    assert not around.look()
    assert around.did == []
    assert not around.root.exists()
