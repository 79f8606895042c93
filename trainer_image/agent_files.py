"""Files as the agent writes, hashes and reads them: whole or not at all, and in small pieces."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 256 * 1024
"""Bytes held in memory at a time."""


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
