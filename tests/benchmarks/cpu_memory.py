"""The estimate of memory against measured peaks of the trainer itself, on a processor.

    python tests/benchmarks/cpu_memory.py [--write]

Runs the real trainer with the small real model (tests/conftest.py makes both) on sequences that are
full, and compares the peak that it reports with the estimate. Prints JSON, a line a case;
``--write`` keeps them in tests/data/measured_cpu_memory.json, which docs/memory.md shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from services.runners.process import worker_environment  # noqa: E402

HOME = ROOT / ".cache" / "test-home"
RESULTS = ROOT / "tests" / "data" / "measured_cpu_memory.json"
REPO = "HuggingFaceTB/SmolLM2-135M-Instruct"
CASES: tuple[tuple[int, int, dict[str, Any]], ...] = (
    (1, 256, {}),
    (2, 512, {}),
    (4, 512, {}),
    (1, 2048, {}),
    (1, 512, {"gradient_checkpointing": "on"}),
    (1, 512, {"lora_r": 64}),
)


def measure(batch: int, length: int, hp: dict[str, Any]) -> dict[str, Any]:
    """Train two steps of two batches; the peak in bytes that the trainer reports."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "models").mkdir()
        (root / "models" / "small").symlink_to(HOME / "data/models/SmolLM2-135M-Instruct")
        (run := root / "runs" / "run").mkdir(parents=True)
        settings = {
            "batch_size": batch, "max_seq_length": length, "grad_accum": 2, "max_steps": 2,
        } | hp  # fmt: skip
        job = {
            "run_id": "run",
            "base_model": "/data/models/small",
            "dataset": _dataset(root, rows=4 * batch, length=length),
            "output_directory": "/data/outputs/run",
            "hp": settings,
            "offline": True,
            "use_gpu": False,
        }
        (run / "job.json").write_text(json.dumps(job))
        python = HOME / "runtime" / "venv" / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "trainer_image.train", "--job", run / "job.json"],
            env=worker_environment(os.environ, ROOT, root) | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        peak = json.loads((run / "result.json").read_bytes())["peak_memory_bytes"]
    return {"repo": REPO, "batch": batch, "length": length, "hp": hp, "measured": peak}


def _dataset(root: Path, rows: int, length: int) -> dict[str, Any]:
    """Plain text, longer than a sequence: every position is there and is trained."""
    lines = [json.dumps({"text": f"{number} " + "word " * 2 * length}) for number in range(rows)]
    content = ("\n".join(lines) + "\n").encode()
    sha256 = hashlib.sha256(content).hexdigest()
    path = root / "datasets" / f"{sha256}.jsonl"
    path.parent.mkdir()
    path.write_bytes(content)
    return {
        "path": f"/data/datasets/{path.name}",
        "sha256": sha256,
        "format": "text",
        "eval_percent": 0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the results for the page")
    options = parser.parse_args()
    results = []
    for batch, length, hp in CASES:
        results.append(measure(batch, length, hp))
        print(json.dumps(results[-1]), flush=True)
    if options.write:
        lines = ",\n".join(json.dumps(result) for result in results)
        RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
