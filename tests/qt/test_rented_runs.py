"""A run on a rented pod in the window: what its pod does, costs and says, until it is gone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.domain.config import RUNTIME_RUNPOD, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.remote_run import RemoteAttempt, RemotePhase, Teardown
from models.domain.rented import RentedRun
from models.domain.run import RunEvent, RunState, RunUpdate
from models.domain.secrets import RUNPOD_KEY
from tests.qt.fakes import make_run

if TYPE_CHECKING:
    from tests.qt.conftest import Program

ON_A_POD = with_values(TrainingConfig(), {"training.target": TARGET_RUNPOD})
RUN = make_run("run-1", name="evening", config=ON_A_POD, runtime=RUNTIME_RUNPOD)
POD = RemoteAttempt(
    "run-1", 1, "temper-1-2-1", phase=RemotePhase.BOOTING, pod_id="pod-1", gpu="NVIDIA RTX A5000",
    cloud="SECURE", data_center="EU-RO-1", per_hour=0.28, rented_at=time.time(),
    ends_at=time.time() + 7200, most_cost=1.65, doing="Pulling the image: 3 of 9 layers.",
)  # fmt: skip
PAGE = "https://console.example/pods?id=pod-1"


def seen(
    program: Program,
    cost: float = 0.31,
    log: tuple[str, ...] = (),
    earlier: float = 0.0,
    **changes: object,
) -> None:
    """The record says this now, and the window looks."""
    attempt = replace(POD, **changes)
    page = PAGE if attempt.may_cost else ""
    program.services.rented.known = {"run-1": RentedRun(attempt, cost, page, log, earlier)}
    program.wiring.rented.watch.look()
    program.settle()


def show(program: Program, state: RunState = RunState.PREPARING) -> None:
    run = replace(RUN, state=state, ended_at=time.time() if state.is_over else None)
    program.services.runs.stored = {"run-1": run}
    program.models.run.begin(run)
    program.settle()


def text(program: Program, name: str) -> str:
    widget = program.child(name)
    return str(widget.text()) if widget.isVisible() else ""


def test_the_page_says_what_the_pod_does_and_what_it_costs(program: Program) -> None:
    show(program)
    seen(program)
    assert text(program, "run.status") == "The pod is starting"
    assert text(program, "runpod.doing") == "Pulling the image: 3 of 9 layers."
    assert program.child("run.progress").value() == 333
    assert "RTX A5000, Secure Cloud, EU-RO-1 · $0.28 an hour · ends by itself at" in text(
        program, "runpod.facts"
    )
    assert text(program, "runpod.cost") == "Spent so far: $0.31 of at most $1.65."
    assert text(program, "runpod.quote") == "$0.31 of $1.65 spent"
    assert program.child("runpod.open_console").isVisible()


def test_what_earlier_pods_of_the_run_have_cost_is_told_apart(program: Program) -> None:
    """Each start of a run has its limit anew, and pods that did not come up share it."""
    show(program)
    seen(program, cost=9.31, earlier=9.0)
    assert text(program, "runpod.cost") == (
        "Spent so far: $0.31 of at most $1.65, and $9.00 on earlier pods."
    )
    assert text(program, "runpod.quote") == "$0.31 of $1.65 spent"
    over = {"phase": RemotePhase.OVER, "teardown": Teardown.CONFIRMED}
    seen(program, cost=9.33, earlier=9.0, quoted_cost=0.4, **over)
    assert text(program, "runpod.cost") == (
        "It cost $0.33, $0.40 were expected, and $9.00 on earlier pods."
    )


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (RemotePhase.RENTING, "Renting a GPU"),
        (RemotePhase.DELIVERING, "Sending the data to the pod"),
        (RemotePhase.FETCHING, "Bringing the results home"),
    ],
)
def test_each_step_has_its_words(program: Program, phase: RemotePhase, words: str) -> None:
    show(program)
    seen(program, phase=phase)
    assert text(program, "run.status") == words


def test_what_the_run_waits_for_is_told(program: Program) -> None:
    show(program)
    seen(program, trouble="Runpod cannot be reached.", trouble_hint="Temper tries again.")
    assert text(program, "runpod.trouble") == "Runpod cannot be reached. Temper tries again."
    seen(program)
    assert text(program, "runpod.trouble") == ""


def test_an_end_that_is_not_confirmed_is_shown_until_it_is(program: Program) -> None:
    show(program, RunState.FINISHED)
    ending = {"phase": RemotePhase.ENDING, "outcome": "finished", "teardown_tries": 3}
    seen(program, teardown=Teardown.REQUESTED, **ending)
    assert "not proven gone yet" in text(program, "runpod.trouble")
    assert text(program, "runpod.cost") == "Spent so far: $0.31 of at most $1.65."
    assert program.wiring.rented.watch._timer.isActive()
    over = ending | {"phase": RemotePhase.OVER, "teardown": Teardown.CONFIRMED}
    seen(program, cost=0.33, quoted_cost=0.4, **over)
    assert text(program, "runpod.trouble") == ""
    assert text(program, "runpod.cost") == "It cost $0.33, $0.40 were expected."
    assert not program.child("runpod.open_console").isVisible()
    assert not program.wiring.rented.watch._timer.isActive()


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.FINISHED])
def test_taking_the_key_away_from_a_rented_pod_says_what_that_means(
    program: Program, state: RunState
) -> None:
    program.services.secrets.kept[RUNPOD_KEY] = "rpa_x"
    program.models.runs.set_items([replace(RUN, state=state)])
    program.wiring.settings.controller.remove_secret(RUNPOD_KEY)
    program.settle()
    said = program.models.settings.secret(RUNPOD_KEY).outcome
    assert ("cannot be ended from here" in said) == (state is RunState.RUNNING)


def test_a_run_of_this_computer_has_no_pod(program: Program) -> None:
    show(program)
    seen(program)
    program.models.run.begin(make_run("run-2"))
    program.settle()
    assert text(program, "runpod.cost") == ""
    assert text(program, "run.status") != "The pod is starting"


def lines(program: Program) -> list[str]:
    log = program.models.run.log
    log.flush_all()
    return [str(log.index(row, 0).data()) for row in range(log.rowCount())]


def test_the_machines_lines_stand_in_the_log_and_can_be_shown_alone(program: Program) -> None:
    show(program)
    assert not program.child("run.log.source").isVisible()
    seen(program, log=("create container x",))
    run = replace(RUN, state=RunState.RUNNING)
    program.models.run.take(RunUpdate(run, (), "Loading the model\n"))
    seen(program, log=("create container x", "start container for x: begin"))
    assert lines(program) == [
        "[system] create container x",
        "Loading the model",
        "[system] start container for x: begin",
    ]
    source = program.child("run.log.source")
    assert source.isVisible()
    source.activated.emit(source.findText("System"))
    assert len(lines(program)) == 2
    source.activated.emit(source.findText("Container"))
    assert lines(program) == ["Loading the model"]
    program.models.run.log.clear()
    assert not source.isVisible()


def test_a_run_that_is_shown_later_has_its_machines_lines_first(program: Program) -> None:
    run = replace(RUN, state=RunState.FINISHED)
    program.models.run.fill(RunUpdate(run, (RunEvent(1, 0.0, "start", {}),), "one\ntwo\n"))
    program.models.run.log.flush_all()
    seen(program, log=("create container x",), phase=RemotePhase.OVER)
    assert lines(program) == ["[system] create container x", "one", "two"]
    assert program.models.run.log.last_lines() == ["one", "two"]
