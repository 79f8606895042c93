"""Rows that compare answers: what of them is asked, and what is a good or a bad answer to it.

A pair is two texts with the same beginning, of which only what differs is learnt; a row with a
label is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer_image.conversations import RowError, asked_before, conversation, is_good, pair
from trainer_image.masks import masked
from trainer_image.row_formats import METHODS, DatasetFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from trainer_image.conversations import Message, Row
    from trainer_image.masks import Masked
    from trainer_image.templates import Script

    Text = TypeVar("Text")

CHOSEN, REJECTED = "chosen", "rejected"
"""What the two texts of a pair are, in this order."""


def sides(
    row: Row, format_: DatasetFormat, script_of: Callable[[list[Message]], Script]
) -> list[Masked]:
    """The texts of a row, the chosen side of a pair before the rejected one; RowError where the
    model's template gives an answer no text of its own."""
    if format_ is DatasetFormat.PREFERENCE:
        one, other, since = pair(row)
        conversations = [one, other]
    else:
        conversations, since = [conversation(row, format_)], asked_before(row)
    return [_whole(script_of(messages), since) for messages in conversations]


def _whole(script: Script, since: int) -> Masked:
    texts = masked(script, since=since)
    if len(texts) > 1:
        raise RowError(
            "the model's chat template rewrites earlier answers, so several answers of one side "
            "cannot be compared as a whole."
        )
    return texts[0]


def without_torn(texts: Sequence[Text], kept: list[Text], format_: DatasetFormat) -> list[Text]:
    """What of a row is used: a pair of which one side has no answer left is not compared."""
    return kept if format_ not in METHODS or len(kept) == len(texts) else []


def names(row: Row, format_: DatasetFormat, count: int) -> list[str]:
    """What each of a row's ``count`` texts is; nothing for one that is learnt as any other."""
    if format_ is DatasetFormat.PREFERENCE:
        return [CHOSEN, REJECTED]
    if format_ is DatasetFormat.UNPAIRED_PREFERENCE:
        return ["good" if is_good(row) else "bad"]
    return ["piece" if format_ is DatasetFormat.TEXT and count > 1 else ""] * count
