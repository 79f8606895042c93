"""Compares every byte of a model with the hashes that the Hub gives its files."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.cached_model import CachedModel, ModelCheck, ModelPlace
from services.models.layout import files_of, has_hash, hash_of
from services.models.notes import ModelNote, ModelNotes, mark_of
from services.progress import Progress

if TYPE_CHECKING:
    from services.progress import CancelToken, Reporter

_TELL_SECONDS = 0.2


def verify(
    model: CachedModel, data_root: Path, report: Reporter, cancel: CancelToken
) -> ModelCheck:
    """Read all of a model that is here, and keep what was found. Cancelled; OSError where it is
    there no longer, or what was found cannot be kept.

    The content of a cached file is known by its name; of a local folder no hash is known, so there
    it is only seen whether JSON and safetensors files are whole.
    """
    is_folder = model.where is ModelPlace.FOLDER
    folder = Path(model.place)
    present = files_of(folder if is_folder else folder / "snapshots" / model.revision)
    shared = model.where is ModelPlace.SHARED
    notes = ModelNotes(data_root)
    note = ModelNote(model.repo_id_or_path) if is_folder else notes.read(model.repo_id_or_path)
    hashes = {file.name: file.hash for file in note.files if note.revision == model.revision}
    reading = _Reading(sum(path.stat().st_size for path in present.values()), report, cancel)
    damaged, unknown = [], []
    for name, path in present.items():
        content = "" if is_folder else hash_of(path) or hashes.get(name, "")
        is_right = reading.is_right(path, content) if content else reading.looks_whole(path)
        if not is_right:
            damaged.append(name)
        elif not content:
            unknown.append(name)
    if not is_folder:
        notes.change(
            model.repo_id_or_path,
            shared=shared,
            checked_at=time.time(),
            damaged={name: mark_of(present[name]) for name in damaged},
            **({} if note.revision else {"revision": model.revision}),
        )
    return ModelCheck(model, len(present) - len(unknown), tuple(damaged), tuple(unknown))


def looks_whole(path: Path) -> bool:
    """Whether nothing is seen to be wrong with a file of which no hash is known."""
    if path.suffix == ".safetensors":
        return _is_whole_safetensors(path)
    return path.suffix != ".json" or _is_json(path)


class _Reading:
    """Tells how far it is, five times a second."""

    def __init__(self, total: int, report: Reporter, cancel: CancelToken) -> None:
        self._total = total
        self._report = report
        self._cancel = cancel
        self._done = 0
        self._told = 0.0

    def is_right(self, path: Path, content: str) -> bool:
        try:
            return has_hash(path, content, lambda count: self._tick(count, path.name))
        except OSError:  # a disk that does not give its content is damaged as well
            return False

    def looks_whole(self, path: Path) -> bool:
        self._tick(path.stat().st_size, path.name)
        return looks_whole(path)

    def _tick(self, count: int, name: str) -> None:
        self._cancel.raise_if_cancelled()
        self._done += count
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            share = self._done / self._total if self._total else None
            self._report(Progress(share, f"Checking {name}"))


def _is_whole_safetensors(path: Path) -> bool:
    """Whether the file ends where its header says that its last tensor does."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 100_000_000)))
        ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return False
    whole = 8 + int(length) + max((int(end) for end in ends), default=0)
    return path.stat().st_size == whole


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return True
