"""``temper runs resume --longer``, ``--on-top``, ``again --exactly``: what is asked and refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import main, run_onward
from models.domain.config_io import with_values
from models.domain.run import Run, RunState
from models.domain.run_history import Repetition, Verb
from tests.qt.fakes import make_run


@dataclass
class History:
    """Plans as they are asked for; what begins is remembered."""

    run: Run
    exact: bool = True
    same: bool = True
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def plan_again(self, run_id: str) -> Repetition:
        remarks = () if self.exact else ("torch was 1 and is 2 now.",)
        return Repetition(run_id, "Run", self.run.config, remarks, exact=self.exact)

    def run_again(self, run_id: str, *, queued: bool = False) -> Run:
        self.asked.append(("again", queued))
        return make_run("again", RunState.FINISHED)

    def plan_longer(self, run_id: str, **ends: Any) -> Repetition:
        self.asked.append(("longer", ends))
        return Repetition(
            run_id, "Run", self.run.config, ("It goes on after step 9.",), Verb.LONGER
        )

    def plan_on_top(self, run_id: str, values: dict[str, object]) -> Repetition:
        self.asked.append(("on top", values))
        config = with_values(self.run.config, values)
        return Repetition(run_id, "Run", config, (), Verb.ON_TOP)

    def begin_onward(self, plan: Repetition, *, queued: bool = False) -> Run:
        self.asked.append(("begin", plan.verb))
        return make_run("next", RunState.FINISHED)

    def same_result(self, one: str, other: str) -> bool:
        return self.same


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> History:
    run = make_run("first", RunState.FINISHED)
    made = History(run)
    runs = SimpleNamespace(find=lambda _text: run, log_path=lambda _id: "train.log")
    monkeypatch.setattr(run_onward, "services", lambda: SimpleNamespace(runs=runs, history=made))
    monkeypatch.setattr(run_onward, "ensure_ready", lambda *_: None)
    monkeypatch.setattr(run_onward, "check_data_first", lambda *_, **__: None)
    monkeypatch.setattr(run_onward, "watch", lambda _runs, started: started)
    return made


def temper(*words: str) -> Any:
    return CliRunner().invoke(main.app, ["runs", *words])


def test_it_trains_longer_to_the_end_that_is_named(history: History) -> None:
    done = temper("resume", "first", "--epochs", "3")
    assert done.exit_code == 0, done.output
    assert history.asked[0] == ("longer", {"epochs": 3.0, "steps": None, "values": {}})
    assert history.asked[1] == ("begin", Verb.LONGER)
    assert "It goes on after step 9." in done.output


def test_a_new_adapter_on_top_takes_further_settings(history: History) -> None:
    done = temper("resume", "first", "--on-top", "--set", "hp.learning_rate=1e-5")
    assert done.exit_code == 0, done.output
    assert history.asked == [("on top", {"hp.learning_rate": 1e-5}), ("begin", Verb.ON_TOP)]


@pytest.mark.parametrize(
    "words",
    [
        ("--longer", "--on-top"),
        ("--epochs", "3", "--steps", "9"),
        ("--on-top", "--epochs", "3"),
        ("--queue",),
    ],
)
def test_what_contradicts_itself_is_refused(history: History, words: tuple[str, ...]) -> None:
    assert temper("resume", "first", *words).exit_code != 0
    assert history.asked == []


@pytest.mark.parametrize(("same", "word"), [(True, "byte for byte"), (False, "is not that of")])
def test_again_says_whether_the_result_is_the_same(history: History, same: bool, word: str) -> None:
    history.same = same
    done = temper("again", "first", "--exactly")
    assert done.exit_code == 0, done.output
    assert word in done.output


def test_exactly_starts_nothing_where_something_is_another(history: History) -> None:
    history.exact = False
    done = temper("again", "first", "--exactly")
    assert done.exit_code == 1
    assert "torch was 1 and is 2 now." in done.output
    assert history.asked == []
    assert temper("again", "first").exit_code == 0
    assert history.asked == [("again", False)]
