"""bitsandbytes' 4-bit and 8-bit weights train on a processor too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow

RUNS = ("none", "4-bit", "8-bit")
ROWS = [
    {"question": f"What is thing {n % 5}?", "answer": f"It is number {n % 5}. " * (1 + n % 3)}
    for n in range(20)
]


def job(kind: str) -> dict[str, Any]:
    """Eight steps on a processor, all alike but for the base's weights."""
    return {
        "run_id": kind,
        "base_model": "/data/models/tiny",
        "dataset": {"path": "/data/rows.jsonl", "format": "question_answer", "eval_percent": 0},
        "output_directory": f"/data/outputs/{kind}",
        "hp": {
            "quantization": kind,
            "batch_size": 4,
            "grad_accum": 1,
            "max_seq_length": 64,
            "packing": False,
            "max_steps": 8,
            "learning_rate": 3e-2,
        },
        "offline": True,
        "use_gpu": False,
    }


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, probe: Probe
) -> dict[str, Any]:
    """The same small job with each kind of weights, in one process."""
    root = tmp_path_factory.mktemp("quantised")
    (root / "models").mkdir()
    (root / "models" / "tiny").symlink_to(tiny_model)
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for kind in RUNS:
        folder = root / "runs" / kind
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps(job(kind)))
    report: dict[str, Any] = probe("quantised", root, *RUNS)
    return report


@pytest.mark.spec("**bitsandbytes** for 4‑bit quantization where supported.")
def test_the_base_is_stored_in_four_bits_while_the_adapter_learns_in_float32(trained: Any) -> None:
    assert set(trained["none"]["weights"]) == {"torch.float32"}
    assert set(trained["4-bit"]["weights"]) == {"torch.uint8"}  # two weights in each
    assert set(trained["4-bit"]["learning"]) == {"torch.float32"}
    assert trained["4-bit"]["bytes"] < trained["none"]["bytes"]


def test_the_base_is_stored_in_eight_bits(trained: Any) -> None:
    assert set(trained["8-bit"]["weights"]) == {"torch.int8"}
    assert set(trained["8-bit"]["learning"]) == {"torch.float32"}
    assert trained["8-bit"]["bytes"] < trained["none"]["bytes"]


@pytest.mark.parametrize("kind", RUNS)
def test_it_learns_with_any_weights(trained: Any, kind: str) -> None:
    losses = trained[kind]["losses"]
    assert trained[kind]["code"] == ExitCode.FINISHED
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("kind", ["4-bit", "8-bit"])
def test_packed_weights_start_near_the_loss_of_the_full_ones(trained: Any, kind: str) -> None:
    assert trained[kind]["losses"][0] == pytest.approx(trained["none"]["losses"][0], rel=0.05)
    assert trained[kind]["losses"][0] != trained["none"]["losses"][0]


@pytest.mark.parametrize("kind", RUNS)
def test_an_evaluation_changes_nothing_of_what_is_learnt(
    trained: dict[str, Any], kind: str
) -> None:
    """bitsandbytes stores 4-bit weights anew when a model is asked; gradients must still pass."""
    gradients = trained[kind]["gradients"]
    assert all(gradients["before"])
    assert gradients["after"] == pytest.approx(gradients["before"], rel=1e-5)


def test_tied_embeddings_stay_tied(trained: Any) -> None:
    assert all(trained[kind]["tied"] for kind in RUNS)


def test_the_result_says_which_engine_and_why(trained: Any) -> None:
    result = trained["4-bit"]["result"]
    assert result["engine"] == "transformers"
    assert result["engine_reason"] == "The job asks for the processor."


def test_kernels_that_nobody_asked_for_are_not_missed_in_the_log(trained: Any) -> None:
    assert not [line for line in trained["log"] if "kernels" in line]
