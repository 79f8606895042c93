"""``temper runs show`` of a run that failed: why, the evidence, what to do."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from app.cli import runs
from models.domain.run import Failure, RunEvent, RunState, RunUpdate
from tests.qt.fakes import make_run


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> RunUpdate:
    failure = Failure("nan_loss", "The loss is not a number any more at step 12.", "Lower it.")
    run = make_run("run-1", RunState.FAILED, failure=failure, exit_code=1, step=12, next_seq=3)
    events = (RunEvent(1, 1.0, "checkpoint", {"step": 10}),)
    update = RunUpdate(run, events, "step 11\nstep 12\n")
    service = SimpleNamespace(
        find=lambda _text: run, history=lambda _id: update, events=lambda _id: update.events
    )
    history = SimpleNamespace(record_of=lambda _id: {"threads": "2"})
    monkeypatch.setattr(runs, "services", lambda: SimpleNamespace(runs=service, history=history))
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
    assert "threads            2" in runner.invoke(runs.app, ["show", "run-1"]).stdout
    document = json.loads(runner.invoke(runs.app, ["show", "run-1", "--json"]).stdout)
    assert document["record"] == {"threads": "2"}
