"""Chat templates in files of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 16_000_000
"""The largest tokenizer_config.json files have some megabytes; templates have kilobytes."""


def read_template(path: Path) -> str:
    """The template of a Jinja file, or the one inside a ``tokenizer_config.json``.

    AppError("bad_template") says why there is none.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise AppError("bad_template", f"{path.name} is too large for a chat template.", _HINT)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise AppError("bad_template", f"{path.name} cannot be read: {error}.", _HINT) from error
    if path.suffix.lower() == ".json":
        text = _inside(path, text)
    if not text.strip():
        raise AppError("bad_template", f"{path.name} is empty.", _HINT)
    return text


_HINT = "Choose a chat_template.jinja, or a tokenizer_config.json that has one."


def _inside(path: Path, text: str) -> str:
    """The default template of a tokenizer's configuration; some have several, by name."""
    try:
        values: Any = json.loads(text)
    except ValueError as error:
        raise AppError("bad_template", f"{path.name} is no valid JSON: {error}.", _HINT) from error
    found = values.get("chat_template") if isinstance(values, dict) else None
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    if not isinstance(found, str):
        raise AppError("bad_template", f"{path.name} has no chat template.", _HINT)
    return found
