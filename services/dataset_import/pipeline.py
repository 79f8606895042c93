"""Reads a whole file, checks every row, and writes those that can be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from models.domain.column_mapping import propose
from models.domain.dataset_import import ImportVerdict
from services.dataset_import.batches import Intake, Part, UnreadableError
from services.dataset_import.columnar import as_a_file
from services.dataset_import.delimited import read_delimited
from services.dataset_import.detector import Detector
from services.dataset_import.findings import FIX, FindingBook
from services.dataset_import.json_documents import read_json_document
from services.dataset_import.json_lines import read_json_lines
from services.dataset_import.kinds import COLUMNAR, Kind
from services.dataset_import.old_database import read_old_database
from services.dataset_import.places import singles, without_lines
from services.dataset_import.plain_text import read_plain_text
from services.dataset_import.sources import parts_of
from services.dataset_import.unpacking import DAMAGED, BombError, without_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO

    from models.domain.column_mapping import ColumnMapping
    from models.domain.dataset_import import ImportOptions
    from services.dataset_import.batches import Batch
    from services.dataset_import.places import PlaceWriter
    from services.dataset_import.writer import RowWriter


@dataclass(slots=True)
class Reading:
    """One import. ``tick`` is told after each batch how many rows and bytes were read,
    ``columnar`` gives the rows of a Parquet or Arrow file as a stream of JSONL, ``folder`` is where
    such files are put that come out of an archive, and ``stream`` replaces the file altogether."""

    path: Path
    options: ImportOptions
    tick: Callable[[int, int], None]
    writer: Callable[[], RowWriter] | None = None
    columnar: Callable[[Path], IO[bytes]] | None = None
    stream: Callable[[], IO[bytes]] | None = None
    places: Callable[[], PlaceWriter] | None = None
    folder: Path | None = None
    written: RowWriter | None = field(default=None, init=False)
    _placed: PlaceWriter | None = field(default=None, init=False)

    def run(self) -> ImportVerdict:
        """Read everything; what can be used lies in ``written``, if nothing forbids it."""
        verdict, again = self._pass("")
        if again:
            verdict, _ = self._pass(again)
        return verdict

    def close(self) -> None:
        """Bring what was written to the disk."""
        for file in (self.written, self._placed):
            if file is not None:
                file.close()

    def discard(self) -> None:
        """Take away what was written."""
        for file in (self.written, self._placed):
            if file is not None:
                file.discard()

    def _pass(self, wanted: str) -> tuple[ImportVerdict, str]:
        """One reading; a second one is worth it where another format fits more rows."""
        self.discard()
        self.written = self.writer() if self.writer is not None else None
        self._placed = self.places() if self.places is not None else None
        intake = Intake(FindingBook(drops=self.options.drop_bad_rows))
        detector = Detector(intake, self.options.mapping, wanted)
        kept = self._read(intake, detector)
        again = ""
        if not wanted and intake.rows and not detector.format():
            again = detector.common() or (detector.most() if self.options.drop_bad_rows else "")
            if not again and not _has_stopped(intake):
                detector.tell_misfits()
        detector.tell_missing()
        if detector.is_spelled_otherwise:
            intake.book.minor("columns_renamed", "Columns are named in the usual spelling.")
        self._tell_empty(intake, kept)
        return self._verdict(intake, detector, kept, wanted), again

    def _read(self, intake: Intake, detector: Detector) -> int:
        kept = 0
        try:
            for batch, split in self._batches(intake):
                is_whole = not split and batch.raw is not None and detector.take_all(batch)
                lines = batch.raw if is_whole else self._lines_of(batch, split, detector)
                kept += len(lines or ())
                if is_whole and self._placed is not None:
                    self._placed.write(batch)
                if self.written is not None and not intake.book.is_refused:
                    self.written.write(lines or [], batch.block if is_whole else b"")
                self.tick(intake.rows, intake.consumed)
        except UnreadableError:
            pass  # the book says why
        except BombError:
            message = "It unpacks to far more than data does: this is no dataset."
            intake.book.major("zip_bomb", message, remedy=FIX)
        except DAMAGED as error:
            message = f"The packed file is damaged: {error}."
            intake.book.major("bad_archive", message, intake.rows, 0, remedy=FIX)
        return kept

    def _lines_of(self, batch: Batch, split: str, detector: Detector) -> list[bytes]:
        if self._placed is None:
            return detector.lines_of(batch, split)
        lines: list[bytes] = []
        for one in singles(batch):
            found = detector.lines_of(one, split)
            if found:
                self._placed.write(one)
                lines += found
        return lines

    def _batches(self, intake: Intake) -> Iterator[tuple[Batch, str]]:
        if self.stream is not None:
            with self.stream() as file:
                for batch in without_lines(read_json_lines(file, intake)):
                    yield batch, ""
            return
        parts = parts_of(self.path, intake)
        for part, kind in parts:
            if len(parts) > 1:
                intake.book.begin(part.name, intake.rows)
            for batch in self._of_part(part, kind, intake):
                yield batch, part.split

    def _of_part(self, part: Part, kind: Kind, intake: Intake) -> Iterator[Batch]:
        if kind is Kind.EMPTY:
            return iter(())
        if kind is Kind.OLD_DATABASE and part.path is not None:
            return read_old_database(part.path, intake, self.options.scrape_session)
        if kind in COLUMNAR:
            return self._of_table(part, intake)
        return _closing(part.open(), partial(self._of_text, kind=kind, intake=intake))

    def _of_table(self, part: Part, intake: Intake) -> Iterator[Batch]:
        if self.columnar is None or self.folder is None:
            message = f"{part.name} is a Parquet or Arrow file: give it the ending .parquet."
            intake.book.major("columnar_by_another_name", message, remedy=FIX)
            raise UnreadableError
        path = as_a_file(part, self.folder, lambda: self.tick(intake.rows, intake.consumed))
        try:
            with self.columnar(path) as file:
                yield from without_lines(read_json_lines(file, intake))
        finally:
            if path != part.path:
                path.unlink(missing_ok=True)

    def _of_text(self, file: IO[bytes], kind: Kind, intake: Intake) -> Iterator[Batch]:
        text = without_mark(file)
        if kind is Kind.JSON_LINES:
            return read_json_lines(text, intake)
        if kind is Kind.JSON_DOCUMENT:
            return read_json_document(text, intake)
        if kind in {Kind.TEXT, Kind.MARKDOWN}:
            return read_plain_text(text, intake, self.options.text_split)
        return read_delimited(text, intake, "\t" if kind is Kind.TABBED else "")

    def _tell_empty(self, intake: Intake, kept: int) -> None:
        if intake.book.is_refused or kept:
            return
        is_empty = self.path.is_file() and self.path.stat().st_size == 0
        message = "The file is empty." if is_empty else "It has no rows."
        if intake.book.dropped:
            message = "No row is left that can be used."
        intake.book.major("no_rows", message, remedy=FIX)

    def _verdict(self, intake: Intake, detector: Detector, kept: int, wanted: str) -> ImportVerdict:
        format_ = wanted or detector.format()
        columns = tuple(detector.columns)
        return ImportVerdict(
            rows=intake.rows,
            kept=kept,
            format=format_,
            findings=intake.book.findings(),
            columns=columns,
            splits=tuple(sorted(intake.splits.items())),
            mapping=self.options.mapping,
            candidates=() if format_ else tuple(_candidates(columns)),
            samples=() if format_ else tuple(detector.samples),
        )


def _closing(file: IO[bytes], reader: Callable[[IO[bytes]], Iterator[Batch]]) -> Iterator[Batch]:
    with file:
        yield from reader(file)


def _candidates(columns: tuple[str, ...]) -> list[ColumnMapping]:
    return propose(columns)


def _has_stopped(intake: Intake) -> bool:
    """Whether reading ended before the rows did, so that no format need be told."""
    return intake.book.is_refused and not intake.rows
