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


def watched(*arguments: Any) -> Any:
    """The model as the trainer loads it, looked at."""
    model = load(*arguments)
    layers = [p for name, p in model.named_parameters() if "q_proj" in name and "lora" not in name]
    stored.update(
        weights=dict(Counter(str(p.dtype) for p in layers)),
        bytes=model.get_memory_footprint(),
        learning=dict(Counter(str(p.dtype) for p in model.parameters() if p.requires_grad)),
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
