"""Plain text and Markdown as rows of raw text."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from services.dataset_import.batches import MOST_ROW_BYTES, Filling
from services.dataset_import.findings import FIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dataset_import.batches import Batch, Intake

SECTIONS, PARAGRAPHS, DOCUMENTS = "sections", "paragraphs", "documents"
"""Paragraphs gathered up to a size and parted at headings; each alone; a whole file at once."""
SECTION_CHARACTERS = 4000
"""About 1000 tokens of English: within the default maximum length, so that nothing is cut off."""
_HEADING = re.compile(r"#{1,6} ")
_FENCE = ("```", "~~~")
_END = re.compile(r"\r\n|\r|\n")
"""Of a line. Other characters that Unicode calls line ends belong to the text."""
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+")


def read_plain_text(file: IO[bytes], intake: Intake, split: str = SECTIONS) -> Iterator[Batch]:
    """Yield rows ``{"text": …}``; ``split`` says what becomes one row."""
    filling = Filling()
    lines = _Lines(file)
    try:
        for text, line in _texts(lines, split):
            filling.add({"text": text}, intake.number(), line, len(text))
            if filling.is_full:
                yield filling.take()
    except UnicodeDecodeError as error:
        message = f"Not UTF-8 text: byte {error.start + 1} of the line is no character."
        intake.book.major("invalid_utf8", message, intake.rows, lines.number + 1, remedy=FIX)
    except _TooLongError:
        message = f"One text is longer than {MOST_ROW_BYTES >> 20} MB."
        intake.book.major("row_too_long", message, intake.rows, lines.number, remedy=FIX)
    yield filling.take()


class _TooLongError(Exception):
    """What is to become one row is longer than a row may be."""


class _Lines:
    """Lines without their ends, and the number of the one that was given last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while raw := self._file.readline(MOST_ROW_BYTES):
            if len(raw) == MOST_ROW_BYTES and not raw.endswith(b"\n"):
                raise _TooLongError
            for line in _END.split(raw.decode("utf-8"))[: None if raw[-1:] not in b"\r\n" else -1]:
                self.number += 1
                yield line


def _texts(lines: _Lines, split: str) -> Iterator[tuple[str, int]]:
    if split == DOCUMENTS:
        yield from _gathered(((line + "\n", lines.number, False) for line in lines), None)
        return
    parts = _paragraphs(lines)
    if split == PARAGRAPHS:
        yield from ((text.strip("\n"), line) for text, line, _ in parts)
        return
    yield from _gathered(_cut(parts), SECTION_CHARACTERS)


def _paragraphs(lines: _Lines) -> Iterator[tuple[str, int, bool]]:
    """Each paragraph with its first line, and whether it is a heading; code stays in one piece."""
    held: list[str] = []
    begin, is_code, size = 1, False, 0
    for line in lines:
        is_fence = line.lstrip().startswith(_FENCE)
        is_heading = not is_code and _HEADING.match(line) is not None
        if held and not is_code and (not line.strip() or is_heading):
            yield "\n".join(held) + "\n\n", begin, _HEADING.match(held[0]) is not None
            held, size = [], 0
        if line.strip() or is_code:
            begin = begin if held else lines.number
            held.append(line)
            size += len(line)
        if size > MOST_ROW_BYTES:
            raise _TooLongError
        is_code ^= is_fence
    if held:
        yield "\n".join(held), begin, _HEADING.match(held[0]) is not None


def _cut(parts: Iterator[tuple[str, int, bool]]) -> Iterator[tuple[str, int, bool]]:
    """Paragraphs longer than a section in pieces that end with a sentence, if possible."""
    for text, line, is_heading in parts:
        if len(text) <= SECTION_CHARACTERS:
            yield text, line, is_heading
            continue
        for sentence in _BETWEEN_SENTENCES.split(text):
            for start in range(0, len(sentence), SECTION_CHARACTERS):
                yield sentence[start : start + SECTION_CHARACTERS] + " ", line, False


def _gathered(
    parts: Iterator[tuple[str, int, bool]], most: int | None
) -> Iterator[tuple[str, int]]:
    held: list[str] = []
    begin, size = 1, 0
    for text, line, is_heading in parts:
        if held and (is_heading or (most is not None and size + len(text) > most)):
            yield "".join(held).strip(), begin
            held, size = [], 0
        begin = begin if held else line
        held.append(text)
        size += len(text)
        if size > MOST_ROW_BYTES:
            raise _TooLongError
    if "".join(held).strip():
        yield "".join(held).strip(), begin
