"""One whole run on a tiny model: what it leaves behind, and what it says on the way."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

import pytest

from trainer_image.contract import ExitCode, Job, OutputMarker, Result, RunState

if TYPE_CHECKING:
    from conftest import Finished, Lab

pytestmark = pytest.mark.slow

STEPS = 20
"""20 rows to train, batches of 2, two epochs; 4 rows held out."""

RUN_FILES = {
    "job.json",
    "record.json",
    "events.jsonl",
    "state.json",
    "train.log",
    "result.json",
    "samples.jsonl",
    "split.json",
}
ADAPTER_FILES = {
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "chat_template.jinja",
    "tokenizer.json",
    "tokenizer_config.json",
}
CHECKPOINT_FILES = ADAPTER_FILES | {
    "optimizer.pt",
    "rng_state.pth",
    "scheduler.pt",
    "trainer_state.json",
    "training_args.bin",
    "temper-checkpoint.json",
}


@pytest.fixture
def done(finished_run: tuple[Lab, Finished]) -> Finished:
    return finished_run[1]


@pytest.fixture
def result(done: Finished) -> Result:
    return Result.model_validate_json((done.folder / "result.json").read_bytes())


def test_exactly_these_files(done: Finished) -> None:
    assert {path.name for path in done.folder.iterdir()} == RUN_FILES
    names = {path.name for path in done.output.iterdir()}
    assert names == {"adapter", "checkpoints", "temper-output.json"}
    assert {path.name for path in (done.output / "adapter").iterdir()} == ADAPTER_FILES
    kept = sorted(path.name for path in (done.output / "checkpoints").iterdir())
    assert kept == ["checkpoint-15", "checkpoint-20"]
    for folder in (done.output / "checkpoints").iterdir():
        assert {path.name for path in folder.iterdir()} == CHECKPOINT_FILES


def test_result(done: Finished, result: Result) -> None:
    job = Job.model_validate_json((done.folder / "job.json").read_bytes())
    assert result.adapter_path == "/data/outputs/run/adapter"
    assert result.fingerprint == job.fingerprint()
    assert result.dataset_sha256 == job.dataset.sha256
    assert result.adapter_sha256 == hashlib.sha256(done.adapter).hexdigest()
    template = (done.output / "adapter" / "chat_template.jinja").read_text()
    assert result.chat_template_sha256 == hashlib.sha256(template.encode()).hexdigest()
    assert result.steps == STEPS
    assert result.eval_loss_before is not None
    assert result.eval_loss_after is not None
    assert result.eval_loss_after < 0.8 * result.eval_loss_before
    assert 0 < result.trained_tokens < result.processed_tokens
    assert result.device == "cpu"
    assert result.peak_memory_bytes > 100_000_000
    assert result.seconds > 0


def test_output_is_marked_as_finished(done: Finished, result: Result) -> None:
    marker = OutputMarker.model_validate_json((done.output / "temper-output.json").read_bytes())
    assert marker.finished
    assert (marker.run_id, marker.fingerprint) == ("run", result.fingerprint)


def test_state(done: Finished) -> None:
    state = RunState.model_validate_json((done.folder / "state.json").read_bytes())
    assert (state.phase, state.exit_code, state.boot_count) == ("finished", 0, 1)


def test_events_tell_the_run(done: Finished, result: Result) -> None:
    assert [event.seq for event in done.events] == list(range(len(done.events)))
    assert done.events[0].get("phase") == "preparing"
    assert done.events[-1].type == "finished"
    assert done.events[-1].get("adapter_path") == result.adapter_path
    phases = [event.get("phase") for event in done.of_type("phase")]
    assert phases[:4] == ["preparing", "tokenizing", "evaluating", "training"]
    assert phases[-1] == "saving"
    assert [event.get("step") for event in done.of_type("eval")] == [0, 5, 10, 15, 20]
    assert [event.get("step") for event in done.of_type("checkpoint")] == [5, 10, 15, 20]


def test_progress(done: Finished, result: Result) -> None:
    progress = done.of_type("progress")
    assert [event.get("step") for event in progress] == list(range(1, STEPS + 1))
    for event in progress:
        assert event.get("total_steps") == STEPS
        assert event.get("tokens_per_second") > 0
        for name in ("loss", "grad_norm", "learning_rate", "eta_seconds", "epoch"):
            assert math.isfinite(event.get(name))
    assert progress[-1].get("tokens") == result.trained_tokens
    assert progress[-1].get("epoch") == 2
    assert progress[0].time - done.of_type("eval")[0].time < 10  # the first step comes at once


def test_the_time_left_is_true(done: Finished) -> None:
    """Evaluations and saving counted, within what a busy computer makes of a second."""
    end = done.events[-1].time
    for event in done.of_type("progress")[8:]:
        left = end - event.time
        assert abs(event.get("eta_seconds") - left) < 0.6 * left + 2


def test_trained_tokens_are_those_of_the_answers(done: Finished, result: Result) -> None:
    """Two epochs over all rows: each answer's tokens, which the log counts for one epoch."""
    line = next(line for line in done.log.splitlines() if line.startswith("trained tokens: "))
    assert result.trained_tokens == 2 * int(line.split()[2])


