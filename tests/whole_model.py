"""Folders in which nothing is missing, as far as a start looks: a model's, a checkpoint's."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


WHOLE_MODEL = ("config.json", "model.safetensors", "tokenizer.json")


def lay_whole_model(folder: Path) -> Path:
    """Words, weights and tokenizer, with nothing in them; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in WHOLE_MODEL:
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def lay_checkpoint(folder: Path) -> Path:
    """A finished checkpoint by its seal and the sizes of its files; the folder."""
    folder.mkdir(parents=True)
    (folder / "adapter.bin").write_bytes(b"learnt")
    seal = {"size": 6, "sha256": hashlib.sha256(b"learnt").hexdigest()}
    manifest = {"step": 4, "files": {"adapter.bin": seal}}
    (folder / "temper-checkpoint.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
