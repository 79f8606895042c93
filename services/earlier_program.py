"""Takes over what somebody has in the database of the earlier program: datasets, configurations.

Its secrets lie in tables that are never read here.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from models.domain.config_io import with_values
from models.domain.dataset_import import ImportOptions, ImportRefusedError
from models.domain.earlier_program import EarlierImport
from models.domain.errors import AppError
from services.dataset_import.old_tables import (
    CONFIGS,
    PAIRS,
    columns_of,
    open_read_only,
    quoted,
    session_column,
    session_details,
    session_names,
    session_words,
)
from services.earlier_configs import earlier_config
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from models.domain.config import TrainingConfig
    from models.domain.dataset import DatasetSession, SavedConfig
    from services.configs import ConfigStore
    from services.datasets import DatasetLibrary
    from services.progress import CancelToken, Reporter

_MAGIC = b"SQLite format 3\x00"
_MOST_CONFIGS = 1000
_MOST_CHARACTERS = 1_000_000
"""A configuration of that program has 3,000; anything near this is none."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database holds: its sessions with pairs by number, and its configurations by name."""

    sessions: dict[str, str]
    configs: tuple[tuple[str, str, str], ...]


class EarlierProgram:
    """Imports into the library and the saved configurations. Blocking calls."""

    def __init__(self, library: DatasetLibrary, configs: ConfigStore) -> None:
        self._library = library
        self._configs = configs

    def is_database(self, path: Path) -> bool:
        """Whether a file is a database at all; what it holds is told by an import."""
        try:
            with path.open("rb") as file:
                return file.read(len(_MAGIC)) == _MAGIC
        except OSError:
            return False

    def import_all(
        self,
        path: Path,
        *,
        name: str = "",
        options: ImportOptions | None = None,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> EarlierImport:
        """Import a dataset for each session and each saved configuration; all of it, or nothing.

        ``name`` is what the datasets are called, where the sessions' own names are not wanted.
        Raises ImportRefusedError with all that is wrong with the pairs, Cancelled, AppError.
        """
        found, wanted = _found(path), options or ImportOptions()
        works = len(found.sessions) + 1
        if found.sessions or not found.configs:
            first = _part(report, 0, works, "Looking at all pairs")
            self._refuse_faulty(path, wanted, first, cancel)
        added: dict[str, DatasetSession] = {}
        notes: list[str] = []
        try:
            for index, (number, label) in enumerate(found.sessions.items(), start=1):
                called = _called(name, label, len(found.sessions))
                share = _part(report, index, works, called)
                one = replace(wanted, scrape_session=number)
                try:
                    added[number] = self._library.import_file(
                        path, name=called, options=one, report=share, cancel=cancel
                    )
                except ImportRefusedError:
                    # All its rows were left out: the file as a whole is fine.
                    notes.append(f"{called}: no row is left that can be used.")
            saved, more = self._take_configs(found, added)
        except Exception:  # whatever it was: half of a database must not stay
            for session in added.values():
                self._library.delete(session.id)
            raise
        return EarlierImport(tuple(added.values()), saved, (*notes, *more))

    def import_configs(self, path: Path) -> EarlierImport:
        """Import the saved configurations alone; those whose dataset was imported from this file
        before learn from that. AppError where there are none."""
        found = _found(path)
        if not found.configs:
            raise AppError(
                "bad_config",
                f"{path.name} holds no saved configurations.",
                "Its datasets are imported with temper data import.",
            )
        ours = [session for session in self._library.list() if session.source == path.name]
        known = {
            number: session
            for number, label in found.sessions.items()
            for session in ours
            if session.name == label
        }
        saved, notes = self._take_configs(found, known)
        return EarlierImport((), saved, notes)

    def _refuse_faulty(
        self,
        path: Path,
        options: ImportOptions,
        report: Reporter | None,
        cancel: CancelToken | None,
    ) -> None:
        """A look at all pairs first, so that a session with faults does not stop a half import."""
        verdict = self._library.check_file(path, options, report=report, cancel=cancel)
        if verdict.is_refused:
            raise ImportRefusedError(path.name, verdict)

    def _take_configs(
        self, found: _Found, datasets: Mapping[str, DatasetSession]
    ) -> tuple[tuple[SavedConfig, ...], tuple[str, ...]]:
        named: list[tuple[str, TrainingConfig]] = []
        notes: dict[str, list[str]] = {}
        for name, target, text in found.configs:
            taken = earlier_config(_document(text), target)
            said = ["it cannot be read, and is not taken over."] if taken is None else taken.notes
            if taken is not None:
                config, missing = _with_dataset(taken.config, taken.session, datasets)
                named.append((name, config))
                said = (*said, *missing)
            for sentence in said:
                notes.setdefault(sentence, []).append(name)
        saved = self._configs.add_all(named) if named else ()
        return saved, tuple(f"{_names(of)}: {sentence}" for sentence, of in notes.items())


def _with_dataset(
    config: TrainingConfig, session: str, datasets: Mapping[str, DatasetSession]
) -> tuple[TrainingConfig, tuple[str, ...]]:
    if not session:
        return config, ()
    dataset = datasets.get(session)
    if dataset is None:
        return config, (f"It learns from session {session}, which is not imported: choose one.",)
    # A name of digits alone would be taken for a number.
    reference = str(dataset.id) if dataset.name.isdecimal() else dataset.name
    return with_values(config, {"dataset.session": reference}), ()


def _found(path: Path) -> _Found:
    try:
        with open_read_only(path) as database:
            return _Found(_sessions(database), tuple(_config_rows(database)))
    except (sqlite3.Error, OSError) as error:
        message = f"{path.name} cannot be read: {error}."
        hint = "Choose the database file of the earlier program."
        raise AppError("bad_database", message, hint) from error


def _sessions(database: sqlite3.Connection) -> dict[str, str]:
    """The names of the sessions that have pairs, in the order of their numbers."""
    columns = columns_of(database, PAIRS)
    if not {"input_text", "output_text"} <= columns.keys():
        return {}
    link = session_column(columns)
    if link is None:
        first = database.execute(f"SELECT 1 FROM {PAIRS} LIMIT 1").fetchone()  # noqa: S608
        is_empty = first is None
        return {} if is_empty else {"": "Pairs of the earlier program"}
    query = f"SELECT DISTINCT {session_words(link)}, {quoted(link)} FROM {PAIRS} ORDER BY 2"  # noqa: S608
    names, details = session_names(database), session_details(database)
    return {
        text: _label(names.get(number), details.get(text, ""), text)
        for text, number in database.execute(query)
    }


def _label(name: str | None, details: str, number: str) -> str:
    if name is None:
        return f"Session {number}"
    return f"{name}: {details}" if details else f"{name} (session {number})"


def _config_rows(database: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Name, target and document of each saved configuration."""
    columns = columns_of(database, CONFIGS)
    if not {"name", "config_json"} <= columns.keys():
        return
    target = quoted(columns["train_target"]) if "train_target" in columns else "''"
    name, text = quoted(columns["name"]), quoted(columns["config_json"])
    query = (
        f"SELECT {name}, {target}, substr({text}, 1, {_MOST_CHARACTERS}) FROM {CONFIGS} "  # noqa: S608
        f"ORDER BY {name} LIMIT {_MOST_CONFIGS}"
    )
    for number, (called, where, document) in enumerate(database.execute(query), start=1):
        plain = str(called or "").removesuffix(".json").strip() or f"Configuration {number}"
        yield plain, str(where or ""), str(document or "")


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _called(name: str, label: str, count: int) -> str:
    if not name.strip():
        return label
    return name.strip() if count == 1 else f"{name.strip()}: {label}"


def _part(
    report: Reporter | None, index: int, count: int, name: str
) -> Callable[[Progress], None] | None:
    """A reporter of one of several pieces of work."""
    if report is None:
        return None

    def tell(progress: Progress) -> None:
        share = (index + (progress.fraction or 0.0)) / count
        report(Progress(share, f"{name}: {progress.message}"))

    return tell


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
