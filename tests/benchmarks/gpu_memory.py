"""The estimate of memory against measured peaks, on a CUDA GPU.

    <trainer's python> tests/benchmarks/gpu_memory.py [--dry-run] [--output FILE]

Three model sizes, three lengths, three batches, with the default settings and random weights made
from the models' sizes: nothing is downloaded. The model gets the trainer's own adapter and loss and
trains two steps of two batches. Measured is what the trainer reports for a run, PyTorch's
``max_memory_reserved``; the CUDA context is told apart. Each model size has a process of its own,
and a case that runs out of memory is noted as such.

Prints a line a case, the median error and the worst under-estimate, and writes the results as
JSON. Exits 1 where they are not within MEDIAN and UNDER, 2 without a CUDA GPU. ``--dry-run`` prints
the plan with the estimates and needs neither a GPU nor torch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.domain.base_models import load_base_models  # noqa: E402
from models.domain.config import TrainingConfig  # noqa: E402
from models.domain.config_io import with_values  # noqa: E402
from models.domain.memory import CONTEXT, estimate_memory  # noqa: E402

if TYPE_CHECKING:
    from models.domain.model_shape import ModelShape

MEDIAN, UNDER = 0.08, -0.03
REPOS = (
    "unsloth/Llama-3.2-1B-Instruct-bnb-4bit",
    "unsloth/Llama-3.2-3B-Instruct-bnb-4bit",
    "unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit",
)
LENGTHS, BATCHES = (512, 1024, 2048), (1, 2, 4)
_ROWS_PACKED = 4
GB = 10**9


@dataclass(frozen=True)
class Case:
    """One setup; the other settings are the defaults."""

    repo: str
    batch: int
    length: int

    @property
    def predicted(self) -> int:
        """Estimated bytes without the CUDA context, which PyTorch does not count."""
        config = with_values(
            TrainingConfig(), {"hp.batch_size": self.batch, "hp.max_seq_length": self.length}
        )
        estimate = estimate_memory(config, shape_of(self.repo), on_gpu=True)
        return sum(part.bytes for part in estimate.parts if part.key != CONTEXT)


@dataclass(frozen=True)
class Measured:
    """What a case took, in bytes; zeros where it ran out of memory."""

    repo: str
    batch: int
    length: int
    predicted: int
    reserved: int = 0
    allocated: int = 0
    context: int = 0

    @property
    def error(self) -> float:
        """Share by which the estimate is above what was measured."""
        return self.predicted / self.reserved - 1


def shape_of(repo: str) -> ModelShape:
    """A model's sizes from the catalogue."""
    models = load_base_models(ROOT / "resources" / "base_models.toml")
    shape = next(model.shape for model in models if model.repo == repo)
    assert shape is not None
    return shape


def cases_of(repo: str) -> list[Case]:
    """The nine cases of a model."""
    return [Case(repo, batch, length) for length in LENGTHS for batch in BATCHES]


def measure(repo: str) -> list[Measured]:
    """Run a model's cases in this process, one after the other on the same weights."""
    import torch

    others = _used_by_others()
    model = _model(repo)
    results = []
    for case in cases_of(repo):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        found = Measured(case.repo, case.batch, case.length, case.predicted)
        try:
            _train(model, case)
        except torch.cuda.OutOfMemoryError:
            model.zero_grad(set_to_none=True)
            results.append(found)
            continue
        free, total = torch.cuda.mem_get_info()
        reserved = torch.cuda.memory_reserved()
        results.append(
            Measured(
                **asdict(found)
                | {
                    "reserved": torch.cuda.max_memory_reserved(),
                    "allocated": torch.cuda.max_memory_allocated(),
                    "context": max(0, total - free - reserved - others),
                }
            )
        )
    return results


def _used_by_others() -> int:
    """Bytes in use on the first GPU before this process has touched it; 0 if nobody can tell."""
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(done.stdout.split()[0]) * 2**20


def _model(repo: str) -> Any:
    """Random weights in NF4 with the trainer's adapter, never all in 16 bits at once."""
    import torch
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    from tests.benchmarks.simulate_memory import configuration
    from trainer_image.adapters import in_float32, with_adapter
    from trainer_image.contract import Hyperparameters

    precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    with init_empty_weights(include_buffers=False):
        model = AutoModelForCausalLM.from_config(configuration(repo, shape_of(repo)))
    model.config.use_cache = False
    for name, module in list(model.named_modules()):
        if type(module) is torch.nn.Linear and name != "lm_head":
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _nf4(module, precision))
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.is_meta:
                value = torch.empty(parameter.shape, dtype=precision, device="cuda").normal_(
                    0, 0.02
                )
                setattr(module, name, torch.nn.Parameter(value, requires_grad=False))
        for name, buffer in module.named_buffers(recurse=False):
            module.register_buffer(name, buffer.to("cuda"), persistent=False)
    model.tie_weights()
    model.is_loaded_in_4bit = True
    model = with_adapter(model, Hyperparameters())
    in_float32(model)
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    return model.train()


