"""What a run leaves for others: the card beside the adapter, and the upload if it is asked for."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from trainer_image.contract import Phase
from trainer_image.failures import TrainerError
from trainer_image.merging import save_merged
from trainer_image.model_card import model_card
from trainer_image.push import push
from trainer_image.record import commit_of
from trainer_image.run_folder import write_atomic, write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer_image.contract import Job, Result
    from trainer_image.run_folder import RunFolder
    from trainer_image.trainer import Training

_CARD = "README.md"


def publish(training: Training, result: Result, folder: RunFolder) -> Result:
    """Describe what was saved, and upload it if the job says so; the result with its address.

    When the upload fails the result is there all the same: the adapter can be used, and a resume
    uploads it.
    """
    job, output = training.checked.job, training.checked.output
    write_atomic(output.adapter / _CARD, model_card(job, result, _rows(folder)))
    if not job.hp.push_to_hub:
        return result
    training.reporter.phase(Phase.PUSHING)
    try:
        address = _upload(training, result, folder)
    except TrainerError:
        write_model(folder.result, result)
        raise
    print(f"uploaded: {address}", flush=True)  # noqa: T201
    return result.model_copy(update={"hub_url": address})


def write_merged(
    job: Job,
    result: Result,
    run: RunFolder,
    adapter: Path,
    folder: Path,
    revision: str | None,
    tell: Callable[[str], None] = lambda _stage: None,
) -> None:
    """Write the base model of ``revision`` with the adapter merged into it, and its card; ``tell``
    hears what is done."""
    save_merged(job.base_model, adapter, folder, revision, tell)
    write_atomic(folder / _CARD, model_card(job, result, _rows(run), merged=True))


def _upload(training: Training, result: Result, folder: RunFolder) -> str:
    job, output = training.checked.job, training.checked.output
    message = f"{job.name or 'Fine-tuned'} with Temper"
    stop, warn = training.stop, training.reporter.warn
    if job.hp.hub_content == "adapter" or result.kind == "model":
        return push(output.adapter, job, message, stop, warn)
    merged = output.path / "merged.tmp"
    # What was trained on, whatever the model's owner has changed in the meantime.
    revision = training.checked.base_revision or commit_of(job.base_model, result.base_sha256)
    try:
        with stop.interrupting():
            write_merged(job, result, folder, output.adapter, merged, revision)
        return push(merged, job, message, stop, warn)
    finally:
        shutil.rmtree(merged, ignore_errors=True)


def _rows(folder: RunFolder) -> tuple[int, int]:
    """How many rows were trained on and held out."""
    split = json.loads(folder.split.read_bytes())
    held_out = len(split["held_out"])
    return split["rows"] - held_out, held_out
