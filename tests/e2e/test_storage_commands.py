"""``temper storage``: what it shows, cleans and keeps, and its documents and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.state import services
from models.domain.config import TrainingConfig
from models.domain.run import Run, RunState
from trainer_image.contract import OutputMarker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A failed run with three checkpoints."""
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    services.cache_clear()
    output = tmp_path / "home" / "data" / "outputs" / "x"
    found = Run(
        id="20261126-aaaa", name="Mine", config=TrainingConfig(), state=RunState.FAILED, runtime="",
        data_root=str(tmp_path / "home" / "data"), created_at=1.0, output_directory=str(output),
    )  # fmt: skip
    for step in (10, 20, 30):
        folder = output / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights.bin").write_bytes(b"")
        nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        seals = {"files": {"weights.bin": {"size": 0, "sha256": nothing}}}
        (folder / "temper-checkpoint.json").write_text(json.dumps(seals))
    marker = OutputMarker(run_id=found.id, fingerprint="0" * 64, finished=False)
    (output / "temper-output.json").write_text(marker.model_dump_json())
    with services().database.unit_of_work() as uow:
        uow.runs.add(found)
        uow.commit()
    yield found
    services().close()
    services.cache_clear()


def temper(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["storage", *arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.stdout if code == 0 else done.output


def document(*arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["storage", *arguments, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def left(run: Run) -> list[str]:
    return sorted(one.name for one in (Path(run.output_directory) / "checkpoints").iterdir())


def test_what_takes_room_is_shown_by_kind(run: Run) -> None:
    text = temper()
    assert "Checkpoints: " in text
    assert f"checkpoint-30 of run {run.id}" in text
    assert "are free." in text
    told = document("show")
    assert told["kinds"]["checkpoint"] == sum(
        item["bytes"] for item in told["items"] if item["kind"] == "checkpoint"
    )
    assert told["total"] == sum(told["kinds"].values())
    assert "Docker images are not counted" in told["problems"][0]
    assert document()["kinds"] == told["kinds"]


def test_cleaning_is_shown_first_asks_and_leaves_what_a_resume_needs(run: Run) -> None:
    shown = document("clean", "--dry-run", "--keep-last", "0")
    assert [Path(one["path"]).name for one in shown["going"]] == ["checkpoint-10", "checkpoint-20"]
    assert [one["why"] for one in shown["staying"]] == [
        "The run goes on from it when it is resumed."
    ]
    assert left(run) == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    refused = temper("clean", "--keep-last", "0", code=2)
    assert "--yes" in refused
    assert "checkpoint-10" in refused
    done = document("clean", "--keep-last", "0", "--yes")["cleaned"]
    assert done["bytes"] == shown["bytes"] > 0
    assert left(run) == ["checkpoint-30"]
    assert "nothing to clean up" in temper("clean")


def test_what_nothing_needs_goes_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    reports = tmp_path / "home" / "inspections"
    reports.mkdir()
    (reports / "one.json").write_bytes(b"x" * 5000)
    shown = document("clean", "--dry-run")
    assert shown["further"] == {"rows": 0, "caches": 8192, "versions": 0, "revisions": 0}
    assert shown["rules"] == {"keep_last": 1, "keep_best": True, "also": []}
    done = CliRunner().invoke(app, ["storage", "clean", "--yes"])
    assert "With --caches also: Reports and tokens of datasets (8 kB)." in done.stderr
    assert reports.exists()
    done = document("clean", "--caches", "--yes")
    assert [one["name"] for one in done["going"]] == ["Reports on datasets"]
    assert done["cleaned"]["bytes"] == done["bytes"] == 8192
    assert not reports.exists()


def test_what_is_pinned_is_not_deleted_with_the_run(run: Run) -> None:
    temper("pin", "last", "10")
    done = CliRunner().invoke(app, ["runs", "delete", run.id, "--outputs", "--yes"])
    assert done.exit_code == 1
    assert "you have pinned checkpoint-10" in done.stderr
    assert f"temper storage unpin {run.id} CHECKPOINT" in done.stderr
    assert left(run) == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    temper("unpin", "last", "10")
    done = CliRunner().invoke(app, ["runs", "delete", run.id, "--outputs", "--yes"])
    assert done.exit_code == 0, done.output


def test_what_is_pinned_stays_until_it_is_not(run: Run) -> None:
    assert document("pin", "last", "10")["pinned"] == ["checkpoint-10"]
    temper("clean", "--yes")
    assert left(run) == ["checkpoint-10", "checkpoint-30"]
    assert "left to the rules" in temper("unpin", "last", "checkpoint-10")
    temper("clean", "--yes")
    assert left(run) == ["checkpoint-30"]
    assert "no checkpoint" in temper("pin", "last", "99", code=1)


def test_a_forecast_says_how_much_and_whether_there_is_room(run: Run) -> None:
    services().configs.save("Plan", TrainingConfig())
    text = temper("forecast", "Plan")
    assert "It takes up to " in text
    assert "checkpoints of " in text
    told = document("forecast", "Plan")
    assert (
        told["most_bytes"] == told["checkpoints"] * told["checkpoint_bytes"] + told["result_bytes"]
    )
    assert temper("forecast", "Nobody", code=1)
