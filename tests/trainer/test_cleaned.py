"""A real run that was killed, and cleaned as far as any rule goes, is resumed as if not cleaned."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.config import TrainingConfig
from models.domain.run import Run, RunState
from models.domain.storage import Found, RetentionRules
from services.storage.cleaning import Cleaner
from services.storage.histories import history_of, is_sound
from services.storage.needs import needs_of_jobs
from trainer_image.contract import ExitCode, Job

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.slow


def test_what_a_clean_up_leaves_of_a_killed_run_is_what_it_goes_on_from(lab: Lab) -> None:
    hp = {"epochs": 2.0, "save_steps": 2, "save_total_limit": 10, "eval_steps": 2, "grad_accum": 2,
          "packing": False}  # fmt: skip
    folder = lab.job(hp=hp)
    lab.train_until(folder, '"checkpoint", "step": 6', signal.SIGKILL)
    data, job = folder.parents[1], Job.model_validate_json((folder / "job.json").read_bytes())
    output = data / Path(job.output_directory).relative_to("/data")
    run = Run(
        id=job.run_id, name="", config=TrainingConfig(), state=RunState.FAILED, runtime="",
        data_root=str(data), created_at=1.0, output_directory=str(output),
    )  # fmt: skip
    history = history_of(run)
    whole = [piece.step for piece in history.pieces if piece.is_whole]
    assert whole[-1:] == [6], "the seals of the trainer are understood"
    assert is_sound(Path(history.pieces[whole.index(6)].path))
    state = json.loads(
        (output / "checkpoints" / "checkpoint-6" / "trainer_state.json").read_bytes()
    )
    losses = {one["step"]: one["eval_loss"] for one in state["log_history"] if "eval_loss" in one}
    best = min((step for step in losses if step in whole), key=lambda step: losses[step])
    assert history.best_step == best

    rules = RetentionRules(keep_last=0, keep_best=False)
    cleaner = Cleaner(lambda: Found([history_of(run)], list(needs_of_jobs([data]))), data / "lock")
    done = cleaner.clean(cleaner.plan(rules), rules)

    left = sorted(one.name for one in (output / "checkpoints").glob("checkpoint-*"))
    assert left == sorted({f"checkpoint-{best}", "checkpoint-6"})
    assert len(done.paths) == len(whole) - len(left)
    before = len(folder.joinpath("events.jsonl").read_text().splitlines())
    resumed = lab.train(folder)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    steps = [
        event.get("step") for event in resumed.events[before:] if event.get("type") == "progress"
    ]
    assert steps[0] == 7, "nothing is trained twice"
