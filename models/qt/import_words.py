"""An import in words: what was refused and why, and what there is to know of what was taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.domain.data_report import Finding
from models.qt.notice import Notice
from models.qt.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.domain.dataset_import import ImportVerdict
    from models.domain.earlier_program import EarlierImport
    from models.domain.import_job import Imported, ImportRefusal

_MOST_PLACES = 10
"""Lines named of one finding; whoever mends these sees what to look for."""
_MOST_CHOICES = 12
_LISTED = re.compile(r"\[\s*['\"][^\]]*\]")
_QUOTED = re.compile(r"['\"]([^'\"]+)['\"]")
_ABOUT_CONFIGS = re.compile(r"BuilderConfig|Config name|available configs")
SHOW_DETAILS = "import_details"
DIVIDE_TEXT = "import_divide"
"""What a notice's button asks for after an import."""

TEXT_SPLITS: dict[str, tuple[str, str]] = {
    "sections": (
        "Sections",
        "Paragraphs gathered up to about 4,000 characters; headings begin a new one. Best for most "
        "books and documents.",
    ),
    "paragraphs": ("Paragraphs", "Each paragraph by itself. Best for lists of short texts."),
    "documents": (
        "Whole files",
        "Each file is one row. Best for many short files; of long ones the end may be cut off in "
        "training.",
    ),
}
"""How plain text may be divided into rows: the choice, and when it is good."""


def majors(verdict: ImportVerdict) -> list[Finding]:
    """The findings that forbid the import."""
    return [one for one in verdict.findings if one.severity == "major"]


def droppable(verdict: ImportVerdict) -> int:
    """How many rows would have to be left out so that the others can be imported; 0 where that
    does not help."""
    found = majors(verdict)
    if not found or not all(one.can_drop for one in found):
        return 0
    count = min(verdict.rows, sum(one.count for one in found))
    return count if count < verdict.rows else 0


def asks_for_mapping(verdict: ImportVerdict) -> bool:
    """Whether saying what the columns are may help."""
    return bool(verdict.columns) and any(one.remedy == "map" for one in majors(verdict))


def refusal_sentence(refusal: ImportRefusal) -> str:
    """What is wrong as a whole, and that nothing has changed."""
    verdict = refusal.verdict
    found = majors(verdict)
    kinds = counted(len(found), "problem", "kinds of problems")
    rows = min(verdict.rows, sum(one.count for one in found if one.rows))
    where = f" in {rows:,} of {counted(verdict.rows, 'row')}" if rows else ""
    return f"{kinds}{where}. The library is as it was before."


def advice(refusal: ImportRefusal) -> str:
    """What to do about it."""
    verdict = refusal.verdict
    if asks_for_mapping(verdict):
        return "Say what the columns are, then it can be imported."
    if droppable(verdict):
        return "Correct these rows in the file and try again, or leave them out."
    return "Correct this in the file and try again."


def hub_choices(message: str) -> tuple[str, tuple[str, ...]]:
    """What a refusal of the Hub offers instead: ``config`` or ``split``, and the names of those
    that there are, as ``datasets`` lists them (``['main', 'socratic']``); empty without any."""
    listed = _LISTED.search(message)
    names = tuple(dict.fromkeys(_QUOTED.findall(listed[0]))) if listed is not None else ()
    field = "config" if _ABOUT_CONFIGS.search(message) else "split"
    return (field, names[:_MOST_CHOICES]) if names else ("", ())


def place_words(finding: Finding) -> str:
    """Where it stands, for a person: ``Lines 3, 7 and 12, and 40 more``; empty without places. Of
    several files each is named: ``a.jsonl: Line 3; b.csv: Line 7, and 40 more``."""
    if not finding.rows:
        return ""
    has_lines = bool(finding.lines) and all(finding.lines)
    numbers = finding.lines if has_lines else tuple(row + 1 for row in finding.rows)
    one, shown = "Line" if has_lines else "Row", numbers[:_MOST_PLACES]
    more = max(0, finding.count - len(shown))
    if not finding.files:
        return _numbers(one, shown, more)
    by_file: dict[str, list[int]] = {}
    for file, number in zip(finding.files, shown, strict=False):
        by_file.setdefault(file, []).append(number)
    if len(by_file) == 1:
        return f"{finding.files[0]}: {_numbers(one, shown, more)}"
    words = "; ".join(f"{file}: {_numbers(one, found, 0)}" for file, found in by_file.items())
    return f"{words}, and {more:,} more" if more else words


def _numbers(one: str, numbers: Sequence[int], more: int) -> str:
    shown = [f"{number:,}" for number in numbers]
    if more:
        return f"{one}s {', '.join(shown)} and {more:,} more"
    if len(shown) == 1:
        return f"{one} {shown[0]}"
    return f"{one}s {', '.join(shown[:-1])} and {shown[-1]}"


def as_text(title: str, findings: tuple[Finding, ...]) -> str:
    """The whole list to be pasted elsewhere."""
    lines = [title]
    for one in findings:
        where = place_words(one)
        lines.append(f"- {one.message}" + (f" ({where})" if where else ""))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class ImportDetails:
    """All that there is to know of an import that went well; ``divisible`` is the plain text that
    could be divided otherwise."""

    title: str
    sentence: str
    findings: tuple[Finding, ...]
    divisible: Imported | None = None


def details_of(done: Imported) -> ImportDetails:
    """Of a file or a dataset of the Hub."""
    rows = counted(done.session.rows, "row")
    return ImportDetails(
        f"{done.session.name} is in the library",
        f"{rows} can be trained on. Worth knowing:",
        done.findings,
        done if done.is_plain_text else None,
    )


def details_of_earlier(label: str, found: EarlierImport) -> ImportDetails:
    """Of the earlier program's database: what has no counterpart here."""
    datasets = counted(len(found.datasets), "dataset")
    configs = counted(len(found.configs), "configuration")
    notes = tuple(Finding("minor", "no_counterpart", one, 1) for one in found.notes)
    sentence = "This could not be taken over as it was:" if notes else "Everything was taken over."
    return ImportDetails(f"{label}: {datasets} and {configs} imported", sentence, notes)


def notice_of(done: Imported, details: ImportDetails) -> Notice | None:
    """What to tell after an import that went well; None where there is nothing to say."""
    title = f"{done.session.name}: {counted(done.session.rows, 'row')} imported"
    if details.findings:
        return _notice(title, details)
    if details.divisible is not None:
        unit = TEXT_SPLITS[done.job.options.text_split][0].lower()
        text = f"The text was divided into {unit}; each is a row."
        return Notice(title, text, "info", DIVIDE_TEXT, "Divide it differently…", topic="imported")
    return None


def notice_of_earlier(details: ImportDetails) -> Notice:
    """What came along from the earlier program; always told, for it is more than rows."""
    if details.findings:
        return _notice(details.title, details)
    return Notice(details.title, details.sentence, "good", topic="imported")


def _notice(title: str, details: ImportDetails) -> Notice:
    more = len(details.findings) - 1
    others = f" There is {counted(more, 'more note')}." if more == 1 else ""
    others = f" There are {counted(more, 'more note')}." if more > 1 else others
    text = f"{details.findings[0].message}{others}"
    return Notice(title, text, "info", SHOW_DETAILS, "Details…", topic="imported")
