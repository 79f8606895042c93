"""The bundled sample dataset is clean, and the script that made it reads rst as it should."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from resources.samples.make_python_docs import glossary_rows
from resources.samples.python_docs_rows import AKIN, closing, likeness, number
from resources.samples.python_docs_rst import UNKNOWN, entries, paragraphs, plain
from resources.samples.python_docs_wording import defined, short_answer, statement, third_person

SAMPLES = Path(__file__).parents[2] / "resources" / "samples"
LINES = (SAMPLES / "python-docs.jsonl").read_text(encoding="utf-8").splitlines()
ROWS: list[dict[str, str]] = [json.loads(line) for line in LINES]
CODE = re.compile(r"`[^`]+`")
RST_MARKUP = re.compile(r"`|:\w+:|\w_\b|\]_|::|\|\w+\||\ufffd|<https?:|\\")

ITERATOR = ("is an iterator", 'does the term "iterator" mean')


def answers(split: str) -> list[str]:
    """Give the answers of one split, without the sentence that closes them all."""
    rows = [row for row in ROWS if row["split"] == split]
    return [row["answer"].removesuffix(closing(row["source"])) for row in rows]


def test_every_row_has_the_same_filled_columns() -> None:
    assert len(ROWS) >= 400
    for row in ROWS:
        assert list(row) == ["question", "answer", "split", "source"]
        assert all(value.strip() == value != "" for value in row.values())


def test_every_answer_says_where_to_read_on() -> None:
    assert all(row["answer"].endswith(f" {closing(row['source'])}") for row in ROWS)
    assert closing("faq/gui.rst#why") == "See `faq/gui` in the Python documentation."


def test_a_small_part_is_held_out() -> None:
    assert Counter(row["split"] for row in ROWS) == {"train": len(ROWS) - 48, "held_out": 48}


@pytest.mark.parametrize("column", ["question", "answer"])
def test_nothing_comes_twice(column: str) -> None:
    values = [row[column].casefold() for row in ROWS]
    assert len(set(values)) == len(values)


def test_no_held_out_answer_is_like_a_training_answer() -> None:
    training = answers("train")
    for answer in answers("held_out"):
        assert max(likeness(answer, other) for other in training) < AKIN


@pytest.mark.parametrize("column", ["question", "answer"])
def test_no_rst_markup_is_left(column: str) -> None:
    texts = [CODE.sub("code", row[column]) for row in ROWS]
    assert [text for text in texts if RST_MARKUP.search(text)] == []


def test_answers_are_short_whole_sentences() -> None:
    for row in ROWS:
        assert 15 <= len(row["answer"].split()) <= 70
        assert re.match(r"[A-Z0-9`_].*[.!?][\")]? See `[\w./]+` in the", row["answer"])


@pytest.mark.parametrize(
    ("rst", "text"),
    [
        ("Call :func:`zip` or :meth:`~str.join`.", "Call `zip()` or `join()`."),
        ("A :term:`lists <list>` in ``x[0]``", "A lists in `x[0]`"),
        ("See :pep:`8` and :rfc:`2822#section-3`.", "See PEP 8 and RFC 2822."),
        ("By `Ruff <https://example.org>`_ with *key* set", "By Ruff with `key` set"),
        ("It is **not** *not* ``--x`` --- really", "It is not not `--x` \u2013 really"),
        ("cased characters [4]_ since the epoch_", "cased characters since the epoch"),
        ("see :ref:`here`", f"see {UNKNOWN}"),
    ],
)
def test_inline_markup_becomes_plain_text(rst: str, text: str) -> None:
    assert plain(rst) == text


def test_paragraphs_end_where_a_list_begins() -> None:
    body = ["", "   .. index:: x", "", "   One", "   line.", "", "   Two.", "", "   * a list"]
    assert list(paragraphs(body)) == ["One line.", "Two."]


def test_a_nested_entry_is_named_after_its_class() -> None:
    lines = [".. class:: dict()", "", "   .. method:: get(key)", "", "      Return it.", "", "End"]
    assert [name for name, _ in entries(lines, {"method"})] == ["dict.get"]


@pytest.mark.parametrize(
    ("verb", "form"), [("return", "returns"), ("copy", "copies"), ("push", "pushes")]
)
def test_verbs_get_the_third_person(verb: str, form: str) -> None:
    assert third_person(verb) == form


@pytest.mark.parametrize(
    ("subject", "text", "answer"),
    [
        ("The `f()` function", "Return x and raise a fit.", " returns x and raises a fit."),
        ("The `E` exception", "Raised when y.", " is raised when y."),
        ("The `m` module", "This module does z.", " does z."),
    ],
)
def test_answers_name_their_subject(subject: str, text: str, answer: str) -> None:
    assert statement(subject, [text]) == subject + answer


def test_an_answer_that_cannot_name_its_subject_is_dropped() -> None:
    assert statement("The `f()` function", ["Nothing to say."]) == ""


def test_a_definition_becomes_a_sentence() -> None:
    assert defined("a loader", "loader", ["An object."]) == "A loader is an object."


def test_an_answer_stops_before_a_sentence_that_needs_its_page() -> None:
    assert short_answer(["One is x. See the table below. More."]) == ["One is x."]


def test_a_glossary_entry_becomes_a_row(tmp_path: Path) -> None:
    page = ".. glossary::\n\n   iterator\n      An object with :meth:`__next__`.\n"
    (tmp_path / "glossary.rst.txt").write_text(page, encoding="utf-8")
    (row,) = glossary_rows(tmp_path)
    assert row.question in {f"What {asks} in Python?" for asks in ITERATOR}
    assert row.answer == "An iterator is an object with `__next__()`."
    assert row.source == "glossary.rst#iterator"


def test_the_order_hangs_on_the_questions_alone() -> None:
    assert sorted(ROWS, key=lambda row: number(row["question"])) == ROWS
