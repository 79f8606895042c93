"""What a run tells of itself: speeds, the time left, and that it lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.clock import Clock
from trainer_image.contract import Event, Phase
from trainer_image.downloads import Download
from trainer_image.heartbeat import Heartbeat
from trainer_image.peaks import free_memory, process_peak_memory
from trainer_image.reporter import Reporter
from trainer_image.run_folder import EventWriter, StateWriter
from trainer_image.steps import StepPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Time:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def reporter(tmp_path: Path, time: Time) -> Iterator[Reporter]:
    with EventWriter(tmp_path / "events.jsonl") as events:
        yield Reporter(events, StateWriter(tmp_path / "state.json", "run"), time)


def told(tmp_path: Path, type_: str = "") -> list[Event]:
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    events = [Event.model_validate_json(line) for line in lines]
    assert [event.seq for event in events] == list(range(len(events)))
    return [event for event in events if not type_ or event.type == type_]


def plan(total: int, eval_every: int | None = None, save_every: int = 1000) -> StepPlan:
    return StepPlan(
        per_epoch=total, total=total, warmup=0, eval_every=eval_every, save_every=save_every
    )


def steps(clock: Clock, time: Time, count: int, seconds: float, *, tokens: int = 100) -> None:
    """So many steps of so many seconds each."""
    done = clock._marks[-1].step
    for step in range(done + 1, done + count + 1):
        clock.enter(Phase.TRAINING)
        time.now += seconds
        clock.trained += tokens
        clock.processed += 3 * tokens
        clock.stepped(step)


def test_speed_is_that_of_now_and_the_average_that_of_the_boot(time: Time) -> None:
    clock = Clock(time)
    clock.begin(0)
    steps(clock, time, 40, 10.0)
    steps(clock, time, 40, 2.0)
    assert clock.trained_per_second == pytest.approx(50)
    assert clock.processed_per_second == pytest.approx(150)
    assert clock.average_per_second == pytest.approx(8000 / 480)


def test_the_first_step_which_warms_everything_up_says_nothing_of_the_others(time: Time) -> None:
    clock = Clock(time)
    clock.begin(7)
    steps(clock, time, 1, 60.0)
    assert clock.left(8, plan(10)) == pytest.approx(2 * 60)
    steps(clock, time, 1, 3.0)
    assert clock.left(9, plan(10)) == pytest.approx(3)


def test_time_left_has_the_evaluations_and_the_saving_to_come(time: Time) -> None:
    clock = Clock(time)
    clock.begin(0)
    steps(clock, time, 4, 1.0)
    clock.enter(Phase.EVALUATING)
    time.now += 20.0
    clock.enter(Phase.SAVING)
    time.now += 5.0
    steps(clock, time, 1, 1.0)
    # 5 steps, evaluations after 8 and 10, checkpoints after 6 and 10, and the adapter.
    assert clock.left(5, plan(10, eval_every=4, save_every=6)) == pytest.approx(5 + 40 + 15)
    # With the best one kept, those of the evaluations too.
    left = clock.left(5, plan(10, eval_every=2, save_every=6), keeps_best=True)
    assert left == pytest.approx(5 + 3 * 20 + 4 * 5)
    assert clock.seconds == 5  # neither the evaluation nor the saving are training


def test_a_long_step_is_told_every_quarter_of_a_minute(
    reporter: Reporter, time: Time, tmp_path: Path
) -> None:
    reporter.start_clock(3)
    reporter.phase(Phase.TRAINING)
    for _ in range(50):
        time.now += 1.0
        reporter.beat()
    beats = told(tmp_path, "heartbeat")
    assert [beat.get("seconds") for beat in beats] == [15, 30, 45]
    assert {(beat.get("phase"), beat.get("step")) for beat in beats} == {("training", 3)}
    reporter.warn("something else")
    time.now += 14.0
    reporter.beat()
    assert len(told(tmp_path, "heartbeat")) == 3


def test_a_step_begins_anew_where_the_last_one_ended(
    reporter: Reporter, time: Time, tmp_path: Path
) -> None:
    """With ``logging_steps`` above one there is no event for most steps: the beat names them."""
    reporter.start_clock(0)
    reporter.phase(Phase.TRAINING)
    time.now += 9.0
    reporter.stepped(1)
    time.now += 8.0
    reporter.beat()
    (beat,) = told(tmp_path, "heartbeat")
    assert (beat.get("step"), beat.get("seconds")) == (1, 8)


def test_countable_work_is_told_while_it_moves(
    reporter: Reporter, time: Time, tmp_path: Path
) -> None:
    reporter.phase(Phase.TOKENIZING)
    for done in range(0, 1000, 100):
        reporter.work(done, 1000)
        time.now += 1.0
        reporter.beat()
    shares = [(beat.get("done"), beat.get("total")) for beat in told(tmp_path, "heartbeat")]
    assert shares == [(done, 1000) for done in (100, 300, 500, 700, 900)]
    for _ in range(10):  # it hangs: no news is told as none
        time.now += 1.0
        reporter.beat()
    assert len(told(tmp_path, "heartbeat")) == 5
    reporter.phase(Phase.TRAINING)
    time.now += 20.0
    reporter.beat()
    assert told(tmp_path, "heartbeat")[-1].get("done") is None


def test_a_download_is_seen_in_the_cache(
    reporter: Reporter, time: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    cache = tmp_path / "hub" / "models--org--model"
    (cache / "blobs").mkdir(parents=True)
    reporter.phase(Phase.DOWNLOADING)
    with reporter.watching(Download("org/model")):
        (cache / "blobs" / "one").write_bytes(b"x" * 100_000)
        time.now += 3.0
        reporter.beat()
        (cache / "snapshots" / "1").mkdir(parents=True)
        index = {"metadata": {"total_size": 400_000}}
        (cache / "snapshots" / "1" / "model.safetensors.index.json").write_text(json.dumps(index))
        (cache / "blobs" / "two.incomplete").write_bytes(b"x" * 50_000)
        time.now += 3.0
        reporter.beat()
    beats = [(b.get("done"), b.get("total"), b.get("unit")) for b in told(tmp_path, "heartbeat")]
    assert beats == [(100_000, 0, "bytes"), (150_000, 400_000, "bytes")]
    time.now += 20.0
    reporter.beat()
    assert told(tmp_path, "heartbeat")[-1].get("done") is None


def test_nothing_is_said_after_the_end(reporter: Reporter, time: Time, tmp_path: Path) -> None:
    reporter.phase(Phase.TRAINING)
    reporter.end(Phase.FAILED, 1, "failed", kind="internal")
    time.now += 100.0
    reporter.beat()
    assert told(tmp_path)[-1].type == "failed"


def test_two_threads_write_whole_lines_without_a_gap(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "events.jsonl") as events:
        fast = Reporter(events, StateWriter(tmp_path / "state.json", "run"), _Racing())
        fast.phase(Phase.TRAINING)
        heart = Heartbeat(fast)
        heart._over.wait = lambda _seconds: heart._over.is_set()  # type: ignore[assignment, misc]
        with heart:
            for number in range(300):
                fast.warn(f"{number} {'x' * 500}")
    assert len(told(tmp_path, "warning")) == 300
    assert len(told(tmp_path, "heartbeat")) > 3
    for line in (tmp_path / "events.jsonl").read_text().splitlines():
        json.loads(line)


class _Racing:
    """A clock by which a heartbeat is always due."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1000.0
        return self._now


def test_progress_names_both_memories_and_both_speeds(
    reporter: Reporter, time: Time, tmp_path: Path
) -> None:
    reporter.start_clock(0)
    reporter.phase(Phase.TRAINING)
    reporter.count(100, 400)
    time.now += 2.0
    reporter.stepped(1)
    log: dict[str, Any] = {"epoch": 0.1, "loss": 2.0, "learning_rate": 1e-4, "grad_norm": 1.0}
    reporter.progress(log, 1, plan(10), False)
    (event,) = told(tmp_path, "progress")
    assert event.get("tokens_per_second") == event.get("average_tokens_per_second") == 50
    assert event.get("processed_per_second") == 200
    assert event.get("eta_seconds") == 18
    assert event.get("process_peak_memory_bytes") == pytest.approx(process_peak_memory(), rel=0.2)
    assert event.get("peak_memory_bytes") > 10_000_000
    assert free_memory(False) > 0
