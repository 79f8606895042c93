"""Pure rules of following a run: what its events change, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.run import HEARTBEAT, Failure, Run, RunEvent, RunState
from services.run_files import host_path
from services.runners.base import Look
from trainer_image.contract import ExitCode, FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.errors import AppError
    from trainer_image.contract import Result
    from trainer_image.contract import RunState as TrainerState


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known once a run's process is gone."""

    state: TrainerState | None
    result: Result | None
    last_failure: RunEvent | None
    look: Look = field(default_factory=Look)

    @property
    def code(self) -> int | None:
        """The exit code: what the trainer says of itself, else what is seen from outside."""
        own = self.state.exit_code if self.state else None
        return own if own is not None else self.look.exit_code


def event_changes(run: Run, events: Sequence[RunEvent]) -> dict[str, object]:
    """What these events change of the run: its phase, step, losses and how far it has been read.

    Only the changed fields, so that storing them cannot undo what another program stored meanwhile.
    """
    changes: dict[str, object] = {}
    for event in events:
        if event.type == "phase":
            changes["phase"] = event.text("phase")
        elif event.type == "progress":
            changes["step"] = int(event.number("step") or 0)
            changes["total_steps"] = int(event.number("total_steps") or 0)
            changes["train_loss"] = event.number("loss")
        elif event.type == HEARTBEAT and event.text("phase") == "training":
            changes["step"] = int(event.number("step") or 0)
        elif event.type == "eval":
            loss = event.number("eval_loss")
            is_first = not event.number("step") and run.eval_loss_before is None
            changes["eval_loss_before" if is_first else "eval_loss_after"] = loss
            if not is_first:
                known = (changes.get("best_eval_loss", run.best_eval_loss), loss)
                changes["best_eval_loss"] = min(
                    (one for one in known if isinstance(one, float)), default=None
                )
    if events:
        changes["next_seq"] = events[-1].seq + 1
    return changes


def judge(run: Run, ending: Ending) -> tuple[RunState, int | None, Failure | None]:
    """How a run whose process is gone ended: state, exit code and, if it failed, why.

    A trainer that ends by itself says so in ``state.json``. One that was killed cannot, and then
    only our own stop request tells a cancelled run from a killed one.
    """
    code = ending.code
    if ending.result is not None and code in {None, ExitCode.FINISHED}:
        return RunState.FINISHED, int(ExitCode.FINISHED), None
    failure = ending.last_failure
    if failure is not None and failure.text("kind") == FailureKind.CANCELLED:
        failure = None
    asked = run.state is RunState.STOPPING
    if ending.look.failure is not None and failure is None and not asked:
        lost = RunState.LOST if ending.look.lost else RunState.FAILED
        return lost, code, ending.look.failure
    if code in _STOPPED_CODES or (asked and failure is None):
        return RunState.CANCELLED, code, None if asked else _STOPPED_OUTSIDE
    if failure is not None:
        return RunState.FAILED, code, _told(failure)
    if ending.look.lost and code is None:
        return RunState.LOST, None, Failure("container_gone", ending.look.lost, _RESUME)
    return RunState.FAILED, code, _OUT_OF_MEMORY if ending.look.oom_killed else _untold(code)


def ending_changes(run: Run, ending: Ending, now: float) -> dict[str, object]:
    """What a run's end changes of it: exit code, failure, time, and what the result says."""
    _, code, failure = judge(run, ending)
    state, result = ending.state, ending.result
    changes: dict[str, object] = {
        "exit_code": code,
        "failure": failure,
        "ended_at": state.ended_at if state and state.ended_at else now,
    }
    if result is not None:
        changes |= {
            "adapter_path": str(host_path(Path(run.data_root), result.adapter_path)),
            "hub_url": result.hub_url,
            "step": result.steps,
            "eval_loss_before": result.eval_loss_before,
            "eval_loss_after": result.eval_loss_after,
        }
    return changes


_STOPPED_CODES = frozenset({ExitCode.CANCELLED, 128 + 15})
"""The trainer heeded SIGTERM; 143 before it could listen for it."""
_RESUME = "Resume: it goes on from the last checkpoint."
_STOPPED_OUTSIDE = Failure(
    "stopped_outside",
    "The training was stopped from outside Temper: by another program, or because Docker or the "
    "computer was shut down.",
    _RESUME,
)
_OUT_OF_MEMORY = Failure(
    str(FailureKind.HOST_OOM),
    "The training used up the memory it may take, and the system ended it.",
    "Use a smaller batch or a shorter sequence length, then resume: it goes on from the last "
    "checkpoint.",
)


def engine_gone(error: AppError) -> Failure:
    """Why a run was given up."""
    return Failure(
        "engine_gone",
        f"{error.message} The run was given up, so nothing tells how far it came.",
        "If its container still runs, it saves a checkpoint and ends by itself. Then resume.",
    )


def _told(event: RunEvent) -> Failure:
    return Failure(event.text("kind"), event.text("message"), event.text("hint"))


def _untold(code: int | None) -> Failure:
    if code in {137, -9, None}:
        return Failure(
            "killed",
            "The trainer was ended from outside before it could say why, "
            "most often because the computer ran out of memory.",
            "Use a smaller batch or a shorter sequence length, then resume: it goes on from the "
            "last checkpoint.",
        )
    return Failure(
        str(FailureKind.INTERNAL),
        f"The trainer ended with code {code} and gave no reason.",
        "Look at the end of the log (temper runs logs), then resume.",
    )
