"""Runs, their events and the program's state come back from a real file as they went in."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run import (
    Failure,
    IllegalTransitionError,
    ProcessHandle,
    Run,
    RunEvent,
    RunState,
)
from tests.integration import values_world
from tests.integration.values_world import edit
from tests.strategies.configurations import configurations

if TYPE_CHECKING:
    from models.db.database import Database

    pass

database, shared_database = values_world.database, values_world.shared_database

FULL_RUN = Run(
    id="20260101-abc",
    name="Größer 🚀",
    config=with_values(TrainingConfig(), {"hp.epochs": 2.5, "hp.max_steps": 7}),
    state=RunState.FAILED,
    runtime="python",
    data_root="/data",
    created_at=1_700_000_000.125,
    output_directory="/data/outputs/x",
    started_at=1_700_000_001.5,
    ended_at=1_700_000_002.5,
    exit_code=3221225477,
    failure=Failure("cuda_oom", "Out of memory.", "Use smaller batches."),
    handle=ProcessHandle(4711, 1_700_000_001.25),
    trainer_sha256="cd" * 32,
    dataset_sha256="ab" * 32,
    dataset_name="Support answers",
    step=5,
    total_steps=9,
    phase="training",
    eval_loss_before=2.25,
    eval_loss_after=1.125,
    adapter_path="/data/outputs/x/adapter",
    hub_url="https://huggingface.co/me/x",
    base_model="some/model",
    parent_run_id="parent",
    next_seq=12,
    log_offset=2**40,
    train_loss=1.25,
    best_eval_loss=1.125,
    cost_usd=0.1,
    queued_at=1_700_000_000.0625,
    image="docker.io/somebody/trainer:latest",
    image_digest="sha256:" + "ef" * 32,
    notes="Bigger rank.\nWorse.",
    tags=("keep", "größer"),
)


def plain_run(run_id: str, state: RunState = RunState.DRAFT, created_at: float = 1.0) -> Run:
    return Run(run_id, run_id, TrainingConfig(), state, "python", "/data", created_at, "/data/o")


# Runs


def test_a_run_comes_back_with_every_field(database: Database) -> None:
    defaults = {field.name: field.default for field in fields(Run)}
    assert all(getattr(FULL_RUN, name) != default for name, default in defaults.items())
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("parent"))
        assert uow.runs.add(FULL_RUN) == FULL_RUN
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.runs.get(FULL_RUN.id) == FULL_RUN
        assert uow.runs.get("parent") == plain_run("parent")
        later = replace(FULL_RUN, failure=None, handle=None, state=RunState.QUEUED, step=6)
        uow.runs.update(later)
        assert uow.runs.get(FULL_RUN.id) == later


@settings(max_examples=30, deadline=None)
@given(config=configurations())
def test_a_run_keeps_any_configuration(shared_database: Database, config: TrainingConfig) -> None:
    run = replace(plain_run("r"), config=config)
    with shared_database.unit_of_work() as uow:
        uow.runs.add(run)
        assert uow.runs.list() == [run]


def test_runs_are_listed_newest_first(database: Database) -> None:
    with database.unit_of_work() as uow:
        for created_at, state in enumerate(RunState):
            uow.runs.add(plain_run(state.value, state, float(created_at)))
        newest_first = [state.value for state in reversed(RunState)]
        assert [run.id for run in uow.runs.list()] == newest_first
        assert [run.id for run in uow.runs.list(limit=2)] == newest_first[:2]
        live = [run.id for run in uow.runs.list(live_only=True)]
    assert live == ["stopping", "running", "preparing"]


def test_a_run_is_found_by_id_beginning_or_last(database: Database) -> None:
    with database.unit_of_work() as uow:
        with pytest.raises(AppError, match="no runs yet"):
            uow.runs.find("last")
        for created_at, run_id in enumerate(("abc", "abcd", "xyz")):
            uow.runs.add(plain_run(run_id, created_at=created_at))
        assert uow.runs.find("abc").id == "abc"
        assert uow.runs.find(" x ").id == "xyz"
        assert uow.runs.find("last").id == "xyz"
        with pytest.raises(AppError, match="abcd, abc") as raised:
            uow.runs.find("ab")
        assert raised.value.kind == "ambiguous"
        for missing in ("q", "", "%", "_bc"):
            with pytest.raises(AppError, match="xyz, abcd, abc") as raised:
                uow.runs.find(missing)
            assert raised.value.kind == "not_found"


def test_a_transition_stores_the_state_and_its_fields(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("r", RunState.PREPARING))
        running = uow.runs.transition("r", RunState.RUNNING, handle=ProcessHandle(7, 1.5))
        assert uow.runs.change("r", step=3) == replace(running, step=3)
        uow.commit()
    with database.unit_of_work() as uow:
        expected = plain_run("r", RunState.RUNNING)
        assert uow.runs.get("r") == replace(expected, handle=ProcessHandle(7, 1.5), step=3)


def test_an_illegal_transition_stores_nothing(database: Database) -> None:
    finished = plain_run("r", RunState.FINISHED)
    with database.unit_of_work() as uow:
        uow.runs.add(finished)
        uow.commit()
    with database.unit_of_work() as uow:
        with pytest.raises(IllegalTransitionError):
            uow.runs.transition("r", RunState.RUNNING, step=5)
        with pytest.raises(IllegalTransitionError):
            uow.runs.update(replace(finished, state=RunState.RUNNING, step=5))
        uow.commit()
        assert uow.runs.get("r") == finished


def test_deleting_a_run_takes_its_metrics_and_frees_its_children(database: Database) -> None:
    child = replace(plain_run("child"), parent_run_id="parent")
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("parent"))
        uow.runs.add(child)
        uow.metrics.add("parent", [RunEvent(0, 1.0, "phase")])
        uow.metrics.add("child", [RunEvent(0, 1.0, "phase")])
        uow.runs.delete("parent")
        uow.commit()
        assert uow.metrics.list("parent") == []
        assert len(uow.metrics.list("child")) == 1
        assert uow.runs.get("child").parent_run_id == ""
        uow.runs.update(child)  # a value read before the parent went
        assert uow.runs.get("child").parent_run_id == ""
        for call in (uow.runs.get, uow.runs.delete):
            with pytest.raises(AppError) as raised:
                call("parent")
            assert raised.value.kind == "not_found"


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [("config", "{damaged", "bad_config"), ("state", "hibernating", "newer_version")],
)
def test_an_unreadable_run_hides_no_other(
    database: Database, caplog: pytest.LogCaptureFixture, column: str, value: str, kind: str
) -> None:
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("good"))
        uow.runs.add(plain_run("bad"))
        uow.commit()
    edit(database, f"UPDATE runs SET {column} = ? WHERE id = 'bad'", value)
    with database.unit_of_work() as uow:
        assert uow.runs.list() == [plain_run("good")]
        assert '"bad"' in caplog.text
        with pytest.raises(AppError, match='"bad"') as raised:
            uow.runs.get("bad")
    assert raised.value.kind == kind


# Metrics and state


EVENTS = [
    RunEvent(0, 1.5, "phase", {"phase": "training"}),
    RunEvent(
        1,
        2.5,
        "progress",
        {
            "step": 1,
            "total_steps": 10,
            "loss": 1.5,
            "learning_rate": 2e-4,
            "grad_norm": 0.0,
            "tokens": 2**40,
            "tokens_per_second": 12.5,
            "peak_memory_bytes": 2**35,
            "epoch": 0.1,
            "eta_seconds": None,
        },
    ),
    RunEvent(2, 3.5, "eval", {"step": 1, "eval_loss": 0.1 + 0.2}),
    RunEvent(
        3,
        4.5,
        "odd",
        {
            "loss": float("inf"),
            "eval_loss": True,
            "step": 1.5,
            "tokens": 2**70,
            "epoch": "first",
            "grad_norm": 2**60 + 1,
            "learning_rate": None,
            "nested": {"a": [1, "\ud800"]},
        },
    ),
]


def test_events_come_back_as_written(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("r"))
        uow.metrics.add("r", EVENTS)
        uow.commit()
    with database.unit_of_work() as uow:
        stored = uow.metrics.list("r")
        assert stored == EVENTS
        for old, new in zip(EVENTS, stored, strict=True):
            types = {name: type(value) for name, value in new.fields.items()}
            assert types == {name: type(value) for name, value in old.fields.items()}
        assert uow.metrics.list("r", from_seq=2) == EVENTS[2:]
        assert uow.metrics.list("r", from_seq=4) == []


def test_a_loss_that_is_no_number_is_not_lost(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("r"))
        uow.metrics.add("r", [RunEvent(0, 1.0, "progress", {"loss": math.nan})])
        (event,) = uow.metrics.list("r")
    assert math.isnan(event.number("loss") or 0.0)


def test_events_stored_twice_are_there_once(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.runs.add(plain_run("r"))
        uow.metrics.add("r", [])
        uow.metrics.add("r", EVENTS[:3])
        uow.metrics.add("r", [replace(EVENTS[2], type="changed"), EVENTS[3]])
        assert uow.metrics.list("r") == EVENTS


def test_events_of_a_deleted_run_are_refused(database: Database) -> None:
    with database.unit_of_work() as uow, pytest.raises(AppError) as raised:
        uow.metrics.add("gone", EVENTS)
    assert raised.value.kind == "not_found"


@pytest.mark.parametrize("value", [None, 0, "", [], {"a": [1, 2.5, "ü"]}, "1e400", 2**70, False])
def test_state_holds_any_json(database: Database, value: Any) -> None:
    with database.unit_of_work() as uow:
        assert uow.app_state.get("k", "missing") == "missing"
        uow.app_state.set("k", "first")
        uow.app_state.set("k", value)
        uow.commit()
    with database.unit_of_work() as uow:
        assert uow.app_state.get("k", "missing") == value
        uow.app_state.delete("k")
        uow.app_state.delete("k")
        assert uow.app_state.get("k", "missing") == "missing"


def test_a_list_that_was_read_changed_and_set_is_stored(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.app_state.set("k", [1])
        value = uow.app_state.get("k")
        value.append(2)
        uow.app_state.set("k", value)
        assert uow.app_state.get("k") == [1, 2]


def test_damaged_state_reads_as_the_default(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.app_state.set("k", 1)
        uow.commit()
    edit(database, "UPDATE app_state SET value = '{'")
    with database.unit_of_work() as uow:
        assert uow.app_state.get("k", "default") == "default"
