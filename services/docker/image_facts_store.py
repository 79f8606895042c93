"""What images told of themselves, kept in the database by the hash of their content."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from models.domain.image_facts import ImageFacts, facts_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.db.database import Database

_PREFIX = "image_facts/"
_MOST = 40
"""More images than anybody trains in; the oldest answers are forgotten."""


class ImageFactsStore:
    """Thread-safe. An answer holds for one content and one ``question``: who asked for what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, image_id: str, question: str) -> ImageFacts | None:
        """The answer, or None where it was never given or cannot be read."""
        with self._database.unit_of_work() as uow:
            stored = uow.app_state.get(_key(image_id, question))
        try:
            return _read(stored["facts"])
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, image_id: str, question: str, facts: ImageFacts) -> None:
        """Store an answer, and forget the oldest where there are many."""
        with self._database.unit_of_work() as uow:
            value = {"facts": asdict(facts), "at": time.time()}
            uow.app_state.set(_key(image_id, question), value)
            there = uow.app_state.starting_with(_PREFIX)
            for old in sorted(there, key=lambda key: _when(there[key]))[:-_MOST]:
                uow.app_state.delete(f"{_PREFIX}{old}")
            uow.commit()


def _key(image_id: str, question: str) -> str:
    return f"{_PREFIX}{image_id}/{question}"


def _read(stored: Mapping[str, Any]) -> ImageFacts:
    if stored.get("trouble"):
        return ImageFacts(trouble=str(stored["trouble"]), details=str(stored["details"]))
    return facts_from(stored)


def _when(stored: Any) -> float:
    return float(stored.get("at", 0)) if isinstance(stored, dict) else 0.0
