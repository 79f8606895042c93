"""``temper runs show`` of a run that failed: why, the evidence, what to do."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from app.cli import runs
from app.cli.times import when
from models.domain.run import Failure, RunEvent, RunState, RunUpdate
from tests.qt.fakes import make_run


def _play(monkeypatch: pytest.MonkeyPatch, update: RunUpdate, record: dict[str, str]) -> None:
    """Let these be what the services know."""
    service = SimpleNamespace(
        find=lambda _text: update.run, history=lambda _id: update, events=lambda _id: update.events
    )
    history = SimpleNamespace(record_of=lambda _id: record)
    monkeypatch.setattr(runs, "services", lambda: SimpleNamespace(runs=service, history=history))


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> RunUpdate:
    failure = Failure("nan_loss", "The loss is not a number any more at step 12.", "Lower it.")
    run = make_run("run-1", RunState.FAILED, failure=failure, exit_code=1, step=12, next_seq=3)
    events = (RunEvent(1, 1.0, "checkpoint", {"step": 10}),)
    update = RunUpdate(run, events, "step 11\nstep 12\n")
    _play(monkeypatch, update, {"threads": "2"})
    return update


@pytest.mark.usefixtures("failed")
def test_it_ends_with_the_reason_and_the_evidence() -> None:
    text = CliRunner().invoke(runs.app, ["show", "run-1"]).stdout
    told = text[text.index("The loss is not a number") :]
    for part in ("at step 12.", "Lower it.", "1: the trainer failed", "of step 10", "  step 12"):
        assert part in told


@pytest.mark.usefixtures("failed")
def test_as_a_document_it_has_the_remedies_too() -> None:
    document = json.loads(CliRunner().invoke(runs.app, ["show", "run-1", "--json"]).stdout)
    autopsy = document["autopsy"]
    assert autopsy["reason"] == "The loss is not a number any more at step 12."
    assert autopsy["remedies"][0]["values"] == {"hp.learning_rate": 1e-4}
    assert autopsy["remedies"][0]["on_existing"] == "new"


@pytest.mark.usefixtures("failed")
def test_it_says_what_the_run_was_computed_with() -> None:
    runner = CliRunner()
    shown = runner.invoke(runs.app, ["show", "run-1"]).stdout
    assert shown[shown.index("What it was computed with:") :].splitlines()[1] == "Threads  2"
    document = json.loads(runner.invoke(runs.app, ["show", "run-1", "--json"]).stdout)
    assert document["record"] == {"threads": "2"}


def test_it_tells_dates_durations_and_words_and_each_hash_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sha = "5f" * 32
    run = make_run(
        "run-1", RunState.FINISHED, dataset_sha256=sha, dataset_name="Poems", next_seq=77,
        log_offset=4096, step=1200, total_steps=1200, exit_code=0, train_loss=1.23456,
        eval_loss_before=2.5, eval_loss_after=1.5,
    )  # fmt: skip
    _play(monkeypatch, RunUpdate(run), {"dataset": "Poems", "dataset sha256": sha})
    shown = CliRunner().invoke(runs.app, ["show", "run-1"]).stdout
    lines = dict(line.split("  ", 1) for line in shown.splitlines() if "  " in line)
    told = {name: text.strip() for name, text in lines.items()}
    assert told["Started"] == when(run.started_at)
    assert told["Took"] == "1 min 01 s"
    assert told["Steps"] == "1,200 of 1,200"
    assert told["Loss"] == "1.235"
    assert told["Held-out loss"] == "2.5 → 1.5"
    assert told["Exit code"] == "0: finished"
    assert told["Adapter"] == run.adapter_path
    assert shown.count(sha) == 1
    for raw in ("next_seq", "log_offset", "handle", "_at", str(int(run.created_at)), "77", "4096"):
        assert raw not in shown
