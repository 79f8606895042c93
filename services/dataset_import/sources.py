"""What there is to read: a file, the files of an archive, the files of a folder."""

from __future__ import annotations

import io
import re
import zipfile
from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING

from models.domain.dataset import IMPORT_SUFFIXES
from services.dataset_import.batches import Part, UnreadableError
from services.dataset_import.findings import FIX
from services.dataset_import.folders import files_below
from services.dataset_import.kinds import (
    COLUMNAR,
    HEAD_BYTES,
    PLAIN,
    STRUCTURED,
    Kind,
    foreign,
    kind_of,
)
from services.dataset_import.unpacking import (
    DAMAGED,
    FREE_BYTES,
    MOST_RATIO,
    MOST_UNPACKED,
    BombError,
    CountedFile,
    GuardedStream,
    inner_name,
    opened,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.dataset_import.batches import Intake

Found = tuple[Part, Kind]
_MOST_FILES = 100_000
_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "valid": "validation",
    "validation": "validation", "val": "validation", "dev": "validation", "eval": "test",
    "evaluation": "test", "heldout": "held_out",
}  # fmt: skip
_WHOLE = {
    Kind.ZIP: "packed twice",
    Kind.OLD_DATABASE: "a packed database",
}
"""Kinds that are not read from their beginning to their end, so that they must lie unpacked."""
_OFFICE = {
    "[Content_Types].xml": "an Office document",
    "mimetype": "an OpenDocument file",
    "META-INF/MANIFEST.MF": "a Java archive",
}


def parts_of(path: Path, intake: Intake) -> list[Found]:
    """The files to read, in order, each with its kind; UnreadableError where there is none."""
    if path.is_dir():
        return _chosen(_folder(path, intake), path.name, intake)
    part = Part(inner_name(path.name), lambda: opened(path, intake), path)
    kind = _kind(part)
    if kind in _WHOLE and _is_packed(path):
        _refuse_words(path.name, _WHOLE[kind], intake)
    if kind is Kind.ZIP:
        return _chosen(_archive(path, intake), path.name, intake)
    if kind in {Kind.UNKNOWN, Kind.PACKED}:
        _refuse(path.name, part, kind, intake)
    return [(part, kind)]


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return kind_of(file.read(HEAD_BYTES), path.name) is Kind.PACKED


def _folder(folder: Path, intake: Intake) -> list[Found]:
    found: list[Found] = []
    paths = list(islice(files_below(folder), _MOST_FILES + 1))
    if len(paths) > _MOST_FILES:
        _too_many(intake)
    for path in sorted(paths, key=lambda one: _natural(one.as_posix())):
        name = path.relative_to(folder).as_posix()
        if _is_hidden(name):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            intake.book.minor("link_left", f"{name} leads out of the folder, and is left out.")
            continue
        found.append(_found(Part(inner_name(name), _opener(path, intake), path)))
    return found


def _opener(path: Path, intake: Intake) -> _Opener:
    return _Opener(path, intake)


class _Opener:
    """Opens one file of a folder."""

    def __init__(self, path: Path, intake: Intake) -> None:
        self._path = path
        self._intake = intake

    def __call__(self) -> IO[bytes]:
        return opened(self._path, self._intake)


class _Member:
    """Opens one file of an archive; nothing is ever written to the disk under its name."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self._archive = archive
        self._info = info

    def __call__(self) -> IO[bytes]:
        stream = self._archive.open(self._info)
        guarded = GuardedStream(stream, lambda: self._info.compress_size)
        return io.BufferedReader(guarded, HEAD_BYTES)


def _archive(path: Path, intake: Intake) -> list[Found]:
    try:
        archive = zipfile.ZipFile(io.BufferedReader(CountedFile(path, intake)))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (*DAMAGED, ValueError) as error:
        message = f"The archive is damaged: {error}."
        intake.book.major("bad_archive", message, remedy=FIX)
        raise UnreadableError from None
    names = {info.filename for info in infos}
    office = next((words for name, words in _OFFICE.items() if name in names), "")
    if office:
        _refuse_words(path.name, office, intake)
    _guard(infos, path.stat().st_size, intake)
    infos.sort(key=lambda info: _natural(info.filename))
    return [
        _found(Part(inner_name(info.filename), _Member(archive, info)))
        for info in infos
        if not _is_hidden(info.filename)
    ]


def _guard(infos: Sequence[zipfile.ZipInfo], packed: int, intake: Intake) -> None:
    if len(infos) > _MOST_FILES:
        _too_many(intake)
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MOST_UNPACKED or unpacked > max(FREE_BYTES, MOST_RATIO * packed):
        raise BombError  # also where many files share the same bytes
    for info in infos:
        name = info.filename
        is_outside = ".." in PurePosixPath(name).parts or name.startswith("/")
        windows = PureWindowsPath(name)
        if is_outside or windows.drive or ".." in windows.parts:
            message = f"The archive names a file outside of itself: {name[:100]!r}."
            intake.book.major("unsafe_path", message, remedy=FIX)
            raise UnreadableError
        if info.flag_bits & 1:
            intake.book.major("encrypted", f"{name} needs a password.", remedy=FIX)
            raise UnreadableError


def _chosen(found: list[Found], name: str, intake: Intake) -> list[Found]:
    """The files with rows; texts only where there are no tables, for those are most often notes."""
    for wanted in (STRUCTURED | COLUMNAR, PLAIN):
        chosen = [(part, kind) for part, kind in found if kind in wanted]
        if chosen:
            for part, kind in found:
                if kind not in wanted and kind is not Kind.EMPTY:
                    intake.book.minor("file_left", f"{part.name} is left out.")
            return _with_splits(chosen)
    message = f"{name} holds no file that can be imported."
    intake.book.major("no_files", message, remedy=FIX)
    raise UnreadableError


def _with_splits(chosen: list[Found]) -> list[Found]:
    """Where files are named train and test, their rows belong to these splits."""
    named = {part.name: _split_in(part.name) for part, _ in chosen}
    if len(set(named.values()) - {""}) < 2:
        return chosen
    return [
        (Part(part.name, part.open, part.path, named[part.name]), kind) for part, kind in chosen
    ]


def _split_in(name: str) -> str:
    words = re.split(r"[^a-z]+", name.lower().rpartition(".")[0].replace("held_out", "heldout"))
    return next((_SPLITS[word] for word in reversed(words) if word in _SPLITS), "")


def _found(part: Part) -> Found:
    return part, _kind(part)


def _kind(part: Part) -> Kind:
    with part.open() as stream:
        return kind_of(stream.read(HEAD_BYTES), part.name)


def _refuse(name: str, part: Part, kind: Kind, intake: Intake) -> None:
    with part.open() as stream:
        words = foreign(stream.read(HEAD_BYTES))
    if kind is Kind.PACKED:
        words = "packed twice"
    _refuse_words(name, words, intake)


def _refuse_words(name: str, words: str, intake: Intake) -> None:
    what = f"is {words}, which" if words else "is of a kind that"
    known = ", ".join(IMPORT_SUFFIXES)
    message = f"{name} {what} cannot be imported. Files that can: {known}."
    intake.book.major("unknown_kind", message, remedy=FIX)
    raise UnreadableError


def _too_many(intake: Intake) -> None:
    intake.book.major("too_many_files", f"There are more than {_MOST_FILES:,} files.", remedy=FIX)
    raise UnreadableError


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts ``part-10`` after ``part-9``."""
    words = re.split(r"([0-9]+)", name)
    words[1::2] = [word.lstrip("0") for word in words[1::2]]
    return [(len(word), word) if place % 2 else (0, word) for place, word in enumerate(words)]
