"""The tables of the earlier program's database: what is in them, with nothing of it changed.

``scrape_sessions`` (``id``, ``source``, ``source_details`` …) and ``scraped_pairs``
(``session_id``, ``input_text``, ``output_text`` …); versions differ in their columns.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAIRS, SESSIONS, CONFIGS = "scraped_pairs", "scrape_sessions", "training_configs"
NO_SESSION = "none"
"""Stands for the session of pairs that name none."""
_NAMES = ("name", "title", "label", "source", "url", "query")
"""Columns that may say what a session is; the first that there is, is taken."""
_DETAILS = "source_details"
_MOST_DETAILS = 60


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, with the journal beside it: the file stays the other program's."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        database.text_factory = _text
        yield database


def columns_of(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column names by their lower case; none where there is no such table."""
    # A view is none: it may be endless.
    tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = ?"
    if database.execute(tables, (table,)).fetchone() is None:
        return {}
    found = database.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {str(name).lower(): str(name) for (name,) in found}


def session_column(columns: dict[str, str]) -> str | None:
    """The column of the pairs that names their session."""
    return next((name for key, name in columns.items() if key.endswith("session_id")), None)


def session_words(link: str) -> str:
    """SQL for the session of a pair as text; ``link`` is the column that names it."""
    return f"COALESCE(CAST({quoted(link)} AS TEXT), '{NO_SESSION}')"


def session_names(database: sqlite3.Connection) -> dict[object, str]:
    """What each session is, by its number."""
    columns = columns_of(database, SESSIONS)
    label = next((columns[name] for name in _NAMES if name in columns), None)
    if "id" not in columns or label is None:
        return {}
    query = f"SELECT {quoted(columns['id'])}, {quoted(label)} FROM {SESSIONS}"  # noqa: S608
    return {number: str(name) for number, name in database.execute(query) if name}


def session_details(database: sqlite3.Connection) -> dict[str, str]:
    """What each session was told to gather, by its number as text; short."""
    columns = columns_of(database, SESSIONS)
    if "id" not in columns or _DETAILS not in columns:
        return {}
    query = f"SELECT {quoted(columns['id'])}, {quoted(columns[_DETAILS])} FROM {SESSIONS}"  # noqa: S608
    return {
        str(number): str(text)[:_MOST_DETAILS] for number, text in database.execute(query) if text
    }


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _text(value: bytes) -> str:
    """Text that is not UTF-8 after all keeps its place, with the mark for a lost character."""
    return value.decode("utf-8", "replace")
