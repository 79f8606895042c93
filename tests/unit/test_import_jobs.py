"""What is pasted, read like a file; and what an import of the window hands on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.data_report import Finding
from models.domain.dataset import DatasetSession
from models.domain.dataset_import import HubSource, ImportOptions, ImportVerdict
from models.domain.earlier_program import EarlierImport
from models.domain.errors import AppError
from models.domain.import_job import Imported, ImportJob, PastedText
from services.import_jobs import carry_out, pasted_suffix
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

_SESSION = DatasetSession(7, "new", "new.txt", "text", 3, 30, "a" * 64, 0.0)


class Library:
    """Remembers what it was asked for, and what the file held while it was imported."""

    def __init__(self, format_: str = "text") -> None:
        self.session = replace(_SESSION, format=format_)
        self.read: list[tuple[Path | HubSource, str]] = []
        self.deleted: list[int] = []
        self.gone = False

    def import_file(
        self,
        path: Path | HubSource,
        *,
        on_verdict: Callable[[ImportVerdict], None] | None = None,
        **_options: Any,
    ) -> DatasetSession:
        text = path.read_text(encoding="utf-8") if isinstance(path, Path) else ""
        self.read.append((path, text))
        if on_verdict is not None:
            on_verdict(ImportVerdict(3, 3, "text", (Finding("minor", "x", "Odd.", 1),)))
        return self.session

    def rename(self, session_id: int, name: str) -> DatasetSession:
        assert session_id == self.session.id
        return replace(self.session, name=name)

    def delete(self, session_id: int) -> DatasetSession:
        if self.gone:
            raise AppError("not_found", "It is gone.")
        self.deleted.append(session_id)
        return self.session


class Earlier:
    """Knows one file as a database."""

    def __init__(self, known: Path | None = None) -> None:
        self.known = known

    def is_database(self, path: Path) -> bool:
        return path == self.known

    def import_all(self, path: Path, **_options: Any) -> EarlierImport:
        return EarlierImport(notes=(f"from {path.name}",))


def _done(library: Library, job: ImportJob) -> Imported:
    done = carry_out(library, Earlier(), job, _nothing, CancelToken())
    assert isinstance(done, Imported)
    return done


def _nothing(_progress: Progress) -> None:
    """Nobody looks."""


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ('{"question": "a", "answer": "b"}\n{"question": "c", "answer": "d"}', ".json"),
        ('  [{"question": "a", "answer": "b"}]', ".json"),
        ("question,answer\nWhat?,That.\nWhy?,So.", ".csv"),
        ("question;answer\nWhat?;That.", ".csv"),
        ('question\tanswer\n"What, then?"\tThat.', ".tsv"),
        ("Dear all,\nthank you for the cake, it was good.\nSee you, me", ".txt"),
        ("Well, that is it.\nSo, there we are.", ".txt"),
        ("# Heading\n\nSome words.", ".txt"),
        ("one line, with a comma", ".txt"),
        ("a,a\nb,c", ".txt"),
    ],
)
def test_what_is_pasted_is_told_by_its_looks(text: str, suffix: str) -> None:
    assert pasted_suffix(text) == suffix


def test_pasted_text_lies_in_a_file_only_while_it_is_imported() -> None:
    library = Library()
    _done(library, ImportJob(PastedText("Grüße\r\naus Köln\n")))
    ((path, text),) = library.read
    assert isinstance(path, Path)
    assert (path.name, text) == ("Clipboard.txt", "Grüße\naus Köln\n")
    assert not path.parent.exists()


def test_half_characters_of_a_clipboard_do_not_end_the_import() -> None:
    library = Library()
    _done(library, ImportJob(PastedText("half \ud83d of it")))
    assert library.read[0][1] == "half ? of it"


def test_findings_and_options_are_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("words", encoding="utf-8")
    done = _done(Library(), ImportJob(path, ImportOptions(text_split="documents")))
    assert [one.message for one in done.findings] == ["Odd."]
    assert done.is_plain_text


@pytest.mark.parametrize(
    ("name", "format_", "divisible"),
    [
        ("book.md", "text", True),
        ("book.txt.gz", "text", True),
        ("rows.jsonl", "text", False),
        ("book.txt", "question_answer", False),
    ],
)
def test_only_plain_text_can_be_divided_otherwise(
    tmp_path: Path, name: str, format_: str, divisible: bool
) -> None:
    path = tmp_path / name
    path.write_text("words", encoding="utf-8")
    assert _done(Library(format_), ImportJob(path)).is_plain_text is divisible


def test_other_rows_take_the_place_and_the_name_of_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("words", encoding="utf-8")
    library, before = Library(), replace(_SESSION, id=3, name="book")
    done = _done(library, ImportJob(path, replaces=before))
    assert (library.deleted, done.session.name) == ([3], "book")


def test_rows_whose_first_ones_are_gone_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("words", encoding="utf-8")
    library = Library()
    library.gone = True
    done = _done(library, ImportJob(path, replaces=replace(_SESSION, id=3, name="book")))
    assert done.session == library.session


def test_a_database_of_the_earlier_program_is_taken_over_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.write_bytes(b"SQLite format 3\x00")
    library = Library()
    found = carry_out(library, Earlier(path), ImportJob(path), _nothing, CancelToken())
    assert found == EarlierImport(notes=("from old.db",))
    assert library.read == []
