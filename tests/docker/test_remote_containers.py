"""Whole runs on pods that are real containers, with the real trainer; some with a fault.

A third of a minute each, so they are played where ``TEMPER_FAULT_CELLS`` is set, and written to
docs/reliability-containers.md; ``test_pod_containers.py`` and ``test_window_on_containers.py`` have
a real container in every run of the suite.
"""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from models.domain.remote_run import RemotePhase
from models.domain.run import RunState
from tests.conftest import ROOT
from tests.emulators.runpod.containers import LABEL, ContainerMachine
from tests.integration.fault_cells import WINDOW_KILLED, Cell, play
from tests.integration.fault_report import write_container_report
from tests.integration.remote_world import remote_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

REPORT = ROOT / "docs" / "reliability-containers.md"
CELLS = [
    ("delete refused", RemotePhase.ENDING), ("cut download", RemotePhase.FETCHING),
    ("corrupt upload", RemotePhase.DELIVERING), ("restart", RemotePhase.TRAINING),
    (WINDOW_KILLED, RemotePhase.TRAINING), ("console", RemotePhase.TRAINING),
]  # fmt: skip


@pytest.fixture(scope="module")
def played() -> Iterator[list[Cell]]:
    """The report is of all cells, or not written."""
    cells: list[Cell] = []
    yield cells
    if len(cells) == len(CELLS):
        write_container_report(cells, REPORT)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("fault", "phase"), CELLS)
def test_a_run_in_a_real_container(
    fault: str,
    phase: RemotePhase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    docker_client: DockerClient,
    trainer_image: str,
    tiny_model: Path,
    played: list[Cell],
) -> None:
    setup = {
        "hp.base_model": "/data/models/tiny", "hp.max_steps": 4, "hp.save_steps": 2,
        "hp.max_seq_length": 128, "hp.packing": False,
    }  # fmt: skip
    machine = partial(ContainerMachine, docker_client, trainer_image)
    with remote_world(tmp_path, monkeypatch, speed=10) as there:
        model = there.data_root / "models" / "tiny"
        shutil.copytree(tiny_model, model, copy_function=shutil.copyfile)
        cell = play(there, fault, phase, machine, **setup)
    left = docker_client.containers.list(all=True, filters={"label": LABEL})
    cell.wrong += [f"a container is left: {one.name}" for one in left]
    played.append(cell)
    assert cell.struck, cell.attempts
    assert cell.wrong == [], cell.attempts
    wanted = RunState.LOST if fault == "console" else RunState.FINISHED
    assert (cell.run and cell.run.state) == wanted, cell.words
