"""New runs that begin from an earlier one: training longer, and a new adapter on top."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.config_io import with_values
from models.domain.errors import AppError
from models.domain.run_history import Repetition, Verb
from services.adapters import tuned_model
from services.run_again import session_of
from services.run_files import output_marker
from services.run_outputs import OnExisting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.domain.config import TrainingConfig
    from models.domain.run import Run
    from services.datasets import DatasetLibrary
    from services.job_builder import PlannedJob
    from services.run_records import RunRecords
    from services.runs import RunService

_MANIFEST = "temper-checkpoint.json"
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_FALLING = ("cosine", "linear")


class Onward:
    """Plans runs that begin from another one; blocking, knows no Qt."""

    def __init__(self, runs: RunService, records: RunRecords, library: DatasetLibrary) -> None:
        self._runs = runs
        self._records = records
        self._library = library

    def longer(
        self,
        run: Run,
        *,
        epochs: float | None = None,
        steps: int | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Repetition:
        """Its training goes on from its last checkpoint to so many epochs or steps in all, one
        epoch more where neither is said.

        AppError("running", "no_checkpoint", "bad_use") says why that cannot be.
        """
        checkpoint, done = _last_checkpoint(_ended(run))
        end = self._end(run, epochs, steps)
        per_epoch = self._per_epoch(run)
        changes = {"hp.resume_from": checkpoint, **end, **(values or {})}
        config = with_values(run.config, changes)
        remark = _horizon(config, done, per_epoch)
        plan = Repetition(
            run.id, run.name, config, (remark,), Verb.LONGER, steps=done, per_epoch=per_epoch
        )
        _refuse_earlier(plan, end)
        return plan

    def on_top(self, run: Run, values: Mapping[str, object] | None = None) -> Repetition:
        """A new adapter learns on top of what it made, by its own setup with these changes.

        AppError says why that cannot be: no adapter, one that adds up with no other.
        """
        tuned = tuned_model(_ended(run))
        below: dict[str, object] = {"hp.resume_from": ""}
        remark = (
            "What is saved at the end is both adapters in one: it works by itself, on the same "
            "base model."
        )
        if tuned.is_whole:
            below |= {"hp.base_model": _inside(run, Path(tuned.adapter)), "hp.tuning": "LoRA"}
            remark = "The base model is what this run made."
        else:
            _refuse_unfit(Path(tuned.adapter))
        config = with_values(run.config, {**below, **(values or {})})
        return Repetition(run.id, run.name, config, (remark,), Verb.ON_TOP, steps=run.step)

    def job(self, plan: Repetition, *, queued: bool = False) -> PlannedJob:
        """The job of a plan, in a new directory; ConfigError and AppError as at any start."""
        run = self._records.get(plan.run_id)
        same_rows = plan.config.dataset == run.config.dataset
        planned = self._runs.starter.plan(
            plan.config, plan.name, OnExisting.NEW, self._runs.others,
            session=session_of(run, self._library) if same_rows else None, queued=queued,
        )  # fmt: skip
        if planned.data_root != Path(run.data_root):
            raise AppError(
                "bad_use",
                f"Run {run.id} lies in another data folder ({run.data_root}), which the new run "
                "would not see.",
                "Use the same data folder.",
            )
        changes = {"parent_run_id": run.id, **self._below(plan.verb, run)}
        return replace(planned, job=planned.job.model_copy(update=changes))

    def _below(self, verb: Verb, run: Run) -> dict[str, str]:
        """The adapter that stays as it is below the one that learns: what the run made, or what lay
        below its own already."""
        if verb is not Verb.ON_TOP:
            job = self._runs.starter.read_job(run)
            return {"on_top_of": job.on_top_of, "on_top_of_sha256": job.on_top_of_sha256}
        if run.config.hp.tuning == "full":
            return {}
        adapter = Path(run.adapter_path)
        return {
            "on_top_of": _inside(run, adapter),
            "on_top_of_sha256": _sha256(adapter / _WEIGHTS),
        }

    def _end(self, run: Run, epochs: float | None, steps: int | None) -> dict[str, object]:
        if steps is None:
            wanted = epochs if epochs is not None else run.config.hp.epochs + 1
            return {"hp.epochs": float(wanted), "hp.max_steps": None}
        # The number of steps only ever shortens a run, so the epochs must reach that far.
        reach = math.ceil(steps / self._per_epoch(run))
        return {"hp.epochs": float(max(run.config.hp.epochs, reach)), "hp.max_steps": steps}

    def _per_epoch(self, run: Run) -> float:
        for event in reversed(self._records.events_of(run.id, "progress")):
            step, epoch = event.number("step"), event.number("epoch")
            if step and epoch:
                return step / epoch
        raise _no_checkpoint(run)


def _ended(run: Run) -> Run:
    if not run.state.is_over:
        raise AppError("running", f"Run {run.id} has not ended yet.", "Let it end, or stop it.")
    return run


def _last_checkpoint(run: Run) -> tuple[str, int]:
    """The newest checkpoint that is there whole, as the trainer names it, and its step."""
    output = Path(run.output_directory)
    marker = output_marker(output)
    if marker is not None and marker.run_id != run.id:
        raise AppError(
            "no_checkpoint",
            f"The checkpoints of run {run.id} were overwritten by run {marker.run_id}.",
            "Train that run longer instead.",
        )
    found = {step: path for path in output.glob("checkpoints/checkpoint-*")
             if (step := _step_of(path))}  # fmt: skip
    if not found:
        raise _no_checkpoint(run)
    newest = max(found)
    return _inside(run, found[newest]), newest


def _step_of(checkpoint: Path) -> int:
    """The step of a checkpoint whose files are as long as its seal says; else 0. The trainer looks
    at their contents, too."""
    try:
        manifest = json.loads((checkpoint / _MANIFEST).read_bytes())
        sizes = {name: int(seal["size"]) for name, seal in manifest["files"].items()}
        whole = all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
        return int(manifest["step"]) if whole else 0
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return 0


def _no_checkpoint(run: Run) -> AppError:
    return AppError(
        "no_checkpoint",
        f"Run {run.id} has no whole checkpoint in {run.output_directory} to go on from.",
        "Run it again with more epochs.",
    )


def _refuse_earlier(plan: Repetition, end: Mapping[str, object]) -> None:
    epochs, steps = end["hp.epochs"], end["hp.max_steps"]
    wanted = steps if isinstance(steps, int) else plan.steps_in_all(float(str(epochs)))
    if wanted <= plan.steps:
        raise AppError(
            "bad_use",
            f"Run {plan.run_id} has trained {plan.steps} steps already "
            f"({plan.steps / plan.per_epoch:.3g} epochs), and this would end at step {wanted}.",
            "Name a later end: it counts from the very beginning.",
        )


def _horizon(config: TrainingConfig, done: int, per_epoch: float) -> str:
    """How far it is, for a run that ended by its number of steps may have seen a small part of an
    epoch; and what becomes of the learning rate, which decides what further steps are worth."""
    place = f"It goes on after step {done:,}; an epoch has about {round(per_epoch):,} steps."
    if config.hp.scheduler in _FALLING:
        return (
            f"{place} The learning rate follows the schedule of the longer run: higher than "
            "where the first one ended, and down to 0 at the new end."
        )
    return f"{place} The learning rate stays the same."


def _inside(run: Run, path: Path) -> str:
    """A path as the trainer names it."""
    try:
        return f"/data/{path.relative_to(run.data_root).as_posix()}"
    except ValueError as error:
        message = f"{path} does not lie in the data folder of run {run.id}."
        raise AppError("bad_use", message, "Put it back there, and try again.") from error


def _refuse_unfit(adapter: Path) -> None:
    config = json.loads((adapter / _CONFIG).read_bytes())
    if config.get("use_dora"):
        raise AppError(
            "bad_use",
            "The adapter is a DoRA, on top of which no other can be put.",
            "Train it longer, or merge it into its model and train on that.",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
