"""What is known of a cached model beyond its files: what it must hold, and what a check found."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_FOLDERS = "folders.json"


@dataclass(frozen=True, slots=True)
class RepoFile:
    """A file as the Hub lists it; ``hash`` is SHA-256 of a large file, Git's SHA-1 of others."""

    name: str
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class ModelNote:
    """What the Hub said of a model when it was fetched, and the last check.

    ``damaged`` holds size and time of change of each file that was found damaged: another file of
    that name is not the damaged one.
    """

    repo: str
    revision: str = ""
    files: tuple[RepoFile, ...] = ()
    licence: str = ""
    gated: bool = False
    parameters: int | None = None
    checked_at: float = 0.0
    damaged: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def bytes_whole(self) -> int | None:
        """What all wanted files take; None before the Hub was asked."""
        return sum(file.size for file in self.files) or None

    def damaged_here(self, present: dict[str, Path]) -> tuple[str, ...]:
        """The files that were found damaged and are still the same."""
        return tuple(
            name
            for name, mark in self.damaged.items()
            if name in present and mark_of(present[name]) == tuple(mark)
        )


class ModelNotes:
    """A small file for each model, in the data folder beside the cache."""

    def __init__(self, data_root: Path) -> None:
        self._folder = data_root / "cache" / "temper-models"

    @property
    def folder(self) -> Path:
        """Where the notes lie."""
        return self._folder

    def read(self, repo: str, *, shared: bool = False) -> ModelNote:
        """What is known; nothing where nobody wrote it, or where it cannot be read."""
        try:
            content = json.loads(self._path(repo, shared=shared).read_bytes())
            files = tuple(RepoFile(**one) for one in content.pop("files"))
            return ModelNote(files=files, **content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return ModelNote(repo)

    def write(self, note: ModelNote, *, shared: bool = False) -> None:
        """Keep it; at once or not at all."""
        _write(self._path(note.repo, shared=shared), asdict(note))

    def change(self, repo: str, *, shared: bool = False, **changes: Any) -> None:
        """Keep some of it anew."""
        self.write(replace(self.read(repo, shared=shared), **changes), shared=shared)

    def forget(self, repo: str) -> None:
        """Keep nothing of a model that is removed."""
        self._path(repo, shared=False).unlink(missing_ok=True)

    def added(self) -> list[str]:
        """The folders of the user's that are listed among the models."""
        with suppress(OSError, ValueError, TypeError):
            return [str(one) for one in json.loads((self._folder / _FOLDERS).read_bytes())]
        return []

    def set_added(self, folders: list[str]) -> None:
        """List these folders."""
        _write(self._folder / _FOLDERS, folders)

    def _path(self, repo: str, *, shared: bool) -> Path:
        start = "shared--" if shared else "models--"
        return self._folder / f"{start}{repo.replace('/', '--')}.json"


def mark_of(path: Path) -> tuple[int, int]:
    """What changes when a file becomes another one: its size and time of change."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(content, indent=1), encoding="utf-8")
    fresh.replace(path)
