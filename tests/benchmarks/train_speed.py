"""Training speed on one core beside a bare TRL script and LLaMA-Factory.

    python tests/benchmarks/train_speed.py [--rounds 2] [--data sample] [--without-factory]

SmolLM2-135M, LoRA of rank 16 on all linear layers, float32, the same rows in the same batches, no
gradient checkpointing; the tools take turns on one core. What counts is trained tokens a second of
CPU time after the first step, the best of the rounds (others may use the machine); the wall clock
and the time from the start of the process to the first optimiser step stand beside it, and the loss
of 40 rows that nobody trained, after all steps. Prints JSON, keeps it in .cache/train_speed.json,
and exits 1 where a target is missed.

LLaMA-Factory lives in an environment of its own, made once:
    python -m venv .cache/llamafactory/venv
    .cache/llamafactory/venv/bin/pip install llamafactory==0.9.5
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from services.environment.child_process import clean_environment  # noqa: E402
from tests.benchmarks.speed_data import DATASETS, Messages  # noqa: E402

HOME = ROOT / ".cache" / "test-home"
TRAINER = HOME / "runtime" / "venv" / "bin" / "python"
FACTORY = ROOT / ".cache" / "llamafactory" / "venv" / "bin" / "python"
MODEL = HOME / "data" / "models" / "SmolLM2-135M-Instruct"
RESULTS = ROOT / ".cache" / "train_speed.json"
WORKER = Path(__file__).with_name("speed_worker.py")
TARGETS = {"trl": 1.5, "llama-factory": 1.3}
MOST_LOSS_DIFFERENCE = 0.01
MOST_LATER_SECONDS = 2.0
BATCH, HELD_OUT = 8, 40
STEPS = {"sample": 6, "long-tail": 5}
SETTINGS: dict[str, Any] = {
    "model": str(MODEL), "rate": 2e-4, "rank": 16, "alpha": 16, "seed": 3, "length": 1024,
    "batch": BATCH,
    "targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}  # fmt: skip


def run(tool: str, task: dict[str, Any]) -> dict[str, Any]:
    """What one worker found, on one core with one thread."""
    folder = Path(task["folder"])
    (folder / "task.json").write_text(json.dumps(task))
    python = FACTORY if tool == "llama-factory" else TRAINER
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # The benchmarks' folder has modules whose names are packages of the tools.
    paths = {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "TEMPER_DATA_ROOT": str(folder)}
    core = str(max(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["taskset", "-c", core, python, WORKER, tool, folder / "task.json"],
        env=clean_environment(os.environ) | threads | paths | {"DISABLE_VERSION_CHECK": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SystemExit(f"{tool} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    return found


def train(tool: str, name: str, rows: list[Messages], folder: Path) -> tuple[dict[str, Any], Path]:
    """One tool's steps; where its adapter lies."""
    task = SETTINGS | {"folder": str(folder), "steps": STEPS[name], "rows": rows}
    folder.mkdir()
    if tool == "ours":
        write_job(folder, task)
    found = run(tool, task)
    steps = found["steps"]
    count = len(steps) - 1
    return {
        "cpu_seconds_per_step": (steps[-1]["cpu"] - steps[0]["cpu"]) / count,
        "seconds_per_step": (steps[-1]["wall"] - steps[0]["wall"]) / count,
        "first_step_seconds": steps[0]["wall"],
        "first_step_cpu_seconds": steps[0]["cpu"],
    }, folder / ("outputs/run/adapter" if tool == "ours" else "adapter")


