"""A GPU whose memory does not suffice: what is said, what helps, and what the probe finds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Lab

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).parents[3]
LEFT = 900 * 2**20
"""Bytes of the GPU that the filler leaves: enough for CUDA itself and the tiny model."""
FILLER = (
    "import sys, torch\n"
    f"kept = torch.empty(torch.cuda.mem_get_info()[0] - {LEFT}, dtype=torch.uint8, device='cuda')\n"
    "print('full', flush=True)\n"
    "sys.stdin.read()\n"
)
ROW = json.dumps({"question": "Why? " * 300, "answer": "Because. " * 1500, "split": "train"})


@pytest.fixture
def full_gpu(gpu_python: str) -> Iterator[None]:
    """Somebody else has nearly all of the GPU's memory."""
    command = [gpu_python, "-c", FILLER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as filler:
        assert filler.stdout is not None
        assert filler.stdout.readline() == "full\n"
        yield
        filler.kill()


@pytest.fixture
def job(gpu_lab: Lab) -> Any:
    """A job of long rows in large batches."""
    dataset = gpu_lab.dataset(f"{ROW}\n".encode() * 64) | {"eval_split": "", "eval_percent": 0}
    hp = {"batch_size": 32, "grad_accum": 2, "max_seq_length": 2048, "packing": False}
    return gpu_lab.job(hp=hp | {"gradient_checkpointing": "off"}, dataset=dataset, use_gpu=True)


@pytest.mark.usefixtures("full_gpu")
def test_out_of_memory_has_its_kind_code_and_remedies(gpu_lab: Lab, job: Any) -> None:
    done = gpu_lab.train(job)
    assert done.code == ExitCode.CUDA_OOM, done.log
    assert done.failure.get("kind") == "cuda_oom"
    named = done.failure.get("remedies")
    assert named[0]["changes"] == {"hp.batch_size": 16, "hp.grad_accum": 4}
    assert named[1]["changes"] == {"hp.gradient_checkpointing": "on"}


@pytest.mark.usefixtures("full_gpu")
def test_the_probe_says_that_it_does_not_fit(gpu_lab: Lab, job: Any) -> None:
    assert not probed(gpu_lab, job)["fits"]


def test_the_probe_takes_what_the_run_takes(gpu_lab: Lab) -> None:
    folder = gpu_lab.job(hp={"batch_size": 2, "grad_accum": 2}, use_gpu=True)
    answer = probed(gpu_lab, folder)
    assert answer["fits"]
    assert answer["device"] != "cpu"
    done = gpu_lab.train(folder)
    result = json.loads((done.folder / "result.json").read_text())
    assert answer["peak_memory_bytes"] == pytest.approx(result["peak_memory_bytes"], rel=0.15)


def probed(lab: Lab, folder: Any) -> dict[str, Any]:
    command = [lab.python, "-m", "trainer_image.train", "--job", str(folder / "job.json")]
    environment = {"TEMPER_DATA_ROOT": str(lab.root), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["env", *(f"{name}={value}" for name, value in environment.items()), *command, "--probe"],
        capture_output=True,
        text=True,
        check=False,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
