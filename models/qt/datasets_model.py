"""The dataset library as a table; its first column also feeds the form's combo box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import counted, size, when

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from models.domain.dataset import DatasetSession

FORMAT_WORDS = {
    "messages": "Chat messages",
    "sharegpt": "ShareGPT",
    "alpaca": "Alpaca",
    "prompt_completion": "Prompt and completion",
    "question_answer": "Question and answer",
    "input_output": "Input and output",
    "preference": "Preference pairs",
    "unpaired_preference": "Answers marked good or bad",
    "text": "Plain text",
}


class DatasetsModel(ItemTableModel["DatasetSession"]):
    """Datasets, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_COLUMNS, _key, parent)

    def by_reference(self, reference: str) -> DatasetSession | None:
        """The dataset that a configuration names, by number or by name."""
        text = reference.strip()
        if text.isdecimal():
            found = self.find(int(text))
            if found is not None:
                return found
        return next((item for item in self.items if item.name == text), None)

    def by_name(self, name: str) -> DatasetSession | None:
        """The dataset of this name, whatever its case: two that look the same are never made."""
        wanted = name.strip().casefold()
        return next((item for item in self.items if item.name.casefold() == wanted), None)


def matches(session: DatasetSession, words: str) -> bool:
    """Whether every one of these words is in the dataset's name, source, format or licence."""
    wanted = words.casefold().split()
    parts = (session.name, session.source, _format(session), session.format, session.licence)
    text = "\n".join(parts).casefold()
    return all(word in text for word in wanted)


def source_words(session: DatasetSession) -> str:
    """Where a dataset came from, without the folders of a path."""
    return _source(session)


def reference_of(session: DatasetSession) -> str:
    """How a configuration names this dataset."""
    return session.reference


def describe(session: DatasetSession) -> str:
    """Source, format, rows and date in one line."""
    parts = (
        counted(session.rows, "row"),
        FORMAT_WORDS.get(session.format, session.format),
        _source(session),
        when(session.created_at),
    )
    return " · ".join(part for part in parts if part)


def _key(session: DatasetSession) -> object:
    return session.id


def _name(session: DatasetSession) -> str:
    return session.name


def _format(session: DatasetSession) -> str:
    return FORMAT_WORDS.get(session.format, session.format)


def _rows(session: DatasetSession) -> str:
    return f"{session.rows:,}"


def _rows_number(session: DatasetSession) -> object:
    return session.rows


def _size(session: DatasetSession) -> str:
    return size(session.size)


def _size_number(session: DatasetSession) -> object:
    return session.size


def _source(session: DatasetSession) -> str:
    if session.source.startswith("sample:"):
        return "comes with Temper"
    return session.source.replace("\\", "/").rsplit("/", 1)[-1]


def _licence(session: DatasetSession) -> str:
    return session.licence or "–"


def _created(session: DatasetSession) -> str:
    return when(session.created_at)


def _created_number(session: DatasetSession) -> object:
    return session.created_at


_COLUMNS: tuple[Column[DatasetSession], ...] = (
    Column("Name", _name),
    Column("Rows", _rows, _rows_number, is_number=True),
    Column("Format", _format),
    Column("Size", _size, _size_number, is_number=True),
    Column("Licence", _licence, help="As the source tells it; a dash where it tells none"),
    Column("Source", _source),
    Column("Added", _created, _created_number),
)
