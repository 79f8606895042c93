"""Rows to token ids and labels: the one function that training, preview and statistics share.

A row becomes one text, or one for each answer where the model's chat template rewrites earlier
turns (:mod:`trainer_image.masks`). The text is tokenised once, as a whole, and a token is learnt if
all of its characters are an answer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trainer_image.conversations import conversation, tools_of
from trainer_image.masks import Masked, masked
from trainer_image.preference_rows import sides
from trainer_image.row_formats import METHODS, DatasetFormat
from trainer_image.templates import ControlWords, Script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.conversations import Message, Row
    from trainer_image.templates import Span

NOT_TRAINED = -100
"""The label that torch's cross entropy leaves out."""
LAST_ANSWER = "last answer"
"""The choice of ``hp.train_on`` that leaves the earlier answers of a conversation as they are."""


@dataclass(frozen=True)
class Recipe:
    """What decides how rows become tokens."""

    tokenizer: Any
    format: DatasetFormat
    max_length: int
    assistant_only: bool
    last_only: bool = False
    """Of a conversation only the last answer is learnt."""

    @cached_property
    def words(self) -> ControlWords:
        """The control tokens of the tokenizer."""
        return ControlWords.of(self.tokenizer)


@dataclass(frozen=True)
class Encoded:
    """A row as the model sees it; ``labels`` are the ids to learn, or -100.

    ``length`` counts the tokens before they were cut to the maximum length.
    """

    text: str
    input_ids: list[int]
    labels: list[int]
    length: int

    @property
    def trained_tokens(self) -> int:
        """How many tokens are learnt; nothing predicts the first, so it never is."""
        return sum(label != NOT_TRAINED for label in self.labels[1:])


@dataclass(frozen=True)
class Tokens:
    """A whole text in tokens, each with its place in the text and its label."""

    text: str
    ids: list[int]
    offsets: list[Span]
    labels: list[int]


def encode(row: Row, recipe: Recipe) -> list[Encoded]:
    """Render, tokenise and mask one row; RowError says why it cannot be done."""
    return [cut(tokens, recipe.max_length) for tokens in tokenised(row, recipe)]


def tokenised(row: Row, recipe: Recipe) -> list[Tokens]:
    """A row's texts in tokens, before they are cut; there is always at least one.

    Raw text comes in pieces that need no cutting, a pair as its two sides.
    """
    if recipe.format is DatasetFormat.TEXT:
        text = conversation(row, recipe.format)[-1]["content"]
        return _in_pieces(_raw_text(text, recipe.tokenizer), recipe.max_length)
    tools = tools_of(row)

    def script_of(messages: list[Message]) -> Script:
        recipe.words.refuse_in([messages, tools])
        return Script(recipe.tokenizer, recipe.words, messages, tools)

    if recipe.format in METHODS:
        compared = sides(row, recipe.format, script_of)
        return [_tokens(one, recipe.tokenizer) for one in compared]
    script = script_of(conversation(row, recipe.format))
    if not recipe.assistant_only:
        text = script.text()
        return [_tokens(Masked(text, [(0, len(text))]), recipe.tokenizer)]
    return [_tokens(one, recipe.tokenizer) for one in masked(script, last_only=recipe.last_only)]


def cut(tokens: Tokens, length: int) -> Encoded:
    """A text as it is trained, without what is behind the maximum length."""
    return Encoded(tokens.text, tokens.ids[:length], tokens.labels[:length], len(tokens.ids))


def _tokens(one: Masked, tokenizer: Any) -> Tokens:
    """The template writes the beginning token itself, so the tokenizer must not."""
    tokens = tokenizer(one.text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = tokens["input_ids"], tokens["offset_mapping"]
    return Tokens(one.text, ids, offsets, _labels(ids, offsets, one.spans))


def _labels(ids: list[int], offsets: list[Span], spans: list[Span]) -> list[int]:
    """A token is trained if all of its characters are an answer's: one that also holds part of
    the prompt is never the model's to write."""
    labels = [NOT_TRAINED] * len(ids)
    number = 0
    for begin, end in spans:
        while number < len(offsets) and offsets[number][1] <= end:
            first, last = offsets[number]
            if begin <= first < last:
                labels[number] = ids[number]
            number += 1
    return labels


def _raw_text(text: str, tokenizer: Any) -> Tokens:
    """Raw text: everything is learnt, and the end of the text too."""
    bos, begin = tokenizer.bos_token or "", 0
    while bos and text.startswith(bos, begin):
        begin += len(bos)
    tokens = tokenizer(text[begin:], return_offsets_mapping=True)
    ids = tokens["input_ids"]
    offsets = [(first + begin, last + begin) for first, last in tokens["offset_mapping"]]
    if tokenizer.eos_token_id is not None and ids[-1:] != [tokenizer.eos_token_id]:
        ids, offsets = [*ids, tokenizer.eos_token_id], [*offsets, (len(text), len(text))]
    return Tokens(text, ids, offsets, list(ids))


def _in_pieces(tokens: Tokens, limit: int) -> list[Tokens]:
    """A long text in pieces of at most ``limit`` tokens, so that its tail is learnt as well."""
    if len(tokens.ids) <= limit:
        return [tokens]
    return [_piece(tokens, begin, end) for begin, end in _windows(len(tokens.ids), limit)]


def _windows(count: int, limit: int) -> Iterator[Span]:
    """Where pieces begin and end. Each begins with the last token of the one before, behind which
    its first new one is predicted: so every token of the text is learnt, and once."""
    begin, end = 0, limit
    while end < count:
        yield begin, end
        begin, end = end - 1, end - 1 + limit
    yield begin, count


def _piece(tokens: Tokens, begin: int, end: int) -> Tokens:
    labels = tokens.labels[begin:end]
    if begin:
        labels[0] = NOT_TRAINED
    first = tokens.offsets[begin][0] if begin else 0
    last = tokens.offsets[end - 1][1] if end < len(tokens.ids) else len(tokens.text)
    offsets = [(one - first, other - first) for one, other in tokens.offsets[begin:end]]
    return Tokens(tokens.text[first:last], tokens.ids[begin:end], offsets, labels)
