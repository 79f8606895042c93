"""The table of the user's document is true, and every mark quotes it."""

from __future__ import annotations

import pytest

from tests.spec.coverage import TABLE, Sentence, plain, report, sentences

pytestmark = pytest.mark.slow


def test_every_sentence_of_the_document_is_shown_by_a_test_or_has_its_place() -> None:
    made = report()
    assert made.unknown == (), "marks that quote no sentence of the document"
    assert made.missing == (), "sentences without a test and without a place"
    assert made.needless == (), "placed elsewhere, but shown by a test"


def test_the_table_is_what_the_tests_say() -> None:
    assert TABLE.read_text("utf-8") == report().text, "run: python tests/spec/coverage.py"


def test_entries_are_divided_into_sentences() -> None:
    text = "## Part\n\n- **One** (e.g. `A`). Two goes on\n  here: three.\n- Four\n"
    assert list(sentences(text)) == [
        Sentence("Part", "**One** (e.g. `A`). Two goes on here: three.", "**One** (e.g. `A`)."),
        Sentence(
            "Part", "**One** (e.g. `A`). Two goes on here: three.", "Two goes on here: three."
        ),
        Sentence("Part", "Four", "Four"),
    ]
    assert plain("**One** (e.g. `A`).") == "one (e.g. a)"
