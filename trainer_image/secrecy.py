"""Keeps the user's token, where this process has one, out of everything it writes."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

_VARIABLES = ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY")
_REDACTED = "[redacted]"
_SHORTEST = 8
"""A shorter value is no token, and would blank out ordinary words."""


def without_secrets(text: str) -> str:
    """The text without the tokens of this process's environment."""
    for value in {os.environ.get(name, "") for name in _VARIABLES}:
        if len(value) >= _SHORTEST:
            text = text.replace(value, _REDACTED)
    return text


def guard_output() -> None:
    """Clean what is printed from now on. Before heavy imports: their log handlers keep streams."""
    if any(os.environ.get(name) for name in _VARIABLES):
        sys.stdout = _CleanStream(sys.stdout.buffer)
        sys.stderr = _CleanStream(sys.stderr.buffer)


class _CleanStream(io.TextIOWrapper):
    """A standard stream over the same file; each piece goes out at once."""

    def __init__(self, buffer: Any) -> None:
        super().__init__(buffer, encoding="utf-8", errors="replace", write_through=True)

    def write(self, text: str, /) -> int:
        """Write the piece without secrets; the answer counts what was given."""
        super().write(without_secrets(text))
        return len(text)
