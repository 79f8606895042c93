"""What a file is, by its first bytes before its name: names are often wrong."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePath

from models.domain.column_mapping import ROW_FORMATS

HEAD_BYTES = 64 * 1024


class Kind(StrEnum):
    """What a reader is chosen by."""

    EMPTY = "empty"
    JSON_LINES = "json lines"
    JSON_DOCUMENT = "json document"
    DELIMITED = "delimited"
    TABBED = "tabbed"
    TEXT = "text"
    MARKDOWN = "markdown"
    ZIP = "zip"
    PACKED = "packed"
    OLD_DATABASE = "database"
    PARQUET = "parquet"
    ARROW = "arrow"
    UNKNOWN = "unknown"


STRUCTURED = {Kind.JSON_LINES, Kind.JSON_DOCUMENT, Kind.DELIMITED, Kind.TABBED}
PLAIN = {Kind.TEXT, Kind.MARKDOWN}
COLUMNAR = {Kind.PARQUET, Kind.ARROW}

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"\x1f\x8b", Kind.PACKED),
    (b"BZh", Kind.PACKED),
    (b"\xfd7zXZ\x00", Kind.PACKED),
    (b"SQLite format 3\x00", Kind.OLD_DATABASE),
    (b"PAR1", Kind.PARQUET),
    (b"ARROW1", Kind.ARROW),
)
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"GGUF", "a model"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"{\\rtf", "an RTF document"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file itself"),
    (b"\xff\xfe\x00\x00", "text in UTF-32"),
    (b"\x00\x00\xfe\xff", "text in UTF-32"),
)
_BY_SUFFIX = {
    ".jsonl": Kind.JSON_LINES,
    ".ndjson": Kind.JSON_LINES,
    ".json": Kind.JSON_DOCUMENT,
    ".csv": Kind.DELIMITED,
    ".tsv": Kind.TABBED,
    ".tab": Kind.TABBED,
    ".psv": Kind.DELIMITED,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".parquet": Kind.PARQUET,
    ".arrow": Kind.ARROW,
    ".feather": Kind.ARROW,
}
_NOT_JSON = (Kind.TEXT, Kind.MARKDOWN, Kind.DELIMITED, Kind.TABBED)
_TEXT = r'"(?:[^"\\]|\\.)*"'
_ROW_COLUMNS = "|".join(sorted({name for need in ROW_FORMATS.values() for name in need}))
WRAPPED = re.compile(
    rf'\s*\{{(?:\s*(?!"(?:{_ROW_COLUMNS})")({_TEXT})\s*:\s*(?:{_TEXT}|[-\d.eE+]+|true|false|null)\s*,)*'
    r'\s*"(?P<name>data|rows|examples|records|items|train|dataset)"\s*:\s*\[(?=\s*\{)'
)
"""The rows of a document, under a name, behind what it may say of itself (``version``)."""
_ROW = re.compile(rb'\s*(?:\[\s*)?\{\s*"[^"\n]{1,200}"\s*:')
"""JSON rows, whatever the file is called."""
_PAGE = re.compile(rb"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_TAR = 257
"""Where a tar archive says what it is."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
MARK = b"\xef\xbb\xbf"
"""Some programs begin UTF-8 with it."""


def kind_of(head: bytes, name: str) -> Kind:
    """The kind of a file with these first bytes."""
    if not head:
        return Kind.EMPTY
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    by_name = _BY_SUFFIX.get(PurePath(name).suffix.lower())
    if by_name in COLUMNAR:
        return by_name if by_name is Kind.ARROW else Kind.UNKNOWN
    if foreign(head, by_name) or _is_binary(head):
        return Kind.UNKNOWN
    return _text_kind(head.removeprefix(MARK).removeprefix(MARK), by_name)


def foreign(head: bytes, by_name: Kind | None = None) -> str:
    """What a file is that cannot be imported, in words; empty where it is not known. A web page
    may be meant as a text."""
    if _PAGE.match(head) and by_name not in PLAIN:
        return "a web page"
    if head.startswith(b"ustar", _TAR):
        return "a tar archive"
    return next((words for magic, words in _FOREIGN if head.startswith(magic)), "")


def is_utf16(head: bytes) -> bool:
    """Whether the file says that it is UTF-16, as Windows programs write it."""
    return head.startswith(_UTF16) and head[2:4] != b"\x00\x00"


def _is_binary(head: bytes) -> bool:
    """Zero bytes in a row, or many control characters: no text has them."""
    if is_utf16(head):
        return False
    control = sum(byte < 9 or (13 < byte < 32 and byte not in {27, 31}) for byte in head[:4096])
    return b"\x00\x00" in head[:4096] or control > len(head[:4096]) // 10


def _text_kind(head: bytes, by_name: Kind | None) -> Kind:
    start = head.lstrip()[:1]
    if by_name in _NOT_JSON and not _ROW.match(head):
        return by_name
    if start == b"[":
        return Kind.JSON_LINES if _is_lines_of_lists(head) else Kind.JSON_DOCUMENT
    if start == b"{":
        return _object_kind(head, by_name)
    return by_name or Kind.UNKNOWN


def _object_kind(head: bytes, by_name: Kind | None) -> Kind:
    """An object on one line is a line of JSONL; one on several is a document."""
    first, _, following = head.lstrip().partition(b"\n")
    first = first.rstrip()
    is_one_of_many = first.endswith(b"}") and following.lstrip()[:1] == b"{"
    if WRAPPED.match(head.decode("utf-8", "ignore")) and not is_one_of_many:
        return Kind.JSON_DOCUMENT
    if by_name is Kind.JSON_LINES and first != b"{":
        return Kind.JSON_LINES
    is_whole = first.endswith(b"}") and (b"\n" in head or len(head) < HEAD_BYTES)
    return Kind.JSON_LINES if is_whole or len(first) >= HEAD_BYTES - 1024 else Kind.JSON_DOCUMENT


def _is_lines_of_lists(head: bytes) -> bool:
    """JSONL whose rows are lists: told line by line that a row must be an object."""
    lines = [line.strip() for line in head.split(b"\n")[:3]]
    return len(lines) > 1 and all(line[:1] == b"[" and line[-1:] == b"]" for line in lines[:2])
