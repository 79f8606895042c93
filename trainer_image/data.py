"""Rows to token ids and labels: the one function that training, preview and statistics share.

The loss mask comes from the model's own chat template: an answer is what the rendered text gains
between "the prompt, with the assistant about to speak" and "the prompt and the answer". Both must
be beginnings of the whole text, else the row is refused rather than trained wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainer_image.contract import DatasetFormat
from trainer_image.rows import (
    MOST_PROBLEMS,
    DatasetError,
    Message,
    NumberedRow,
    RowError,
    conversation,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_TRAINED = -100
"""The label that torch's cross entropy leaves out."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Recipe:
    """What decides how rows become tokens."""

    tokenizer: Any
    format: DatasetFormat
    max_length: int
    assistant_only: bool


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
class EncodedRows:
    """The rows by number; ``dropped`` ones have no answer within the maximum length."""

    rows: dict[int, Encoded]
    dropped: list[str]

    @property
    def shortened(self) -> int:
        """How many rows lost their end."""
        return sum(row.length > len(row.input_ids) for row in self.rows.values())


def encode(row: dict[str, Any], recipe: Recipe) -> Encoded:
    """Render, tokenise and mask one row; RowError says why it cannot be done."""
    messages = conversation(row, recipe.format)
    if recipe.format is DatasetFormat.TEXT:
        return _encode_text(messages[-1]["content"], recipe)
    text = render(recipe.tokenizer, messages)
    spans = answer_spans(recipe.tokenizer, messages, text)
    tokens = recipe.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = tokens["input_ids"]
    labels = _labels(ids, tokens["offset_mapping"], spans) if recipe.assistant_only else list(ids)
    return Encoded(text, ids[: recipe.max_length], labels[: recipe.max_length], len(ids))


def encode_all(rows: Iterable[NumberedRow], recipe: Recipe) -> EncodedRows:
    """Encode every row; DatasetError names the first problems, each with its line."""
    encoded: dict[int, Encoded] = {}
    problems: list[str] = []
    dropped: list[str] = []
    for row in rows:
        try:
            result = encode(row.values, recipe)
        except RowError as error:
            problems.append(f"{row.place}: {error}")
            if len(problems) == MOST_PROBLEMS:
                break
            continue
        if result.trained_tokens:
            encoded[row.number] = result
        else:
            dropped.append(row.place)
    if problems:
        raise DatasetError(problems)
    return EncodedRows(encoded, dropped)


def render(tokenizer: Any, messages: list[Message], *, answering: bool = False) -> str:
    """The text of a conversation; with ``answering``, up to where the assistant speaks next."""
    refusal: type[Exception] = import_module("jinja2").TemplateError
    try:
        text = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=answering
        )
    except refusal as error:
        raise RowError(f"the model's chat template refuses it ({error}).") from error
    return str(text)


def answer_spans(tokenizer: Any, messages: list[Message], text: str) -> list[Span]:
    """Where in ``text`` the assistant's turns stand, each with its end-of-turn token."""
    spans: list[Span] = []
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            before = render(tokenizer, messages[:number], answering=True)
            until = render(tokenizer, messages[: number + 1])
            if not (until.startswith(before) and text.startswith(until)):
                raise RowError(
                    f"the model's chat template changes earlier text at message {number + 1}, "
                    "so what to learn cannot be told."
                )
            spans.append((len(before), _end_of_turn(tokenizer, until)))
    return spans


def _end_of_turn(tokenizer: Any, until: str) -> int:
    """The end of an answer, without the line break that many templates put behind its end token."""
    stripped = until.rstrip()
    tokens = (token.content for token in tokenizer.added_tokens_decoder.values())
    return len(stripped) if stripped.endswith(tuple(tokens)) else len(until)


def _labels(ids: list[int], offsets: list[Span], spans: list[Span]) -> list[int]:
    """A token is trained if all of its characters are an answer's: one that also holds part of
    the prompt is never the model's to write."""
    labels = [NOT_TRAINED] * len(ids)
    for begin, end in spans:
        for number, (first, last) in enumerate(offsets):
            if begin <= first < last <= end:
                labels[number] = ids[number]
    return labels


def _encode_text(text: str, recipe: Recipe) -> Encoded:
    """Raw text: everything is learnt, and the end of the text too."""
    tokenizer = recipe.tokenizer
    bos = tokenizer.bos_token or ""
    ids = tokenizer(text.removeprefix(bos))["input_ids"]
    if tokenizer.eos_token_id is not None and ids[-1:] != [tokenizer.eos_token_id]:
        ids = [*ids, tokenizer.eos_token_id]
    return Encoded(text, ids[: recipe.max_length], ids[: recipe.max_length], len(ids))
