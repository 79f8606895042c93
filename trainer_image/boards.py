"""A run's curves for other programs: TensorBoard's files, or Weights & Biases.

Both get the same numbers as our own events. Nothing leaves this machine unless the user is logged
in to Weights & Biases; without that its run lies in the output directory, to be sent by hand.
"""

from __future__ import annotations

import netrc
import os
from typing import TYPE_CHECKING, Any, Protocol

from trainer_image import world
from trainer_image.event_file import EventFile

if TYPE_CHECKING:
    from trainer_image.trainer import Training

_HOST = "api.wandb.ai"
_SETTINGS = {
    "WANDB_DISABLE_CODE": "true", "WANDB_DISABLE_GIT": "true", "WANDB_CONSOLE": "off",
    "WANDB_SILENT": "true", "WANDB_X_DISABLE_STATS": "true",
}  # fmt: skip
"""No code, no log: what is recorded is settings and curves. That errors are not reported must be
settled before wandb is imported (environment.py)."""


class Board(Protocol):
    """Where curves go."""

    def write(self, step: int, values: dict[str, float]) -> None:
        """The values after a step."""

    def close(self) -> None:
        """No more values come."""


def board_callbacks(training: Training) -> list[Any]:
    """The trainer's callbacks for what the job reports to, one or none."""
    if training.checked.job.hp.report_to == "none" or not world.is_first():
        return []
    return [_callback(training)]


def is_logged_in() -> bool:
    """Whether the user has given this machine a key for Weights & Biases."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators(_HOST) is not None
    except (OSError, netrc.NetrcParseError):
        return False


class WandbBoard:
    """A run of Weights & Biases; a resumed one goes on under the same id."""

    def __init__(self, training: Training) -> None:
        job, folder = training.checked.job, training.checked.output.path
        sends = is_logged_in() and not job.offline
        os.environ.update(_SETTINGS)
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "temper"),
            name=job.name or job.run_id,
            id=job.run_id,
            resume="allow" if sends else None,
            mode="online" if sends else "offline",
            dir=str(folder),
            config={"base_model": job.base_model} | job.hp.model_dump(mode="json"),
        )
        if not sends:
            training.reporter.warn(
                "Weights & Biases: nothing is sent, because "
                + ("this run is offline. " if job.offline else "nobody is logged in here. ")
                + f"To send the run later: wandb sync {job.output_directory}/wandb/offline-run-*"
            )

    def write(self, step: int, values: dict[str, float]) -> None:
        """Steps that were reported before a crash are not taken twice."""
        self._run.log(values, step=step)

    def close(self) -> None:
        """Wait until all is written, or sent."""
        self._run.finish()


def _callback(training: Training) -> Any:
    from transformers import TrainerCallback

    class BoardCallback(TrainerCallback):  # type: ignore[misc]
        """Hands each line of the trainer's log on."""

        board: Board | None = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            self.board = _open(training, state.global_step)

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **rest: Any
        ) -> None:
            if self.board is not None:
                self.board.write(state.global_step, _named(logs))

        def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            if self.board is not None:
                self.board.close()
                self.board = None

    return BoardCallback()


def _open(training: Training, step: int) -> Board:
    if training.checked.job.hp.report_to == "wandb":
        return WandbBoard(training)
    return EventFile(training.checked.output.path / "tensorboard", step)


def _named(logs: dict[str, Any]) -> dict[str, float]:
    """The trainer's numbers under the names that its users know: ``train/loss``, ``eval/loss``."""
    numbers = {name: float(value) for name, value in logs.items() if isinstance(value, int | float)}
    return {
        f"eval/{name.removeprefix('eval_')}" if name.startswith("eval_") else f"train/{name}": value
        for name, value in numbers.items()
    }
