"""Carries out an import of the window, also of text that lies in no file."""

from __future__ import annotations

import csv
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from models.domain.errors import AppError
from models.domain.import_job import Imported, ImportJob, PastedText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.domain.dataset import DatasetSession
    from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
    from models.domain.earlier_program import EarlierImport
    from services.progress import CancelToken, Reporter

_TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown"})
_PACKED = frozenset({".gz", ".bz2", ".xz"})
_DELIMITERS = "\t,;|"
_LOOKED_AT = 20
"""Lines that decide whether a pasted text is a table."""
_LONGEST_NAME = 40
"""Characters; what is longer in the first line is a sentence and no name of a column."""


class FileImporter(Protocol):
    """The dataset library, as far as it is needed here."""

    def import_file(
        self,
        path: Path | HubSource,
        *,
        name: str = "",
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
        on_verdict: Callable[[ImportVerdict], None] | None = None,
    ) -> DatasetSession:
        """Import; AppError, ImportRefusedError or Cancelled."""

    def rename(self, session_id: int, name: str) -> DatasetSession:
        """Give another name."""

    def delete(self, session_id: int) -> DatasetSession:
        """Take one out of the library; AppError where it is gone."""


class EarlierImporter(Protocol):
    """What knows the database of the earlier program."""

    def is_database(self, path: Path) -> bool:
        """Whether a file is one."""

    def import_all(
        self,
        path: Path,
        *,
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> EarlierImport:
        """Import datasets and configurations; raises as ``import_file`` does."""


def carry_out(
    library: FileImporter,
    earlier: EarlierImporter,
    job: ImportJob,
    report: Reporter,
    cancel: CancelToken,
) -> Imported | EarlierImport:
    """Import what a job names; blocking. Raises what ``DatasetLibrary.import_file`` does."""
    if isinstance(job.source, Path) and job.source.is_file() and earlier.is_database(job.source):
        return earlier.import_all(job.source, options=job.options, report=report, cancel=cancel)
    return _rows_of(library, job, report, cancel)


def pasted_suffix(text: str) -> str:
    """The ending that a file with this text would have: JSON, a table or plain text."""
    if text.lstrip()[:1] in {"{", "["}:
        return ".json"  # whether it is one document or a line for each row, its content says
    lines = [line for line in text.splitlines() if line.strip()][:_LOOKED_AT]
    delimiter = next((one for one in _DELIMITERS if _is_table(lines, one)), "")
    return {"": ".txt", "\t": ".tsv"}.get(delimiter, ".csv")


def _rows_of(
    library: FileImporter, job: ImportJob, report: Reporter, cancel: CancelToken
) -> Imported:
    verdicts: list[ImportVerdict] = []
    with _in_a_file(job) as source:
        session = library.import_file(
            source,
            options=job.options,
            report=report,
            cancel=cancel,
            on_verdict=verdicts.append,
        )
        is_plain_text = session.format == "text" and _has_plain_text(source)
    if job.replaces is not None:
        session = _in_place_of(library, job.replaces, session)
    findings = verdicts[0].findings if verdicts else ()
    return Imported(job, session, findings, is_plain_text)


def _in_place_of(
    library: FileImporter, before: DatasetSession, session: DatasetSession
) -> DatasetSession:
    """The new rows under the old name; whoever has deleted the old ones meanwhile meant it."""
    with suppress(AppError):
        library.delete(before.id)
        return library.rename(session.id, before.name)
    return session


@contextmanager
def _in_a_file(job: ImportJob) -> Iterator[Path | HubSource]:
    """A pasted text lies in a file that only we can read, for as long as it is imported."""
    source = job.source
    if not isinstance(source, PastedText):
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="temper-") as folder:
        path = Path(folder) / f"Clipboard{pasted_suffix(source.text)}"
        path.write_text(source.text, encoding="utf-8", errors="replace", newline="")
        yield path


def _is_table(lines: list[str], delimiter: str) -> bool:
    """Whether all lines have the same number of cells, and the first one has names."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return False
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    names = [name.strip() for name in rows[0]]
    are_names = all(0 < len(name) <= _LONGEST_NAME and name[-1] not in ".!?:" for name in names)
    return (
        are_names and len(set(names)) == len(names) and {len(row) for row in rows} == {len(names)}
    )


def _has_plain_text(source: Path | HubSource) -> bool:
    if not isinstance(source, Path):
        return False
    files = source.rglob("*") if source.is_dir() else (source,)
    return any(_inner_suffix(file) in _TEXT_SUFFIXES for file in files)


def _inner_suffix(path: Path) -> str:
    inner = path.with_suffix("") if path.suffix.lower() in _PACKED else path
    return inner.suffix.lower()