def test_adapter_names_the_base_as_the_job_did(done: Finished) -> None:
    config = json.loads((done.output / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "/data/models/tiny"


def test_samples_and_split(done: Finished) -> None:
    samples = [
        json.loads(line) for line in (done.folder / "samples.jsonl").read_text().splitlines()
    ]
    split = json.loads((done.folder / "split.json").read_text())
    assert split["held_out"] == [5, 11, 17, 23]
    assert {sample["row"] for sample in samples if sample["held_out"]} == set(split["held_out"])
    assert len(samples) == split["rows"] == 24


def test_log_has_no_carriage_returns(done: Finished) -> None:
    assert "\r" not in done.log
    assert "precision: float32" in done.log


def test_finished_output_is_not_touched_again(finished_run: tuple[Lab, Finished]) -> None:
    lab, done = finished_run
    again = lab.train(lab.job("again", output_directory="/data/outputs/run"))
    assert again.code == ExitCode.REFUSED
    assert "is not empty" in again.failure.get("message")
    assert (done.output / "adapter").exists()


@pytest.mark.parametrize(
    "hp",
    [
        {"lora_variant": "DoRA", "gradient_checkpointing": "on", "lora_targets": "q_proj, v_proj"},
        {"lora_variant": "rsLoRA", "scheduler": "linear", "optimizer": "sgd", "warmup_ratio": 0.0},
        {"quantization": "4-bit", "assistant_only_loss": False, "packing": True},
    ],
)
def test_other_settings_train_too(lab: Lab, hp: dict[str, object]) -> None:
    done = lab.train(lab.job(hp=hp | {"max_steps": 3}))
    assert done.code == ExitCode.FINISHED, done.log
    assert len(done.of_type("progress")) == 3


def test_text_without_held_out_rows(lab: Lab) -> None:
    content = b"".join(b'{"text": "Once upon a time, number %d."}\n' % n for n in range(6))
    dataset = lab.dataset(content) | {"format": "text", "eval_split": "", "eval_percent": 0}
    done = lab.train(lab.job(dataset=dataset))
    assert done.code == ExitCode.FINISHED, done.log
    assert not done.of_type("eval")
    assert (done.folder / "samples.jsonl").read_text() == ""


@pytest.mark.setting("early_stopping", "load_best")
def test_best_adapter_is_kept_and_patience_ends_the_run(lab: Lab) -> None:
    """A learning rate that ruins the model after a few steps: the best adapter is an early one."""
    hp = {"learning_rate": 1.0, "scheduler": "constant", "lora_alpha": 128, "packing": False}
    done = lab.train(lab.job(hp=hp | {"epochs": 4.0, "eval_steps": 1, "early_stopping": 3}))
    assert done.code == ExitCode.FINISHED, done.log
    losses = {event.get("step"): event.get("eval_loss") for event in done.of_type("eval")}
    best = min((step for step in losses if step), key=lambda step: losses[step])
    assert max(losses) == best + 3
    folder = done.output / "checkpoints" / f"checkpoint-{best}"
    assert (folder / "adapter_model.safetensors").read_bytes() == done.adapter
    result = Result.model_validate_json((done.folder / "result.json").read_bytes())
    assert result.eval_loss_after == losses[best]


def test_loss_that_is_no_number(lab: Lab) -> None:
    """The adapter's scale is so large that its first step is beyond what a float can hold."""
    done = lab.train(lab.job(hp={"lora_alpha": 10**38, "warmup_ratio": 0, "packing": False}))
    assert done.code == ExitCode.FAILED, done.log
    assert done.failure.get("kind") == "nan_loss"
    assert not (done.folder / "result.json").exists()


def test_answers_beyond_the_maximum_length_are_counted(lab: Lab) -> None:
    content = b'{"question": "Q", "answer": "A"}\n' * 4
    content += b'{"question": "' + b"long " * 200 + b'", "answer": "A"}\n'
    dataset = lab.dataset(content) | {"eval_split": "", "eval_percent": 0}
    done = lab.train(lab.job(dataset=dataset, hp={"max_steps": 1}))
    (warning,) = done.of_type("warning")
    assert warning.get("message").startswith("1 rows were left out")
    assert "line 5" in warning.get("message")
