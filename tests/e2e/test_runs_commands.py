"""``temper runs`` and ``temper train --queue``: documents, words, exit codes, over real runs."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli import setup
from app.cli.main import app
from app.cli.state import services
from models.domain.config import RUNTIME_PYTHON
from models.domain.run import RunState
from services.config_files import write_config_file
from services.trainer_code import TrainerCode
from tests.integration.runs_world import config, make_home
from trainer_image.contract import OUTPUT_MARKER_FILE, OutputMarker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.run import Run

pytestmark = pytest.mark.slow  # each command is the whole program


class Temper:
    """The command line in this process, on a home of its own, with the scripted trainer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runner = CliRunner()

    def __call__(self, *arguments: str, code: int = 0, typed: str | None = None) -> str:
        done = self._runner.invoke(app, arguments, input=typed)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done.stdout if code == 0 else done.output

    def json(self, *arguments: str, code: int = 0) -> Any:
        done = self._runner.invoke(app, [*arguments, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def setup(self, how: str = "finish", **changes: object) -> str:
        path = self.folder / f"{how}.yaml"
        write_config_file(path, config(how, **changes))
        return str(path)

    def trained(self, name: str, how: str = "finish", **changes: object) -> dict[str, Any]:
        """A run that has ended, whichever way."""
        path = self.setup(how, **{"output.directory": f"/data/outputs/{name}", **changes})
        ends_well = how == "finish"
        found: dict[str, Any] = self.json("train", path, "--name", name, code=0 if ends_well else 1)
        return found


@pytest.fixture
def temper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Temper]:
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TEMPER_OFFLINE", "")
    monkeypatch.setattr(setup, "ensure_runtime", lambda _services: None)
    monkeypatch.chdir(make_home(tmp_path))
    services.cache_clear()
    starter = services().runs.starter
    monkeypatch.setattr(starter, "_code", lambda: TrainerCode(tmp_path / "code", "0" * 64))
    python = starter._runners.of(RUNTIME_PYTHON)
    monkeypatch.setattr(python, "_python", lambda: Path(sys.executable))
    services().datasets.import_file(tmp_path / "rows.jsonl", name="Questions")
    yield Temper(tmp_path)
    for run in services().runs.list():
        services().runs.kill(run.id)
    services().close()
    services.cache_clear()


def test_the_list_shows_what_a_person_looks_for_and_only_columns_with_something(
    temper: Temper,
) -> None:
    run = temper.trained("Support")
    lines = temper("runs", "list").splitlines()
    for title in ("TARGET", "BASE MODEL", "DATASET", "LOSS", "BEST", "TOOK"):
        assert title in lines[0]
    assert "COST" not in lines[0]
    assert "TAGS" not in lines[0]
    for part in (run["id"], "Support", "finished", "Local", "Questions", "30/30", "2.0000"):
        assert part in lines[1]
    temper("runs", "tag", "last", "+good")
    assert "TAGS" in temper("runs", "list").splitlines()[0]


def test_the_list_is_searched_and_filtered(temper: Temper) -> None:
    good = temper.trained("Support")["id"]
    bad = temper.trained("Poems", "fail")["id"]
    temper("runs", "note", bad, "Too hot")
    temper("runs", "tag", good, "+Keep", "+v2")

    def found(*options: str) -> list[str]:
        return [run["id"] for run in temper.json("runs", "list", *options)]

    assert found() == [bad, good]
    assert found("--search", "support questions") == [good]
    assert found("--search", "HOT") == [bad]
    assert found("--state", "failed") == [bad]
    assert found("--state", "failed", "--state", "finished") == [bad, good]
    assert found("--tag", "keep", "--tag", "V2") == [good]
    assert found("--tag", "keep", "--state", "failed") == []
    assert found("--limit", "1") == [bad]
    temper("runs", "list", "--state", "happy", code=2)


def test_show_tells_what_is_not_as_it_comes_and_why_a_run_failed(temper: Temper) -> None:
    temper.trained("Poems", "fail", **{"hp.lora_r": 7})
    shown = temper("runs", "show", "last")
    (row,) = [line for line in shown.splitlines() if line.startswith("hp.lora_r")]
    assert row.split() == ["hp.lora_r", "7", "16"]
    assert "hp.lora_alpha" not in shown
    document = temper.json("runs", "show", "last")
    assert document["run"]["state"] == "failed"
    assert document["autopsy"]["reason"] in shown
    assert "hp.lora_r" in {one["path"] for one in document["changed"]}
    assert [event["seq"] for event in document["events"]] == list(range(len(document["events"])))


def test_runs_are_compared_by_losses_and_settings(temper: Temper) -> None:
    one = temper.trained("One")["id"]
    two = temper.trained("Two", **{"hp.learning_rate": 1e-4})["id"]
    text = temper("runs", "compare", one, two)
    rows = [line.split() for line in text.splitlines()]
    assert ["FINAL", "LOSS", "2.0000", "2.0000"] in rows
    assert ["Learning", "rate", "2e-4", "1e-4"] in rows
    assert "Batch" not in text
    document = temper.json("runs", "compare", one, two)
    paths = {item["path"] for item in document["differences"]}
    assert paths == {"hp.learning_rate", "output.directory"}
    assert [curve["run_id"] for curve in document["curves"]["loss"]] == [one, two]
    assert len(document["curves"]["loss"][0]["ys"]) == 30
    assert "One run" in temper("runs", "compare", one, code=2)
    temper("runs", "compare", one, two, "--over", "moon", code=2)
    temper("runs", "compare", one, "nothing", code=1)


def test_names_notes_and_tags(temper: Temper) -> None:
    run = temper.trained("Support")["id"]
    assert '"Better name"' in temper("runs", "rename", run, "Better name")
    temper("runs", "note", run, "-", typed="line 1\nline 2\n")
    assert temper("runs", "tag", run, "+good", "+hot-hash") == "good, hot-hash\n"
    assert temper("runs", "tag", run, "-hot-hash") == "good\n"
    stored = temper.json("runs", "tag", run)
    assert (stored["name"], stored["notes"], stored["tags"]) == (
        "Better name", "line 1\nline 2", ["good"],
    )  # fmt: skip
    assert "+good" in temper("runs", "tag", run, "good", code=2)
    temper("runs", "rename", run, "  ", code=2)
    temper("runs", "note", run, "hf_" + "a1B2c3D4" * 4, code=2)
    assert temper.json("runs", "note", run, "")["notes"] == ""


def test_a_run_is_run_again(temper: Temper) -> None:
    first = temper.trained("Support")
    again = temper.json("runs", "again", first["id"])
    assert (again["state"], again["config"], again["name"]) == (
        "finished", first["config"], "Support",
    )  # fmt: skip
    assert again["output_directory"].endswith("Support-2")
    services().datasets.delete(1)
    error = temper.json("runs", "again", first["id"], code=1)["error"]
    assert error["kind"] == "dataset_gone"


def test_metrics_go_to_a_file_or_to_the_terminal(temper: Temper) -> None:
    run = temper.trained("Support")["id"]
    assert "m.csv" in temper("runs", "export-metrics", run, "m.csv")
    with (temper.folder / "m.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    printed = temper("runs", "export-metrics", run, "-", "--format", "jsonl").splitlines()
    assert len(printed) == len(rows)
    assert json.loads(printed[0])["seq"] == 0
    temper("runs", "export-metrics", run, "m.xlsx", code=2)
    temper("runs", "export-metrics", run, "no/m.csv", code=1)


def test_what_a_run_made_is_exported_once_and_again_only_when_asked_to(temper: Temper) -> None:
    run = temper.trained("Support")
    made = temper.json("export", "last", "mine")
    assert (made["run_id"], made["kind"]) == (run["id"], "adapter")
    (weights,) = Path(made["path"]).glob("*.safetensors")
    trained = Path(run["adapter_path"]) / weights.name
    assert weights.read_bytes() == trained.read_bytes()
    error = temper.json("export", run["id"], "mine", code=2)["error"]
    assert "is not empty" in error["message"]
    told = temper("export", run["id"], "mine", "--overwrite")
    assert f"The adapter of run {run['id']} is in" in told
    temper("export", run["id"], "mine", "--to", "gguf", code=2)


def test_a_run_without_a_result_is_not_exported(temper: Temper) -> None:
    temper.trained("Poems", "fail")
    assert "has no adapter" in temper.json("export", "last", "mine", code=1)["error"]["message"]


def test_deleting_with_outputs_says_how_large_and_asks(temper: Temper) -> None:
    run = temper.trained("Support")
    outputs = Path(run["output_directory"])
    marker = OutputMarker(run_id=run["id"], fingerprint="0" * 64, finished=True)
    (outputs / OUTPUT_MARKER_FILE).write_text(marker.model_dump_json())
    temper("storage", "pin", run["id"])
    pinned = temper("runs", "delete", run["id"], "--outputs", code=1)
    assert "you have pinned the run" in pinned, "before anything is asked"
    temper("storage", "unpin", run["id"])
    refused = temper("runs", "delete", run["id"], "--outputs", code=2)
    assert "--yes" in refused
    assert "kB" in refused or " B)" in refused
    assert outputs.exists()
    deleted = temper.json("runs", "delete", run["id"], "--outputs", "--yes")
    assert deleted["deleted"] == run["id"]
    assert deleted["bytes"] > 0
    assert deleted["left"] == []
    assert not outputs.exists()
    assert temper.json("runs", "list") == []


def test_deleting_alone_keeps_the_outputs_as_ever(temper: Temper) -> None:
    run = temper.trained("Support")
    text = temper("runs", "delete", run["id"])
    assert f"{run['output_directory']} stays" in text
    assert (Path(run["output_directory"]) / "adapter").exists()
    other = temper.trained("Other")  # the scripted trainer leaves no word of whose it is
    done = temper._runner.invoke(app, ["runs", "delete", other["id"], "--outputs", "--yes"])
    assert done.exit_code == 0
    assert "does not say which run" in done.stderr


def _wait_for(run_id: str, until: Callable[[Run], bool]) -> Run:
    while not until(run := services().runs.poll(run_id).run):
        assert not run.state.is_over or until(run), run
    return run


def test_a_queue_is_filled_ordered_and_worked_off(temper: Temper) -> None:
    busy = temper.json("train", temper.setup("wait"), "--detach")["id"]
    waiting = []
    for name in ("a", "b", "c"):
        path = temper.setup(**{"output.directory": f"/data/outputs/{name}"})
        document = temper.json("train", path, "--queue", "--name", name)
        assert document["state"] == "queued"
        waiting.append(document["id"])
    assert "Something trains" in temper("runs", "queue", "start")

    def order() -> str:
        return "".join(run["name"] for run in temper.json("runs", "queue", "list"))

    assert order() == "abc"
    temper("runs", "queue", "up", waiting[2])
    assert order() == "acb"
    temper("runs", "queue", "first", waiting[1])
    assert order() == "bac"
    assert temper.json("runs", "queue", "remove", waiting[0])["state"] == "cancelled"
    assert [line.split()[2] for line in temper("runs", "queue").splitlines()[1:]] == ["b", "c"]
    temper("runs", "queue", "up", waiting[0], code=1)
    temper("runs", "stop", busy)
    done = temper.json("runs", "queue", "start", "--wait")
    assert [(run["name"], run["state"]) for run in done["started"]] == [
        ("b", "finished"), ("c", "finished"),
    ]  # fmt: skip
    assert (done["failed"], done["held"]) == ([], "")
    assert temper("runs", "queue") == "No run waits.\n"


def test_with_nothing_to_wait_for_a_queued_run_starts_at_once(temper: Temper) -> None:
    run = temper.json("train", temper.setup(), "--queue")
    assert run["state"] == "preparing"
    assert _wait_for(run["id"], lambda run: run.state.is_over).state is RunState.FINISHED


def test_a_queued_run_that_cannot_start_makes_the_command_fail(temper: Temper) -> None:
    busy = temper.json("train", temper.setup("wait"), "--detach")["id"]
    path = temper.setup(**{"output.directory": "/data/outputs/taken"})
    waiting = temper.json("train", path, "--queue")["id"]
    taken = temper.folder / "home" / "data" / "outputs" / "taken"
    taken.mkdir(parents=True)
    (taken / "thesis.txt").touch()
    temper("runs", "stop", busy)
    done = temper.json("runs", "queue", "start", code=1)
    assert [run["id"] for run in done["failed"]] == [waiting]
    assert temper.json("runs", "show", waiting)["run"]["failure"]["kind"] == "output_exists"


def test_a_second_training_beside_a_live_one_is_told_of_the_queue(temper: Temper) -> None:
    busy = temper.json("train", temper.setup("wait"), "--detach")["id"]
    path = temper.setup(**{"output.directory": "/data/outputs/second"})
    done = temper._runner.invoke(app, ["train", path, "--detach"])
    assert done.exit_code == 0
    assert busy in done.stderr
    assert "--queue" in done.stderr
