"""The output directory: whose it is, whether a run may go on in it, and what is removed from it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainer_image import checkpoints
from trainer_image.callbacks import best_step
from trainer_image.contract import (
    OUTPUT_MARKER_FILE,
    FailureKind,
    Job,
    OutputMarker,
    check_under_data,
)
from trainer_image.drift import differences, refuse_misfit, sentence
from trainer_image.failures import RefusedError
from trainer_image.record import local_base_signature
from trainer_image.run_folder import resolve, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from trainer_image.checkpoints import Manifest

_ASIDE = "checkpoints-of-other-data"
_OURS = (
    "adapter", "adapter.tmp", "adapter.old", "model", "model.tmp", "model.old", "merged.tmp",
    "checkpoints", _ASIDE, "tensorboard", "wandb", OUTPUT_MARKER_FILE,
)  # fmt: skip
"""What a run makes in its output directory, and so all that overwriting one removes."""


@dataclass(frozen=True)
class Start:
    """Where training begins: at a checkpoint, or from nothing. ``damaged`` ones were passed by."""

    checkpoint: Path | None = None
    manifest: Manifest | None = None
    damaged: tuple[str, ...] = ()
    overwrite: bool = False
    other_job: bool = False


_LEFT_BEHIND = {
    OUTPUT_MARKER_FILE,
    "adapter.tmp",
    "adapter.old",
    "model.tmp",
    "model.old",
    "merged.tmp",
    "tensorboard",
    "wandb",
}


class OutputFolder:
    """The output directory of a job."""

    def __init__(self, job: Job, dataset_sha256: str) -> None:
        self._job = job
        self._dataset_sha256 = dataset_sha256
        self.path = resolve(job.output_directory)
        self.adapter = self.path / ("model" if job.hp.tuning == "full" else "adapter")
        """What was learnt: the adapter, or of a full fine-tune the whole model."""
        self.checkpoints = self.path / "checkpoints"
        self._marker = self.path / OUTPUT_MARKER_FILE

    def plan(self) -> Start:
        """Decide how to start, changing nothing; RefusedError if the directory is another's."""
        start = self._plan()
        self._refuse_other_base(start)
        return start

    def _plan(self) -> Start:
        named = None if self._has_begun_from_named() else self._named_checkpoint()
        if named is not None and (named.is_relative_to(self.path) or self._was_adopting()):
            return self._from_named(named)
        if self._is_ours_to_resume():
            return self._newest()
        overwrite = self._must_overwrite()
        if named is None:
            return Start(overwrite=overwrite)
        start = self._from_named(named)
        return Start(start.checkpoint, start.manifest, (), overwrite, start.other_job)

    def begin(self, start: Start) -> Start:
        """Make the directory ours, with all in it that the start needs; the start from there."""
        if start.overwrite:
            self._clear()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        checkpoints.remove_unsealed(self.checkpoints)
        checkpoints.put_aside(self.checkpoints, self.path / _ASIDE, self._dataset_sha256)
        start = self._adopted(start)
        checkpoints.remove_after(self.checkpoints, start.manifest.step if start.manifest else 0)
        self.mark(finished=False)
        return start

    def _adopted(self, start: Start) -> Start:
        """Another job's checkpoint, and its best one, become ours: this run can be resumed, and
        its best adapter taken, also when the other one is gone."""
        path, manifest = start.checkpoint, start.manifest
        if path is None or manifest is None:
            return start
        if path.is_relative_to(self.path):
            if start.other_job:  # else a boot that is killed before it saves would leave none
                write_model(path / checkpoints.MANIFEST, self._as_ours(manifest))
            return start
        self._mark(adopting=True)  # killed from here on, the next boot begins with this again
        best = path.with_name(f"checkpoint-{_best_of(path)}")
        if best != path and (of_best := checkpoints.manifest_of(best)) is not None:
            checkpoints.adopt(best, self.checkpoints, self._as_ours(of_best))
        ours = self._as_ours(manifest)
        return replace(start, checkpoint=checkpoints.adopt(path, self.checkpoints, ours))

    def _as_ours(self, manifest: Manifest) -> Manifest:
        job = self._job
        changes = {"fingerprint": job.fingerprint(), "decisive": job.decisive()}
        return manifest.model_copy(update=changes)

    def mark(self, *, finished: bool) -> None:
        """Say whose the directory is, and whether the run is done with it."""
        self._mark(finished=finished)

    def _mark(self, *, finished: bool = False, adopting: bool = False) -> None:
        marker = OutputMarker(
            run_id=self._job.run_id,
            fingerprint=self._job.fingerprint(),
            finished=finished,
            decisive=self._job.decisive(),
            began_from=self._job.hp.resume_from,
            adopting=adopting,
        )
        write_model(self._marker, marker)

    def _read_marker(self) -> OutputMarker | None:
        try:
            return OutputMarker.model_validate_json(self._marker.read_bytes())
        except (OSError, ValueError):
            return None

    def _has_begun_from_named(self) -> bool:
        """A boot of this very run did so; what it made since is not thrown away."""
        marker = self._own_marker()
        named = self._job.hp.resume_from
        return marker is not None and not marker.adopting and marker.began_from == named

    def _was_adopting(self) -> bool:
        """A boot of this very run was killed before all it was to begin with was ours."""
        marker = self._own_marker()
        return marker is not None and marker.adopting

    def _own_marker(self) -> OutputMarker | None:
        marker = self._read_marker()
        return marker if marker is not None and marker.run_id == self._job.run_id else None

    def _is_ours_to_resume(self) -> bool:
        marker = self._read_marker()
        if marker is None:
            return False
        if self._job.on_existing == "overwrite" and marker.run_id != self._job.run_id:
            return False  # a boot of the overwriting run itself goes on, like that of any other
        may_resume = self._job.hp.auto_resume or self._job.on_existing == "resume"
        same = self._job.may_go_on_from(marker.fingerprint)
        # A run that was killed after its last word on disk, and before its last event, ends anew.
        return may_resume and same and (not marker.finished or marker.run_id == self._job.run_id)

    def _must_overwrite(self) -> bool:
        if not self._holds_anything():
            return False
        if self._job.on_existing == "overwrite":
            return True
        raise RefusedError(
            FailureKind.BAD_CONFIG,
            f"The output directory {self._job.output_directory} is not empty, and what it holds "
            f"is no unfinished run of this very job{self._what_differs()}.",
            "Choose another directory, or say that it may be overwritten.",
        )

    def _holds_anything(self) -> bool:
        """What a run leaves that failed before its first checkpoint does not count."""
        if not self.path.is_dir():
            return self.path.exists()
        found = {path.name for path in self.path.iterdir()} - _LEFT_BEHIND
        if not any(checkpoints.newest_first(self.checkpoints)):
            found.discard("checkpoints")
        return bool(found)

    def _what_differs(self) -> str:
        marker = self._read_marker()
        found = differences(marker.decisive, self._job.decisive()) if marker else {}
        return f": {sentence(found)}" if found else ""

    def _refuse_other_base(self, start: Start) -> None:
        was = start.manifest.base_sha256 if start.manifest else ""
        now = local_base_signature(self._job.base_model) if was else ""
        if was and now and was != now:
            raise RefusedError(
                FailureKind.BAD_CONFIG,
                f"The base model in {self._job.base_model} is not the one that the checkpoint of "
                f"step {start.manifest.step if start.manifest else 0} was made with: its files "
                "have changed since.",
                "Put the former model back, or start anew.",
            )

    def _newest(self) -> Start:
        damaged: list[str] = []
        for path in checkpoints.newest_first(self.checkpoints):
            manifest = checkpoints.manifest_of(path)
            if manifest is not None and self._is_of_this_job(manifest):
                return Start(path, manifest, tuple(damaged))
            damaged.append(path.name)
        named = self._named_checkpoint()
        if named is None or named.is_relative_to(self.path):
            return Start(damaged=tuple(damaged))
        return replace(self._from_named(named), damaged=tuple(damaged))

    def _is_of_this_job(self, manifest: Manifest) -> bool:
        is_same = self._job.may_go_on_from(manifest.fingerprint)
        return is_same and manifest.dataset_sha256 == self._dataset_sha256

    def _named_checkpoint(self) -> Path | None:
        name = self._job.hp.resume_from
        if not name:
            return None
        return resolve(check_under_data(name)) if "/" in name else self.checkpoints / name

    def _from_named(self, path: Path) -> Start:
        manifest = checkpoints.named(path)
        if self._is_of_this_job(manifest):
            return Start(path, manifest)
        ours = (self._job.base_model, self._dataset_sha256)
        if (manifest.base_model, manifest.dataset_sha256) != ours:
            raise RefusedError(
                FailureKind.BAD_CONFIG,
                f"The checkpoint {path.name} was made with another base model or dataset.",
                "Start anew instead of resuming.",
            )
        refuse_misfit(manifest, self._job)
        return Start(path, manifest, other_job=True)

    def _clear(self) -> None:
        for name in _OURS:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _best_of(checkpoint: Path) -> int | None:
    history = json.loads((checkpoint / "trainer_state.json").read_bytes())["log_history"]
    return best_step(history)
