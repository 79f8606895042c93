"""Takes what a run made out into a folder of the user's: its adapter, or a whole model."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.model_export import ExportedModel, ExportKind
from services.adapters import tuned_model
from services.environment.disk_space import folder_bytes
from services.export_copy import copy_verified, name_base
from services.export_folder import ExportFolder
from services.export_merge import Merger
from services.export_notes import ExportNotes
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.domain.inference import TunedModel
    from models.domain.run import Run
    from services.environment.runtime_env import RuntimeEnvironment
    from services.progress import CancelToken, Reporter
    from services.trainer_code import TrainerCode


class ModelExport:
    """Blocking; knows no Qt. ``code`` says where the trainer's code is, which merges; in ``notes``,
    a folder of the program's, stands which exports go on."""

    def __init__(
        self, runtime: RuntimeEnvironment, code: Callable[[], TrainerCode], notes: Path
    ) -> None:
        self._merger = Merger(runtime, code)
        self._notes = ExportNotes(notes)

    def recover(self) -> None:
        """Remove what exports of killed programs left; at the start, and before each export."""
        self._notes.sweep()

    def export(
        self,
        run: Run,
        kind: ExportKind,
        folder: Path,
        report: Reporter,
        cancel: CancelToken,
        *,
        overwrite: bool = False,
    ) -> ExportedModel:
        """Write what a run made to ``folder``, which must be new or empty; with ``overwrite`` it
        may hold an earlier export.

        It is there whole or not at all, and the network is not used. AppError says all that is in
        the way; Cancelled.
        """
        self.recover()
        model, place = self._checked(run, kind, folder, overwrite=overwrite)
        with self._notes.holding(place.path) as lock, place.filling() as new:
            if kind is ExportKind.MERGED and not model.is_whole:
                sha256 = self._merger.merge(run, model, new, report, cancel, lock=lock)
            else:
                sha256 = copy_verified(run, Path(model.adapter), new, report, cancel)
                name_base(new, model.base_model)
            cancel.raise_if_cancelled()
            size = folder_bytes(new)
        report(Progress(1.0, "Exported"))
        return ExportedModel(run.id, kind, place.path, size, sha256)

    def export_into(
        self, run: Run, kind: ExportKind, parent: Path, report: Reporter, cancel: CancelToken
    ) -> ExportedModel:
        """Write what a run made to a new folder in ``parent``, named after the run.

        Raises as :meth:`export` does.
        """
        folder = _free(parent, f"{run.id}-{'adapter' if kind is ExportKind.ADAPTER else 'model'}")
        return self.export(run, kind, folder, report, cancel)

    def _checked(
        self, run: Run, kind: ExportKind, folder: Path, *, overwrite: bool
    ) -> tuple[TunedModel, ExportFolder]:
        """What is exported and where to; AppError with everything that is in the way."""
        problems = []
        try:
            model = _ended_model(run)
        except AppError as error:
            place = ExportFolder(folder, Path(run.adapter_path or run.output_directory))
            raise _in_one([error, *_present(place.problem(overwrite=overwrite))]) from error
        place = ExportFolder(folder, Path(model.adapter))
        need = folder_bytes(Path(model.adapter))
        if kind is ExportKind.ADAPTER and model.is_whole:
            message = f"Run {run.id} trained every weight, so there is no adapter."
            problems.append(AppError("bad_use", message, "Export the model with --to merged."))
        elif kind is ExportKind.MERGED and not model.is_whole:
            problems += self._merger.problems(run, model)
            need = self._merger.need(run, model)
        problems += _present(place.problem(overwrite=overwrite), place.room_problem(need))
        if problems:
            raise _in_one(problems)
        return model, place


def _free(parent: Path, name: str) -> Path:
    """A name that nothing in ``parent`` has."""
    numbered = (parent / f"{name}-{number}" for number in count(2))
    return next(one for one in chain([parent / name], numbered) if not one.exists())


def _ended_model(run: Run) -> TunedModel:
    if not run.state.is_over:
        raise AppError("running", f"Run {run.id} has not ended yet.", "Let it end, or stop it.")
    return tuned_model(run)


def _present(*problems: AppError | None) -> list[AppError]:
    return [one for one in problems if one is not None]


def _in_one(problems: Sequence[AppError]) -> AppError:
    if len(problems) == 1:
        return problems[0]
    lines = "".join(f"\n- {one}" for one in problems)
    return AppError(problems[0].kind, f"Several things are in the way:{lines}")
