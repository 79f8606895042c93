"""Takes a model over from the cache of other programs, by second names: it takes no more room."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from services.hub_cache import hub_cache
from services.models.layout import (
    current_revision,
    files_of,
    folder_of,
    has_hash,
    hash_of,
    link,
    set_revision,
    user_cache,
)
from services.models.wanted import missing_files, wanted_files

if TYPE_CHECKING:
    from pathlib import Path

    from services.progress import CancelToken


def take_over(repo: str, data_root: Path, cancel: CancelToken) -> bool:
    """Link a model that is whole in the user's Hugging Face cache, without the network.

    False, with nothing changed that is used, where it is not whole there, where a file is not what
    its name says, or where the two folders are on different disks. Cancelled.
    """
    theirs, ours = folder_of(user_cache(), repo), folder_of(hub_cache(data_root), repo)
    revision = current_revision(theirs)
    present = files_of(theirs / "snapshots" / revision) if revision else {}
    if missing_files(present):
        return False
    for name in wanted_files(present):
        source, content = present[name].resolve(), hash_of(present[name])
        cancel.raise_if_cancelled()
        if not content or not has_hash(source, content, lambda _: cancel.raise_if_cancelled()):
            return False
        blob = ours / "blobs" / content
        blob.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            try:
                blob.hardlink_to(source)
            except FileExistsError:
                raise
            except OSError:  # another disk, or one without such links
                return False
        link(blob, ours / "snapshots" / revision / name)
    set_revision(ours, revision)
    return True
