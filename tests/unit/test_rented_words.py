"""What a terminal says of a run's pod."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import typer

from app.cli import follow, rented
from models.domain.config import RUNTIME_RUNPOD, TrainingConfig
from models.domain.remote_run import RemoteAttempt, RemotePhase
from models.domain.run import Run, RunState

if TYPE_CHECKING:
    from services.runs import RunService


NOW = time.time()
ENDS = NOW + 3 * 86_400
ATTEMPT = RemoteAttempt(
    "run-1", 1, "temper-1", RemotePhase.BOOTING, pod_id="p", gpu="NVIDIA L4", cloud="SECURE",
    data_center="EU-RO-1", per_hour=0.5, rented_at=NOW, ends_at=ENDS, most_cost=36.0,
)  # fmt: skip
RUN = Run(
    id="run-1", name="r", config=TrainingConfig(), state=RunState.RUNNING, runtime=RUNTIME_RUNPOD,
    data_root="/d", created_at=NOW, output_directory="/d/o",
)  # fmt: skip


def know(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """The record says this of the run's pod."""
    found = replace(ATTEMPT, **changes)
    known = SimpleNamespace(rented=SimpleNamespace(latest=lambda _run_id: found))
    monkeypatch.setattr(rented, "services", lambda: known)


def test_a_limit_on_another_day_names_the_day(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    know(monkeypatch)
    rented.PodTeller()(RUN)
    said = capsys.readouterr().err
    assert f"until {time.strftime('%a %H:%M', time.localtime(ENDS))} and for $36.00" in said


@pytest.mark.parametrize(
    ("changes", "words", "not_said"),
    [
        ({}, ("Nothing trains on the pod yet", "pods stop p", "runs attach run-1"), "goes on by"),
        (
            {"phase": RemotePhase.RENTING, "pod_id": ""},
            ("Nothing trains on the pod yet", "pods stop temper-1"), "goes on by",
        ),
        (
            {"phase": RemotePhase.PLACING, "pod_id": "", "rented_at": None},
            ("Nothing is rented yet", "runs attach run-1"), "pods stop",
        ),
        (
            {"phase": RemotePhase.TRAINING}, ("goes on by itself", "runs attach run-1"),
            "Nothing trains",
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_a_run_on_a_pod_that_a_terminal_leaves(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    words: tuple[str, ...],
    not_said: str,
) -> None:
    know(monkeypatch, **changes)
    with pytest.raises(typer.Exit):
        follow._on_interrupt(cast("RunService", None), RUN)
    said = capsys.readouterr().err
    assert all(one in said for one in words), said
    assert not_said not in said
