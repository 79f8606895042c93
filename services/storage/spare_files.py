"""Files that no dataset, run or start needs any more: rows, reports, tokens, old copies of code."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.storage import CleanKind, Spare
from services.storage.disk import folders_in
from services.storage.spares import HALF_MADE, entries, piece_of, remnants
from trainer_image.contract import TOKENS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.storage.spares import Ground

_ROWS = re.compile(r"([0-9a-f]{64})\.(jsonl|idx)")
_CODE, _HALF_CODE = re.compile(r"[0-9a-f]{16}"), re.compile(r"\.[0-9a-f]{32}\.tmp")
"""Names that :mod:`services.trainer_code` gives."""
_YOUNG = "It came within the last hour."


def spare_rows(ground: Ground) -> Iterator[Spare]:
    """Rows that no dataset and no run has, in the library and in the data folders."""
    runs = {run.dataset_sha256: run.id for run in ground.runs if run.dataset_sha256}
    for folder in (ground.places.datasets, *(root / "datasets" for root in ground.roots)):
        found: dict[str, list[Path]] = {}
        for path in entries(folder):
            name = _ROWS.fullmatch(path.name)
            if name is not None and name[1] not in ground.rows and not path.is_symlink():
                found.setdefault(name[1], []).append(path)
        for sha256, paths in found.items():
            piece = piece_of(CleanKind.ROWS, folder / sha256, f"Rows {sha256[:12]}", paths)
            stays = _YOUNG if any(map(ground.is_young, paths)) else ""
            if sha256 in runs:
                stays = f"Run {runs[sha256]} was trained on them."
            yield Spare(piece, "No dataset and no run has them any more.", stays)
        yield from remnants(CleanKind.ROWS, folder)


def spare_caches(ground: Ground) -> Iterator[Spare]:
    """What is made anew when it is asked for: reports on datasets, datasets as tokens, and what was
    made or taken in of a bundle when that was cut."""
    yield from _cut_bundles(ground)
    goes = "It is made again when it is needed."
    reports = ground.places.home / "inspections"
    if entries(reports):
        yield Spare(piece_of(CleanKind.CACHES, reports, "Reports on datasets"), goes)
    yield from remnants(CleanKind.CACHES, ground.places.home)
    for root in ground.roots:
        tokens = root / TOKENS_FOLDER
        if entries(tokens):
            young = "Some came within the last hour." if ground.is_young(tokens) else ""
            stays = ground.trains_in(root) or young
            yield Spare(piece_of(CleanKind.CACHES, tokens, "Datasets as tokens"), goes, stays)
        yield from remnants(CleanKind.CACHES, tokens.parent)


def _cut_bundles(ground: Ground) -> Iterator[Spare]:
    for lock in ground.workshop.bundle_locks:
        parts = [one for one in entries(lock.parent) if one != lock]
        if parts:
            name = "A bundle that was cut"
            piece = piece_of(CleanKind.CACHES, lock.parent, name, parts)
            stays = _YOUNG if any(map(ground.is_young, parts)) else ""
            yield Spare(piece, "It was not gone on with; it can be begun anew.", stays)


def spare_versions(ground: Ground) -> Iterator[Spare]:
    """Copies of the training code, and environments, that are of other versions of the program."""
    current = ground.workshop.code().name
    shelf = ground.places.trainer_code
    for path in entries(shelf):
        if _CODE.fullmatch(path.name) and path.name != current:
            piece = piece_of(CleanKind.VERSIONS, path, f"Code {path.name[:8]}")
            goes = "The program has another version of it."
            yield Spare(piece, goes, _why_code_stays(ground, path))
        elif _HALF_CODE.fullmatch(path.name):
            piece = piece_of(CleanKind.VERSIONS, path, "Code, half-made")
            yield Spare(piece, HALF_MADE, _YOUNG if ground.is_young(path) else "")
    yield from remnants(CleanKind.VERSIONS, shelf)
    yield from _environments(ground)


def _why_code_stays(ground: Ground, folder: Path) -> str:
    for run in ground.unsettled:
        if not run.trainer_sha256 or run.trainer_sha256.startswith(folder.name):
            return f"Run {run.id} may work with it."
    return _why_used(ground, folder) or (_YOUNG if ground.is_young(folder) else "")


def _why_used(ground: Ground, folder: Path) -> str:
    return "A process works with it." if ground.is_used(folder) else ""


def _environments(ground: Ground) -> Iterator[Spare]:
    runtime = ground.places.runtime
    busy = next((f"Run {run.id} may work with it." for run in ground.unsettled), "")
    venv = runtime / "venv"
    if venv.is_dir() and not venv.is_symlink() and ground.workshop.is_outdated():
        piece = piece_of(CleanKind.VERSIONS, venv, "Python environment")
        goes = "This version cannot train in it: it is set up anew before."
        yield Spare(piece, goes, busy or _why_used(ground, venv))
    for python in _other_pythons(runtime):
        piece = piece_of(CleanKind.VERSIONS, python, python.name)
        young = _YOUNG if ground.is_young(python / "bin") else ""
        goes = "The Python environment has another Python."
        yield Spare(piece, goes, busy or _why_used(ground, python) or young)
    for folder in (runtime, runtime / "python"):
        yield from remnants(CleanKind.VERSIONS, folder)


def _other_pythons(runtime: Path) -> list[Path]:
    """Those that the environment is not made with; none where that cannot be known."""
    used = _python_of(runtime / "venv")
    found = [one for one in folders_in(runtime / "python") if not one.name.startswith(".")]
    return [] if used is None else [one for one in found if not used.is_relative_to(one.resolve())]


def _python_of(venv: Path) -> Path | None:
    """Where the Python of an environment lies; None where that cannot be known."""
    with suppress(OSError, ValueError):
        for line in (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home" and value.strip():
                return Path(value.strip()).resolve()
    return None
