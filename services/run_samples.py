"""Sample prompts that the trainer leaves beside a run (``samples.jsonl``)."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from models.domain.inference import Message, SamplePrompt

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


def read_samples(path: Path) -> list[SamplePrompt]:
    """All sample prompts of a run; none where the trainer has not got that far.

    Rows without a prompt (the assistant speaks first) cannot be tried and are left out, and so is
    a line that was damaged: samples are a convenience, and the others are still good.
    """
    if not path.exists():
        return []
    # Not splitlines(): it also splits at characters that JSON leaves as they are.
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found = (_as_sample(line) for line in lines if line.strip())
    return [sample for sample in found if sample is not None and sample.prompt.strip()]


def choose_samples(
    samples: Sequence[SamplePrompt], count: int, avoid: Collection[str] = ()
) -> list[SamplePrompt]:
    """Some at random, others than ``avoid`` (prompts) as long as there are others.

    Held-out and trained ones are both among them where there are both: only beside each other they
    show whether the model learned or remembers.
    """
    order = random.sample(samples, len(samples))
    order.sort(key=lambda sample: sample.prompt in avoid)
    chosen = order[:count]
    for kind in (True, False):
        if count > 1 and all(sample.held_out != kind for sample in chosen):
            chosen[-1:] = [sample for sample in order if sample.held_out == kind][:1] or chosen[-1:]
    return random.sample(chosen, len(chosen))


def _as_sample(line: str) -> SamplePrompt | None:
    try:
        row = json.loads(line)
        context = [
            Message(str(message["role"]), str(message["content"]))
            for message in row.get("messages", [])[:-1]
        ]
        return SamplePrompt(
            str(row["prompt"]), str(row["expected"]), bool(row["held_out"]), tuple(context)
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
