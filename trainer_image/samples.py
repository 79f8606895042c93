"""``samples.jsonl`` and ``split.json``: what to try the tuned model with, and what it never saw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainer_image.conversations import Message, Row, conversation, is_good
from trainer_image.row_formats import DatasetFormat
from trainer_image.run_folder import write_atomic, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_SAMPLES = 40
"""Enough that five at random differ each time, half of them held out where there are as many."""


def write_samples(
    path: Path, rows: Sequence[Row], held_out: set[int], format_: DatasetFormat
) -> None:
    """Prompts with the answers that the dataset gives; raw text has no prompts, so no samples."""
    numbers = [] if format_ is DatasetFormat.TEXT else _choose(len(rows), held_out)
    if format_ is DatasetFormat.UNPAIRED_PREFERENCE:  # nobody expects a bad answer
        numbers = [number for number in numbers if is_good(rows[number])]
    samples = [_sample(number, rows[number], number in held_out, format_) for number in numbers]
    lines = (json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
    write_atomic(path, "".join(lines))


def write_split(path: Path, sha256: str, rows: int, held_out: set[int]) -> None:
    """Which rows (numbered from 0) were held out of which dataset."""
    write_json(path, {"dataset_sha256": sha256, "rows": rows, "held_out": sorted(held_out)})


def _choose(count: int, held_out: set[int]) -> list[int]:
    """Rows spread evenly over the held-out and over the trained ones."""
    unseen = _spread(sorted(held_out), MOST_SAMPLES // 2)
    trained = [number for number in range(count) if number not in held_out]
    return unseen + _spread(trained, MOST_SAMPLES - len(unseen))


def _spread(numbers: list[int], most: int) -> list[int]:
    step = max(1, len(numbers) / most)
    return [numbers[int(step * n)] for n in range(min(most, len(numbers)))]


def _sample(number: int, row: Row, held_out: bool, format_: DatasetFormat) -> dict[str, Any]:
    messages = conversation(row, format_)
    last = _answer(messages)
    before = messages[:last]
    sample: dict[str, Any] = {
        "prompt": before[-1]["content"] if before else "",
        "messages": before,
        "expected": messages[last]["content"],
        "held_out": held_out,
        "row": number,
    }
    if before and before[0]["role"] == "system":
        sample["system"] = before[0]["content"]
    return sample


def _answer(messages: list[Message]) -> int:
    """The last answer to a question, rather than to a tool; in want of one, the last at all."""
    answers = [n for n, message in enumerate(messages) if message["role"] == "assistant"]
    asked = [n for n in answers if n and messages[n - 1]["role"] == "user"]
    return next(reversed([n for n in asked if messages[n]["content"]] or answers))
