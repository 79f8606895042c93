"""Run states and how a run's end is judged."""

from __future__ import annotations

import pytest

from models.domain.config import TrainingConfig
from models.domain.run import (
    IllegalTransitionError,
    Run,
    RunEvent,
    RunState,
    check_transition,
)
from services.run_outcome import Ending, event_changes, judge
from services.runners.base import Look
from trainer_image.contract import Phase, Result
from trainer_image.contract import RunState as TrainerState


def make_run(state: RunState = RunState.RUNNING) -> Run:
    return Run(
        id="r",
        name="r",
        config=TrainingConfig(),
        state=state,
        runtime="Python on this computer",
        data_root="/d",
        created_at=0.0,
        output_directory="/d/outputs/x",
    )


def trainer_state(code: int | None) -> TrainerState:
    return TrainerState(
        run_id="r",
        phase=Phase.TRAINING,
        pid=1,
        boot_count=1,
        started_at=0.0,
        updated_at=0.0,
        exit_code=code,
    )


RESULT = Result(run_id="r", adapter_path="/data/a", base_model="m", engine="transformers", steps=1)
FAILED = RunEvent(3, 0.0, "failed", {"kind": "nan_loss", "message": "m", "hint": "h"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (RunState.DRAFT, RunState.QUEUED),
        (RunState.PREPARING, RunState.RUNNING),
        (RunState.STOPPING, RunState.CANCELLED),
        (RunState.STOPPING, RunState.FINISHED),
        (RunState.FAILED, RunState.PREPARING),
        (RunState.FAILED, RunState.QUEUED),
        (RunState.LOST, RunState.FINISHED),
        (RunState.RUNNING, RunState.RUNNING),
    ],
)
def test_allowed_transitions(old: RunState, new: RunState) -> None:
    check_transition(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (RunState.FINISHED, RunState.RUNNING),
        (RunState.FINISHED, RunState.QUEUED),
        (RunState.CANCELLED, RunState.QUEUED),
        (RunState.STOPPING, RunState.RUNNING),
        (RunState.DRAFT, RunState.RUNNING),
        (RunState.QUEUED, RunState.RUNNING),
    ],
)
def test_illegal_transitions_raise(old: RunState, new: RunState) -> None:
    with pytest.raises(IllegalTransitionError):
        check_transition(old, new)


@pytest.mark.parametrize(
    ("state", "ending", "expected"),
    [
        (RunState.RUNNING, Ending(trainer_state(0), RESULT, None), RunState.FINISHED),
        (RunState.RUNNING, Ending(trainer_state(None), RESULT, None), RunState.FINISHED),
        (RunState.STOPPING, Ending(trainer_state(0), RESULT, None), RunState.FINISHED),
        (RunState.RUNNING, Ending(trainer_state(130), None, None), RunState.CANCELLED),
        (
            RunState.STOPPING,
            Ending(trainer_state(None), None, None, Look(exit_code=137)),
            RunState.CANCELLED,
        ),
        (RunState.RUNNING, Ending(trainer_state(1), None, FAILED), RunState.FAILED),
        (RunState.STOPPING, Ending(trainer_state(1), None, FAILED), RunState.FAILED),
        (RunState.PREPARING, Ending(None, None, FAILED, Look(exit_code=2)), RunState.FAILED),
        (
            RunState.RUNNING,
            Ending(trainer_state(None), None, None, Look(exit_code=137)),
            RunState.FAILED,
        ),
        (RunState.RUNNING, Ending(None, None, None), RunState.FAILED),
        (RunState.RUNNING, Ending(None, None, None, Look(lost="It is gone.")), RunState.LOST),
        (
            RunState.RUNNING,
            Ending(trainer_state(0), RESULT, None, Look(lost="It is gone.")),
            RunState.FINISHED,
        ),
        (RunState.STOPPING, Ending(None, None, None, Look(lost="Gone.")), RunState.CANCELLED),
    ],
)
def test_finished_cancelled_failed_and_killed_are_told_apart(
    state: RunState, ending: Ending, expected: RunState
) -> None:
    assert judge(make_run(state), ending)[0] is expected


def test_a_killed_run_is_not_taken_for_one_that_failed_by_itself() -> None:
    killed = judge(make_run(), Ending(trainer_state(None), None, None, Look(exit_code=137)))[2]
    told = judge(make_run(), Ending(trainer_state(1), None, FAILED))[2]
    assert killed is not None
    assert killed.kind == "killed"
    assert "resume" in killed.hint
    assert told is not None
    assert told.kind == "nan_loss"


@pytest.mark.parametrize("code", [130, 143])
def test_a_stop_that_was_not_ours_is_told_apart_from_ours(code: int) -> None:
    ending = Ending(None, None, None, Look(exit_code=code))
    asked, outside = judge(make_run(RunState.STOPPING), ending), judge(make_run(), ending)
    assert (asked[0], outside[0]) == (RunState.CANCELLED, RunState.CANCELLED)
    assert asked[2] is None
    assert outside[2] is not None
    assert outside[2].kind == "stopped_outside"


def test_out_of_memory_is_what_the_engine_says_and_never_our_own_kill() -> None:
    ending = Ending(trainer_state(None), None, None, Look(exit_code=137, oom_killed=True))
    failure = judge(make_run(), ending)[2]
    assert failure is not None
    assert failure.kind == "host_oom"
    assert judge(make_run(RunState.STOPPING), ending)[0] is RunState.CANCELLED


def test_the_best_held_out_loss_is_the_lowest_and_never_that_before_training() -> None:
    losses = [1.0, 3.0, 2.0, 2.5]
    events = [
        RunEvent(n, 0.0, "eval", {"step": n, "eval_loss": loss}) for n, loss in enumerate(losses)
    ]
    changes = event_changes(make_run(), events)
    assert (changes["best_eval_loss"], changes["eval_loss_after"]) == (2.0, 2.5)


def test_events_move_the_run_on() -> None:
    changes = event_changes(
        make_run(),
        [
            RunEvent(0, 0.0, "phase", {"phase": "training"}),
            RunEvent(1, 0.0, "eval", {"step": 0, "eval_loss": 3.0}),
            RunEvent(2, 0.0, "progress", {"step": 4, "total_steps": 9, "loss": 2.0}),
            RunEvent(3, 0.0, "eval", {"step": 9, "eval_loss": 1.5}),
        ],
    )
    assert changes == {
        "phase": "training",
        "step": 4,
        "total_steps": 9,
        "eval_loss_before": 3.0,
        "eval_loss_after": 1.5,
        "train_loss": 2.0,
        "best_eval_loss": 1.5,
        "next_seq": 4,
    }
