"""Copies what a run made, and makes sure that it is what the run saved."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from services.job_builder import is_local_model
from services.progress import Progress
from services.run_follower import run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from models.domain.run import Run
    from services.progress import CancelToken, Reporter

_CONFIG = "adapter_config.json"
_PIECE = 2**23


def copy_verified(run: Run, source: Path, new: Path, report: Reporter, cancel: CancelToken) -> str:
    """Copy every file of ``source`` into ``new``; the hash of the weights. Cancelled;
    AppError("damaged") where they are not those that the run saved."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    total, done = sum(path.stat().st_size for path in files), 0
    sums = {}
    for path in files:
        target = new / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        for piece in _copied(path, target):
            cancel.raise_if_cancelled()
            digest.update(piece)
            done += len(piece)
            report(Progress(done / total, f"Copying {path.name}, {megabytes(done, total)}"))
        if path.parent == source and path.suffix == ".safetensors":
            sums[path.name] = digest.hexdigest()
    found = weights_sha256(sums)
    _refuse_others(run, source, found)
    return found


def name_base(adapter: Path, base_model: str) -> None:
    """Have an adapter name its base model's folder as this computer does: the trainer writes what
    it saw, which lies below /data, and other programs know no such place."""
    path = adapter / _CONFIG
    if not path.is_file():  # a whole model needs no base
        return
    config = json.loads(path.read_bytes())
    named = str(config.get("base_model_name_or_path") or "")
    if named != base_model and is_local_model(named):
        config["base_model_name_or_path"] = base_model
        path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def weights_sha256(sums: Mapping[str, str]) -> str:
    """As ``trainer_image/whole_model.py`` reckons it, of the hashes of all files of weights."""
    if len(sums) == 1:
        return next(iter(sums.values()))
    lines = (f"{name} {sums[name]}\n" for name in sorted(sums))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def megabytes(done: int, total: int) -> str:
    """``135 of 270 MB``."""
    return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"


def _copied(source: Path, target: Path) -> Iterator[bytes]:
    """Copy one file down to the disk; yields what was read, piece by piece."""
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(_PIECE):
            writing.write(piece)
            yield piece
        writing.flush()
        os.fsync(writing.fileno())


def _refuse_others(run: Run, source: Path, found: str) -> None:
    result = run_folder(run).result()  # what an earlier version trained has no hash in it
    if result is not None and result.adapter_sha256 not in {"", found}:
        raise AppError(
            "damaged",
            f"The weights in {source} are not those that run {run.id} saved: they have changed "
            "since.",
            "Put the former files back, or train again.",
        )
