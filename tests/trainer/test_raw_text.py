"""Long raw text is cut into pieces, and all of it is learnt."""

from __future__ import annotations

from typing import Any

import pytest

from trainer_image.data import NOT_TRAINED, Recipe, encode, tokenised
from trainer_image.row_formats import DatasetFormat

BOS, EOS, LIMIT = 1, 2, 16


class Letters:
    """A tokenizer of which each letter is a token, with a beginning and an end."""

    bos_token, bos_token_id, eos_token_id = "<s>", BOS, EOS

    def __call__(self, text: str, **_: Any) -> dict[str, Any]:
        spans = [(n, n + 1) for n in range(len(text))]
        ids = [BOS, *map(ord, text)]
        return {"input_ids": ids, "offset_mapping": [(0, 0), *spans]}


def recipe() -> Recipe:
    return Recipe(Letters(), DatasetFormat.TEXT, LIMIT, assistant_only=True)


@pytest.mark.parametrize("length", [1, 13, 14, 15, 16, 29, 30, 31, 100])
def test_every_token_is_learnt_once_and_none_is_lost(length: int) -> None:
    text = "".join(chr(97 + n % 26) for n in range(length))
    pieces = encode({"text": text}, recipe())
    learnt = [one for piece in pieces for one in piece.labels[1:] if one != NOT_TRAINED]
    assert learnt == [*map(ord, text), EOS]
    assert all(len(piece.input_ids) <= LIMIT for piece in pieces)
    assert all(piece.length == len(piece.input_ids) for piece in pieces)


def test_only_the_text_begins_and_ends_not_its_pieces() -> None:
    first, *inner, last = encode({"text": "x" * 60}, recipe())
    assert first.input_ids[0] == BOS
    assert last.input_ids[-1] == EOS
    for piece in (first, *inner):
        assert EOS not in piece.input_ids
    for piece in (*inner, last):
        assert BOS not in piece.input_ids
        assert piece.labels[0] == NOT_TRAINED


def test_a_piece_is_shown_with_its_own_letters() -> None:
    text = "".join(chr(97 + n % 26) for n in range(40))
    pieces = tokenised({"text": text}, recipe())
    for piece in pieces:
        shown = "".join(piece.text[begin:end] for begin, end in piece.offsets)
        assert shown == piece.text
    together = pieces[0].text + "".join(piece.text[1:] for piece in pieces[1:])
    assert together == text
