"""Where the trainer keeps what it downloads from the Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hub_cache(data_root: Path) -> Path:
    """Where the trainer's processes keep what they download (their HF_HOME's ``hub``)."""
    return data_root / "cache" / "huggingface" / "hub"


def cached_revision(repo: str, data_root: Path) -> str:
    """The commit of a repo that was fetched last; empty where it was never fetched."""
    folder = hub_cache(data_root) / f"models--{repo.replace('/', '--')}"
    try:
        return (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # a text that is no repo id may be no file name either
        return ""
