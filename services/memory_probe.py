"""Measures a setup before it is trained: one step of its longest rows, where it would run."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from models.domain.inference import TunedModel
from models.domain.measured_fit import MeasuredFit
from services.inference_engine import as_in_a_job
from services.inference_worker import InferenceWorker
from services.progress import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.domain.config import TrainingConfig
    from services.datasets import DatasetLibrary
    from services.inference_places import WorkerPlace
    from services.job_builder import JobBuilder, PlannedJob
    from services.memory_records import MemoryRecords
    from services.progress import Reporter
    from services.run_starter import RunStarter

MODULE = "trainer_image.probe"
_DIED = "worker_died"


class MemoryProbe:
    """Blocking, thread-safe; knows no Qt. ``place`` says where a worker of this module runs."""

    def __init__(
        self,
        builder: JobBuilder,
        starter: RunStarter,
        library: DatasetLibrary,
        place: Callable[[TunedModel], WorkerPlace],
        peaks: MemoryRecords,
        is_offline: Callable[[], bool],
    ) -> None:
        self._builder = builder
        self._starter = starter
        self._library = library
        self._place = place
        self._peaks = peaks
        self._is_offline = is_offline

    def measure(
        self,
        config: TrainingConfig,
        *,
        report: Reporter | None = None,
        cancel: CancelToken | None = None,
    ) -> MeasuredFit:
        """Make the steps; what was measured also corrects later estimates.

        ConfigError has all that is wrong with the setup, AppError says why nothing could be
        measured, Cancelled comes within a second of ``cancel`` being set. The output directory is
        not touched, and may hold anything.
        """
        cancel = cancel or CancelToken()
        if report is not None:
            report(Progress(None, "Loading the model and making its longest step"))
        planned = self._builder.plan(
            config,
            name="",
            offline=self._is_offline(),
            further=self._starter.runner_problems(config),
        )
        if planned.session is not None:
            self._library.place_into(planned.session, planned.data_root / "datasets")
        reply = self._answer(config, planned, cancel)
        found = _fit(reply)
        if found.step_seconds:  # else it ended in the middle, and the peak is of half a step
            name = f"probe-{planned.job.run_id}"
            self._peaks.record_probe(
                name, config, str(planned.data_root), found.device, found.peak_bytes
            )
        return found

    def _answer(
        self, config: TrainingConfig, planned: PlannedJob, cancel: CancelToken
    ) -> dict[str, Any]:
        cancel.raise_if_cancelled()
        root, job = planned.data_root, planned.job
        model = TunedModel(job.base_model, "", str(root), local=config.local)
        place = replace(self._place(model), module=MODULE)  # type: ignore[type-var]
        seen = place.seen(as_in_a_job(job.base_model, str(root)))
        job = job.model_copy(update={"base_model": seen})
        folder = f"probe-{secrets.token_hex(4)}"
        request = {"op": "probe", "job": job.model_dump(mode="json"), "folder": folder}
        worker = InferenceWorker(place)
        try:
            *_, reply = worker.ask(request, cancel, lambda _number: worker.end())
        except AppError as error:
            cancel.raise_if_cancelled()
            raise _in_our_words(error) from error
        finally:
            worker.end()
            shutil.rmtree(root / "cache" / folder, ignore_errors=True)
        return reply


def _fit(reply: dict[str, Any]) -> MeasuredFit:
    advice = (str(one["sentence"]) for one in reply.get("remedies", ()))
    return MeasuredFit(
        fits=reply["fits"],
        device=reply.get("device", ""),
        peak_bytes=reply["peak_memory_bytes"],
        free_bytes=reply["free_memory_bytes"],
        rows=reply.get("rows", 0),
        longest=reply.get("longest", 0),
        total_steps=reply.get("total_steps", 0),
        step_seconds=reply.get("step_seconds", 0.0),
        at_most_seconds=reply.get("at_most_seconds", 0.0),
        seconds=reply["seconds"],
        message=reply.get("message", ""),
        advice=tuple(advice),
    )


def _in_our_words(error: AppError) -> AppError:
    """A worker that died was no process that answers prompts."""
    if error.kind != _DIED:
        return error
    return AppError(
        "probe_died",
        "The measurement was ended by the system, most often for want of memory.",
        "Use a smaller batch or a shorter sequence length, then measure again.",
        error.details,
    )
