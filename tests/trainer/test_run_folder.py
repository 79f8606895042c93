"""The files of a run: readable at every moment, and without a gap over crashes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import psutil
import pytest

from trainer_image.contract import DATA_ROOT_VARIABLE, Event, Phase, RunState
from trainer_image.failures import StoppedError
from trainer_image.run_folder import (
    EventWriter,
    StateWriter,
    is_local,
    process_created,
    resolve,
    write_json,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_data_root_stands_for_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    assert resolve("/data/outputs/x") == tmp_path / "outputs" / "x"
    assert str(resolve("/database/x")) == "/database/x"
    monkeypatch.delenv(DATA_ROOT_VARIABLE)
    assert str(resolve("/data/outputs/x")) == "/data/outputs/x"


def test_repository_names_are_not_folders(tmp_path: Path) -> None:
    assert is_local(str(tmp_path))
    assert is_local("/data/models/missing")
    assert not is_local("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit")


def test_json_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": "ü"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": "ü"}
    assert [p.name for p in tmp_path.iterdir()] == ["split.json"]


@pytest.mark.parametrize("torn", ["", '{"seq": 2, "ti', '{"seq": 2, "time": 1, "type": "phase"}'])
def test_seq_goes_on_after_a_torn_line(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as first:
        first.emit("phase", phase="preparing")
        first.emit("progress", loss=float("nan"))
    with path.open("a") as file:
        file.write(torn)
    with EventWriter(path) as second:
        second.emit("phase", phase="training")
    events = [Event.model_validate_json(line) for line in path.read_text().splitlines()]
    assert [event.seq for event in events] == [0, 1, 2]
    assert events[1].get("loss") is None
    assert events[2].get("phase") == "training"


def test_only_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"seq": 0')
    with EventWriter(path) as events:
        events.emit("warning", message="x")
    assert Event.model_validate_json(path.read_text()).seq == 0


def test_state_counts_boots(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    StateWriter(path, "run").write(Phase.TRAINING)
    StateWriter(path, "run").write(Phase.FINISHED, 0)
    state = RunState.model_validate_json(path.read_bytes())
    assert (state.boot_count, state.exit_code, state.pid) == (2, 0, os.getpid())
    assert state.ended_at is not None
    assert state.ended_at >= state.started_at


def test_creation_time_is_psutils() -> None:
    assert process_created() == pytest.approx(psutil.Process().create_time(), abs=1.5)


@pytest.mark.parametrize("written", [0, 7, None], ids=["nothing", "a part", "the whole line"])
def test_a_stop_in_the_middle_of_an_event_leaves_no_gap_and_no_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int | None
) -> None:
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as writer:
        writer.emit("phase", phase="preparing")

        def interrupted(line: bytes) -> None:
            writer._file.write(line[:written])
            raise StoppedError

        with monkeypatch.context() as patch:
            patch.setattr(writer, "_append", interrupted)
            with pytest.raises(StoppedError):
                writer.emit("warning", message="the line drops")
        writer.emit("failed", kind="cancelled")
    events = [Event.model_validate_json(line) for line in path.read_text().splitlines()]
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].type == "failed"
