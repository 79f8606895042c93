"""A new adapter on top of another run's: both in one, exact, and refused where it cannot be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.trainer.test_killed import Ended, kill_once, run
from trainer_image.contract import ExitCode, Job
from trainer_image.rows import file_sha256
from trainer_image.stacked import problems

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab, Probe

    from tests.trainer.forked import Forker


@pytest.mark.slow
def test_both_in_one_file_compute_what_both_compute(
    probe: Probe, tiny_model: Path, tmp_path: Path
) -> None:
    """Over ranks, scales, targets and dropout; logits here are of the size of ten."""
    for name, found in probe("stacked", tiny_model, tmp_path).items():
        assert found["difference"] < 1e-4, name
        assert found["effect"] > 1, "the new adapter must do something"
        assert found["parent"] == 0, "without the new one it is the parent, to the bit"
        assert not found["frozen_moved"]
        assert found["learns"] == ["default"]
        assert not found["random"], "the parent's dropout is off"


@pytest.mark.slow
def test_a_run_on_top_begins_as_its_parent_ended_and_resumes_to_the_same_bytes(
    fork: Forker, lab: Lab
) -> None:
    hp: dict[str, Any] = {"packing": False, "save_steps": 3, "lora_r": 4}
    first = run(fork, lab, "first", hp | {"load_best": False})
    below = {
        "on_top_of": "/data/outputs/first/adapter",
        "on_top_of_sha256": file_sha256(first.output / "adapter" / "adapter_model.safetensors"),
    }
    whole = run(fork, lab, "whole", hp, **below)
    ended = first.values("eval", "eval_loss")
    begun = whole.values("eval", "eval_loss")
    assert min(begun[0]) == pytest.approx(min(ended[max(ended)]), rel=1e-5)
    config = json.loads((whole.output / "adapter" / "adapter_config.json").read_bytes())
    assert (config["r"], config["lora_alpha"]) == (8, 8)
    killed = Ended(lab.job("killed", hp=hp, **below), lab.root / "outputs" / "killed")
    kill_once(fork, lab, killed, '"type": "checkpoint", "step": 3', 0.0)
    assert fork.wait(fork.start(lab.root, killed.folder)) == ExitCode.FINISHED
    assert killed.adapter == whole.adapter


def adapter(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "bias": "none", "use_dora": False, "modules_to_save": None}
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder


def job(folder: Path, sha256: str = "", **hp: object) -> Job:
    return Job.model_validate(
        {
            "run_id": "run",
            "base_model": "m",
            "dataset": {"path": "/data/x.jsonl", "format": "text"},
            "output_directory": "/data/outputs/run",
            "on_top_of": str(folder),
            "on_top_of_sha256": sha256,
            "hp": hp,
        }
    )


def said(job_: Job) -> str:
    return " ".join(map(str, problems(job_)))


def test_what_adds_up_is_taken(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a")
    sha256 = file_sha256(folder / "adapter_model.safetensors")
    assert not said(job(folder, sha256))
    assert not said(job(folder, sha256, lora_variant="rsLoRA"))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "as a whole"),
        ({"peft_type": "IA3"}, "IA3"),
    ],
)
def test_what_adds_up_to_no_one_adapter_is_refused(
    tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    assert word in said(job(adapter(tmp_path / "a", **changes)))


def test_the_wrong_kind_of_training_another_adapter_or_none_is_refused(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a")
    assert "full fine-tune" in said(job(folder, tuning="full"))
    assert "DoRA" in said(job(folder, lora_variant="DoRA"))
    assert "not the one" in said(job(folder, "0" * 64))
    (folder / "adapter_model.safetensors").unlink()
    assert "has no adapter_model.safetensors" in said(job(folder))


def test_what_lies_below_is_part_of_what_a_job_is(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "a")
    assert job(folder, "1" * 64).fingerprint() != job(folder, "2" * 64).fingerprint()
