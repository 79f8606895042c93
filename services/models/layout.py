"""The folders and files of a Hugging Face cache, as its own library lays them out.

``models--user--name`` holds ``blobs`` (named by the hash of their content: SHA-256 for large files,
Git's SHA-1 for others), ``snapshots/REVISION`` with a link for each file, and ``refs/main`` with
the revision that is used. Since huggingface_hub 1.33 a large file may lie in a store that all repos
of the cache share, under another kind of name, and the blob is a link to it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1 << 20
PARTIAL = ".incomplete"
_PREFIX = "models--"
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


def user_cache() -> Path:
    """The cache that all programs of this user share, as ``huggingface_hub`` finds it."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return Path(os.path.expandvars(named)).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = os.environ.get("HF_HOME") or str(caches / "huggingface")
    return Path(os.path.expandvars(home)).expanduser() / "hub"


def is_users(cache: Path, data_root: Path) -> bool:
    """Whether a data folder's cache is, by a link, the one that all programs of this user share;
    one inside the data folder is ours, whoever else was told to use it."""
    real = Path(os.path.realpath(cache))
    is_shared = real == Path(os.path.realpath(user_cache()))
    return is_shared and not real.is_relative_to(os.path.realpath(data_root))


def folder_of(cache: Path, repo: str) -> Path:
    """Where a repo's files are in a cache."""
    return cache / (_PREFIX + repo.replace("/", "--"))


def repos_in(cache: Path) -> Iterator[str]:
    """The ids of all models of which something is in a cache."""
    with suppress(OSError):
        for folder in sorted(cache.iterdir()):
            if folder.name.startswith(_PREFIX) and folder.is_dir():
                yield folder.name.removeprefix(_PREFIX).replace("--", "/")


def current_revision(folder: Path) -> str:
    """The revision that trainings use: that of ``refs/main``, else the newest that was begun."""
    with suppress(OSError, ValueError):
        return (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    with suppress(OSError, ValueError):
        begun = [one for one in (folder / "snapshots").iterdir() if one.is_dir()]
        if begun:
            return max(begun, key=lambda one: one.stat().st_mtime).name
    return ""


def set_revision(folder: Path, revision: str) -> None:
    """Use this revision from now on; at once or not at all."""
    path = folder / "refs" / "main"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"main.{os.getpid()}")
    fresh.write_text(revision, encoding="utf-8")
    fresh.replace(path)


def files_of(snapshot: Path) -> dict[str, Path]:
    """The files of a snapshot by their names in the repo; links to nothing are left out."""
    found = {}
    for path in sorted(snapshot.rglob("*")):
        if path.is_file():
            found[path.relative_to(snapshot).as_posix()] = path
    return found


def bytes_in(folder: Path) -> int:
    """The bytes of a repo's files, wherever they lie; each once, however many names it has."""
    sizes: dict[tuple[int, int], int] = {}
    for part in ("blobs", "snapshots"):
        for path in (folder / part).rglob("*"):
            with suppress(OSError):  # it has just got its final name
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def freed_by(folder: Path) -> int:
    """The bytes of a model that removing its folder gives back: a file that has a name elsewhere as
    well, such as one that is shared with another program's cache, stays where it is. Of a link to
    a folder elsewhere only the link is removed."""
    if folder.is_symlink():
        return 0
    names: dict[tuple[int, int], int] = {}
    found: dict[tuple[int, int], os.stat_result] = {}
    for path in folder.rglob("*"):
        if path.relative_to(folder).parts[0] == "refs":  # which is no file of the model
            continue
        with suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                inode = (status.st_dev, status.st_ino)
                names[inode] = names.get(inode, 0) + 1
                found[inode] = status
    return sum(one.st_size for inode, one in found.items() if one.st_nlink <= names[inode])


def hash_of(path: Path) -> str:
    """The hash that a file's name in ``blobs`` tells; empty where it is another kind of name. What
    the blob itself links to may be named by something else."""
    name = path.readlink().name if path.is_symlink() else path.name
    return name if _SHA256.fullmatch(name) or _SHA1.fullmatch(name) else ""


def has_hash(path: Path, expected: str, tick: Callable[[int], None]) -> bool:
    """Whether a file's content has this hash. ``tick`` gets the bytes read, and may raise."""
    if len(expected) == 64:
        return sha256_of(path, tick) == expected
    # Git hashes a header with the content
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest() == expected


def sha256_of(path: Path, tick: Callable[[int], None]) -> str:
    """The hash of a file's content, as the Hub names large files. ``tick`` as above."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest()


def link(blob: Path, pointer: Path) -> None:
    """Let a snapshot's file be this blob. Where links cannot be made it is a second name of it, and
    where that cannot be either, its only one, as the Hub's own library has it there."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    with suppress(OSError):  # Windows gives links to developers and administrators alone
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        return
    with suppress(OSError):  # exFAT has none of either kind
        os.link(blob, pointer)
        return
    blob.replace(pointer)
