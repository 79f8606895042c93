"""Whether there is room for a bundle, before anything of it is made."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.offline_bundle.archive import SPARE, part_of, size_words
from services.offline_bundle.fat import refuse_too_large
from services.storage.disk import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def need_room(
    target: Path, scratch: Path, sources: Iterable[Path], images: Mapping[Path, int]
) -> None:
    """Raise AppError("disk_full") where the bundle, or what it is made of, has no room, and
    ("too_large") where its disk takes no such file.

    ``sources`` are the files that travel as they are, ``images`` the sizes of those that an engine
    saves below ``scratch`` first, by their files there. What an earlier attempt has made counts as
    room; the wheels of an environment are not known yet and do not count.
    """
    whole = sum(path.stat().st_size for path in sources) + sum(images.values())
    refuse_too_large(target.parent, whole)
    bundle = max(whole - _size(part_of(target)), 0)
    saved = sum(max(size - _size(file), 0) for file, size in images.items())
    scratch.mkdir(parents=True, exist_ok=True)
    is_one_disk = target.parent.stat().st_dev == scratch.stat().st_dev
    words, hint = "", "Free some space there, or choose another place for the bundle."
    if is_one_disk and saved:
        words = " While it is made, its Docker images lie there once more beside it."
        hint = "Free some space there, or write the bundle to another disk: then less is needed."
    _check(target.parent, bundle + (saved if is_one_disk else 0), words, hint)
    if saved and not is_one_disk:
        words = " Docker images are saved there before they are put into the bundle."
        _check(scratch, saved, words, "Free some space there.")


def need_room_to_import(wanted: Iterable[tuple[Path, int]]) -> None:
    """Raise AppError("disk_full") where these files, each with its size, have no room all together.
    What is there of them, also of one that was cut, counts as room."""
    needs: dict[int, tuple[Path, int]] = {}
    for target, size in wanted:
        place = nearest(target.parent)
        lacking = max(size - max(_size(target), _size(part_of(target))), 0)
        first, before = needs.get(place.stat().st_dev, (place, 0))
        needs[place.stat().st_dev] = first, before + lacking
    for place, need in needs.values():
        _check(place, need, "", "Free some space there, then import again.")


def _check(place: Path, need: int, words: str, hint: str) -> None:
    free = shutil.disk_usage(place).free
    if need and free < need + SPARE:
        raise AppError(
            "disk_full",
            f"{place} has {size_words(free)} free, and the bundle needs about "
            f"{size_words(need + SPARE)}.{words}",
            hint,
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
