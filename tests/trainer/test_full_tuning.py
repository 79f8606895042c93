"""A full fine-tune: every weight learns, a whole model comes out, and a crash costs nothing."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode, Result
from trainer_image.whole_model import checkpoint_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Finished, Lab, Probe

pytestmark = pytest.mark.slow

FULL = {"tuning": "full", "packing": False, "save_steps": 4, "learning_rate": 2e-3, "epochs": 2.0}
QUESTION = "What is a tuple?"


@pytest.fixture(scope="module")
def whole(finished_run: tuple[Lab, Finished]) -> tuple[Lab, Finished]:
    """One full fine-tune that ended well, beside a run with an adapter."""
    lab = finished_run[0]
    done = lab.train(lab.job("whole", hp=FULL))
    assert done.code == ExitCode.FINISHED, done.log
    return lab, done


@pytest.mark.setting("tuning")
def test_every_weight_learns_and_a_whole_model_comes_out(
    whole: tuple[Lab, Finished], probe: Probe, tiny_model: Path
) -> None:
    lab, done = whole
    result = Result.model_validate_json((done.folder / "result.json").read_bytes())
    assert (result.kind, result.adapter_path) == ("model", "/data/outputs/whole/model")
    assert result.eval_loss_after is not None
    assert result.eval_loss_before is not None
    assert result.eval_loss_after < 0.9 * result.eval_loss_before
    names = {path.name for path in done.output.iterdir()}
    assert names == {"model", "checkpoints", "temper-output.json"}
    assert "Writing" not in done.log, "a progress bar"
    folder = done.output / "model"
    adapter = lab.root / "outputs" / "run" / "adapter"
    seen = probe("whole_answers", tiny_model, folder, adapter, QUESTION, 12)
    assert seen["unchanged"] == []
    assert (seen["dtype"], seen["use_cache"]) == ("float32", True)
    assert seen["sha256"] == result.adapter_sha256
    assert_both_answer(seen)


def assert_both_answer(seen: dict[str, Any]) -> None:
    """The chat says what the models say alone, whatever was loaded before."""
    assert seen["alone"], "the base was loaded though nobody asked it"
    assert seen["plain_tuned"] != seen["plain_base"]
    for name in ("tuned", "tuned_again", "tuned_after_adapter"):
        assert seen[name] == seen["plain_tuned"]
    for name in ("base", "base_of_adapter", "base_after_adapter"):
        assert seen[name] == seen["plain_base"]
    assert seen["adapter"] not in {seen["plain_base"], seen["plain_tuned"]}


def test_killed_and_resumed_it_makes_the_same_model(whole: tuple[Lab, Finished]) -> None:
    lab, done = whole
    folder = lab.job("cut", hp=FULL)
    cut = lab.train_until(folder, '"step": 10', signal.SIGKILL)
    assert cut.code == -signal.SIGKILL
    assert not (cut.output / "model").exists()
    resumed = lab.train(folder)
    assert resumed.code == ExitCode.FINISHED, resumed.log
    starts = [event.get("resumed_step", 0) for event in resumed.of_type("phase")]
    assert max(starts) == 8
    for name in ("model.safetensors", "config.json"):
        path = done.output / "model" / name
        assert (resumed.output / "model" / name).read_bytes() == path.read_bytes()


def test_the_log_says_what_the_checkpoints_take(whole: tuple[Lab, Finished]) -> None:
    folder = whole[1].output / "checkpoints" / "checkpoint-20"
    weights = json.loads((whole[0].root / "models" / "tiny" / "config.json").read_text())
    assert weights["tie_word_embeddings"]
    found = sum((folder / name).stat().st_size for name in ("model.safetensors", "optimizer.pt"))
    parameters = (folder / "model.safetensors").stat().st_size // 4
    assert checkpoint_bytes(parameters, "adamw_torch") == pytest.approx(found, rel=0.01)
    assert "disk: " in whole[1].log


def test_a_disk_too_small_for_one_checkpoint_is_told_before_training(lab: Lab, mount: Any) -> None:
    """39 MB a checkpoint and 13 MB of model do not go onto 40 MB."""
    (lab.root / "outputs").mkdir()
    mount(lab.root / "outputs", "size=40m")
    done = lab.train(lab.job(hp=FULL))
    assert done.code == ExitCode.FAILED, done.log
    assert done.failure.get("kind") == "disk_full"
    assert "A checkpoint of this full fine-tune takes" in done.failure.get("message")
    assert not done.of_type("progress")


def test_a_quantised_base_is_refused(light_lab: Lab) -> None:
    config = light_lab.root / "models" / "tiny" / "config.json"
    config.write_text(json.dumps({"quantization_config": {"load_in_4bit": True}}))
    done = light_lab.train(light_lab.job(hp={"tuning": "full"}))
    assert done.code == ExitCode.REFUSED
    assert "is stored quantised" in done.failure.get("message")