def write_job(root: Path, task: dict[str, Any]) -> None:
    """The same training as a job of ours."""
    content = "".join(json.dumps({"messages": row}) + "\n" for row in task["rows"]).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    for folder in ("datasets", "models", "runs/run"):
        (root / folder).mkdir(parents=True)
    (root / "datasets" / f"{sha256}.jsonl").write_bytes(content)
    (root / "models" / "small").symlink_to(MODEL)
    hp = {
        "batch_size": BATCH, "grad_accum": 1, "max_steps": task["steps"], "logging_steps": 1,
        "learning_rate": task["rate"], "scheduler": "linear", "warmup_ratio": 0.0,
        "weight_decay": 0.0, "lora_r": task["rank"], "lora_alpha": task["alpha"],
        "lora_dropout": 0.0, "lora_targets": ",".join(task["targets"]), "packing": False,
        "max_seq_length": task["length"], "train_on": "last answer", "seed": task["seed"],
        "optimizer": "adamw_torch", "gradient_checkpointing": "off",
    }  # fmt: skip
    dataset = {
        "path": f"/data/datasets/{sha256}.jsonl", "sha256": sha256, "format": "messages",
        "eval_percent": 0,
    }  # fmt: skip
    job = {
        "run_id": "run", "base_model": "/data/models/small", "dataset": dataset,
        "output_directory": "/data/outputs/run", "hp": hp, "offline": True, "use_gpu": False,
    }  # fmt: skip
    (root / "runs" / "run" / "job.json").write_text(json.dumps(job))


def compare(name: str, tools: list[str], rounds: int) -> dict[str, Any]:
    """All tools on one dataset, by turns."""
    rows = DATASETS[name]()
    trained, held_out = rows[HELD_OUT:], rows[:HELD_OUT]
    times: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
    losses: dict[str, float] = {}
    tokens = 0.0
    with tempfile.TemporaryDirectory() as root:
        for turn in range(rounds):
            for tool in tools:
                found, adapter = train(tool, name, trained, Path(root) / f"{tool}-{turn}")
                times[tool].append(found)
                print(json.dumps({"data": name, "tool": tool, **found}), flush=True)
                if turn == 0:
                    check = Path(root) / f"{tool}-held-out"
                    check.mkdir()
                    task = {"folder": str(check), "adapter": str(adapter), "held_out": held_out}
                    seen = run("held-out", SETTINGS | task | {"rows": trained})
                    losses[tool], tokens = seen["loss"], seen["trained_tokens"] * BATCH
                shutil.rmtree(Path(root) / f"{tool}-{turn}")
    best = {tool: min(t["cpu_seconds_per_step"] for t in times[tool]) for tool in tools}
    return {
        "tokens_per_step": tokens,
        "tokens_per_cpu_second": {tool: tokens / seconds for tool, seconds in best.items()},
        "tokens_per_second": {
            tool: tokens / min(t["seconds_per_step"] for t in times[tool]) for tool in tools
        },
        "times_as_fast_as": {tool: best[tool] / best["ours"] for tool in tools if tool != "ours"},
        "first_step_seconds": {
            tool: min(t["first_step_seconds"] for t in times[tool]) for tool in tools
        },
        "first_step_cpu_seconds": {
            tool: min(t["first_step_cpu_seconds"] for t in times[tool]) for tool in tools
        },
        "held_out_loss": losses,
    }


def missed(name: str, found: dict[str, Any]) -> list[str]:
    """The targets that one dataset's numbers do not reach."""
    problems = [
        f"{name}: {found['times_as_fast_as'][tool]:.2f} times {tool}, {least} wanted"
        for tool, least in TARGETS.items()
        if found["times_as_fast_as"].get(tool, least) < least
    ]
    losses = found["held_out_loss"]
    problems += [
        f"{name}: held-out loss {losses['ours']:.4f}, that of {tool} {loss:.4f}"
        for tool, loss in losses.items()
        if abs(losses["ours"] - loss) > MOST_LOSS_DIFFERENCE * loss
    ]
    first = found["first_step_cpu_seconds"]
    if first["ours"] > first["trl"] + MOST_LATER_SECONDS:
        problems.append(f"{name}: first step after {first['ours']:.1f} s, TRL {first['trl']:.1f} s")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--without-factory", action="store_true")
    options = parser.parse_args()
    tools = ["ours", "trl"]
    if not options.without_factory:
        if not FACTORY.exists():
            raise SystemExit(f"LLaMA-Factory is not there; see {Path(__file__).name}, or leave it "
                             "out with --without-factory.")  # fmt: skip
        tools.append("llama-factory")
    results = {name: compare(name, tools, options.rounds) for name in options.data}
    problems = [problem for name, found in results.items() for problem in missed(name, found)]
    report = {"date": datetime.now(UTC).date().isoformat(), "results": results, "missed": problems}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
