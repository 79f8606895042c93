"""Measured peaks: stored as runs are seen to finish, and what they make of the estimate."""

from __future__ import annotations

import itertools
import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.memory import CONTEXT, estimate_memory
from models.domain.memory_peak import LARGEST_FACTOR, SMALLEST_FACTOR, MemoryPeak
from models.domain.model_shape import shape_from_config
from models.domain.run import Run, RunState
from services.memory_records import MemoryRecords
from services.model_shapes import ModelShapes
from services.offline import OfflinePolicy
from services.run_deletion import RunDeletion
from tests.integration.runs_world import make_home, make_service
from tests.whole_model import lay_whole_model
from trainer_image.contract import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.runs import RunService

ROOT = Path(__file__).parents[2]
GPU = "NVIDIA GeForce RTX 4090"
MODEL = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "intermediate_size": 1536,
    "vocab_size": 49152,
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(tmp_path / "temper.db")) as opened:
        yield opened


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a model's sizes; its name tells the scripted trainer to finish."""
    folder = tmp_path / "model" / "finish"
    lay_whole_model(folder)
    (folder / "config.json").write_text(json.dumps(MODEL))
    return folder


@pytest.fixture
def records(database: Database, tmp_path: Path) -> MemoryRecords:
    return make_records(database, tmp_path)


def make_records(database: Database, home: Path) -> MemoryRecords:
    catalogue = ROOT / "resources" / "base_models.toml"
    policy = OfflinePolicy(forced=True)
    shapes = ModelShapes(catalogue, lambda: home / "data", policy, lambda: None)
    return MemoryRecords(database, shapes, itertools.count(100.0).__next__)


def finish(service: RunService, run: Run) -> Run:
    deadline = time.monotonic() + 120
    while not (run := service.poll(run.id).run).state.is_over:
        assert time.monotonic() < deadline, run
        time.sleep(0.05)
    return run


def config(model: object, **changes: object) -> TrainingConfig:
    values = {"dataset.session": "1", "hp.base_model": str(model), **changes}
    return with_values(TrainingConfig(), values)


def result(device: str = GPU, peak: int = 10**9) -> Result:
    return Result(
        run_id="r", adapter_path="/data/o/adapter", base_model="m", engine="e", steps=1,
        device=device, peak_memory_bytes=peak,
    )  # fmt: skip


def make_run(model: object, number: int = 1) -> Run:
    return Run(
        f"run-{number}", "", config(model), RunState.FINISHED, "python", "/data", 1.0, "/data/o"
    )


def stored(database: Database, model: object, device: str) -> list[MemoryPeak]:
    with database.unit_of_work() as uow:
        return uow.memory_peaks.newest(str(model), device, 100)


def predicted(model: Path, *, on_gpu: bool) -> int:
    estimate = estimate_memory(config(model), shape_from_config(MODEL), on_gpu=on_gpu)
    return sum(part.bytes for part in estimate.parts if part.key != CONTEXT)


def test_a_run_that_finishes_leaves_its_peak_beside_the_prediction(
    tmp_path: Path, database: Database, records: MemoryRecords, model: Path
) -> None:
    service = make_service(make_home(tmp_path), database, records.record)
    run = finish(service, service.start(config(model)))
    assert run.state is RunState.FINISHED
    (peak,) = stored(database, model, "cpu")
    assert (peak.run_id, peak.measured_bytes) == (run.id, 1_000_000_000)
    assert peak.predicted_bytes == predicted(model, on_gpu=False)
    RunDeletion(database, tmp_path / "lock").delete([run], with_outputs=True)
    assert stored(database, model, "cpu") == [peak]


def test_a_peak_that_could_not_be_stored_comes_again(
    tmp_path: Path,
    database: Database,
    records: MemoryRecords,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = make_service(make_home(tmp_path), database, records.record)
    run = service.start(config(model))
    locked = AppError("database_locked", "The database is locked.")

    def fail(*_: object) -> None:
        raise locked

    with monkeypatch.context() as patch:
        patch.setattr(Database, "unit_of_work", fail)
        with pytest.raises(AppError):
            finish(service, run)
    assert finish(service, run).state is RunState.FINISHED
    assert len(stored(database, model, "cpu")) == 1


def test_two_programs_that_see_the_same_end_store_it_once(
    tmp_path: Path, database: Database, records: MemoryRecords, model: Path
) -> None:
    run = make_run(model)
    records.record(run, result())
    with closing(Database.open(tmp_path / "temper.db")) as other:
        make_records(other, tmp_path).record(run, result(peak=5))
    assert [peak.measured_bytes for peak in stored(database, model, GPU)] == [10**9]


@pytest.mark.parametrize(
    ("what", "name"),
    [(result(device=""), "model"), (result(peak=0), "model"), (result(), "no/such-model")],
)
def test_what_tells_nothing_is_not_stored(
    database: Database, records: MemoryRecords, model: Path, what: Result, name: str
) -> None:
    run = make_run(model if name == "model" else name)
    records.record(run, what)
    assert stored(database, run.config.hp.base_model, what.device) == []


def test_the_estimate_is_corrected_for_that_model_on_that_device_only(
    records: MemoryRecords, model: Path
) -> None:
    assert records.factor(str(model), GPU) == 1.0
    records.record(make_run(model), result(peak=round(1.1 * predicted(model, on_gpu=True))))
    assert records.factor(f" {model} ", GPU) == pytest.approx(1.1)
    assert records.factor(str(model), "NVIDIA A40") == 1.0
    assert records.factor(str(model), "cpu") == 1.0
    assert records.factor("another/model", GPU) == 1.0


def test_the_median_of_the_newest_decides(records: MemoryRecords, model: Path) -> None:
    unit = predicted(model, on_gpu=True)
    for number, ratio in enumerate((0.8, 0.8, 0.8, 1.2, 1.1, 9.0, 1.0, 1.3)):
        records.record(make_run(model, number), result(peak=round(ratio * unit)))
    assert records.factor(str(model), GPU) == pytest.approx(1.2)  # of 1.2, 1.1, 9.0, 1.0, 1.3


@pytest.mark.parametrize(("ratio", "factor"), [(100, LARGEST_FACTOR), (0.01, SMALLEST_FACTOR)])
def test_an_odd_measurement_moves_the_estimate_a_little(
    records: MemoryRecords, model: Path, ratio: float, factor: float
) -> None:
    records.record(make_run(model), result(peak=round(ratio * predicted(model, on_gpu=True))))
    assert records.factor(str(model), GPU) == factor


def test_what_the_driver_takes_is_not_counted_against_the_prediction(
    database: Database, records: MemoryRecords, model: Path
) -> None:
    records.record(make_run(model), result())
    (peak,) = stored(database, model, GPU)
    whole = estimate_memory(config(model), shape_from_config(MODEL), on_gpu=True).total
    assert peak.predicted_bytes == predicted(model, on_gpu=True) < whole
