"""The item models, and the plain functions that word what they show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtTest import QAbstractItemModelTester

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.dataset import SavedConfig
from models.domain.run import RunEvent, RunState, RunUpdate
from models.qt.configs_model import ConfigsModel
from models.qt.datasets_model import DatasetsModel, reference_of
from models.qt.metrics_model import EVAL_LOSS, LEARNING_RATE, LOSS, MetricsModel
from models.qt.rows_model import FULL_ROLE, PAGE, DatasetRowsModel
from models.qt.run_status import RunStatusModel
from models.qt.runs_model import RunsModel
from models.qt.step_estimate import estimate_steps
from models.qt.wording import duration, number, size, value_text
from tests.qt.fakes import make_run, make_session, progress_event

pytestmark = pytest.mark.usefixtures("qapp")
FATAL = QAbstractItemModelTester.FailureReportingMode.Fatal


@pytest.fixture
def owner(qapp: QCoreApplication) -> QObject:
    return QObject()


def test_tables_replace_add_and_remove(owner: QObject) -> None:
    model = RunsModel(owner)
    QAbstractItemModelTester(model, FATAL, owner)
    model.set_items([make_run("a"), make_run("b", RunState.FINISHED, eval_loss_after=1.5)])
    model.put(make_run("c"))
    model.put(make_run("a", RunState.FAILED))
    assert [run.id for run in model.items] == ["c", "a", "b"]
    assert model.index(1, 1).data() == "Failed"
    assert model.index(2, 3).data() == "1.5"
    assert model.headerData(0, Qt.Orientation.Horizontal) == "Name"
    model.remove("c")
    assert model.find("c") is None
    assert model.row_of("b") == 1


def test_the_other_tables_are_sound(owner: QObject) -> None:
    datasets, configs = DatasetsModel(owner), ConfigsModel(owner)
    for model in (datasets, configs):
        QAbstractItemModelTester(model, FATAL, owner)
    datasets.set_items([make_session(2), make_session(1, "42")])
    configs.set_items([SavedConfig(1, "Mine", "Local", 0.0)])
    assert [datasets.index(0, column).data() for column in range(4)] == [
        "Support answers", "400", "Chat messages", "280 kB",
    ]  # fmt: skip
    assert configs.has_name("mine ")


def test_a_dataset_is_found_by_what_a_configuration_calls_it(owner: QObject) -> None:
    model = DatasetsModel(owner)
    named, numbered = make_session(2), make_session(1, "42")
    model.set_items([named, numbered])
    assert reference_of(named) == "Support answers"
    assert reference_of(numbered) == "1"
    for session in (named, numbered):
        assert model.by_reference(reference_of(session)) == session
    assert model.by_reference("2") == named
    assert model.by_reference("gone") is None


def test_rows_are_asked_for_by_page_and_only_once(owner: QObject) -> None:
    model = DatasetRowsModel(owner)
    QAbstractItemModelTester(model, FATAL, owner)
    asked: list[tuple[object, object]] = []
    model.page_wanted.connect(lambda _id, start, count: asked.append((start, count)))
    session = make_session(rows=1000)
    model.show_session(session)
    assert asked == [(0, PAGE)]
    turns = [{"role": "user", "content": "Hi\nthere"}, {"role": "assistant", "content": "Yes"}]
    model.set_page(session.id, 0, [{"messages": turns, "n": n} for n in range(PAGE)])
    assert model.rowCount() == 1000
    assert model.index(3, 0).data() == "user: Hi there · assistant: Yes"
    assert model.index(3, 0).data(FULL_ROLE) == "user:\nHi\nthere\n\nassistant:\nYes"
    assert model.index(999, 1).data() == "…"
    assert model.index(998, 1).data() == "…"
    assert asked[-1] == (900, PAGE)
    assert len(asked) == len(set(asked))
    model.set_page(session.id + 1, 900, [{"n": 1}])
    assert model.index(999, 1).data() == "…"


def test_curves_take_progress_and_evaluations_and_go_back_on_resume(owner: QObject) -> None:
    model = MetricsModel(owner)
    model.add([progress_event(n, loss=n / 10) for n in range(1, 6)])
    model.add([RunEvent(9, 0.0, "eval", {"step": 5, "eval_loss": 1.5})])
    assert model.curve(EVAL_LOSS) == ([5], [1.5])
    model.add([progress_event(3, loss=9.0)])
    assert model.curve(LOSS) == ([1, 2, 3], [0.1, 0.2, 9.0])
    assert len(model.curve(LEARNING_RATE)[0]) == 3
    model.add([progress_event(4, loss=float("nan"))])
    assert model.curve(LOSS)[0] == [1, 2, 3]
    model.clear()
    assert model.is_empty()


def test_status_says_what_is_known_and_no_more(owner: QObject) -> None:
    model = RunStatusModel(owner)
    assert model.fraction() == 0.0
    model.set_run(make_run(state=RunState.PREPARING, phase="downloading"))
    assert model.fraction() is None
    assert model.time_left() == ""
    run = make_run(phase="training", step=5, total_steps=10)
    model.take(RunUpdate(run, (progress_event(5, eta_seconds=7300.0, tokens_per_second=1500.0),)))
    assert model.fraction() == 0.5
    assert model.time_left() == "about 2 h 01 min left"
    assert "1,500 tokens/s" in model.facts()
    model.take(RunUpdate(make_run("other")))
    assert model.time_left() == ""


def test_a_resumed_run_tells_no_loss_and_speed_of_the_boot_before(owner: QObject) -> None:
    model = RunStatusModel(owner)
    run = make_run(phase="training", step=5, total_steps=10)
    model.take(RunUpdate(run, (progress_event(5, tokens_per_second=1500.0),)))
    ended = make_run(state=RunState.FAILED, phase="failed", step=5, total_steps=10)
    model.take(RunUpdate(ended))
    assert "1,500 tokens/s" in model.facts()
    model.set_run(make_run(state=RunState.PREPARING, phase="failed", step=5, total_steps=10))
    assert model.facts() == ("Step 5 of 10",)
    begins = RunEvent(8, 0.0, "phase", {"phase": "preparing"})
    model.take(RunUpdate(make_run(phase="downloading", step=5, total_steps=10), (begins,)))
    assert model.facts() == ("Step 5 of 10",)
    model.take(RunUpdate(run, (progress_event(6, tokens_per_second=900.0),)))
    assert "900 tokens/s" in model.facts()


def test_steps_add_up() -> None:
    config, session = TrainingConfig(), make_session(rows=1000)
    estimate = estimate_steps(config, session)
    assert estimate is not None
    assert (estimate.effective_batch, estimate.steps_per_epoch) == (8, 123)
    short = with_values(config, {"hp.max_steps": 20, "hp.packing": False, "hp.epochs": 2.5})
    assert estimate_steps(short, session).sentence() == (  # type: ignore[union-attr]
        "Effective batch 8 · 123 steps per epoch · 20 steps in all"
    )
    split = replace(session, splits=(("train", 800), ("test", 200)))
    named = with_values(config, {"dataset.eval_split": "test"})
    assert estimate_steps(named, split).steps_per_epoch == 100  # type: ignore[union-attr]
    assert estimate_steps(config, None) is None
    assert estimate_steps(with_values(config, {"hp.batch_size": 0}), session) is None


def test_words_for_numbers() -> None:
    assert [duration(s) for s in (4.4, 65, 3660, 90_000)] == [
        "4 s", "1 min 05 s", "1 h 01 min", "1 d 1 h",
    ]  # fmt: skip
    assert [size(n) for n in (12, 2_000, 3_400_000_000)] == ["12 B", "2 kB", "3.4 GB"]
    assert [number(n) for n in (0, 1.23456, 2e-4)] == ["0", "1.235", "2.00e-4"]
    assert [value_text(v) for v in (2e-4, 1.0, 0.05, None, 2048, 1e-5)] == [
        "2e-4", "1", "0.05", "", "2048", "1e-5",
    ]  # fmt: skip


@given(st.floats(min_value=0, max_value=1e6, allow_nan=False))
def test_a_number_in_a_field_reads_back_as_itself(value: float) -> None:
    assert float(value_text(value)) == value
