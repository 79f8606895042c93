"""The rows of the speed benchmark: the bundled sample, and some with a long tail of lengths.

Conversations of one turn and of several; of the latter only the last answer is learnt, which is
what all three tools can be told alike.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "samples" / "python-docs.jsonl"
SEED = 7
_MEDIAN, _SPREAD, _LONGEST = 90, 1.0, 520
"""Words of an answer: log-normal, as the lengths of real answers are, cut where a row would be
longer than 1,024 tokens."""

Messages = list[dict[str, str]]


def sample_rows() -> list[Messages]:
    """The questions and answers about Python that come with the program."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    return [_turn(row["question"], row["answer"]) for row in rows if row["split"] == "train"]


def long_tail_rows(count: int = 400) -> list[Messages]:
    """The sample's words anew: a third of the rows have an earlier turn."""
    draw, words, questions = (
        random.Random(SEED),
        _words(),
        [row[0]["content"] for row in sample_rows()],
    )
    rows = []
    for _ in range(count):
        earlier = (
            _turn(draw.choice(questions), _text(draw, words, 40)) if draw.random() < 1 / 3 else []
        )
        length = min(int(draw.lognormvariate(0, _SPREAD) * _MEDIAN) + 4, _LONGEST)
        rows.append(earlier + _turn(draw.choice(questions), _text(draw, words, length)))
    return rows


DATASETS = {"sample": sample_rows, "long-tail": long_tail_rows}


def _turn(question: str, answer: str) -> Messages:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _words() -> list[str]:
    return " ".join(row[1]["content"] for row in sample_rows()).split()


def _text(draw: random.Random, words: list[str], length: int) -> str:
    first = draw.randrange(len(words) - length)
    return " ".join(words[first : first + length])
