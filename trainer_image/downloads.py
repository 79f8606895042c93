"""How much of a base model has come from Hugging Face: seen in the cache, so no request is made."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDEX = "model.safetensors.index.json"
"""Comes before the weights that it names, with their size in all; a small model has none."""


def cache_of(repository: str) -> Path:
    """The folder into which a model's files are downloaded (huggingface_hub's layout)."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    return hub / f"models--{repository.replace('/', '--')}"


class Download:
    """Counts what of a model is in the cache."""

    def __init__(self, repository: str) -> None:
        self._folder = cache_of(repository)

    def __call__(self) -> tuple[int, int, str]:
        """Bytes that are there, bytes there will be (0: not known yet), and the unit."""
        done = sum(self._sizes())
        total = max(self._totals(), default=0)
        return done, max(done, total) if total else 0, "bytes"

    def _sizes(self) -> Iterator[int]:
        for path in self._folder.glob("blobs/*"):
            with contextlib.suppress(OSError):  # it has just got its final name
                # What is taken on disk: some ways of downloading make the file whole at once.
                status = path.stat()
                blocks = getattr(status, "st_blocks", None)
                yield status.st_size if blocks is None else min(status.st_size, 512 * blocks)

    def _totals(self) -> Iterator[int]:
        for path in self._folder.glob(f"snapshots/*/{_INDEX}"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                yield int(json.loads(path.read_bytes())["metadata"]["total_size"])
