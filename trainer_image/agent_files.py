"""Files as the agent writes, hashes and reads them: whole or not at all, and in small pieces."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 256 * 1024
"""Bytes held in memory at a time."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_json(path: Path, value: object, *, durable: bool = True) -> None:
    """Replace a JSON document; ``durable`` also over a power cut, which takes its time."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def why_not(error: OSError) -> dict[str, str]:
    """Why a disk did not take something: in words for the log, and ``cause`` for whoever asked."""
    if error.errno in _FULL:
        return {"error": "The volume is full.", "cause": "full"}
    if error.errno in _NOT_OURS:
        who = f"user {os.getuid()}" if hasattr(os, "getuid") else "user"
        return {"error": f"The image's {who} may not write on the volume.", "cause": "user"}
    return {"error": f"The volume does not answer: {error.strerror}.", "cause": ""}


def is_full(folder: Path) -> bool:
    """Whether the disk takes nothing more. Its free space does not say so: a volume has a quota."""
    probe = folder / "agent-probe.tmp"
    try:
        with probe.open("wb", buffering=0) as file:
            file.write(bytes(PIECE))
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno in _FULL
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return False


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; the empty one where there is none, or something else."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def sha256_of(path: Path, offset: int = 0, length: int | None = None) -> str:
    """The hash of a file, or of a part of it. OSError where it cannot be read."""
    digest = hashlib.sha256()
    left = length
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while piece := file.read(PIECE if left is None else min(PIECE, left)):
            digest.update(piece)
            left = None if left is None else left - len(piece)
    return digest.hexdigest()
