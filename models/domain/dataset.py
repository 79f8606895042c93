"""Datasets of the library: what the program knows about them; the rows themselves live in files."""

from __future__ import annotations

from dataclasses import dataclass

IMPORT_SUFFIXES = (
    ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".psv", ".txt", ".text", ".md",
    ".markdown", ".parquet", ".arrow", ".feather", ".gz", ".bz2", ".xz", ".zip", ".db", ".sqlite",
    ".sqlite3",
)  # fmt: skip
"""The endings of files that can be imported; the content decides all the same."""


@dataclass(frozen=True, slots=True)
class DatasetSession:
    """One imported dataset. ``sha256`` names its immutable JSONL file; sizes are in bytes.

    ``format`` is a DatasetFormat of the trainer's contract, ``created_at`` seconds since the epoch,
    ``splits`` maps the values of the rows' own ``split`` column to how many rows have them.
    ``columns`` are those of the file that was imported, ``mapping`` says which of them played which
    part where their names did not, ``licence`` is empty where none is known.
    """

    id: int
    name: str
    source: str
    format: str
    rows: int
    size: int
    sha256: str
    created_at: float
    splits: tuple[tuple[str, int], ...] = ()
    licence: str = ""
    mapping: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedConfig:
    """A named configuration's row in lists; the configuration itself is loaded on demand."""

    id: int
    name: str
    target: str
    updated_at: float
