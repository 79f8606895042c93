"""The data of what is chosen is looked at before a start asks for it."""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QObject

from controllers.data_gate import DataGate
from controllers.desk import Desk
from controllers.early_check import EarlyCheck
from controllers.lanes import Lane, Lanes
from controllers.tasks import Tasks
from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from models.qt.app_models import AppModels
from services.progress import CancelToken, Progress, Reporter
from tests.qt.fake_learning import FakeEarly, FakeLearning
from tests.qt.fakes import SyncLane, make_run, make_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.qt.conftest import Aio, Program

MODEL = "hp.base_model"


@pytest.fixture
def chosen(program: Program) -> Program:
    """A window whose form has a dataset and a model, and which does not wait."""
    program.services.datasets.sessions = [make_session()]
    timer = program.wiring.gate.early._timer
    timer.setInterval(3_600_000)  # however long filling takes
    program.aio(program.wiring.fill())
    program.settle()
    timer.stop()
    timer.setInterval(0)
    return program


def rested(program: Program) -> list[Any]:
    """The setups that were looked at once the choice has stood its while."""
    early = program.wiring.gate.early
    program.aio.until(lambda: not early._timer.isActive() and early._running is None)
    program.settle()
    return program.services.early.asked


def test_what_is_chosen_is_looked_at_once(chosen: Program) -> None:
    form = chosen.models.form
    form.edit(MODEL, "me/other")
    assert rested(chosen) == [form.config]
    form.edit("hp.learning_rate", 1e-5)
    form.edit("hp.epochs", 2.0)
    assert len(rested(chosen)) == 1
    form.edit("hp.max_seq_length", 512)
    assert [one.hp.max_seq_length for one in rested(chosen)][1:] == [512]
    form.edit(MODEL, "me/third")
    form.edit(MODEL, "me/other")  # as it was
    assert len(rested(chosen)) == 2


def test_somebody_who_is_still_choosing_is_waited_for(program: Program) -> None:
    form, early = program.models.form, program.wiring.gate.early
    for model in ("me/one", "me/two", "me/three"):
        form.edit(MODEL, model)
        assert early._timer.isActive()
        assert early._timer.interval() > 0
    assert program.services.early.asked == []


def test_a_setup_that_is_wrong_waits_until_it_is_mended(chosen: Program) -> None:
    form = chosen.models.form
    form.edit("hp.max_seq_length", 3)
    assert form.problems()
    assert rested(chosen) == []
    form.edit("hp.max_seq_length", 512)
    assert len(rested(chosen)) == 1


def test_nothing_is_looked_at_beside_a_training_but_after_it(chosen: Program) -> None:
    live = make_run("live", RunState.RUNNING)
    chosen.models.run.begin(live)
    chosen.models.form.edit(MODEL, "me/other")
    assert rested(chosen) == []
    chosen.models.run.status.set_run(replace(live, state=RunState.FINISHED))
    assert len(rested(chosen)) == 1


def test_nor_beside_one_that_another_page_shows(chosen: Program) -> None:
    chosen.models.runs.put(make_run("other", RunState.RUNNING))
    chosen.models.form.edit(MODEL, "me/other")
    assert rested(chosen) == []


def test_what_was_missing_may_have_come(chosen: Program) -> None:
    early = chosen.services.early
    early.is_here = False
    chosen.models.form.edit(MODEL, "me/other")
    assert len(rested(chosen)) == 1
    early.is_here = True
    chosen.models.base_library.set_items([])  # the list was read again after a download
    assert len(rested(chosen)) == 2
    chosen.wiring.environment.ended.emit()
    assert len(rested(chosen)) == 2


@pytest.mark.parametrize("error", [AppError("io", "It broke.", "Mend it."), ValueError("odd")])
def test_what_goes_wrong_is_told_by_the_start_alone(chosen: Program, error: Exception) -> None:
    said: list[object] = []
    chosen.desk.notices.said.connect(said.append)
    chosen.desk.notices.noticed.connect(said.append)
    chosen.services.early.error = error
    chosen.models.form.edit(MODEL, "me/other")
    assert len(rested(chosen)) == 1
    chosen.wiring.environment.ended.emit()
    assert len(rested(chosen)) == 1  # it would fail again
    assert said == []
    chosen.services.runs.script = [RunUpdate(make_run("run-1", RunState.FINISHED))]
    chosen.child("local.start").click()
    chosen.settle()
    assert len(chosen.services.learning.asked) == 1


