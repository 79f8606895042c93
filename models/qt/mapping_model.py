"""Which column plays which part, as it is being chosen, and what the rows become by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from models.domain.column_mapping import ROW_FORMATS, ColumnMapping, suggest
from models.domain.turns import Turn, turns_of

if TYPE_CHECKING:
    from models.domain.dataset_import import ImportVerdict

TryRow = Callable[[Mapping[str, Any], str], tuple[dict[str, Any], str]]
"""A row as an import of this format would store it, and why it would not (empty where it would)."""

ROLE_WORDS = {
    "messages": "Messages", "conversations": "Conversation", "instruction": "Instruction",
    "output": "Output", "input": "Further input", "prompt": "Prompt", "completion": "Completion",
    "question": "Question", "answer": "Answer", "input_text": "Input", "output_text": "Output",
    "label": "Good answer?",
    "chosen": "Chosen answer", "rejected": "Rejected answer", "text": "Text",
    "system": "System prompt", "tools": "Tools", "split": "Split",
}  # fmt: skip
ROLE_HELP = {
    "messages": "A list of messages, each with role and content; also as JSON text.",
    "conversations": "A list of turns, each with from and value; also as JSON text.",
    "input": "What the instruction is about: it is put beneath it.",
    "prompt": "What was asked before the answer, or before the two of a pair.",
    "label": "True for a good answer, false for a bad one; KTO learns from both.",
    "system": "What the model is told before the conversation.",
    "tools": "The functions that the model may call, as a JSON list.",
    "split": "Names the rows to learn from and those to hold out, such as train and test.",
}
_OFTEN_EXTRA = ("system", "tools", "split")
_EXTRA = {"alpaca": ("input",), "preference": ("prompt",)}
_ORDER = (
    "question_answer", "messages", "sharegpt", "alpaca", "prompt_completion", "input_output",
    "preference", "unpaired_preference", "text",
)  # fmt: skip
"""As they are offered: the one that most tables have first."""


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a column can play in the chosen format."""

    name: str
    is_needed: bool

    @property
    def words(self) -> str:
        """What it is called."""
        return ROLE_WORDS[self.name]

    @property
    def help(self) -> str:
        """What it is for; empty where its name says it."""
        return ROLE_HELP.get(self.name, "")


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A sample row as it would be imported; ``problem`` says why it would not."""

    number: int
    turns: tuple[Turn, ...]
    problem: str = ""


class MappingModel(QObject):
    """Begins with the likeliest mapping.

    Signals:
        changed: format, a column, and so the preview.
        format_changed: other roles than before; comes ahead of ``changed``.
    """

    changed = Signal()
    format_changed = Signal()

    def __init__(
        self, verdict: ImportVerdict, try_row: TryRow, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.columns = verdict.columns
        self.formats = _ORDER
        self._samples = verdict.samples
        self._candidates = {one.format: one for one in reversed(verdict.candidates)}
        self._try_row = try_row
        self._chosen: dict[str, str] = {}
        self.format = ""
        likeliest = verdict.mapping or next(iter(verdict.candidates), None)
        if likeliest is not None:
            self._candidates[likeliest.format] = likeliest
        self._take_format(likeliest.format if likeliest is not None else _ORDER[0])

    def set_format(self, format_: str) -> None:
        """Choose another format; its roles get the columns whose names suggest them."""
        if format_ != self.format:
            self._take_format(format_)
            self.format_changed.emit()
            self.changed.emit()

    def roles(self) -> tuple[Role, ...]:
        """What can be chosen in this format, the needed ones first."""
        need = ROW_FORMATS[self.format]
        extra = () if self.format == "text" else _EXTRA.get(self.format, ()) + _OFTEN_EXTRA
        return (*(Role(name, True) for name in need), *(Role(name, False) for name in extra))

    def column_of(self, role: str) -> str:
        """The column that plays a part; empty where none does."""
        return self._chosen.get(role, "")

    def set_column(self, role: str, column: str) -> None:
        """Let a column play a part; an empty one, none."""
        if column == self.column_of(role):
            return
        self._chosen[role] = column
        self.changed.emit()

    def missing(self) -> str:
        """What is still to be said before it can be imported; empty where nothing is."""
        open_ = [role.words for role in self.roles() if role.is_needed and not self._has(role)]
        if open_:
            return f"Still to choose: {_joined(open_)}."
        used = [self.column_of(role.name) for role in self.roles() if self._has(role)]
        twice = next((column for column in used if used.count(column) > 1), "")
        return f"“{twice}” is chosen twice." if twice else ""

    def mapping(self) -> ColumnMapping | None:
        """What was chosen; None while something is missing."""
        return None if self.missing() else self._so_far()

    def preview(self) -> tuple[PreviewRow, ...]:
        """The sample rows as they would become."""
        mapping, is_whole = self._so_far(), not self.missing()
        return tuple(
            self._preview_row(number, mapping.apply(row), is_whole=is_whole)
            for number, row in enumerate(self._samples)
        )

    def example(self, column: str) -> str:
        """What the column holds in the first rows, shortly."""
        values = (row.get(column) for row in self._samples)
        value = next((one for one in values if one not in (None, "", [], {})), "")
        return " ".join(str(value).split())[:60]

    def _take_format(self, format_: str) -> None:
        self.format = format_
        candidate = self._candidates.get(format_)
        known = dict(candidate.columns) if candidate is not None else {}
        self._chosen = {}
        for role in self.roles():
            column = known.get(role.name) or self._suggested(role)
            if column and column not in self._chosen.values():
                self._chosen[role.name] = column

    def _suggested(self, role: Role) -> str:
        """A role that is not needed is taken only by a column of its own name."""
        found = suggest(role.name, self.columns)
        return found if role.is_needed or found.strip().lower() == role.name else ""

    def _has(self, role: Role) -> bool:
        return bool(self.column_of(role.name))

    def _so_far(self) -> ColumnMapping:
        named = ((role.name, self.column_of(role.name)) for role in self.roles())
        return ColumnMapping(tuple((role, column) for role, column in named if column))

    def _preview_row(self, number: int, row: dict[str, Any], *, is_whole: bool) -> PreviewRow:
        if not is_whole:
            return PreviewRow(number, turns_of(row, self.format))
        stored, problem = self._try_row(row, self.format)
        return PreviewRow(number, turns_of(stored, self.format), problem)


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