def _nf4(linear: Any, precision: Any) -> Any:
    import bitsandbytes
    import torch

    layer = bitsandbytes.nn.Linear4bit(
        linear.in_features, linear.out_features, bias=linear.bias is not None,
        compute_dtype=precision, compress_statistics=True, quant_type="nf4", device="meta",
    )  # fmt: skip
    weights = torch.empty(linear.weight.shape, dtype=precision, device="cuda").normal_(0, 0.02)
    layer.weight = bitsandbytes.nn.Params4bit(
        weights, requires_grad=False, compress_statistics=True, quant_type="nf4", module=layer
    ).to("cuda")
    return layer


def _train(model: Any, case: Case) -> None:
    """Two steps of two batches, as the trainer takes them, with every position trained."""
    import bitsandbytes
    import torch

    from trainer_image.loss import summed_loss

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = bitsandbytes.optim.AdamW8bit(trained, lr=1e-6)
    precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    size = (case.batch, case.length)
    ids = torch.randint(0, model.config.vocab_size, size, device="cuda")
    row = torch.arange(case.length // _ROWS_PACKED, device="cuda")
    inputs = {"input_ids": ids, "labels": ids.clone(),
              "position_ids": row.repeat(_ROWS_PACKED).repeat(case.batch, 1)}  # fmt: skip
    for _ in range(2):
        for _ in range(2):
            with torch.autocast("cuda", dtype=precision):
                total, count = summed_loss(model, inputs)
            (total / (2 * count)).backward()
            del total
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        model.zero_grad(set_to_none=True)


def report(results: list[Measured]) -> bool:
    """Print the comparison; whether it is as good as wanted."""
    for row in results:
        label = f"{row.repo.rpartition('/')[2]:45} {row.batch} x {row.length:<5}"
        if row.reserved:
            print(
                f"{label} estimate {row.predicted / GB:6.2f} GB, measured {row.reserved / GB:6.2f} "
                f"(tensors {row.allocated / GB:6.2f}, context {row.context / GB:.2f}): "
                f"{row.error:+.1%}"
            )
        else:
            print(f"{label} estimate {row.predicted / GB:6.2f} GB, ran out of memory")
    errors = [row.error for row in results if row.reserved]
    if not errors:
        print("Nothing could be measured: every case ran out of memory.")
        return False
    middle, worst = median(map(abs, errors)), min(errors)
    print(f"{len(errors)} cases: median error {middle:.1%} (at most {MEDIAN:.0%} wanted)")
    print(f"worst under-estimate {min(worst, 0):.1%} (at most {UNDER:.0%} wanted)")
    return middle <= MEDIAN and worst >= UNDER


def _measured_in_children() -> list[Measured]:
    results = []
    for repo in REPOS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.json"
            done = subprocess.run(
                [sys.executable, __file__, "--repo", repo, "--output", str(path)], check=False
            )
            if done.returncode:  # not even the weights fit
                results += [Measured(c.repo, c.batch, c.length, c.predicted)
                            for c in cases_of(repo)]  # fmt: skip
            else:
                results += [Measured(**row) for row in json.loads(path.read_bytes())["cases"]]
    return results


def _write(path: Path, results: list[Measured]) -> None:
    import bitsandbytes
    import peft
    import torch
    import transformers

    document = {
        "gpu": torch.cuda.get_device_name(0),
        "total_bytes": torch.cuda.get_device_properties(0).total_memory,
        "cuda": torch.version.cuda,
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft, bitsandbytes)},
        "cases": [asdict(row) for row in results],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="print plan and estimates only")
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "gpu_memory.json")
    parser.add_argument("--repo", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.dry_run:
        for case in (case for repo in REPOS for case in cases_of(repo)):
            print(
                f"{case.repo} {case.batch} x {case.length}: estimate {case.predicted / GB:.2f} GB"
            )
        print("Nothing was measured: this is the plan.")
        return 0
    import torch

    if not torch.cuda.is_available():
        print("There is no CUDA GPU here, so nothing was measured. --dry-run prints the plan.")
        return 2
    if options.repo:
        _write(options.output, measure(options.repo))
        return 0
    results = _measured_in_children()
    _write(options.output, results)
    print(f"{torch.cuda.get_device_name(0)}; results in {options.output}")
    return 0 if report(results) else 1


if __name__ == "__main__":
    sys.exit(main())
