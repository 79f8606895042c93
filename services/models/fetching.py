"""Fetches a model's files one by one; runs in a process of its own that may die at any byte.

``huggingface_hub`` (1.33) begins a file anew after it was killed: each of its processes writes a
temporary file of its own. So files are fetched with its HTTP client into one that is known by the
content's hash, under a lock, and go on where the last attempt ended. A file gets its place only
once its content has its hash, and a revision is used only once all of its files are there.
"""

from __future__ import annotations

import glob
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from models.domain.errors import AppError
from services.hub_cache import hub_cache
from services.hub_client import hub_api, hub_endpoint
from services.models.answers import refuse_odd
from services.models.layout import PARTIAL, folder_of, has_hash, link, set_revision, user_cache
from services.models.notes import ModelNote, ModelNotes, RepoFile, mark_of
from services.models.wanted import is_weights, wanted_files
from services.storage.disk import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from huggingface_hub.hf_api import ModelInfo

_CHUNK = 256 * 1024
"""Bytes that are lost at most when a download is ended; the library's own are 10 MB."""
_SPARE = 200_000_000
_ATTEMPTS = 2
_TELL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted, and for which data folder. The token never leaves the process."""

    repo: str
    data_root: str
    revision: str = ""
    token: str | None = None


class Fetch:
    """One model. ``tell`` gets bytes that are here, bytes in all, and the file's name."""

    def __init__(self, order: Order, tell: Callable[[int, int, str], None]) -> None:
        self._order = order
        self._tell = tell
        self._cache = hub_cache(Path(order.data_root))
        self._folder = folder_of(self._cache, order.repo)
        self._shared = folder_of(user_cache(), order.repo)
        self._notes = ModelNotes(Path(order.data_root))
        self._done = self._total = 0
        self._told = 0.0

    def run(self) -> ModelNote:
        """Fetch what is not here. AppError, or what the Hub's library raises."""
        note = self._ask()
        self._notes.write(note)
        self._total = note.bytes_whole or 0
        self._need_space(note)
        self._refuse_too_large(note)
        # The words first: they say what the weights must be.
        for file in sorted(note.files, key=lambda one: one.size):
            self._ensure(file, note)
        set_revision(self._folder, note.revision)
        whole = replace(note, damaged={})
        self._notes.write(whole)
        self._tell(self._total, self._total, "")
        return whole

    def _ask(self) -> ModelNote:
        order = self._order
        revision = order.revision or None
        info = hub_api(order.token).model_info(order.repo, revision=revision, files_metadata=True)
        files = _listed(info)
        wanted, damaged = wanted_files(files), self._notes.read(order.repo).damaged
        if not any(map(is_weights, wanted)):
            raise AppError(
                "no_weights",
                f"{order.repo} holds no weights that can be trained.",
                "Choose a model with safetensors; GGUF files are for running only.",
            )
        note = ModelNote(
            repo=order.repo,
            revision=str(info.sha),
            # What a check found damaged is mended, also where only another program has fetched it.
            files=tuple(
                files[name] for name in sorted({*wanted, *(damaged.keys() & files.keys())})
            ),
            licence=str((info.card_data or {}).get("license") or ""),
            gated=bool(info.gated),
            parameters=info.safetensors.total if info.safetensors else None,
            damaged=damaged,
        )
        refuse_odd(note)
        return note

    def _need_space(self, note: ModelNote) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lacking = self.lacking(note.files)
        free = shutil.disk_usage(self._folder).free
        if lacking + _SPARE > free:
            raise AppError(
                "disk_full",
                f"{self._order.repo} needs {lacking / 1e9:.1f} GB more, and the disk of the data "
                f"folder has {free / 1e9:.1f} GB free.",
                "Free some space, or choose a data folder on a larger disk under Settings.",
            )

    def _refuse_too_large(self, note: ModelNote) -> None:
        """Of files above 50 GB the Hub's plain addresses give nothing."""
        from huggingface_hub import constants

        most = constants.MAX_HTTP_DOWNLOAD_SIZE
        for file in note.files:
            if file.size > most and not self._here(file):
                raise AppError(
                    "too_large",
                    f"{file.name} of {self._order.repo} has {file.size / 1e9:.3g} GB, and Hugging "
                    f"Face sends no file of more than {most / 1e9:.3g} GB this way.",
                    "Choose a model whose weights come in several files.",
                )

    def lacking(self, files: Iterable[RepoFile]) -> int:
        """The bytes of these files that are not on this disk yet."""
        return sum(file.size - self._here(file) for file in files)

    def _here(self, file: RepoFile) -> int:
        """Bytes that take no more room: what another program's cache on this disk has is linked."""
        for path in (self._blob(file), self._partial(file)):
            with suppress(OSError):
                return min(path.stat().st_size, file.size)
        for path in self._folder.glob(f"snapshots/*/{glob.escape(file.name)}"):
            if not path.is_symlink() and _is_whole(path, file, None):  # a disk without links
                return file.size
        with suppress(OSError):
            source = self._source(file)
            device = nearest(self._folder).stat().st_dev
            is_near = source is not None and source.stat().st_dev == device
            return file.size if is_near else 0
        return 0

    def _source(self, file: RepoFile) -> Path | None:
        """Where another program's cache has such a file: named by its hash, or, where no links can
        be made, in a snapshot alone."""
        places = [self._shared / "blobs" / file.hash]
        places += sorted(self._shared.glob(f"snapshots/*/{glob.escape(file.name)}"))
        return next((one for one in places if _is_whole(one, file, None)), None)

    def _ensure(self, file: RepoFile, note: ModelNote) -> None:
        """Have this file here, whole, under its name in the snapshot."""
        blob = self._blob(file)
        pointer = self._folder / "snapshots" / note.revision / file.name
        mark = note.damaged.get(file.name)
        if _is_whole(pointer, file, mark):
            self._count(file.size, file)
            return
        if not _is_whole(blob, file, mark):
            pointer.unlink(missing_ok=True)
            blob.unlink(missing_ok=True)
            if not self._take_shared(file):
                self._fetch(file, note.revision)
        else:
            self._count(file.size, file)
        link(blob, pointer)

    def _take_shared(self, file: RepoFile) -> bool:
        """Give a file of another program's cache a second name here: it takes no more room."""
        source, blob = self._source(file), self._blob(file)
        try:
            if source is None or not has_hash(source, file.hash, _ignore):
                return False
        except OSError:  # the disk does not give its content
            return False
        blob.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # another disk, or one without such links
            blob.hardlink_to(source.resolve())
            self._count(file.size, file)
            return True
        return False

    def _fetch(self, file: RepoFile, revision: str) -> None:
        partial = self._partial(file)
        partial.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            done = self._done
            self._get(file, revision, partial)
            if has_hash(partial, file.hash, _ignore):
                partial.replace(self._blob(file))
                return
            partial.unlink()
            self._done = done
        raise AppError(
            "damaged_download",
            f"{file.name} of {self._order.repo} came twice with another content than it has.",
            "Something between here and Hugging Face changes files; check the proxy.",
        )

    def _get(self, file: RepoFile, revision: str, partial: Path) -> None:
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
        order = self._order
        url = hf_hub_url(order.repo, file.name, revision=revision, endpoint=hub_endpoint())
        headers = build_hf_headers(token=order.token or False, library_name="temper")
        with partial.open("r+b" if partial.exists() else "w+b") as stream:
            start = min(stream.seek(0, 2), file.size)
            stream.truncate(start)
            sink = _Sink(stream, lambda count: self._count(count, file))
            self._count(start, file)
            http_get(
                url,
                sink,
                resume_size=start,
                headers=headers,
                expected_size=file.size,
                displayed_filename=file.name,
            )

    def _count(self, count: int, file: RepoFile) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            self._tell(self._done, self._total, file.name)

    def _blob(self, file: RepoFile) -> Path:
        return self._folder / "blobs" / file.hash

    def _partial(self, file: RepoFile) -> Path:
        return self._folder / "blobs" / f"{file.hash}{PARTIAL}"


