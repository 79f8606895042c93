"""Before a start the data is looked at; what would teach nonsense does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from models.domain.run import RunState, RunUpdate
from tests.qt.fake_learning import NO_ANSWER, NO_END, refused
from tests.qt.fakes import make_run, make_session

if TYPE_CHECKING:
    from models.domain.data_gate import DataRefusedError
    from tests.qt.conftest import Program
    from tests.qt.fake_learning import FakeLearning

pytestmark = pytest.mark.slow


@pytest.fixture
def ready(program: Program) -> Program:
    program.services.datasets.sessions = [make_session()]
    program.aio(program.wiring.fill())
    program.settle()
    return program


@pytest.fixture
def learning(ready: Program) -> FakeLearning:
    return ready.services.learning


@pytest.fixture
def refusals(ready: Program) -> list[DataRefusedError]:
    found: list[DataRefusedError] = []
    ready.wiring.training.data_refused.connect(found.append)
    return found


def press_start(program: Program) -> None:
    program.child("local.start").click()
    program.settle()


def starts(program: Program) -> list[str]:
    return [value for name, value in program.services.runs.calls if name == "start"]


def end_at_once(program: Program) -> None:
    program.services.runs.script = [RunUpdate(make_run("run-1", RunState.FINISHED))]


def test_a_start_asks_about_its_data_first(ready: Program, learning: FakeLearning) -> None:
    end_at_once(ready)
    press_start(ready)
    assert learning.asked == [(ready.models.form.config, "")]
    assert starts(ready) == ["refuse"]


def test_data_that_the_trainer_would_refuse_does_not_start(
    ready: Program, learning: FakeLearning, refusals: list[DataRefusedError]
) -> None:
    error = learning.error = refused(NO_ANSWER, session=make_session())
    press_start(ready)
    assert refusals == [error]
    assert starts(ready) == []
    assert "row 2 and 1 more: No answer." in ready.child("notice.text").text()
    assert not ready.models.run.status.is_starting
    ready.wiring.training.start_anyway()
    ready.settle()
    assert starts(ready) == []


def test_start_anyway_where_it_can_make_sense(
    ready: Program, learning: FakeLearning, refusals: list[DataRefusedError]
) -> None:
    end_at_once(ready)
    learning.error = refused(NO_END, session=make_session())
    press_start(ready)
    assert starts(ready) == []
    ready.wiring.training.start_anyway()
    ready.settle()
    assert starts(ready) == ["refuse"]
    press_start(ready)  # the same problems of the same rows were accepted
    assert starts(ready) == ["refuse", "refuse"]
    learning.error = refused(NO_END, NO_ANSWER, session=make_session())
    press_start(ready)
    assert len(starts(ready)) == len(refusals) == 2


def test_the_rows_of_a_refused_start_can_be_shown_again(
    ready: Program, learning: FakeLearning, refusals: list[DataRefusedError]
) -> None:
    error = learning.error = refused(NO_ANSWER, session=make_session())
    press_start(ready)
    dialog = ready.wiring.learning.dialog
    dialog.close()
    ready.settle()
    ready.child("notice.action").click()
    ready.settle()
    assert refusals == [error, error]
    assert dialog.isVisible()
    assert starts(ready) == []
    dialog.close()
    ready.settle()


def test_what_to_do_stands_below_what_is_wrong(ready: Program, learning: FakeLearning) -> None:
    error = learning.error = refused(NO_ANSWER, session=make_session())
    press_start(ready)
    assert ready.child("notice.text").text().splitlines()[-1] == error.hint


def test_a_dataset_of_the_hub_has_its_button_in_the_banner(
    ready: Program, learning: FakeLearning
) -> None:
    end_at_once(ready)
    learning.error = refused(NO_END, name="hf:me/talks@train")
    press_start(ready)
    assert starts(ready) == []
    ready.child("notice.action").click()
    ready.settle()
    assert starts(ready) == ["refuse"]


def test_a_check_that_takes_time_shows_how_far_it_is(
    ready: Program, learning: FakeLearning
) -> None:
    end_at_once(ready)
    bar, message = ready.child("checking"), ready.child("checking.message")
    seen: list[tuple[bool, str]] = []
    learning.is_known = False
    learning.on_gate = lambda: seen.append((bar.isVisible(), message.text()))
    press_start(ready)
    assert seen == [(True, "Looking at the rows: 6,000")]
    assert not bar.isVisible()


def test_a_check_can_be_cancelled_and_nothing_starts(
    ready: Program, learning: FakeLearning
) -> None:
    learning.is_known = False
    learning.on_gate = lambda: ready.child("checking.cancel").click()
    press_start(ready)
    assert starts(ready) == []
    assert "cancelled" in ready.window.statusBar().currentMessage()
    assert not ready.child("checking").isVisible()
    assert not ready.models.run.status.is_starting


def test_a_model_that_cannot_learn_conversations_is_told(
    ready: Program, learning: FakeLearning
) -> None:
    learning.error = AppError("bad_config", "It has no chat template.", "Choose another.")
    press_start(ready)
    assert starts(ready) == []
    assert "no chat template" in ready.child("notice.text").text()


def test_what_waits_was_checked_when_it_was_queued(
    ready: Program, learning: FakeLearning, refusals: list[DataRefusedError]
) -> None:
    ready.models.run.begin(make_run("live", RunState.RUNNING))
    ready.services.queue.busy = True
    learning.error = refused(NO_END, session=make_session())
    press_start(ready)
    assert (len(refusals), ready.models.queue.rowCount()) == (1, 0)
    ready.wiring.training.start_anyway()
    ready.settle()
    assert ready.models.queue.rowCount() == 1
    asked = len(learning.asked)
    ready.services.queue.busy = False
    ready.services.runs.script = [RunUpdate(make_run("queued-1", RunState.FINISHED))]
    ready.models.run.clear()
    ready.wiring.history.queue.start_next()
    ready.settle()
    assert len(learning.asked) == asked


def test_a_run_is_run_again_with_the_rows_it_had(
    ready: Program, learning: FakeLearning, refusals: list[DataRefusedError]
) -> None:
    earlier = make_run("old", RunState.FINISHED, dataset_sha256="f" * 64)
    ready.models.runs.put(earlier)
    ready.services.runs.stored = {"old": earlier}
    learning.error = refused(NO_ANSWER, session=make_session())
    ready.wiring.history.history.run_again(earlier)
    ready.settle()
    assert [sha256 for _config, sha256 in learning.asked] == ["f" * 64]
    assert len(refusals) == 1
    assert ("run_again", ("old", False)) not in ready.services.history.calls
