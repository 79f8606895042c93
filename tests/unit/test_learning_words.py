"""What is said of a look at a dataset."""

from __future__ import annotations

from dataclasses import replace

from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from models.domain.data_report import DataReport, Finding, Histogram, TokenView
from models.domain.token_pieces import TokenPiece
from models.qt.learning_words import (
    facts_of,
    learning_setup,
    piece_words,
    refusal_words,
    report_source_words,
    row_words,
    setup_words,
    share_words,
)

REPORT = DataReport(
    rows=1200,
    format="messages",
    findings=(),
    lengths=Histogram((0, 10), (1200,)),
    trained_share=0.25,
    texts=1200,
    tokens=8000,
    trained_tokens=2000,
    truncated=0,
    without_answer=0,
    refused=0,
    divided=0,
    end_of_turn_trained=1200,
    max_length=2048,
    model="tiny",
    template_sha256="",
    seconds=0.4,
)


def _config(**values: object) -> TrainingConfig:
    return with_values(TrainingConfig(), {f"hp.{name}": value for name, value in values.items()})


def test_the_setup_in_one_line() -> None:
    config = _config(base_model="tiny", max_seq_length=1024)
    assert setup_words(config) == "tiny · up to 1,024 tokens · every answer is learnt"
    last = _config(base_model="tiny", train_on="last answer")
    assert setup_words(last).endswith("only the last answer is learnt")
    whole = _config(base_model="tiny", assistant_only_loss=False)
    assert setup_words(whole).endswith("the whole text is learnt")


def test_what_decides_the_report_decides_whether_it_is_out_of_date() -> None:
    before = learning_setup(_config())
    assert learning_setup(_config(learning_rate=1e-5, epochs=3.0)) == before
    assert learning_setup(_config(method="DPO")) != before
    for name, value in (
        ("base_model", "other"),
        ("max_seq_length", 512),
        ("assistant_only_loss", False),
        ("train_on", "last answer"),
        ("seed", 1),
    ):
        assert learning_setup(_config(**{name: value})) != before


def test_numbers_that_are_in_order_have_no_tone_of_trouble() -> None:
    assert {fact.tone for fact in facts_of(REPORT)} == {"", "good"}
    worse = replace(
        REPORT, refused=1, without_answer=2, truncated=3, end_of_turn_trained=1195, texts=1300
    )
    told = [(fact.value, fact.words, fact.tone) for fact in facts_of(worse)]
    assert told[2:] == [
        ("1,300", "texts, as the template gives each answer its own", ""),
        ("1", "row cannot be used", "bad"),
        ("2", "rows teach nothing", "bad"),
        ("3", "rows are cut", "warning"),
        ("4", "rows do not teach to end the turn", "bad"),
    ]


def test_shares_and_sources() -> None:
    assert share_words(REPORT) == "25% of the tokens are learnt: 2,000 of 8,000"
    small = replace(REPORT, trained_share=0.004, trained_tokens=32)
    assert share_words(small).startswith("0.4% ")
    pairs = replace(REPORT, format="preference")
    assert share_words(pairs) == "25% of the tokens are compared: 2,000 of 8,000"
    assert "earlier" in report_source_words(REPORT, is_kept=True)
    assert "less than a second" in report_source_words(REPORT, is_kept=False)


def test_a_row_and_a_token() -> None:
    view = TokenView("Hi", (1, 2), (-100, 2), (("H", False), ("i", True)), 5, 2, (1, 1), ())
    assert row_words([view]) == "2 tokens · 1 learnt · 3 cut off"
    assert row_words([view, view]).startswith("2 texts, one for each answer · 4 tokens")
    piece = TokenPiece(" a\n", True, False, 4, (17, 18))
    assert piece_words(piece, 1200) == "Tokens 5 to 6 of 1,200 · “ a↵” · id 17, 18 · learnt"
    assert row_words([replace(view, part="bad")]) == "2 tokens · 1 compared · 3 cut off"
    assert piece_words(piece, 9, "compared").endswith(" · compared")
    unseen = TokenPiece(" ", False, False, 4, ())
    assert "never sees it" in piece_words(unseen, 1200)


def test_why_a_training_was_not_started() -> None:
    found = (
        Finding("major", "no_answer", "No answer.", 2, (1, 2)),
        Finding("major", "double_bos", "Two beginnings.", 1, (4,)),
        Finding("minor", "email", "An address.", 9, (5,)),
    )
    assert refusal_words(found) == (
        "The training was not started: 2 kinds of problems in 3 rows. Choose what to do about each."
    )
    assert "1 kind of problem in 1 row" in refusal_words(found[1:])
