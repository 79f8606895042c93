"""Parquet and Arrow files wherever they lie: found, and taken out of what they are packed in."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.dataset_import.folders import files_below
from services.dataset_import.kinds import COLUMNAR, HEAD_BYTES, Kind, kind_of
from services.dataset_import.unpacking import DAMAGED, inner_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.dataset_import.batches import Part

SUFFIXES = (".parquet", ".arrow", ".feather")
_CHUNK_BYTES = 1 << 20
_LONGEST_NAME = 100


def has_columnar(path: Path) -> bool:
    """Whether a file is read by the trainer's libraries, or any of a folder or an archive is."""
    if path.is_dir():
        return _has_suffix(one.name for one in files_below(path))
    try:
        with path.open("rb") as file:
            kind = kind_of(file.read(HEAD_BYTES), path.name)
        if kind is Kind.ZIP:
            with zipfile.ZipFile(path) as archive:
                return _has_suffix(archive.namelist())
    except (*DAMAGED, ValueError):  # what is wrong with it is told by the import
        return False
    except OSError as error:
        raise AppError(
            "io", f"{path} cannot be read: {error}.", "Check who may read it."
        ) from error
    return kind in COLUMNAR or (kind is Kind.PACKED and _has_suffix([path.name]))


def as_a_file(part: Part, folder: Path, tick: Callable[[], None]) -> Path:
    """The file itself, or a copy of what is packed in an archive, in ``folder``, where it may be
    removed afterwards. ``tick`` is called all the while.

    Raises what its stream raises of damaged archives, and OSError of a full disk.
    """
    if part.path is not None and _is_plain(part.path):
        return part.path
    name = re.sub(r"[^\w.\- ]", "_", PurePosixPath(part.name).name)[-_LONGEST_NAME:]
    copy = folder / name
    with part.open() as source, copy.open("wb") as target:
        while data := source.read(_CHUNK_BYTES):
            target.write(data)
            tick()
    return copy


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return kind_of(file.read(HEAD_BYTES), path.name) in COLUMNAR


def _has_suffix(names: Iterable[str]) -> bool:
    return any(inner_name(name).lower().endswith(SUFFIXES) for name in names)
