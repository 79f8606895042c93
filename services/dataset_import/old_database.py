"""The database file of an earlier program: its scraped pairs, with the session of each."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from services.dataset_import.batches import Batch, UnreadableError
from services.dataset_import.findings import FIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.dataset_import.batches import Intake

_PAIRS, _SESSIONS, _CONFIGS = "scraped_pairs", "scrape_sessions", "training_configs"
_ROWS = 200
"""Read at once: a web page a row is what was scraped, so they may be long."""
_NAMES = ("name", "title", "label", "source", "url", "query")
"""Columns that may say what a session is; the first that there is, is taken."""


def read_old_database(path: Path, intake: Intake) -> Iterator[Batch]:
    """Yield ``input_text``, ``output_text`` and the session's name of every pair."""
    try:
        # Read only, and with the journal beside it: the file stays the other program's.
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            database.text_factory = _text
            yield from _pairs(database, intake)
    except sqlite3.Error as error:
        intake.book.major(
            "bad_database", f"The database cannot be read: {error}.", intake.rows, 0, remedy=FIX
        )


def _pairs(database: sqlite3.Connection, intake: Intake) -> Iterator[Batch]:
    columns = _columns(database, _PAIRS)
    if not {"input_text", "output_text"} <= columns.keys():
        message = "This SQLite database holds no table scraped_pairs with input_text, output_text."
        intake.book.major("unknown_database", message, remedy=FIX)
        raise UnreadableError
    if _columns(database, _CONFIGS):
        intake.book.minor("configs_left", "Its training configurations are not taken over.")
    order = columns.get("id", "rowid")
    link = next((name for key, name in columns.items() if key.endswith("session_id")), None)
    sessions = _sessions(database) if link is not None else {}
    chosen = [columns["input_text"], columns["output_text"], *([link] if link else [])]
    names = ", ".join(_quoted(name) for name in chosen)
    query = f"SELECT {names} FROM {_PAIRS} ORDER BY {_quoted(order)}"  # noqa: S608 - quoted
    cursor = database.execute(query)
    while found := cursor.fetchmany(_ROWS):
        first = intake.number(len(found))
        rows = [_row(values, sessions) for values in found]
        numbers = range(first, first + len(rows))
        yield Batch(rows, numbers, [0] * len(rows), needs_a_look=True)


def _row(values: tuple[object, ...], sessions: dict[object, str]) -> dict[str, object]:
    row = {"input_text": values[0], "output_text": values[1]}
    if len(values) > 2:  # with the number of its session
        row["session"] = sessions.get(values[2], f"session {values[2]}")
    return row


def _sessions(database: sqlite3.Connection) -> dict[object, str]:
    columns = _columns(database, _SESSIONS)
    label = next((columns[name] for name in _NAMES if name in columns), None)
    if "id" not in columns or label is None:
        return {}
    query = f"SELECT {_quoted(columns['id'])}, {_quoted(label)} FROM {_SESSIONS}"  # noqa: S608
    return {number: str(name) for number, name in database.execute(query) if name}


def _columns(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column names by their lower case; none where there is no such table."""
    found = database.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {str(name).lower(): str(name) for (name,) in found}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: bytes) -> str:
    """Text that is not UTF-8 after all keeps its place, with the mark for a lost character."""
    return value.decode("utf-8", "replace")
