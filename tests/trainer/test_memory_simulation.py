"""What the estimate is compared with is still what the trainer's libraries do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "benchmarks" / "simulate_memory.py"
STORED = json.loads((ROOT / "tests" / "data" / "simulated_memory.json").read_bytes())


@pytest.fixture
def simulate(trainer_python: str, probe_env: dict[str, str]) -> Callable[[str], Any]:
    """Simulate the one case whose description holds this text."""

    def run(text: str) -> Any:
        done = subprocess.run(
            [trainer_python, str(SCRIPT), "--only", text],
            capture_output=True,
            text=True,
            check=False,
            env=probe_env,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize(
    "text",
    [
        'Llama-3.2-1B-Instruct-bnb-4bit", "batch": 1, "length": 512, "hp": {}',
        '"hp": {"quantization": "none", "lora_targets": "q_proj,v_proj"}',
    ],
)
def test_a_step_takes_what_it_took_when_the_estimate_was_made(
    simulate: Callable[[str], Any], text: str
) -> None:
    found = simulate(text)
    stored = next(row for row in STORED if text in json.dumps(row))
    assert found["allocated"] == pytest.approx(stored["allocated"], rel=0.01)
    assert found["reserved"] == pytest.approx(stored["reserved"], rel=0.02)
