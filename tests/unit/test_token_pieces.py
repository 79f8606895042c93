"""A text token by token, and as a person can read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domain.data_report import TokenView
from models.domain.token_pieces import cut_off, learnt_count, legible, pieces_of, visible

# As the worker says it: an emoji of three tokens, two letters that the tokenizer passed over, an
# end of turn that is put in and so does not stand in the text.
VIEW = TokenView(
    text="Hi 🐍  Yes. And more.",
    input_ids=(10, 11, 12, 13, 14, 2),
    labels=(-100, -100, -100, -100, 14, 2),
    pieces=(("Hi ", False), ("🐍", False), ("  ", False), ("Yes.", True), ("<end>", True)),
    length=9,
    max_length=6,
    sizes=(1, 3, 0, 1, 1),
    controls=(4,),
)


def test_each_piece_has_its_tokens() -> None:
    assert [(one.text, one.number, one.ids) for one in pieces_of(VIEW)] == [
        ("Hi ", 0, (10,)),
        ("🐍", 1, (11, 12, 13)),
        ("  ", 4, ()),
        ("Yes.", 4, (14,)),
        ("<end>", 5, (2,)),
    ]
    assert [one.is_control for one in pieces_of(VIEW)] == [False, False, False, False, True]
    assert [one.is_learnt for one in pieces_of(VIEW)] == [False, False, False, True, True]


def test_what_is_cut_off_is_the_rest_of_the_text() -> None:
    assert cut_off(VIEW) == " And more."
    assert cut_off(replace(VIEW, length=6)) == ""


def test_the_first_token_is_never_learnt() -> None:
    assert learnt_count(VIEW) == 2
    assert learnt_count(replace(VIEW, labels=VIEW.input_ids)) == 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a↵\nb"),
        ("a\tb", "a⇥b"),
        ("\x00\r\x7f", "␀␍␡"),
        ("\u2028\u202e\ufdd0", "⟨U+2028⟩⟨U+202E⟩⟨U+FDD0⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("é🐍 ", "é🐍 "),
    ],
)
def test_what_cannot_be_seen_has_a_sign(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_in_one_line_there_is_no_line_break() -> None:
    assert legible("a\n\nb") == "a↵↵b"
