"""Builds what works in processes of the trainer beside the runs: answers, looks at rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.data_inspection import DataInspection
from services.hub_check import HubCheck
from services.inference_engine import InferenceEngine
from services.learning_check import LearningCheck
from services.worker_places import WorkerPlaces

if TYPE_CHECKING:
    from app.build_base import Base
    from app.build_stores import Stores
    from services.job_builder import JobBuilder


@dataclass(frozen=True, slots=True)
class Workers:
    """``places`` says where each of them runs."""

    places: WorkerPlaces
    inference: InferenceEngine
    inspection: DataInspection
    learning: LearningCheck


def build_workers(base: Base, stores: Stores, builder: JobBuilder) -> Workers:
    """No process is started yet."""
    places = WorkerPlaces(
        runtime=base.runtime,
        engine=base.engine,
        images=stores.images,
        install_id=base.install_id,
        code=base.place_code,
        log=base.paths.logs / "inference.log",
        offline=base.offline,
    )
    looks = base.paths.home / "inspections"

    def inspection() -> DataInspection:
        return DataInspection(places.inspection, looks, lambda: base.place_code().sha256)

    all_rows, single_rows = inspection(), inspection()
    hub = HubCheck(stores.library, all_rows, base.hf_token, looks)
    learning = LearningCheck(
        stores.library, all_rows, single_rows, builder, hub, base.offline.is_offline
    )
    return Workers(places, InferenceEngine(places.place), all_rows, learning)
