"""The database file of an earlier program: its scraped pairs, with the session of each."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from services.dataset_import.batches import Batch, UnreadableError
from services.dataset_import.findings import FIX
from services.dataset_import.old_tables import (
    PAIRS,
    columns_of,
    open_read_only,
    quoted,
    session_column,
    session_names,
    session_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.dataset_import.batches import Intake

_ROWS = 200
"""Read at once: a web page a row is what was scraped, so they may be long."""


def read_old_database(path: Path, intake: Intake, session: str = "") -> Iterator[Batch]:
    """Yield ``input_text``, ``output_text`` and the session's name of every pair; of one session
    alone where its number is given, and then without its name."""
    try:
        with open_read_only(path) as database:
            yield from _pairs(database, intake, session)
    except sqlite3.Error as error:
        intake.book.major(
            "bad_database", f"The database cannot be read: {error}.", intake.rows, 0, remedy=FIX
        )


def _pairs(database: sqlite3.Connection, intake: Intake, session: str) -> Iterator[Batch]:
    columns = columns_of(database, PAIRS)
    if not {"input_text", "output_text"} <= columns.keys():
        message = "This SQLite database holds no table scraped_pairs with input_text, output_text."
        intake.book.major("unknown_database", message, remedy=FIX)
        raise UnreadableError
    order = columns.get("id", "rowid")
    link = session_column(columns)
    chosen = [columns["input_text"], columns["output_text"]]
    where, wanted = "", list[str]()
    if session and link:
        where, wanted = f"WHERE {session_words(link)} = ?", [session]
    elif link:
        chosen.append(link)
    sessions = session_names(database) if len(chosen) > 2 else {}
    names = ", ".join(quoted(name) for name in chosen)
    query = f"SELECT {names} FROM {PAIRS} {where} ORDER BY {quoted(order)}"  # noqa: S608 - quoted
    cursor = database.execute(query, wanted)
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
