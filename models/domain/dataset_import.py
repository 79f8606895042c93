"""An import of a dataset: what is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError

if TYPE_CHECKING:
    from models.domain.column_mapping import ColumnMapping
    from models.domain.data_report import Finding

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is read. ``text_split``: ``sections`` (paragraphs gathered), ``paragraphs``,
    ``documents``. ``drop_bad_rows`` leaves faulty rows out, where they refuse the file else.
    ``scrape_session`` is the number of the one session of the earlier program's database that is
    read, as text; empty for all.
    """

    mapping: ColumnMapping | None = None
    drop_bad_rows: bool = False
    text_split: str = "sections"
    scrape_session: str = ""


@dataclass(frozen=True, slots=True)
class HubSource:
    """A dataset of the Hugging Face Hub; ``split`` may be a slice such as ``train[:1000]``.

    With ``held_out`` the rows of that split come after those of the first, and the column ``split``
    of each row says which of the two it is of.
    """

    repo: str
    config: str = ""
    split: str = "train"
    held_out: str = ""

    def __str__(self) -> str:
        config = f":{self.config}" if self.config else ""
        held_out = f", held out: {self.held_out}" if self.held_out else ""
        return f"hf:{self.repo}{config}@{self.split}{held_out}"


@dataclass(frozen=True, slots=True)
class ImportVerdict:
    """What reading a whole file said of it; ``rows`` were found in it, ``kept`` can be used.

    ``format`` is empty where none is certain; then ``candidates`` are mappings that the names of
    the ``columns`` suggest, and ``samples`` some rows to try them on.
    """

    rows: int
    kept: int
    format: str
    findings: tuple[Finding, ...]
    columns: tuple[str, ...] = ()
    splits: tuple[tuple[str, int], ...] = ()
    mapping: ColumnMapping | None = None
    candidates: tuple[ColumnMapping, ...] = ()
    samples: tuple[dict[str, Any], ...] = ()
    licence: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether anything forbids the import."""
        return any(finding.severity == "major" for finding in self.findings)

    @property
    def needs_mapping(self) -> bool:
        """Whether it would do to say what the columns are."""
        major = [finding for finding in self.findings if finding.severity == "major"]
        return bool(major) and all(finding.remedy == "map" for finding in major)


class ImportRefusedError(AppError):
    """A file that is not imported: with everything found wrong, each with its rows and lines."""

    def __init__(self, name: str, verdict: ImportVerdict) -> None:
        self.verdict = verdict
        super().__init__("bad_dataset", _words(name, verdict), _advice(verdict))


def problems_of(verdict: ImportVerdict) -> list[dict[str, Any]]:
    """Every place that a finding names, one by one; ``row`` from 0 and ``line`` from 1, or null;
    ``file`` where there are several."""
    problems: list[dict[str, Any]] = []
    for one in verdict.findings:
        files = one.files or ("",) * len(one.rows)
        found: list[tuple[int | None, int, str]] = [*zip(one.rows, one.lines, files, strict=True)]
        problems += [
            {
                "severity": one.severity,
                "code": one.code,
                "row": row,
                "line": line or None,
                "message": one.message,
                **({"file": file} if file else {}),
            }
            for row, line, file in found or [(None, 0, "")]
        ]
    return problems


def places(finding: Finding) -> str:
    """Where a finding stands, for a person: ``line 37``, or ``row 5`` where there are no lines;
    with its file where there are several."""
    if not finding.rows:
        return ""
    line, row = finding.lines[0], finding.rows[0]
    first = f"line {line}" if line else f"row {row + 1}"
    if finding.files:
        first = f"{finding.files[0]}, {first}"
    more = finding.count - 1
    return first if not more else f"{first} and {more:,} more"


def _words(name: str, verdict: ImportVerdict) -> str:
    major = [finding for finding in verdict.findings if finding.severity == "major"]
    if len(major) == 1 and not major[0].rows:
        return f"{name} was not imported. {major[0].message}"
    lines = [f"  {places(one)}: {one.message}".replace("  : ", "  ") for one in major[:_SHOWN]]
    if len(major) > _SHOWN:
        lines.append(f"  and {len(major) - _SHOWN} more kinds of problems")
    return "\n".join([f"{name} was not imported:", *lines])


def _advice(verdict: ImportVerdict) -> str:
    major = [finding for finding in verdict.findings if finding.severity == "major"]
    if verdict.needs_mapping:
        proposed = f", for example {verdict.candidates[0].as_text()}" if verdict.candidates else ""
        return f"Say which column is which{proposed}."
    if major and all(one.can_drop for one in major):
        return "Correct these rows or leave them out, and import the file again."
    return "Correct this and import the file again."
