"""What takes room on the disk, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.storage import CleanKind, StoredKind
from models.qt.wording import counted, size

if TYPE_CHECKING:
    from models.domain.storage_forecast import StorageForecast

KIND_TITLES = {
    StoredKind.CHECKPOINT: "Checkpoints",
    StoredKind.RESULT: "Adapters and models made here",
    StoredKind.RUN: "Runs: logs and metrics",
    StoredKind.DATASET: "Datasets",
    StoredKind.MODEL: "Base models",
    StoredKind.IMAGE: "Docker images",
    StoredKind.ENVIRONMENT: "Python environment",
    StoredKind.CACHE: "Caches",
    StoredKind.PROGRAM: "Temper itself",
}
KIND_WORDS = {
    StoredKind.CHECKPOINT: "Checkpoint",
    StoredKind.RESULT: "Result",
    StoredKind.RUN: "Run",
    StoredKind.DATASET: "Dataset",
    StoredKind.MODEL: "Base model",
    StoredKind.IMAGE: "Docker image",
    StoredKind.ENVIRONMENT: "Environment",
    StoredKind.CACHE: "Cache",
    StoredKind.PROGRAM: "Temper",
}
FURTHER_TITLES = {
    CleanKind.ROWS: "Rows of deleted datasets",
    CleanKind.CACHES: "Reports and tokens of datasets",
    CleanKind.VERSIONS: "Leftovers of other versions",
    CleanKind.REVISIONS: "Old revisions of base models",
}
FURTHER_HELP = {
    CleanKind.ROWS: "Rows that no dataset and no run has any more",
    CleanKind.CACHES: (
        "What was found in datasets, datasets as tokens, and what bundles that were cut have left: "
        "made again when needed"
    ),
    CleanKind.VERSIONS: (
        "Training code and Python environments of other versions of Temper that no run works with"
    ),
    CleanKind.REVISIONS: (
        "Downloads that a newer one has replaced and that no run, adapter or setup names, in the "
        "data folders' Hugging Face caches"
    ),
}


def forecast_sentence(found: StorageForecast) -> str:
    """What a training takes at most, and whether there is room."""
    each = size(found.size.checkpoint)
    known = f"measured on run {found.size.measured_on}" if found.size.measured_on else "calculated"
    most = (
        f"It takes up to {size(found.most)}: {counted(found.count, 'checkpoint')} of {each} "
        f"({known}) and the result of {size(found.size.result)}."
    )
    if found.free is None:
        return most
    free = f"{found.place[:1].upper()}{found.place[1:]} has {size(found.free)} free"
    if found.cannot_save:
        return f"{most} {free}: not even one checkpoint and the result fit."
    if found.may_fill_up:
        return f"{most} {free}: it may fill up. Keep fewer checkpoints, or free some space."
    return f"{most} {free}."


def forecast_note(found: StorageForecast) -> str:
    """The same in the fewest words, for beneath a setting."""
    what = f"{counted(found.count, 'checkpoint')} of {size(found.size.checkpoint)} and the result"
    if found.free is None:
        return f"Takes up to {size(found.most)}: {what}."
    room = f"Takes up to {size(found.most)} of {size(found.free)} free: {what}."
    if found.cannot_save:
        return f"{room} Not even one checkpoint fits."
    return f"{room} The disk may fill up." if found.may_fill_up else room


def forecast_tone(found: StorageForecast) -> str:
    """``bad`` where nothing can be saved, ``warning`` where not everything, else empty."""
    if found.cannot_save:
        return "bad"
    return "warning" if found.may_fill_up else ""
