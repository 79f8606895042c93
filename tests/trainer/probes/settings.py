"""Many small runs in one process, each watched from inside: ``DATA_ROOT NAME...``.

Nothing of a run is replaced: hooks of torch see the modules and the optimiser at work, and the
objective and the training are asked through. What was seen is printed by the run's name.
"""

import contextlib
import functools
import inspect
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

os.environ |= {"TEMPER_DATA_ROOT": sys.argv[1], "OMP_NUM_THREADS": "1"}

import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from trainer_image import train
from trainer_image.objective import AnswerObjective
from trainer_image.trainer import Training


class Watch:
    """What one run was seen doing."""

    def __init__(self) -> None:
        self.rates: list[list[float]] = []
        self.norms: list[float] = []
        self.optimizer = ""
        self.states: set[str] = set()
        self.fetched: dict[str, list[list[dict[str, Any]]]] = {"training": [], "evaluating": []}
        self.computed: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.dropped: set[tuple[bool, bool]] = set()
        self.found: dict[str, Any] = {}
        self.tokenizer: Any = None

    def report(self) -> dict[str, Any]:
        return self.found | {
            "rates": self.rates,
            "norms": self.norms,
            "optimizer": self.optimizer,
            "states": sorted(self.states),
            # The loader is a batch ahead of the training.
            "training": self.fetched["training"][: self.computed["training"]],
            "evaluating": self.fetched["evaluating"],
            "calls": dict(self.calls),
            "dropped": sorted(self.dropped),
        }


watch = Watch()


def before_step(optimizer: Any, *_: Any) -> None:
    watch.optimizer = type(optimizer).__name__
    watch.rates.append(sorted({group["lr"] for group in optimizer.param_groups}))
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
    norms = torch.stack([grad.float().norm() for grad in gradients if grad is not None])
    watch.norms.append(norms.norm().item())


def after_step(optimizer: Any, *_: Any) -> None:
    for state in optimizer.state.values():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.numel() >= 256:
                watch.states.add(f"{name} {value.dtype}")


def before_module(module: Any, _: Any) -> None:
    if type(module).__name__ == "LlamaDecoderLayer":
        watch.calls["training" if module.training else "evaluating"] += 1


def after_module(module: Any, inputs: Any, output: Any) -> None:
    if isinstance(module, torch.nn.Dropout) and module.p > 0:
        watch.dropped.add((module.training, torch.equal(inputs[0], output)))


register_optimizer_step_pre_hook(before_step)
register_optimizer_step_post_hook(after_step)
register_module_forward_pre_hook(before_module)
register_module_forward_hook(after_module)

measure, run = AnswerObjective.measure, Training.run


def measured(self: Any, model: Any, inputs: dict[str, Any]) -> Any:
    watch.computed["training" if model.training else "evaluating"] += 1
    return measure(self, model, inputs)


class Fetching:
    """A collator that is seen to take items."""

    def __init__(self, collate: Any) -> None:
        self.collate = collate

    def __call__(self, items: list[Any]) -> Any:
        callers = [frame.function for frame in inspect.stack(0)]
        use = "evaluating" if "batch_of" in callers else "training"
        watch.fetched[use].append([described(item) for item in items])
        return self.collate(items)


def described(item: Any) -> dict[str, Any]:
    """An item's length in tokens, how many rows are packed in it, and what is learnt of it."""
    learnt = [int(label) for label in item["labels"] if label >= 0]
    positions = item.get("position_ids")
    return {
        "length": len(item["input_ids"]),
        "rows": None if positions is None else sum(int(one) == 0 for one in positions),
        "learnt": watch.tokenizer.decode(learnt),
    }


@functools.cache
def watch_fetching() -> None:
    from transformers import Trainer

    begin = Trainer.__init__

    def watched_begin(self: Any, *arguments: Any, **rest: Any) -> None:
        begin(self, *arguments, **rest)
        self.data_collator = Fetching(self.data_collator)

    Trainer.__init__ = watched_begin


def watched(self: Training) -> Any:
    watch.tokenizer = self.tokenizer
    watch_fetching()
    before = {name: value.detach().clone() for name, value in self.model.named_parameters()}
    history = run(self)
    after = dict(self.model.named_parameters())
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    watch.found = {
        "changed": changed,
        "types": sorted({str(value.dtype) for value in after.values() if value.requires_grad}),
        "linear": sorted({type(module).__name__ for module in self.model.modules()}),
        "first": {name: before[name].flatten()[:8].tolist() for name in changed},
        "last": {name: after[name].flatten()[:8].tolist() for name in changed},
        "adapters": adapters(self.model),
    }
    return history


def adapters(model: Any) -> dict[str, Any]:
    """Of the first layer with an adapter: its rank, by what its output is scaled, and how far it is
    from DoRA's definition."""
    for module in model.modules():
        if not getattr(module, "lora_A", None):
            continue
        module.eval()
        down, up = module.lora_A["default"].weight, module.lora_B["default"].weight
        x = torch.randn(4, down.shape[1], generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            added, plain = module(x) - module.base_layer(x), x @ down.T @ up.T
            found = {"rank": down.shape[0], "scale": (added / plain).median().item()}
            if getattr(module, "lora_magnitude_vector", None):
                found["dora_error"] = dora_error(module, x, up @ down)
        return found
    return {}


def dora_error(module: Any, x: Any, product: Any) -> float:
    """The output beside the paper's: magnitude times direction (Liu et al. 2024, equation 5)."""
    weight = module.base_layer.weight + module.scaling["default"] * product
    magnitude = module.lora_magnitude_vector["default"].weight
    wanted = x @ (magnitude / weight.norm(dim=1))[:, None].mul(weight).T
    return float((module(x) - wanted).abs().max() / wanted.abs().max())


AnswerObjective.measure = measured  # type: ignore[method-assign]
Training.run = watched  # type: ignore[method-assign]

reports = {}
for name in sys.argv[2:]:
    watch = Watch()
    folder = Path(sys.argv[1]) / "runs" / name
    with (
        (folder / "train.log").open("w") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        code = train.main(["--job", str(folder / "job.json")])
    reports[name] = watch.report() | {"code": int(code)}
print(json.dumps(reports))
