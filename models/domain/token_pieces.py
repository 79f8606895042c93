"""A text as the model sees it, token by token, and as a person can read it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.data_report import TokenView

NEW_LINE = "↵"
_TAB = "⇥"
_PICTURES = 0x2400
"""Where Unicode's pictures of the 32 control characters begin."""
_DELETE, _DELETE_PICTURE = 0x7F, "␡"
_UNSEEN = "\u0085\u200b\u200e\u200f\u2028\u2029\ufdd0\ufdd1\ufeff\ufffc"
"""Letters without a shape; some of them would also divide the document that shows them."""


@dataclass(frozen=True, slots=True)
class TokenPiece:
    """One token, or several that share a character. ``number`` counts tokens from 0; ``ids`` is
    empty where the tokenizer passed the text over: the model never sees it.
    """

    text: str
    is_learnt: bool
    is_control: bool
    number: int
    ids: tuple[int, ...]


def pieces_of(view: TokenView, most: int | None = None) -> tuple[TokenPiece, ...]:
    """The pieces of a text, in order; the first ``most`` of them."""
    return tuple(islice(_pieces(view), most))


def _pieces(view: TokenView) -> Iterator[TokenPiece]:
    controls, number = set(view.controls), 0
    for place, (text, is_learnt) in enumerate(view.pieces):
        size = view.sizes[place] if place < len(view.sizes) else 1
        ids = view.input_ids[number : number + size]
        yield TokenPiece(text, is_learnt, place in controls, number, ids)
        number += size


def cut_off(view: TokenView) -> str:
    """What of the text lies beyond the maximum length, so that it is not learnt; often nothing."""
    if view.length <= view.max_length:
        return ""
    reached = 0
    for text, _is_learnt in view.pieces:
        if view.text.startswith(text, reached):  # a token that is put in has no place in the text
            reached += len(text)
    return view.text[reached:]


def learnt_count(view: TokenView) -> int:
    """How many tokens of a text are learnt. The first never is: nothing stands before it."""
    return sum(label >= 0 for label in view.labels[1:])


def visible(text: str) -> str:
    """The text with a sign for each character that could not be seen; line breaks stay."""
    if text.isprintable() and "\ufffc" not in text:  # as nearly all are
        return text
    return "".join(map(_sign, text))


def legible(text: str) -> str:
    """The text in one line, with spaces as they are."""
    return visible(text).replace(f"{NEW_LINE}\n", NEW_LINE)


def _sign(letter: str) -> str:
    if letter == "\n":
        return f"{NEW_LINE}\n"
    if letter == "\t":
        return _TAB
    code = ord(letter)
    if code < 32:
        return chr(_PICTURES + code)
    if code == _DELETE:
        return _DELETE_PICTURE
    if letter in _UNSEEN or 0x202A <= code <= 0x202E or 0xD800 <= code <= 0xDFFF:
        return f"⟨U+{code:04X}⟩"
    return letter
