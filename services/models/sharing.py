"""Takes a model over from the cache of other programs, by second names: it takes no more room."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from services.hub_cache import hub_cache
from services.models.cached import is_cached_model
from services.models.layout import (
    current_revision,
    files_of,
    folder_of,
    has_hash,
    hash_of,
    link,
    set_revision,
    sha256_of,
    user_cache,
)
from services.models.notes import ModelNotes
from services.models.verify import looks_whole
from services.models.wanted import missing_files, wanted_files

if TYPE_CHECKING:
    from pathlib import Path

    from services.progress import CancelToken


def take_over(repo: str, data_root: Path, cancel: CancelToken) -> bool:
    """Link a model that is whole in the user's Hugging Face cache, without the network; one that is
    whole here in another revision stays.

    False, with nothing changed that is used, where it is not whole there, where a file is not what
    its name says, or where the two folders are on different disks. Of a cache without links no
    hashes are known; there it is seen whether the files are whole. Cancelled.
    """
    theirs, ours = folder_of(user_cache(), repo), folder_of(hub_cache(data_root), repo)
    revision = current_revision(theirs)
    present = files_of(theirs / "snapshots" / revision) if revision else {}
    if missing_files(present):
        return False
    if is_cached_model(repo, data_root) and current_revision(ours) != revision:
        return True  # another one is whole here, and may be the newer one: it stays
    for name in wanted_files(present):
        source, content = present[name].resolve(), _content(present[name], cancel)
        if not content:
            return False
        blob = ours / "blobs" / content
        blob.parent.mkdir(parents=True, exist_ok=True)
        if not _linked(source, blob):
            return False
        link(blob, ours / "snapshots" / revision / name)
    set_revision(ours, revision)
    return True


def lend(repo: str, data_root: Path) -> None:
    """Give the user's files of a model second names in the data folder's cache, unread.

    A training with a network asks the Hub what belongs to the model, and finds these by their
    hashes instead of fetching them. Where that cannot be done it fetches what it lacks. What a
    check has found damaged there is not lent: nobody would compare it again.
    """
    theirs, ours = folder_of(user_cache(), repo), folder_of(hub_cache(data_root), repo)
    revision = current_revision(theirs)
    present = files_of(theirs / "snapshots" / revision) if revision and theirs != ours else {}
    spoilt = ModelNotes(data_root).read(repo, shared=True).damaged_here(present)
    for name in set(wanted_files(present)).difference(spoilt):
        content = hash_of(present[name])
        blob = ours / "blobs" / content
        if content and not blob.exists():
            with suppress(OSError):
                blob.parent.mkdir(parents=True, exist_ok=True)
                blob.hardlink_to(present[name].resolve())


def _content(file: Path, cancel: CancelToken) -> str:
    """The hash of a file's content, where that is what its name says; else empty."""

    def tick(_count: int) -> None:
        cancel.raise_if_cancelled()

    cancel.raise_if_cancelled()
    if named := hash_of(file):
        return named if has_hash(file, named, tick) else ""
    return sha256_of(file, tick) if looks_whole(file) else ""


def _linked(source: Path, blob: Path) -> bool:
    """Give the file a second name, also where one of ours, which may be damaged, has that name;
    False on another disk, or on one without such links."""
    fresh = blob.with_name(f"{blob.name}.linked")
    with suppress(OSError):
        if blob.exists() and blob.samefile(source):
            return True
        fresh.unlink(missing_ok=True)
        fresh.hardlink_to(source)
        fresh.replace(blob)
        return True
    return False
