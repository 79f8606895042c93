"""A look at one row, apart from all others, so that processes can share what a report adds up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer_image.conversations import RowError, conversation
from trainer_image.data import NOT_TRAINED, Encoded, Recipe, Tokens, cut, tokenised
from trainer_image.near import sketch
from trainer_image.pieces import Tokenised, entry, lines_of, usable
from trainer_image.row_formats import DatasetFormat
from trainer_image.row_looks import (
    Note,
    order_notes,
    said_in,
    system_text,
    text_notes,
    values_of,
)
from trainer_image.rows import parse
from trainer_image.texts import flat

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.pieces import Piece


@dataclass(frozen=True)
class TextLook:
    """One text of a row: its tokens before and after it is cut, those of the latter that are
    learnt, whether it begins twice, and whether what is learnt ends a turn."""

    length: int
    kept: int
    trained: int
    begins_twice: bool
    ends: bool


@dataclass(frozen=True)
class Look:
    """What there is to say of a row. ``refusal`` is why it cannot be learnt from; ``late_notes``
    were found after that. ``sketch`` is how rows like it are found, ``is_used`` whether a training
    would take any of its texts."""

    line: int
    begin: int
    split: object
    sketch: bytes
    notes: list[Note] = field(default_factory=list)
    refusal: str = ""
    late_notes: list[Note] = field(default_factory=list)
    texts: list[TextLook] = field(default_factory=list)
    is_used: bool = False


@dataclass(frozen=True)
class Looks:
    """The rows of a piece, and their tokens as a training would have them."""

    rows: list[Look]
    tokens: Tokenised
    end: int


def look_at(path: Path, piece: Piece, recipe: Recipe) -> Looks:
    """Look at every row of a piece, whatever is wrong with it."""
    tokens, texts, rows = Tokenised(None), list[Encoded](), list[Look]()
    for row, line, begin, text in lines_of(path, piece):
        look, found = _look(text, line, begin, recipe)
        rows.append(look)
        texts += found
        tokens.table += [entry(row, one) for one in found]
        if look.refusal:
            tokens.problems.append(look.refusal)
        elif not found:
            tokens.dropped.append(f"{path.name} line {line}")
    tokens.rows = len(rows)
    tokens.values = flat(texts)
    return Looks(rows, tokens, piece.end)


def _look(text: bytes, line: int, begin: int, recipe: Recipe) -> tuple[Look, list[Encoded]]:
    said, row, refusal = "", dict[str, object](), ""
    notes, late = list[Note](), list[Note]()
    texts: list[Tokens] = []
    try:
        row = parse(text)
        messages = conversation(row, recipe.format)
        said = said_in(row, recipe.format)
        if recipe.format is not DatasetFormat.TEXT:
            notes += order_notes(messages)
        notes += text_notes(f"{system_text(messages)}\n{said}")
        texts = tokenised(row, recipe)
    except RowError as error:
        refusal = str(error)
        if not said:
            late += text_notes(values_of(row))
    used = usable([cut(one, recipe.max_length) for one in texts], recipe)
    # Of raw text in pieces only the last one has an end.
    inner = len(texts) - 1 if recipe.format is DatasetFormat.TEXT else 0
    found = [_text_look(one, recipe, is_inner=n < inner) for n, one in enumerate(texts)]
    look = Look(
        line, begin, row.get("split"), sketch(said), notes, refusal, late, found, bool(used)
    )
    return look, used


def _text_look(text: Tokens, recipe: Recipe, *, is_inner: bool) -> TextLook:
    limit, bos = recipe.max_length, recipe.tokenizer.bos_token_id
    return TextLook(
        length=len(text.ids),
        kept=min(len(text.ids), limit),
        trained=sum(one != NOT_TRAINED for one in text.labels[1:limit]),
        begins_twice=bos is not None and text.ids[:2] == [bos, bos],
        ends=is_inner or _ends(text, recipe),
    )


def _ends(text: Tokens, recipe: Recipe) -> bool:
    """Whether the last token that is learnt, before anything is cut, ends a turn."""
    learnt = next((one for one in reversed(text.labels) if one != NOT_TRAINED), None)
    if learnt is None or not recipe.assistant_only:
        return True
    return recipe.tokenizer.convert_ids_to_tokens(learnt) in recipe.words.ends
