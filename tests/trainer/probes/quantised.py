"""Train the same job with each packing of the base's weights, in this process: ``ROOT RUN...``.

What is observed is the model while it trains: how its weights are stored, and what it loses.
"""

import json
import logging
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch

import trainer_image.train as entry

root, runs = Path(sys.argv[1]), sys.argv[2:]
os.environ["TEMPER_DATA_ROOT"] = str(root)


class Kept(logging.Handler):
    """All that any library logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


kept = Kept()
logging.getLogger().addHandler(kept)
stored: dict[str, Any] = {}
load = entry.load_model


def gradients_around_an_evaluation(model: Any) -> dict[str, list[float]]:
    """The size of each layer's gradient, before the model was ever asked something and after."""
    ids = torch.arange(100, 140)[None]
    model.train()  # 8-bit layers compute a little differently when they are asked
    before = gradients(model, ids)
    model.eval()
    with torch.no_grad():
        model(input_ids=ids, use_cache=False)
    model.train()
    return {"before": before, "after": gradients(model, ids)}


def gradients(model: Any, ids: Any) -> list[float]:
    """The norm of the gradient of each adapter's second matrix (the first has none yet)."""
    model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    found = [p.grad.norm().item() for name, p in model.named_parameters() if "lora_B" in name]
    model.zero_grad()
    return found


def watched(*arguments: Any) -> Any:
    """The model as the trainer loads it, looked at."""
    model = load(*arguments)
    layers = [p for name, p in model.named_parameters() if "q_proj" in name and "lora" not in name]
    stored.update(
        weights=dict(Counter(str(p.dtype) for p in layers)),
        bytes=model.get_memory_footprint(),
        learning=dict(Counter(str(p.dtype) for p in model.parameters() if p.requires_grad)),
        gradients=gradients_around_an_evaluation(model),
        tied=model.get_input_embeddings().weight is model.get_output_embeddings().weight,
    )
    return model


entry.load_model = watched
report: dict[str, Any] = {}
for run in runs:
    folder = root / "runs" / run
    code = entry.main(["--job", str(folder / "job.json")])
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    report[run] = dict(stored) | {
        "code": code,
        "losses": [event["loss"] for event in events if event["type"] == "progress"],
        "result": json.loads((folder / "result.json").read_text()),
    }
report["log"] = kept.lines
print(json.dumps(report))
