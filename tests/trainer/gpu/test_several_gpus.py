"""Two CUDA GPUs over NCCL: adapters and full fine-tunes learn what one GPU does."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from conftest import Finished, Lab

pytestmark = pytest.mark.gpu

HP: dict[str, Any] = {
    "epochs": 2.0, "batch_size": 2, "packing": False, "save_steps": 3, "eval_steps": 3,
    "max_seq_length": 64, "learning_rate": 1e-3, "quantization": "none", "optimizer": "adamw_torch",
}  # fmt: skip
CLOSE = 0.02
"""Relative difference of losses in bfloat16 whose sums are in another order."""


@pytest.fixture
def two_gpus(gpu_python: str) -> None:
    code = "import torch; print(torch.cuda.device_count())"
    done = subprocess.run([gpu_python, "-c", code], capture_output=True, text=True, check=True)
    if int(done.stdout) < 2:
        pytest.skip("there are not two GPUs")


def curve(done: Finished) -> dict[int, float]:
    assert done.code == ExitCode.FINISHED, done.log[-2000:]
    return {event.get("step"): event.get("loss") for event in done.of_type("progress")}


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("tuning", ["LoRA", "full"])
def test_two_gpus_learn_what_one_does(gpu_lab: Lab, tuning: str) -> None:
    hp = HP | {"tuning": tuning}
    alone = gpu_lab.train(gpu_lab.job("alone", hp=hp | {"grad_accum": 2}, use_gpu=True))
    two = gpu_lab.train(gpu_lab.job("two", hp=hp | {"grad_accum": 1}, use_gpu=True, processes=2))
    assert curve(two) == pytest.approx(curve(alone), rel=CLOSE)
    assert [event.type for event in two.events].count("finished") == 1


def test_more_processes_than_gpus_are_refused(gpu_lab: Lab) -> None:
    refused = gpu_lab.train(gpu_lab.job(hp=HP, use_gpu=True, processes=17))
    assert refused.code == ExitCode.REFUSED, refused.log[-2000:]
    assert "17 GPUs" in refused.failure.get("message")
