"""The scenes of rented pods and of preparing for offline for ``make screenshots``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest

from models.domain.offline_ready import OfflineNeed, OfflineStatus
from models.domain.pod_rows import PodRow
from models.domain.remote_run import RemoteAttempt, RemotePhase
from models.domain.rented import RentedRun
from models.qt.offline_model import OfflineModel
from models.qt.pods_model import PodsModel
from views.dialogs.offline_dialog import OfflineDialog
from views.dialogs.pods_dialog import PodsDialog
from views.theme import current_theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

    from models.domain.run import Run
    from models.qt.app_models import AppModels

SCENES = ("pods", "prepare")
_HOUR = 3600.0
_SETTLE_MS = 300


def make_dialog(scene: str) -> QDialog:
    """The dialog of this scene, shown and settled."""
    dialog = _pods() if scene == "pods" else _prepare()
    current_theme().dress(dialog)
    dialog.show()
    dialog.table.select_source_row(0)
    QTest.qWait(_SETTLE_MS)
    return dialog


def show_rented(models: AppModels, run: Run) -> None:
    """This run trains on a rented pod, and has cost something."""
    now = time.time()
    attempt = RemoteAttempt(
        run.id, 1, "temper-1-2-1", phase=RemotePhase.TRAINING, pod_id="pod-1",
        gpu="NVIDIA GeForce RTX 4090", cloud="SECURE", data_center="EU-RO-1", per_hour=0.7,
        rented_at=now - _HOUR, ends_at=now + 5 * _HOUR, most_cost=4.2,
    )  # fmt: skip
    page = "https://console.runpod.io/pods?id=pod-1"
    models.run.pod.show(run.id, RentedRun(attempt, 0.72, page, ()))


def _pods() -> PodsDialog:
    now = time.time()
    row = PodRow(
        "pod-1", "temper-1-2-1", "training", gpu="NVIDIA GeForce RTX 4090", gpu_count=1,
        per_hour=0.7, cost=0.72, most_cost=4.2, created_at=now - _HOUR, ends_at=now + 5 * _HOUR,
        run_id="run-1", number=1,
    )  # fmt: skip
    home = replace(
        row, id="pod-2", state="bringing the results home", gpu="NVIDIA RTX A5000", gpu_count=2,
        cost=1.31, most_cost=3.4, created_at=now - 2.3 * _HOUR, ends_at=now + _HOUR, run_id="run-2",
    )  # fmt: skip
    model = PodsModel()
    model.set_rows((row, home), {"run-1": "Support answers", "run-2": "Two languages"}, asked=now)
    dialog = PodsDialog(model)
    model.setParent(dialog)
    return dialog


def _prepare() -> OfflineDialog:
    model = OfflineModel()
    missing = (
        OfflineNeed("Model", "unsloth/Qwen3-4B-bnb-4bit", False, "Download it on the Models page."),
        OfflineNeed("Image", "temper-trainer:cuda", False, "Pull it."),
    )
    here = (OfflineNeed("Model", "HuggingFaceTB/SmolLM2-135M-Instruct", True),)
    model.set_rows(
        (
            OfflineStatus("Two languages", missing),
            OfflineStatus("Support answers", here, time.time() - _HOUR),
            OfflineStatus("Long answers", here),
        )
    )
    dialog = OfflineDialog(model)
    model.setParent(dialog)
    return dialog