class Looking(QObject):
    """Gate and early check over a real lane. A look lasts until ``go_on`` or a cancel; ``did`` is
    what was done in the lane, in order."""

    def __init__(self, aio: Aio) -> None:
        super().__init__()
        self.aio, self.did = aio, list[str]()
        self.go_on, self.at_it = threading.Event(), threading.Event()
        lanes = Lanes(*(SyncLane() for _ in fields(Lanes)))  # type: ignore[arg-type]
        self.lane = Lane("inspection")
        self.bugs: list[BaseException] = []
        tasks = Tasks(aio.loop, self.bugs.append)
        self.desk = Desk(replace(lanes, inspection=self.lane), tasks)
        self.said: list[str] = []
        self.desk.notices.said.connect(self.said.append)
        self.models = AppModels(self)
        self.models.complete()
        self.models.form.edit(MODEL, "me/one")
        learning = FakeLearning(on_gate=lambda: self.did.append("gate"))
        self.early = EarlyCheck(self.desk, self.models, FakeEarly(on_look=self._look), self)
        self.early._timer.setInterval(3_600_000)  # the tests say when
        self.gate = DataGate(self.desk, learning, self.early, self)
        self.told: list[Progress] = []
        self.gate.progressed.connect(self.told.append)

    def _look(self, report: Reporter, cancel: CancelToken) -> None:
        self.at_it.set()
        while not self.go_on.wait(0.01) and not cancel.cancelled:
            report(Progress(0.5, "Looking at the rows: 6,000"))
        self.did.append("given up" if cancel.cancelled else "looked")

    def look(self) -> None:
        """Begin a look at what is chosen."""
        self.at_it.clear()
        self.early.look()
        self.aio.until(self.at_it.is_set)

    async def start(self) -> bool:
        return await self.gate.passes(self.models.form.config, lambda: None)


@pytest.fixture
def looking(aio: Aio) -> Iterator[Looking]:
    made = Looking(aio)
    yield made
    made.go_on.set()
    made.early.cancel()
    aio(made.desk.tasks.settle())
    made.lane.close(60.0)
    assert not made.bugs


def test_a_start_waits_for_the_look_that_runs_and_shows_how_far_it_is(looking: Looking) -> None:
    looking.look()
    looking.early.look()  # the same is not begun twice
    assert looking.told == []
    task = looking.aio.loop.create_task(looking.start())
    looking.aio.until(lambda: bool(looking.told))
    assert not task.done()
    looking.go_on.set()
    looking.aio.until(task.done)
    assert task.result()
    assert looking.did == ["looked", "gate"]


def test_a_start_with_another_choice_does_not_wait(looking: Looking) -> None:
    looking.look()
    looking.models.form.edit(MODEL, "me/two")
    assert looking.aio(looking.start())
    assert looking.did == ["given up", "gate"]
    assert not looking.early._timer.isActive()


def test_another_choice_ends_the_look_and_has_its_own(looking: Looking) -> None:
    looking.look()
    looking.models.form.edit("hp.learning_rate", 1e-5)
    assert looking.did == []
    looking.models.form.edit(MODEL, "me/two")
    looking.aio.until(lambda: looking.did == ["given up"])
    looking.aio.until(lambda: looking.early._running is None)
    looking.go_on.set()
    looking.look()
    looking.aio.until(lambda: looking.did == ["given up", "looked"])
    looking.aio.until(lambda: looking.early._running is None)
    looking.models.form.edit(MODEL, "me/one")  # which was given up
    looking.look()
    looking.aio.until(lambda: len(looking.did) == 3)


def test_who_cancels_a_start_that_waits_for_a_look_gets_neither(looking: Looking) -> None:
    looking.look()
    task = looking.aio.loop.create_task(looking.start())
    looking.aio.until(lambda: bool(looking.told))
    looking.gate.cancel()
    looking.aio.until(task.done)
    assert not task.result()
    assert looking.said == ["The check was cancelled; nothing was started"]
    looking.early.look()  # nor is it begun anew
    assert looking.early._running is None


def test_a_start_that_was_cancelled_does_not_begin_with_what_is_known(looking: Looking) -> None:
    looking.look()
    task = looking.aio.loop.create_task(looking.start())
    looking.aio.until(lambda: bool(looking.told))
    for token in looking.gate._running:
        token.cancel()  # just as the look has ended
    looking.go_on.set()
    looking.aio.until(task.done)
    assert not task.result()
