"""Everything of the program's on the disk, by what it is; each byte counted once."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.storage import StorageReport, StoredItem, StoredKind
from services.hub_cache import hub_cache
from services.run_follower import run_folder
from services.run_sizes import own_outputs, why_outputs_stay
from services.storage.disk import Counter, folders_in, nearest
from trainer_image.contract import TOKENS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from models.domain.dataset import DatasetSession
    from models.domain.docker import ImageInfo
    from models.domain.run import Run
    from models.domain.storage import RunHistory


@dataclass(frozen=True, slots=True)
class Places:
    """Where the program keeps things: its home, and the data folder of setups that name none."""

    home: Path
    database: Path
    datasets: Path
    runtime: Path
    trainer_code: Path
    data: Path


@dataclass(frozen=True, slots=True)
class Known:
    """What the program knows of what lies there; ``roots`` are the data folders that somebody has
    named."""

    roots: Sequence[Path]
    runs: Sequence[Run]
    histories: Mapping[str, RunHistory]
    sessions: Sequence[DatasetSession]
    images: Sequence[ImageInfo] = ()
    problems: tuple[str, ...] = ()


def take_stock(places: Places, known: Known) -> StorageReport:
    """Count everything. Reads every folder, so it takes a second for each 100,000 files or so."""
    counter, roots = Counter(), known.roots
    items = [
        *_of_runs(known, counter),
        *_of_nobody(known, counter),
        *_datasets(places, roots, known, counter),
        *_models(roots, counter),
        *_images(known),
        *_environment(places, counter),
        *_caches(places, roots, counter),
        *_program(places, counter),
    ]
    free = shutil.disk_usage(nearest(places.data)).free
    return StorageReport(
        tuple(one for one in items if one.bytes or one.shared), free, known.problems
    )


def _of_runs(known: Known, counter: Counter) -> Iterator[StoredItem]:
    for run in known.runs:
        history = known.histories[run.id]
        pieces = [Path(piece.path) for piece in history.pieces]
        found = [
            (_item(StoredKind.CHECKPOINT, place.name, counter, place), place.name in history.pinned)
            for place in pieces
        ]
        if not why_outputs_stay(run):
            result = _item(
                StoredKind.RESULT, run.name, counter, *own_outputs(run),
                without=pieces, place=run.output_directory,
            )  # fmt: skip
            found.append((result, history.is_pinned))
        folder = run_folder(run).path
        found.append((_item(StoredKind.RUN, run.name, counter, folder), history.is_pinned))
        for item, pinned in found:
            yield replace(item, run_id=run.id, run_name=run.name, is_pinned=pinned)


def _of_nobody(known: Known, counter: Counter) -> Iterator[StoredItem]:
    """What runs have made that are deleted, or that another program started in the same folder."""
    own = [run for run in known.runs if not why_outputs_stay(run)]
    outputs = [path.resolve() for run in own for path in own_outputs(run)]
    folders = [run_folder(run).path.resolve() for run in known.runs]
    for root in known.roots:
        yield _item(StoredKind.RESULT, "Outputs that belong to no run", counter,
                    (root / "outputs").resolve(), without=outputs)  # fmt: skip
        yield _item(StoredKind.RUN, "Logs that belong to no run", counter,
                    (root / "runs").resolve(), without=folders)  # fmt: skip


def _datasets(
    places: Places, roots: Iterable[Path], known: Known, counter: Counter
) -> Iterator[StoredItem]:
    """The library's rows by dataset; copies of them that runs were given, and what nobody names."""
    library = str(places.datasets)
    folders = [places.datasets, *(root / "datasets" for root in roots)]
    names: dict[str, list[str]] = {}
    for session in known.sessions:
        names.setdefault(session.sha256, []).append(session.name)
    for sha256, called in names.items():
        rows, title = _there(_row_files(folders, [sha256])), ", ".join(called)
        yield _item(StoredKind.DATASET, title, counter, *rows, place=library)
    known_rows, title = _row_files(folders, names), "Rows of datasets that were deleted"
    yield _item(
        StoredKind.DATASET, title, counter, *_there(folders), without=known_rows, place=library
    )


def _row_files(folders: Iterable[Path], hashes: Iterable[str]) -> list[Path]:
    ends = (".jsonl", ".idx")
    return [folder / f"{one}{end}" for one in hashes for folder in folders for end in ends]


def _models(roots: Iterable[Path], counter: Counter) -> Iterator[StoredItem]:
    for root in roots:
        for folder in folders_in(root / "models"):
            yield _item(StoredKind.MODEL, folder.name, counter, folder)
        for folder in folders_in(hub_cache(root)):
            if folder.name.startswith("models--"):
                name = folder.name.removeprefix("models--").replace("--", "/")
                yield _item(StoredKind.MODEL, name, counter, folder)


def _images(known: Known) -> Iterator[StoredItem]:
    """An image under two names takes its room once. What images have in common with each other the
    engine does not say at once, so it counts in each."""
    seen: set[str] = set()
    for image in known.images:
        is_again = image.id in seen
        seen.add(image.id)
        name = f"{image.partial_of} (interrupted)" if image.partial_of else image.tag
        yield StoredItem(StoredKind.IMAGE, name, "", 0 if is_again else image.size,
                         image.size if is_again else 0)  # fmt: skip


def _environment(places: Places, counter: Counter) -> Iterator[StoredItem]:
    downloads = places.runtime / "uv-cache"
    yield _item(StoredKind.ENVIRONMENT, "Python environment", counter, *_there([places.runtime]),
                without=[downloads], place=str(places.runtime))  # fmt: skip
    yield _item(StoredKind.CACHE, "Downloads of the Python environment", counter, downloads)


def _caches(places: Places, roots: Iterable[Path], counter: Counter) -> Iterator[StoredItem]:
    for root in roots:
        tokens, hub = root / TOKENS_FOLDER, root / "cache" / "huggingface"
        yield _item(StoredKind.CACHE, "Datasets as tokens", counter, tokens)
        yield _item(StoredKind.CACHE, "Other downloads of Hugging Face", counter, hub,
                    without=[hub_cache(root) / one.name for one in folders_in(hub_cache(root))
                             if one.name.startswith("models--")])  # fmt: skip
        rest = [one for one in folders_in(root / "cache") if one not in {tokens, hub}]
        yield _item(StoredKind.CACHE, "Other caches", counter, *rest, place=str(root / "cache"))
    yield _item(StoredKind.CACHE, "Reports on datasets", counter, places.home / "inspections")
    yield _item(StoredKind.CACHE, "Copies of the training code", counter, places.trainer_code)


def _program(places: Places, counter: Counter) -> Iterator[StoredItem]:
    yield _item(StoredKind.CACHE, "Bundles that were cut", counter, places.home / "offline")
    own = sorted(places.database.parent.glob(f"{places.database.name}*"))
    yield _item(StoredKind.PROGRAM, "Database", counter, *own, place=str(places.database))
    yield _item(StoredKind.PROGRAM, "Logs", counter, places.home / "logs")


def _item(
    kind: StoredKind, name: str, counter: Counter, *paths: Path,
    without: Iterable[Path] = (), place: str = "",
) -> StoredItem:  # fmt: skip
    own, shared = counter.count(*paths, without=tuple(without))
    where = place or (os.fspath(paths[0]) if paths else "")
    return StoredItem(kind, name, where, own, shared)


def _there(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]
