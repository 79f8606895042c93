"""Lets one program at a time work in a folder, also when one of them was killed."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from models.domain.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.progress import CancelToken

_POLL_SECONDS = 0.1
_SHORT_SECONDS = 10.0


@contextmanager
def folder_lock(path: Path, cancel: CancelToken, on_wait: Callable[[], None]) -> Iterator[int]:
    """Hold the lock file ``path``; yields its descriptor. ``on_wait`` is called once if busy.

    The lock belongs to the open file, not to the process: handed to a child (``pass_fds``), it
    stays held until that child has ended too, so nobody builds beside an orphan.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        on_wait()
    while descriptor is None:
        cancel.pause(_POLL_SECONDS)
        descriptor = try_lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def short_lock(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file ``path`` for something that is soon over.

    AppError("busy") with the sentence ``busy`` where another holds it for longer than 10 seconds.
    """
    deadline = time.monotonic() + _SHORT_SECONDS
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise AppError("busy", busy, "Wait a moment and try again.")
        time.sleep(_POLL_SECONDS / 2)
    try:
        yield
    finally:
        os.close(descriptor)


def try_lock(path: Path) -> int | None:
    """Take the lock and return its descriptor (close it to let go), or None when it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _locked(descriptor) and _is_still(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the file was not removed between opening and locking it (see remove())."""
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
