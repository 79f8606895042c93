"""Planning runs that begin from another one: how far, from which checkpoint, and why not."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from models.db.database import Database
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run import Run, RunEvent, RunState
from services.job_builder import PlannedJob
from services.onward import Onward
from services.run_records import RunRecords
from trainer_image.contract import Job

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def records(tmp_path: Path) -> Iterator[RunRecords]:
    with closing(Database.open(tmp_path / "temper.db")) as database:
        yield RunRecords(database)


@pytest.fixture
def onward(records: RunRecords) -> Onward:
    return Onward(cast("Any", None), records, cast("Any", None))  # plans ask neither


def made(records: RunRecords, root: Path, state: RunState = RunState.FINISHED, **hp: Any) -> Run:
    """A run of 10 steps in an epoch that has trained 20 of them."""
    output = root / "outputs" / "first"
    config = with_values(TrainingConfig(), {f"hp.{name}": value for name, value in hp.items()})
    run = Run(
        id="first", name="First", config=config, state=state, runtime="", data_root=str(root),
        created_at=1.0, output_directory=str(output), adapter_path=str(output / "adapter"),
        base_model="org/m", step=20,
    )  # fmt: skip
    records.add(run)
    event = RunEvent(0, 1.0, "progress", {"step": 20, "epoch": 2.0, "loss": 1.0})
    return records.store(run.id, [event], {"next_seq": 1})


def checkpoint(run: Run, step: int, *, whole: bool = True) -> None:
    folder = Path(run.output_directory) / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"1234" if whole else b"12")
    seal = {"step": step, "files": {"weights": {"size": 4, "sha256": ""}}}
    (folder / "temper-checkpoint.json").write_text(json.dumps(seal))


def adapter(run: Run, **config: Any) -> None:
    folder = Path(run.adapter_path)
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + b"1234"
    (folder / "adapter_model.safetensors").write_bytes(content)


def test_it_goes_on_from_the_newest_whole_checkpoint(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path, epochs=2.0)
    checkpoint(run, 10)
    checkpoint(run, 20, whole=False)
    plan = onward.longer(run, epochs=4)
    assert plan.steps == 10
    assert plan.config.hp.resume_from == "/data/outputs/first/checkpoints/checkpoint-10"
    assert plan.config.hp.epochs == 4
    assert "schedule" in plan.remarks[0]


def test_one_epoch_more_where_nothing_is_said(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path, epochs=2.0, scheduler="constant")
    checkpoint(run, 20)
    plan = onward.longer(run)
    assert plan.config.hp.epochs == 3
    assert "an epoch has about 10 steps. The learning rate stays the same" in plan.remarks[0]


def test_steps_reach_as_far_as_they_say(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path, epochs=2.0, max_steps=20)
    checkpoint(run, 20)
    hp = onward.longer(run, steps=45).config.hp
    assert (hp.max_steps, hp.epochs) == (45, 5.0)
    assert onward.longer(run, epochs=3).config.hp.max_steps is None


@pytest.mark.parametrize("end", [{"epochs": 2.0}, {"epochs": 1.0}, {"steps": 20}])
def test_an_end_that_is_behind_it_is_refused(
    records: RunRecords, onward: Onward, tmp_path: Path, end: dict[str, Any]
) -> None:
    run = made(records, tmp_path, epochs=2.0)
    checkpoint(run, 20)
    with pytest.raises(AppError, match="has trained 20 steps already"):
        onward.longer(run, **end)


def test_without_a_whole_checkpoint_or_an_end_there_is_nothing_to_go_on_from(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path)
    with pytest.raises(AppError, match="no whole checkpoint"):
        onward.longer(run)


def test_a_run_that_trains_is_left_alone(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path, RunState.RUNNING)
    for plan in (onward.longer, onward.on_top):
        with pytest.raises(AppError, match="has not ended yet"):
            plan(run)


def test_checkpoints_of_the_run_that_came_after_are_not_taken(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path)
    checkpoint(run, 20)
    marker = {"run_id": "second", "fingerprint": "f", "finished": False}
    (Path(run.output_directory) / "temper-output.json").write_text(json.dumps(marker))
    with pytest.raises(AppError, match="overwritten by run second"):
        onward.longer(run)


def test_a_new_adapter_on_top_has_the_setup_of_its_parent_with_the_changes(
    records: RunRecords, onward: Onward, tmp_path: Path
) -> None:
    run = made(records, tmp_path, resume_from="checkpoint-3", lora_r=8)
    adapter(run, base_model_name_or_path="org/m")
    plan = onward.on_top(run, {"hp.lora_r": 2})
    assert (plan.config.hp.lora_r, plan.config.hp.resume_from) == (2, "")


def test_a_dora_adds_up_with_no_other(records: RunRecords, onward: Onward, tmp_path: Path) -> None:
    run = made(records, tmp_path)
    adapter(run, base_model_name_or_path="org/m", use_dora=True)
    with pytest.raises(AppError, match="DoRA"):
        onward.on_top(run)


def test_what_a_run_lies_on_top_of_lies_below_the_longer_one_too(
    records: RunRecords, tmp_path: Path
) -> None:
    """Its checkpoints hold the upper adapter alone."""
    run = made(records, tmp_path, epochs=2.0)
    checkpoint(run, 20)
    dataset = {"path": "/data/rows.jsonl", "format": "text"}
    values = {"run_id": "new", "base_model": "org/m", "dataset": dataset,
              "output_directory": "/data/outputs/new"}  # fmt: skip
    below = {"on_top_of": "/data/outputs/parent/adapter", "on_top_of_sha256": "ab" * 32}
    starter = SimpleNamespace(
        plan=lambda *_, **__: PlannedJob(Job.model_validate(values), tmp_path, tmp_path, None),
        read_job=lambda _run: Job.model_validate({**values, **below}),
    )
    runs = SimpleNamespace(starter=starter, others=tuple)
    onward = Onward(cast("Any", runs), records, cast("Any", None))
    job = onward.job(onward.longer(run)).job
    assert job.parent_run_id == "first"
    assert (job.on_top_of, job.on_top_of_sha256) == tuple(below.values())
