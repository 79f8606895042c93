"""What a terminal says of a run's pod."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

from app.cli import rented
from models.domain.config import RUNTIME_RUNPOD, TrainingConfig
from models.domain.remote_run import RemoteAttempt, RemotePhase
from models.domain.run import Run, RunState

if TYPE_CHECKING:
    import pytest


def test_a_limit_on_another_day_names_the_day(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time()
    ends = now + 3 * 86_400
    attempt = RemoteAttempt(
        "run-1", 1, "temper-1", RemotePhase.BOOTING, pod_id="p", gpu="NVIDIA L4", cloud="SECURE",
        data_center="EU-RO-1", per_hour=0.5, rented_at=now, ends_at=ends, most_cost=36.0,
    )  # fmt: skip
    known = SimpleNamespace(rented=SimpleNamespace(latest=lambda _run_id: attempt))
    monkeypatch.setattr(rented, "services", lambda: known)
    run = Run(
        id="run-1", name="r", config=TrainingConfig(), state=RunState.RUNNING,
        runtime=RUNTIME_RUNPOD, data_root="/d", created_at=now, output_directory="/d/o",
    )  # fmt: skip
    rented.PodTeller()(run)
    said = capsys.readouterr().err
    assert f"until {time.strftime('%a %H:%M', time.localtime(ends))} and for $36.00" in said
