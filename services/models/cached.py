"""Whether a training finds all of a base model on this computer, without asking the network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from services.hub_cache import cached_revision, hub_cache
from services.models.layout import current_revision, files_of, folder_of, user_cache
from services.models.notes import ModelNotes
from services.models.wanted import missing_files

if TYPE_CHECKING:
    from models.domain.cached_model import CachedModel
    from services.models.notes import ModelNote

_SMALL = 1_000_000


def cached_lacks(repo: str, data_root: Path) -> tuple[str, ...] | None:
    """The files of a repo's model that a training would not find whole in this data folder's cache;
    none where it is complete, None where nothing of it is here."""
    revision = cached_revision(repo, data_root)
    if not revision:
        return None
    present = files_of(folder_of(hub_cache(data_root), repo) / "snapshots" / revision)
    if not present:
        return None
    note = ModelNotes(data_root).read(repo)
    missing = missing_of(present, note, revision)
    return tuple(sorted({*missing, *damaged_of(present, note, revision)}))


def is_shared_model(repo: str) -> bool:
    """Whether the Hugging Face cache of this user, where other programs keep theirs, has all of a
    model."""
    folder = folder_of(user_cache(), repo)
    revision = current_revision(folder)
    return bool(revision) and folder_lacks(folder / "snapshots" / revision) == ()


def is_cached_model(repo: str, data_root: Path) -> bool:
    """Whether the newest revision of this repo is here: words, weights, tokenizer."""
    return cached_lacks(repo, data_root) == ()


def content_of(model: CachedModel) -> list[list[object]]:
    """What changes when another model is loaded from the same place: each file that a training may
    read by its name and size, and of small ones, such as a chat template, the hash."""
    place = Path(model.place)
    present = files_of(place / "snapshots" / model.revision if model.revision else place)
    return [
        [name, path.stat().st_size, _hash(path)]
        for name, path in present.items()
        if not name.startswith(".")
    ]


def folder_lacks(folder: Path) -> tuple[str, ...]:
    """The files without which a model's folder cannot be trained on."""
    return missing_files(files_of(folder))


def _hash(path: Path) -> str:
    """Empty for files that take long to read; weights of another training have another size or
    come with another config, as a rule."""
    if path.stat().st_size > _SMALL:
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def missing_of(present: dict[str, Path], note: ModelNote, revision: str) -> tuple[str, ...]:
    """What is not there of a revision: by the Hub's list if that is known, else by the rules."""
    if note.files and note.revision == revision:
        return tuple(file.name for file in note.files if file.name not in present)
    return missing_files(present)


def damaged_of(present: dict[str, Path], note: ModelNote, revision: str) -> tuple[str, ...]:
    """What a check found, and what has another size than the Hub said."""
    found = set(note.damaged_here(present))
    if note.revision == revision:
        for file in note.files:
            if file.name in present and present[file.name].stat().st_size != file.size:
                found.add(file.name)
    return tuple(sorted(found))
