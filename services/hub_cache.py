"""Whether a model of the Hub is on this computer already, whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def hub_cache(data_root: Path) -> Path:
    """Where the trainer's processes keep what they download (their HF_HOME's ``hub``)."""
    return data_root / "cache" / "huggingface" / "hub"


def is_cached_model(repo: str, data_root: Path) -> bool:
    """Whether the newest snapshot of this repo holds a config and all of its weights."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repo, "config.json", cache_dir=hub_cache(data_root))
    except HFValidationError:  # no repo id at all
        return False
    if not isinstance(found, str):
        return False
    snapshot = Path(found).parent
    return any(all(part.is_file() for part in parts) for parts in _weights(snapshot))


def cached_revision(repo: str, data_root: Path) -> str:
    """The commit of a repo that was fetched last; empty where it was never fetched."""
    folder = hub_cache(data_root) / f"models--{repo.replace('/', '--')}"
    try:
        return (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # a text that is no repo id may be no file name either
        return ""


def _weights(snapshot: Path) -> Iterator[list[Path]]:
    """The sets of files of which one must be complete: one file, or the parts of an index."""
    for name in _WEIGHTS:
        yield [snapshot / name]
    for name in _INDEXES:
        try:
            parts = json.loads((snapshot / name).read_bytes())["weight_map"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield [snapshot / part for part in {str(part) for part in dict(parts).values()}]
