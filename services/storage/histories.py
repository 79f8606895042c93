"""What the disk holds of a run that a clean-up may think about: checkpoints and remnants."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.run import RunState
from models.domain.storage import Piece, RunHistory
from services.adapters import is_usable
from services.run_sizes import why_outputs_stay
from services.storage.disk import file_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from models.domain.run import Run

WHOLE_RUN = "*"
"""Stands among the pinned names for all of a run."""
MANIFEST = "temper-checkpoint.json"
"""Written last, so a folder with it is a finished checkpoint (``trainer_image/checkpoints.py``)."""
ASIDE = ".deleted-"
"""In the name of what is being removed."""
_PUT_ASIDE = re.compile(rf"\..+{re.escape(ASIDE)}[0-9a-f]+")
"""The whole of such a name: one that only resembles it is the user's."""
_CHECKPOINT, _ADOPTING = re.compile(r"checkpoint-(\d+)"), re.compile(r"adopting-checkpoint-\d+")
_HALF_MADE = (("adapter", ("adapter.tmp", "adapter.old")), ("model", ("model.tmp", "model.old")))
"""Of a result that is there whole, what an ended program left beside it (``keeping.publish``)."""


def history_of(run: Run, pinned: Collection[str] = ()) -> RunHistory:
    """A run's pieces as they are now; none where the output directory is not the run's own."""
    output = Path(run.output_directory)
    is_own = not why_outputs_stay(run)
    pieces = tuple(_pieces(output, run.id)) if is_own else ()
    return RunHistory(
        run_id=run.id,
        name=run.name,
        state=run.state,
        has_result=is_own and run.state is RunState.FINISHED and _has_result(output),
        pieces=pieces,
        best_step=_best_step(pieces),
        is_pinned=WHOLE_RUN in pinned,
        pinned=frozenset(pinned) - {WHOLE_RUN},
    )


def result_bytes(run: Run) -> int:
    """What the run's adapter or model takes; 0 where there is none of its own."""
    output = Path(run.output_directory)
    results = [output / name for name, _ in _HALF_MADE if is_usable(output / name)]
    if why_outputs_stay(run):
        return 0
    return sum(name.bytes for result in results for name in file_names(result))


def is_sound(checkpoint: Path) -> bool:
    """Whether every file is to the byte what the seal says. Reads all of them."""
    for name, (size, sha256) in _sealed(checkpoint).items():
        try:
            with (checkpoint / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256 or (checkpoint / name).stat().st_size != size:
                return False
        except OSError:
            return False
    return bool(_sealed(checkpoint))


def seems_whole(checkpoint: Path) -> bool:
    """Whether every file is there and as long as the seal says; their contents are not read."""
    seals = _sealed(checkpoint)
    return bool(seals) and all(_is_long(checkpoint / name, one) for name, (one, _) in seals.items())


def aside_of(place: Path) -> Path:
    """The name that something gets to be removed: nobody takes it for what it was."""
    return place.with_name(f".{place.name}{ASIDE}{secrets.token_hex(4)}")


def is_aside(path: Path) -> bool:
    """Whether it lost its name to be removed, and the program that did so ended."""
    return _PUT_ASIDE.fullmatch(path.name) is not None


def _pieces(output: Path, run_id: str) -> Iterator[Piece]:
    folder = output / "checkpoints"
    # What a link leads to may be another run's, which has rules of its own.
    for path in () if folder.is_symlink() else _entries(folder):
        found = _CHECKPOINT.fullmatch(path.name)
        is_folder = path.is_dir() and not path.is_symlink()
        if found is not None and is_folder and int(found[1]):
            yield _checkpoint(path, run_id, int(found[1]))
        elif _ADOPTING.fullmatch(path.name) or is_aside(path):
            yield _remnant(path, run_id)
    for result, names in _HALF_MADE:
        if is_usable(output / result):
            yield from (
                _remnant(output / name, run_id) for name in names if _is_there(output / name)
            )
    yield from (_remnant(one, run_id) for one in _entries(output) if is_aside(one))


def _checkpoint(path: Path, run_id: str, step: int) -> Piece:
    return Piece(
        path=os.path.realpath(path),
        run_id=run_id,
        step=step,
        is_sealed=(path / MANIFEST).exists(),
        is_whole=seems_whole(path),
        files=tuple(file_names(path)),
    )


def _remnant(path: Path, run_id: str) -> Piece:
    place = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - it may be a link itself
    return Piece(path=place, run_id=run_id, files=tuple(file_names(path)))


def _sealed(checkpoint: Path) -> Mapping[str, tuple[int, str]]:
    """Size and SHA-256 of each file by the checkpoint's own account; nothing where it has none."""
    try:
        files = json.loads((checkpoint / MANIFEST).read_bytes())["files"]
        return {str(name): (int(one["size"]), str(one["sha256"])) for name, one in files.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _is_long(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _best_step(pieces: tuple[Piece, ...]) -> int | None:
    """The checkpoint of the lowest held-out loss, by the log in the newest whole one; of steps that
    have none anymore nothing is known to be the best (``trainer.best_step``)."""
    there = {piece.step: piece for piece in pieces if piece.step and piece.is_whole}
    if not there:
        return None
    losses = {step: loss for step, loss in _losses(there[max(there)].path) if step in there}
    return min(losses, key=lambda step: losses[step], default=None)


def _losses(checkpoint: str) -> Iterator[tuple[int, float]]:
    try:
        state: Any = json.loads((Path(checkpoint) / "trainer_state.json").read_bytes())
        for entry in state["log_history"]:
            if "eval_loss" in entry:
                yield int(entry["step"]), float(entry["eval_loss"])
    except (OSError, ValueError, LookupError, TypeError):
        return


def _has_result(output: Path) -> bool:
    return any(is_usable(output / name) for name, _ in _HALF_MADE)


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
