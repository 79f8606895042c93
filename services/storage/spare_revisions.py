"""Old revisions of base models in the data folders' Hugging Face caches.

Not by ``huggingface_hub``'s own ``scan_cache_dir``: it adds up lengths where the disk gives back
blocks, and knows nothing of second names, by which a file of another cache frees nothing here.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.storage import CleanKind, Spare
from services.hub_cache import hub_cache
from services.models.layout import PARTIAL, files_of, folder_of, is_users, repos_in
from services.models.notes import ModelNotes
from services.models.wanted import missing_files
from services.storage.disk import folders_in
from services.storage.histories import is_aside
from services.storage.spares import entries, piece_of, plain, remnants

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from models.domain.run import Run
    from models.domain.storage import Piece
    from services.storage.spares import Ground

_REVISION = re.compile(r"[0-9a-f]{40}")
_MENTION = re.compile(rb"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_NOTES = ("runs/*/*.json", "outputs/*/adapter/*.json", "outputs/*/checkpoints/*/temper-*.json")
"""Also of runs that this program knows nothing of: a data folder may be shared."""
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOST_BYTES = 1 << 20
"""Longer files are no notes of ours: what a run is made with takes some kilobytes."""


def spare_revisions(ground: Ground) -> Iterator[Spare]:
    """What is not of the revision that trainings use, and that no run or adapter has named."""
    told = _told(ground)
    for root in ground.roots:
        for part in (hub_cache(root), root / "models"):  # models that were being removed
            yield from remnants(CleanKind.REVISIONS, part)
        if is_users(hub_cache(root), root):
            continue
        for repo in repos_in(hub_cache(root)):
            folder = folder_of(hub_cache(root), repo)
            if not folder.is_symlink():
                yield from _of_repo(ground, told, root, repo)
                for part in (folder / "snapshots", folder / "blobs"):
                    yield from remnants(CleanKind.REVISIONS, part)


def repo_lock(piece: Piece, roots: Iterable[Path]) -> Path | None:
    """The file that a download of the piece's repo holds; None where it lies in no data folder."""
    for root in roots:
        cache = Path(os.path.realpath(hub_cache(root)))
        if Path(piece.path).is_relative_to(cache):
            name = Path(piece.path).relative_to(cache).parts[0]
            if name.startswith("models--"):
                return ModelNotes(root).folder / f"{name.removeprefix('models--')}.lock"
    return None


@dataclass(frozen=True, slots=True)
class _Told:
    """The revisions that anything names, and the runs that name none of a repo they may have."""

    revisions: frozenset[str]
    by_run: dict[str, frozenset[str]]


def _told(ground: Ground) -> _Told:
    by_run = {run.id: frozenset(_mentions(_notes_of(run))) for run in ground.runs}
    others = _mentions(
        path for root in ground.roots for pattern in _NOTES for path in root.glob(pattern)
    )
    setups = (name for name in ground.names if _REVISION.fullmatch(name))
    return _Told(frozenset({*others, *setups}).union(*by_run.values()), by_run)


def _notes_of(run: Run) -> Iterator[Path]:
    output = Path(run.output_directory)
    yield from (Path(run.data_root) / "runs" / run.id).glob("*.json")
    for pattern in ("*.json", "adapter/*.json", "model/*.json", "checkpoints/*/*.json"):
        yield from output.glob(pattern)


def _mentions(paths: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        with suppress(OSError):
            if path.stat().st_size <= _MOST_BYTES:
                found |= {one.decode() for one in _MENTION.findall(path.read_bytes())}
    return found


def _of_repo(ground: Ground, told: _Told, root: Path, repo: str) -> Iterator[Spare]:
    folder = folder_of(hub_cache(root), repo)
    main = _main(folder)
    snapshots = {one.name: one for one in folders_in(folder / "snapshots")}
    snapshots = {name: one for name, one in snapshots.items() if not is_aside(one)}
    if main not in snapshots or missing_files(files_of(snapshots[main])):
        return  # another revision may be all that there is
    named = {os.path.realpath(need.path) for need in ground.needs}
    kept = {main, *_refs(folder), ModelNotes(root).read(repo).revision, *told.revisions}
    old = [
        one for name, one in snapshots.items()
        if name not in kept and _REVISION.fullmatch(name) and _is_earlier(one, folder)
        and not any(Path(path).is_relative_to(plain(one)) for path in named)
    ]  # fmt: skip
    blobs = _blobs_without(ground, folder, [one for one in snapshots.values() if one not in old])
    absent = [one for snapshot in old if _is_there(one := folder / ".no_exist" / snapshot.name)]
    parts = [*old, *absent, *blobs]
    if parts:
        piece = piece_of(CleanKind.REVISIONS, folder, f"Old revisions · {repo}", parts)
        stays = _why_it_stays(ground, told, repo, set(snapshots)) or _why_now(ground, root, repo)
        yield Spare(piece, "Trainings use a newer one, and no run names it.", stays)


def _why_it_stays(ground: Ground, told: _Told, repo: str, revisions: set[str]) -> str:
    for run in ground.runs:
        if repo not in {run.base_model, run.config.hp.base_model.strip()}:
            continue
        if run in ground.unsettled:
            return f"Run {run.id} may work with it."
        if not told.by_run[run.id] & revisions:
            return f"Run {run.id} does not say which revision it had."
    return "The model is in memory." if repo == ground.workshop.loaded() else ""


def _why_now(ground: Ground, root: Path, repo: str) -> str:
    """Whoever reads a model now may have begun with the revision before."""
    if ground.is_used(root / "runs"):
        return "A process trains in this data folder."
    is_young = ground.is_young(folder_of(hub_cache(root), repo) / "refs")
    return "A newer one came within the last hour." if is_young else ""


def _main(folder: Path) -> str:
    with suppress(OSError, ValueError):
        return (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    return ""


def _refs(folder: Path) -> set[str]:
    """What any name of a revision stands for, also those of other programs."""
    found = set()
    for path in (folder / "refs").rglob("*"):
        with suppress(OSError, ValueError):
            found.add(path.read_text(encoding="utf-8").strip())
    return found


def _is_earlier(snapshot: Path, folder: Path) -> bool:
    """Whether it was there before the one that is used: a later one may be coming just now."""
    try:
        since = (folder / "refs" / "main").stat().st_mtime
        below = [snapshot, *(one for one in snapshot.rglob("*") if not one.is_file())]
        return all(one.lstat().st_mtime <= since for one in below)
    except OSError:
        return False


def _blobs_without(ground: Ground, folder: Path, kept: Collection[Path]) -> list[Path]:
    """The blobs that no kept snapshot leads to; young ones, and what is being fetched, stay."""
    wanted = {os.path.realpath(one) for snapshot in kept for one in snapshot.rglob("*")}
    return [
        one for one in entries(folder / "blobs")
        if _BLOB.fullmatch(one.name) and not one.name.endswith(PARTIAL)
        and plain(one) not in wanted and not one.is_symlink() and not ground.is_young(one)
    ]  # fmt: skip


def _is_there(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
