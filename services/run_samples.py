"""Sample prompts that the trainer leaves beside a run (``samples.jsonl``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from models.domain.inference import SamplePrompt

if TYPE_CHECKING:
    from pathlib import Path


def read_samples(path: Path) -> list[SamplePrompt]:
    """All sample prompts of a run; none where the trainer has not got that far."""
    if not path.exists():
        return []
    # Not splitlines(): it also splits at characters that JSON leaves as they are.
    lines = path.read_text(encoding="utf-8").split("\n")
    return [_as_sample(json.loads(line)) for line in lines if line.strip()]


def _as_sample(row: dict[str, object]) -> SamplePrompt:
    return SamplePrompt(str(row["prompt"]), str(row["expected"]), bool(row["held_out"]))
