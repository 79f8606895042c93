"""What all repositories share: one session, the write lock, and how names compare."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SHOWN_NAMES = 5
"""How many existing names an error lists."""


class Repository:
    """Reads and writes one kind of value inside one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _lock(self) -> None:
        """Become the only writer before reading what a change depends on."""
        connection = self._session.connection()
        driver = connection.connection.driver_connection
        if driver is not None and not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            self._session.expire_all()  # another process may have written since we read


def clean_name(name: str, what: str) -> str:
    """``name`` as it is kept, or AppError("bad_name") if nothing is left of it."""
    cleaned = one_line(name)
    if not cleaned:
        raise AppError("bad_name", f"{what} needs a name.", "Type at least one character.")
    return cleaned


def one_line(name: str) -> str:
    """``name`` without what cannot be stored or seen: control characters and outer spaces.

    Names also come from file names, which on Linux may hold bytes that are no text at all.
    """
    text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in storable(name))
    return " ".join(text.split())


def storable(text: str) -> str:
    """``text`` with a question mark for each part of it that is no text."""
    return text.encode("utf-8", "replace").decode()


def name_key(name: str) -> str:
    """What two names have in common when only case or the way of typing an accent differs.

    SQLite's own NOCASE knows the letters A to Z only.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_variant(name: str, base: str) -> bool:
    """Whether it is ``base`` or, where that was taken, ``base (2)`` and so on."""
    pattern = re.escape(name_key(one_line(base))) + r"( \(\d+\))?"
    return re.fullmatch(pattern, name_key(name)) is not None
