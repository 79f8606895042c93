"""Repeated rows are found, whatever their number, and nothing is called near that is not."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("numpy")

from trainer_image.near import Sketches

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "lrst"]


def sentence(seed: int, words: int = 60) -> list[str]:
    source = random.Random(seed)
    return [source.choice(WORDS) for _ in range(words)]


def found(texts: list[str]) -> tuple[list[int], list[int]]:
    sketches = Sketches()
    for text in texts:
        sketches.add(text)
    alike = sketches.alike(texts.__getitem__)
    return alike.repeats(), alike.near_repeats()


def test_exact_and_near_ones_among_many() -> None:
    """More rows than are kept in one block."""
    texts = [" ".join(sentence(n)) for n in range(5000)]
    changed = sentence(7)
    changed[30] = "quite-another"
    texts += [texts[7], " ".join(changed), texts[7].upper().replace(" ", "  ")]
    assert found(texts) == ([5000], [5001, 5002])


def test_rows_that_have_only_some_words_in_common_are_none() -> None:
    shared = sentence(1, 30)
    texts = [" ".join(shared + sentence(n, 30)) for n in range(2, 60)]
    assert found(texts) == ([], [])


def test_short_and_empty_rows() -> None:
    texts = ["Yes.", "No.", "Yes.", "", "", "yes.", "😀"]
    assert found(texts) == ([2], [5])


def test_most_of_those_that_hardly_differ_are_found() -> None:
    originals = [sentence(n) for n in range(200)]
    changed = [[*words[:59], "other"] for words in originals]
    texts = [" ".join(words) for words in (*originals, *changed)]
    repeats, near = found(texts)
    assert repeats == []
    assert len(near) >= 190


def test_nothing_at_all() -> None:
    assert found([]) == ([], [])
