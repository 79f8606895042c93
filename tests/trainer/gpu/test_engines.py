"""Both engines on a CUDA GPU: the same losses, whichever computes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trainer_image.contract import ExitCode
from trainer_image.machine import REFUSAL_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Finished, Lab

pytestmark = pytest.mark.gpu

HP: dict[str, Any] = {"batch_size": 2, "grad_accum": 2, "epochs": 2.0, "save_steps": 100}
GPU = {"use_gpu": True}
CLOSE = 0.02
"""Relative difference of losses in bfloat16 whose sums are in another order."""


def losses(done: Finished) -> list[float]:
    assert done.code == ExitCode.FINISHED, done.log
    return [event.get("loss") for event in done.of_type("progress")]


def result(done: Finished) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((done.folder / "result.json").read_text())
    return found


@pytest.fixture
def both(gpu_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Train the same job with Unsloth and with Transformers."""

    def train(hp: dict[str, Any]) -> tuple[Finished, Finished]:
        fast = gpu_lab.train(gpu_lab.job("fast", hp=HP | hp, **GPU))
        monkeypatch.setenv(REFUSAL_VARIABLE, "for comparison.")
        return fast, gpu_lab.train(gpu_lab.job("plain", hp=HP | hp, **GPU))

    return train


@pytest.mark.spec("**PEFT / LoRA** (via Unsloth) for parameter‑efficient fine‑tuning.")
@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("quantization", ["none", "4-bit"])
def test_both_engines_learn_the_same(both: Any, packing: bool, quantization: str) -> None:
    """Packed batches of two are where Unsloth by itself would let rows see each other."""
    fast, plain = both({"packing": packing, "quantization": quantization})
    assert result(fast)["engine"] == "unsloth"
    assert "faster kernels" in result(fast)["engine_reason"]
    assert result(plain)["engine"] == "transformers"
    assert losses(fast)[0] == pytest.approx(losses(plain)[0], rel=CLOSE)
    assert losses(fast)[-1] == pytest.approx(losses(plain)[-1], rel=5 * CLOSE)
    assert result(fast)["eval_loss_before"] == pytest.approx(
        result(plain)["eval_loss_before"], rel=CLOSE
    )
    assert result(fast)["trained_tokens"] == result(plain)["trained_tokens"]


def test_accumulation_counts_tokens_with_unsloth_too(gpu_lab: Lab) -> None:
    """Unsloth's own count of tokens is kept out of the trainer."""
    same = {"packing": False, "max_steps": 3, "quantization": "none"}
    whole = gpu_lab.train(gpu_lab.job("whole", hp=same | {"batch_size": 4, "grad_accum": 1}, **GPU))
    parts = gpu_lab.train(gpu_lab.job("parts", hp=same | {"batch_size": 1, "grad_accum": 4}, **GPU))
    assert losses(parts) == pytest.approx(losses(whole), rel=CLOSE)


@pytest.mark.parametrize("variant", ["rsLoRA", "DoRA"])
def test_variants_train_on_a_gpu(gpu_lab: Lab, variant: str) -> None:
    done = gpu_lab.train(gpu_lab.job(hp=HP | {"lora_variant": variant}, **GPU))
    assert losses(done)[-1] < losses(done)[0]
    assert result(done)["engine"] == ("transformers" if variant == "DoRA" else "unsloth")


def test_a_model_that_unsloth_refuses_is_trained_all_the_same(gpu_lab: Lab, tmp_path: Path) -> None:
    """Unsloth takes no architecture that it does not know; this stands for one."""
    broken = tmp_path / "broken"
    (broken / "unsloth").mkdir(parents=True)
    (broken / "unsloth" / "__init__.py").write_text("raise NotImplementedError('not this one')\n")
    gpu_lab.python = str(_with_path(gpu_lab.python, broken, tmp_path))
    done = gpu_lab.train(gpu_lab.job(hp=HP, **GPU))
    assert losses(done)
    assert result(done)["engine"] == "transformers"
    assert "not this one" in result(done)["engine_reason"]
    assert any("Unsloth" in event.get("message") for event in done.of_type("warning"))


def _with_path(python: str, first: Path, folder: Path) -> Path:
    """A Python that finds the modules of ``first`` before its own."""
    script = folder / "python.sh"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{first}:$PYTHONPATH" exec {python} "$@"\n')
    script.chmod(0o755)
    return script


def test_nothing_is_left_where_the_process_was(
    gpu_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert losses(gpu_lab.train(gpu_lab.job(hp=HP | {"max_steps": 2}, **GPU)))
    assert not list(here.iterdir())
