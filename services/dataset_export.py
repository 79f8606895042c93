"""Writing a dataset to a file of the user's: all of it, or the file that was there stays."""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from models.domain.errors import AppError
from services.dataset_import.parquet_process import run_writer
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.dataset_import.exporters import Exporters
    from services.dataset_maker import Watch

_CHUNK_BYTES = 1 << 20


def write_jsonl(rows: Path, path: Path, watch: Watch) -> None:
    """Copy the library's own file. A link would let whoever edits the export edit the library.

    Raises Cancelled, and AppError: ``disk_full``, ``io``.
    """
    cancel = watch.cancel or CancelToken()
    with _in_place_of(path) as temporary:
        total, done = rows.stat().st_size, 0
        with rows.open("rb") as source, temporary.open("wb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                cancel.raise_if_cancelled()
                target.write(chunk)
                done += len(chunk)
                if watch.report is not None:
                    words = f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB written"
                    watch.report(Progress(done / total, words))
            target.flush()
            os.fsync(target.fileno())


def write_parquet(rows: Path, path: Path, exporters: Exporters | None, watch: Watch) -> None:
    """Let the trainer's environment, which has the library for it, write the rows.

    Raises Cancelled, and AppError: ``runtime_missing``, ``disk_full``, ``io``, ``bad_dataset``.
    """
    if exporters is None:
        raise AppError(
            "runtime_missing",
            "Parquet is written by the training environment, which is not set up.",
            "Set it up first, or export JSON Lines.",
        )
    writer = exporters.parquet_writer()
    with _in_place_of(path) as temporary:
        run_writer(writer, rows, temporary, watch.report, watch.cancel)


@contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its place when all went well; a link stays one."""
    try:
        target = path.resolve()
        _require_a_file(path, target)
        temporary = target.with_name(f".{uuid4().hex}.tmp")
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name that is none
        raise AppError("io", f"{path} is no name of a file.", "Give another.", str(error)) from None
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise _as_app_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # a folder that is gone took it along
            temporary.unlink(missing_ok=True)


def _require_a_file(path: Path, target: Path) -> None:
    """A device or a pipe would be lost: what takes its place is a file."""
    if target.is_dir():
        raise AppError("io", f"{path} is a folder.", "Give the name of a file.")
    if target.exists() and not target.is_file():
        message = f"{path} is a device or a pipe, not a file."
        raise AppError("io", message, "Give the name of a file.")


def _as_app_error(path: Path, error: OSError) -> AppError:
    if error.errno == errno.ENOSPC:
        message = f"The disk is full; {path.name} was not written."
        return AppError("disk_full", message, "Free some space, or choose another folder.")
    if error.errno == errno.ENOENT and not path.parent.is_dir():
        message = f"There is no folder {path.parent}."
        return AppError("io", message, "Choose one that exists.", str(error))
    reason = error.strerror or type(error).__name__
    message = f"{path} cannot be written: {reason}."
    return AppError("io", message, "Choose another folder.", str(error))
