"""What a look at one row finds beside its tokens: the order of its turns, and what its text holds.

The codes are those of an import (``services/dataset_import``), so that both speak of the same.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trainer_image.conversations import conversation, pair
from trainer_image.row_formats import DatasetFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.conversations import Message

Note = tuple[str, str]
"""A code for programs and a sentence for people."""

_SECRETS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
    r"|\b(?:sk|rk|pk)[-_](?:live|test|proj|ant|or)?[-_]?[A-Za-z0-9_-]{20,}"
    r"|\bhf_[A-Za-z0-9]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}"
    r"|\bA(?:KIA|SIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\brpa_[A-Za-z0-9]{30,}|\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{10,}"
)
"""Keys as OpenAI, Anthropic, Stripe, Hugging Face, GitHub, AWS, Google, Slack and Runpod write
them, private keys, and signed tokens (JWT)."""
_MAIL = re.compile(r"\b[\w.+-]+@(?!example\.)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_REPLACED = "\ufffd"


def order_notes(messages: list[Message]) -> Iterator[Note]:
    """What is unusual about who speaks when."""
    roles = [message["role"] for message in messages]
    if "system" in roles[1:]:
        yield "late_system", "A system message stands behind the first place."
    spoken = [role for role in roles if role != "system"]
    if set(spoken) == {"assistant"}:
        yield "one_sided", "Only the assistant speaks."
    elif spoken[:1] == ["assistant"]:
        yield "assistant_first", "The assistant speaks first; some templates refuse that."
    if any(
        before == after and before in ("user", "assistant") for before, after in pairwise(spoken)
    ):
        yield "same_role_twice", "Two messages of one speaker follow each other."
    if spoken[-1:] == ["user"]:
        yield "ends_with_user", "It ends with the user, whose last message is not answered."
    if any(not said(message).strip() for message in messages):
        yield "empty_turn", "A message is empty."


def said(message: Message) -> str:
    """The text of a message; a call counts as one."""
    return str(message["content"]) or ("call" if message.get("tool_calls") else "")


def text_notes(text: str) -> Iterator[Note]:
    """What a text holds that hardly belongs there."""
    if _BINARY.search(text):
        yield "binary", "It holds control characters, as files do that are no text."
    if _REPLACED in text:
        yield "replacement", "It holds \ufffd, which stands where a text was read wrongly."
    if _SECRETS.search(text):
        yield "secret", "It seems to hold a key or a token; a model may repeat it to anybody."
    if "@" in text and _MAIL.search(text):
        yield "email", "It holds an e-mail address."


def whole_text(messages: list[Message]) -> str:
    """All that is said, without system messages, which many rows share."""
    return "\n".join(said(one) for one in messages if one["role"] != "system")


def said_in(row: dict[str, Any], format_: DatasetFormat) -> str:
    """All that a row says, both sides of a pair; RowError as :func:`conversation` has it."""
    text = whole_text(conversation(row, format_))
    if format_ is DatasetFormat.PREFERENCE:
        one, other, alike = pair(row)
        text = f"{whole_text(one)}\n{whole_text(other[alike:])}"
    return text


def system_text(messages: list[Message]) -> str:
    """What the system messages say."""
    return "\n".join(said(one) for one in messages if one["role"] == "system")


def values_of(row: dict[str, Any]) -> str:
    """All texts of a row that could not be read as a conversation, also those inside of lists."""
    texts, waiting = [], list[Any](row.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return "\n".join(texts)
