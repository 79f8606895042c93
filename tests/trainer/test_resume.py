"""A run that was stopped, killed or damaged goes on as if nothing had happened."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import STOP_REQUEST_FILE, ExitCode, Result, RunState

if TYPE_CHECKING:
    from conftest import Finished, Lab

pytestmark = pytest.mark.slow

HP: dict[str, Any] = {
    "epochs": 2.0,
    "save_steps": 4,
    "grad_accum": 2,
    "lora_dropout": 0.1,
    "packing": False,
}
"""20 rows: 10 steps unpacked. Dropout and data order must both go on where they were."""


def result_of(done: Finished) -> Result:
    return Result.model_validate_json((done.folder / "result.json").read_bytes())


@pytest.mark.parametrize("packing", [False, True])
def test_killed_run_ends_with_the_same_bytes(lab: Lab, packing: bool) -> None:
    hp = HP | {"packing": packing, "max_seq_length": 64}
    whole = lab.train(lab.job("whole", hp=hp))
    folder = lab.job("killed", hp=hp)
    killed = lab.train_until(folder, '"checkpoint", "step": 4', signal.SIGKILL)
    assert killed.code == -signal.SIGKILL
    resumed = lab.train(folder)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    assert resumed.adapter == whole.adapter
    assert [event.seq for event in resumed.events] == list(range(len(resumed.events)))
    assert RunState.model_validate_json((folder / "state.json").read_bytes()).boot_count == 2
    one, other = result_of(whole), result_of(resumed)
    for name in ("trained_tokens", "processed_tokens", "eval_loss_before", "eval_loss_after"):
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_saves_and_resumes(lab: Lab, number: signal.Signals) -> None:
    folder = lab.job(hp=HP | {"epochs": 40.0, "save_steps": 1000, "eval_steps": 1000})
    stopped = lab.train_until(folder, '"step": 6', number)
    assert stopped.code == ExitCode.CANCELLED, stopped.log
    assert stopped.failure.get("kind") == "cancelled"
    assert stopped.events[-2].get("phase") == "cancelled"
    state = RunState.model_validate_json((folder / "state.json").read_bytes())
    assert (state.phase, state.exit_code) == ("cancelled", ExitCode.CANCELLED)
    last = stopped.of_type("progress")[-1].get("step")
    assert stopped.of_type("checkpoint")[-1].get("step") == last
    resumed = lab.train_until(folder, f'"step": {last + 3}', number)
    steps = [event.get("step") for event in resumed.of_type("progress")]
    assert steps == list(range(1, steps[-1] + 1))


def test_stop_by_file_and_while_evaluating(lab: Lab) -> None:
    """Stopped between a step and its evaluation: the resume evaluates, and ends the same."""
    hp = HP | {"eval_steps": 4}
    whole = lab.train(lab.job("whole", hp=hp))
    folder = lab.job("stopped", hp=hp)
    process, events = lab.start(folder), folder / "events.jsonl"
    while (events.read_text() if events.exists() else "").count('"evaluating"') < 2:
        time.sleep(0.001)
    (folder / STOP_REQUEST_FILE).touch()
    stopped = lab.ended(process, folder)
    assert stopped.code == ExitCode.CANCELLED, stopped.log
    resumed = lab.train(folder)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    assert not (folder / STOP_REQUEST_FILE).exists()
    assert resumed.adapter == whole.adapter
    losses = [
        {event.get("step"): event.get("eval_loss") for event in done.of_type("eval")}
        for done in (whole, resumed)
    ]
    assert losses[0] == losses[1]


def test_second_signal_harms_nothing(lab: Lab) -> None:
    folder = lab.job(hp=HP | {"epochs": 40.0})
    process, events = lab.start(folder), folder / "events.jsonl"
    while '"step": 5' not in (events.read_text() if events.exists() else ""):
        time.sleep(0.005)
    for _ in range(20):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.002)
    stopped = lab.ended(process, folder)
    assert stopped.code == ExitCode.CANCELLED, stopped.log
    again = lab.train_until(folder, '"resumed_step": 5', signal.SIGTERM)
    assert not again.of_type("warning")


def test_stop_while_loading(lab: Lab) -> None:
    folder = lab.job()
    stopped = lab.train_until(folder, '"tokenizing"', signal.SIGTERM)
    assert stopped.code == ExitCode.CANCELLED, stopped.log
    assert not stopped.of_type("progress")
    assert lab.train(folder).code == ExitCode.FINISHED


@pytest.mark.setting("resume_from")
def test_damaged_checkpoints(lab: Lab) -> None:
    """The newest is passed over with a warning; naming a damaged one is refused."""
    hp = HP | {"save_steps": 2}
    whole = lab.train(lab.job("whole", hp=hp))
    folder = lab.job("run", hp=hp)
    killed = lab.train_until(folder, '"checkpoint", "step": 6', signal.SIGKILL)
    newest = max((killed.output / "checkpoints").iterdir(), key=lambda p: int(p.name[11:]))
    weights = newest / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    lab.job("run", hp=hp | {"resume_from": newest.name})
    refused = lab.train(folder)
    assert refused.code == ExitCode.REFUSED
    assert refused.failure.get("kind") == "checkpoint_corrupt"
    lab.job("run", hp=hp)
    resumed = lab.train(folder)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    assert newest.name in resumed.of_type("warning")[0].get("message")
    assert resumed.adapter == whole.adapter


def test_train_longer_from_a_finished_run(lab: Lab) -> None:
    first = lab.train(lab.job("first", hp=HP))
    last = "/data/outputs/first/checkpoints/checkpoint-10"
    longer = lab.train(lab.job("longer", hp=HP | {"epochs": 3.0, "resume_from": last}))
    assert longer.code == ExitCode.FINISHED, longer.log
    assert [event.get("step") for event in longer.of_type("progress")] == [11, 12, 13, 14, 15]
    assert "other settings" in longer.of_type("warning")[0].get("message")
    assert first.adapter != longer.adapter


def test_ended_between_the_last_step_and_the_result(lab: Lab) -> None:
    folder = lab.job(hp=HP)
    done = lab.train(folder)
    adapter = done.adapter
    (folder / "result.json").unlink()
    marker = done.output / "temper-output.json"
    marker.write_text(marker.read_text().replace("true", "false"))
    again = lab.train(folder)
    assert again.code == ExitCode.FINISHED, again.log
    assert len(again.of_type("progress")) == 10
    assert again.adapter == adapter


@pytest.mark.parametrize("packing", [False, True])
def test_a_smaller_batch_of_the_same_effective_size_goes_on_and_learns_the_same(
    lab: Lab, packing: bool
) -> None:
    """What the window offers when the memory was too small: only rounding differs."""
    hp = HP | {"lora_dropout": 0.0, "packing": packing, "max_seq_length": 64, "batch_size": 4}
    whole = lab.train(lab.job("whole", hp=hp))
    first = lab.job("first", hp=hp)
    killed = lab.train_until(first, '"checkpoint", "step": 4', signal.SIGKILL)
    smaller = {"batch_size": 1, "grad_accum": 8, "gradient_checkpointing": "on"}
    second = lab.job("second", hp=hp | smaller, output_directory="/data/outputs/first")
    resumed = lab.train(second)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    steps = [event.get("step") for event in resumed.of_type("progress")]
    assert steps[0] == 5
    assert steps[-1] == whole.of_type("progress")[-1].get("step")
    assert not resumed.of_type("warning")
    assert killed.of_type("progress")[0].get("step") == 1
    for event, other in zip(
        resumed.of_type("progress"), whole.of_type("progress")[4:], strict=True
    ):
        assert event.get("loss") == pytest.approx(other.get("loss"), rel=1e-3)
    one, other_ = result_of(whole), result_of(resumed)
    assert one.eval_loss_after == pytest.approx(other_.eval_loss_after, rel=1e-3)
    assert one.trained_tokens == other_.trained_tokens