def lacking_bytes(repo: str, info: ModelInfo, data_root: Path) -> int:
    """What fetching a model of which the Hub said this would bring to the disk."""
    files = _listed(info)
    fetch = Fetch(Order(repo, str(data_root)), lambda *_: None)
    return fetch.lacking(files[name] for name in wanted_files(files))


class _Sink:
    """A file whose every piece is on disk before the next one comes, and is counted."""

    def __init__(self, stream: BinaryIO, count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def write(self, piece: bytes) -> None:
        self._stream.write(piece)
        self._stream.flush()
        self._count(len(piece))

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, place: int) -> None:
        """The server sends the file from its beginning: what was counted begins anew, too."""
        self._count(place - self._stream.tell())
        self._stream.seek(place)

    def truncate(self) -> None:
        self._stream.truncate()


def _listed(info: ModelInfo) -> dict[str, RepoFile]:
    found = {}
    for one in info.siblings or ():
        content = one.lfs.sha256 if one.lfs else one.blob_id
        size = one.lfs.size if one.lfs else one.size
        if content and size is not None:
            found[one.rfilename] = RepoFile(one.rfilename, size, content)
    return found


def _is_whole(path: Path, file: RepoFile, damaged: tuple[int, int] | None) -> bool:
    with suppress(OSError):
        if path.stat().st_size == file.size:
            return damaged is None or mark_of(path) != tuple(damaged)
    return False


def _ignore(_count: int) -> None:
    return
