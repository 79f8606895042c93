"""Whether a training may start with what was found in its data, and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.domain.config import TrainingConfig
    from models.domain.data_report import DataReport, Finding
    from models.domain.dataset import DatasetSession

START_ANYWAY = frozenset({"nothing_learnt", "no_end_of_turn", "double_bos"})
"""Major problems that the trainer can train with: it leaves out rows of which nothing would be
learnt, and learns the other two as they are. Whatever else is major, it refuses itself."""

_OF_ROWS = frozenset(
    {
        "not_utf8", "not_json", "missing_value", "no_answer", "empty_answer", "control_token",
        "template_refuses", "bad_row", "nothing_learnt", "no_end_of_turn", "double_bos",
        "duplicate", "near_duplicate", "truncated", "empty_turn", "late_system", "one_sided",
        "assistant_first", "same_role_twice", "ends_with_user", "binary", "replacement", "secret",
        "email",
    }
)  # fmt: skip
"""Problems that are gone when their rows are."""
_REPEATS = ("duplicate", "near_duplicate")
_OF_MODEL = frozenset({"template_refuses", "control_token", "no_end_of_turn", "double_bos"})
_LENGTHEN, _UNMASK = "lengthen", "unmask"
"""What a finding says of its cause: the maximum length, or the mask of the answers."""
_STEP = 64
"""Lengths are rounded up to such steps, which processors like."""
_SHOWN = 20


class RemedyKind(StrEnum):
    """What a remedy's button does."""

    DROP = "drop"
    """A new dataset is made without the rows of the ``codes``."""
    CHANGE = "change"
    """``values`` go into the setup."""
    DATASET = "dataset"
    """Another dataset is chosen."""
    MODEL = "model"
    """Another base model is chosen."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A button: its label, what it does, and in ``note`` what that means for the user."""

    kind: RemedyKind
    label: str
    note: str = ""
    codes: tuple[str, ...] = ()
    values: dict[str, object] = field(default_factory=dict)


class DataRefusedError(AppError):
    """A training that does not start, because of what its data would teach.

    ``session`` is the dataset of the library, None for one of the Hub. ``is_certain`` says that it
    was looked at as the trainer does, who would refuse the same.
    """

    def __init__(
        self,
        name: str,
        report: DataReport,
        session: DatasetSession | None,
        *,
        is_certain: bool = True,
    ) -> None:
        self.name = name
        self._is_certain = is_certain
        self.report = report
        self.session = session
        super().__init__("data_refused", _words(name, report), _advice(report, session))

    @property
    def may_start(self) -> bool:
        """Whether the trainer could begin all the same, if the user wants that."""
        return not self._is_certain or may_start_anyway(self.report)

    @property
    def key(self) -> tuple[object, ...]:
        """What the user accepts with "start anyway": these problems of these rows."""
        rows = self.session.sha256 if self.session else self.name
        return rows, *((one.code, one.message, one.count) for one in majors(self.report))


def majors(report: DataReport) -> tuple[Finding, ...]:
    """The findings that refuse a start."""
    return tuple(one for one in report.findings if one.severity == "major")


def may_start_anyway(report: DataReport) -> bool:
    """Whether the trainer would not refuse this dataset as well."""
    return all(one.code in START_ANYWAY for one in majors(report))


def droppable(report: DataReport) -> tuple[str, ...]:
    """The codes of all major problems whose rows can be left out; none where no row would stay."""
    codes = tuple(dict.fromkeys(one.code for one in majors(report) if one.code in _OF_ROWS))
    at_most = sum(one.count for one in majors(report) if one.code in codes)
    return codes if at_most < report.rows else ()


def remedies_for(
    finding: Finding, config: TrainingConfig, report: DataReport
) -> tuple[Remedy, ...]:
    """Buttons for a finding, the best first; none where only the user can know."""
    return tuple(_remedies(finding, config, report))


def _remedies(finding: Finding, config: TrainingConfig, report: DataReport) -> Iterator[Remedy]:
    if finding.remedy == _LENGTHEN:
        yield from _longer(config, report)
    if finding.remedy == _UNMASK and config.hp.assistant_only_loss:
        yield Remedy(
            RemedyKind.CHANGE,
            "Learn whole conversations",
            "Train on answers only is switched off: the questions are learnt, too.",
            values={"hp.assistant_only_loss": False},
        )
    if finding.code == "overlap":
        yield Remedy(
            RemedyKind.DROP,
            "Leave out the rows that repeat others",
            "Of rows that say the same, or nearly, the first stays. The dataset stays as it is; "
            "a new one is made.",
            _REPEATS,
        )
    yield from _split(finding, config)
    yield from _without(finding, report)
    if finding.code in _OF_MODEL:
        yield Remedy(RemedyKind.MODEL, "Choose another base model")
    if finding.severity == "major" and finding.code not in _OF_MODEL:
        yield Remedy(RemedyKind.DATASET, "Choose another dataset")


def _longer(config: TrainingConfig, report: DataReport) -> Iterator[Remedy]:
    """The length at which nothing is cut, if the model can read that far."""
    length = -(-report.longest // _STEP) * _STEP
    if report.model_length:
        length = min(length, report.model_length)
    if length <= config.hp.max_seq_length:
        return
    note = "Longer sequences need more memory: look at the estimate beside the start button."
    if length < report.longest:
        note = f"The model reads no more than {length:,} tokens; longer rows are cut. {note}"
    yield Remedy(
        RemedyKind.CHANGE,
        f"Raise the sequence length to {length:,}",
        note,
        values={"hp.max_seq_length": length},
    )


def _split(finding: Finding, config: TrainingConfig) -> Iterator[Remedy]:
    if finding.code not in ("no_such_split", "all_held_out"):
        return
    if config.dataset.eval_split:
        label = "Hold out some percent instead of a named split"
        yield Remedy(RemedyKind.CHANGE, label, values={"dataset.eval_split": ""})


def _without(finding: Finding, report: DataReport) -> Iterator[Remedy]:
    """One sentence stands for several findings of one code where what is wrong varies."""
    if finding.code not in _OF_ROWS:
        return
    count = sum(one.count for one in report.findings if one.code == finding.code)
    if count < report.rows:
        these = "this row" if count == 1 else f"these {count:,} rows"
        note = "The dataset stays as it is; a new one is made, and chosen."
        yield Remedy(RemedyKind.DROP, f"Leave {these} out", note, (finding.code,))


def where(finding: Finding) -> str:
    """Where a finding stands, for a person: ``row 5 and 3 more``; rows are counted from 1."""
    if not finding.rows:
        return ""
    more = finding.count - 1
    first = f"row {finding.rows[0] + 1:,}"
    return f"{first} and {more:,} more" if more else first


def _words(name: str, report: DataReport) -> str:
    found = majors(report)
    lines = [f"  {where(one)}: {one.message}".replace("  : ", "  ") for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more kinds of problems")
    return "\n".join([f"{name} cannot be learnt as it is:", *lines])


def _advice(report: DataReport, session: DatasetSession | None) -> str:
    if session is None:
        return "Import the dataset and mend it, or choose another."
    if droppable(report):
        return "Leave these rows out, correct them, or choose another dataset or model."
    return "Choose another dataset or another model."
