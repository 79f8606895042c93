"""What the commands say of configurations of other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.cli.output import plain, print_json
from models.domain.errors import AppError
from models.domain.foreign_config import Program, defaults_note, grouped, summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.domain.dataset import SavedConfig
    from models.domain.foreign_config import ExportedConfig, ForeignNote, ImportedConfig


def program_of(word: str) -> Program | None:
    """The program of this word; None for no word. AppError names those there are."""
    if not word:
        return None
    try:
        return Program(word.strip().lower())
    except ValueError:
        names = ", ".join(Program)
        raise AppError("bad_use", f"{word!r} is no known program.", f"Use {names}.") from None


def tell_imported(saved: SavedConfig, imported: ImportedConfig, *, as_json: bool) -> None:
    """Under which name it is saved, and what became of the settings of another program."""
    if as_json:
        document = plain(saved)
        if imported.program is not None:
            document |= {"from": imported.program.value, "taken": imported.taken}
            document["notes"] = _documents(imported.notes)
        print_json(document)
        return
    print(f"Saved as {saved.name}.")
    if imported.program is not None:
        print(f"{summary(imported)} {defaults_note(imported.program)}")
        _print_notes(imported.notes)


def tell_exported(path: Path, exported: ExportedConfig, *, as_json: bool) -> None:
    """Where it is written, and what the other program cannot be told."""
    if as_json:
        document = {"file": str(path), "to": exported.program.value}
        print_json({**document, "notes": _documents(exported.notes)})
        return
    print(f"Written to {path} for {exported.program.label}.")
    _print_notes(exported.notes)


def _print_notes(notes: Sequence[ForeignNote]) -> None:
    for heading, found in grouped(notes):
        print(f"{heading}:")
        for note in found:
            print(f"  {note}")


def _documents(notes: Sequence[ForeignNote]) -> list[dict[str, Any]]:
    return [{**plain(note), "fate": note.fate.name.lower()} for note in notes]
