"""The container's health check, without a container."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trainer_image.health import job_of, trouble_of

GONE = 2**22 + 1
"""A process number that Linux never gives."""


@pytest.mark.parametrize(
    ("command", "job"),
    [
        (
            b"python\0-m\0trainer_image.train\0--job\0/data/runs/a/job.json\0",
            "/data/runs/a/job.json",
        ),
        (b"/sbin/docker-init\0--\0python\0-m\0x\0--job=/data/j.json\0", "/data/j.json"),
        (b"python\0-m\0trainer_image.infer\0", None),
        (b"python\0--job", None),
        (b"", None),
    ],
)
def test_finds_the_job_in_the_command(command: bytes, job: str | None) -> None:
    assert job_of(command) == (Path(job) if job else None)


def state(folder: Path, **fields: object) -> None:
    content = {"pid": os.getpid(), "phase": "training", "host": os.uname().nodename} | fields
    (folder / "state.json").write_text(json.dumps(content))


def test_a_run_that_has_not_begun_is_healthy(tmp_path: Path) -> None:
    assert trouble_of(tmp_path) == ""


def test_a_trainer_that_lives_is_healthy(tmp_path: Path) -> None:
    state(tmp_path)
    assert trouble_of(tmp_path) == ""


def test_a_trainer_that_is_gone_is_not(tmp_path: Path) -> None:
    state(tmp_path, pid=GONE)
    assert trouble_of(tmp_path) == f"the trainer (process {GONE}) is gone"


@pytest.mark.parametrize("phase", ["finished", "failed", "cancelled"])
def test_a_run_that_has_ended_is_healthy(tmp_path: Path, phase: str) -> None:
    state(tmp_path, pid=GONE, phase=phase)
    assert trouble_of(tmp_path) == ""


def test_what_another_container_wrote_means_nothing_here(tmp_path: Path) -> None:
    state(tmp_path, pid=GONE, host="an-earlier-container")
    assert trouble_of(tmp_path) == ""


@pytest.mark.parametrize("text", ["", "[]", '{"pid": null}', '{"pid": 1'])
def test_a_state_that_cannot_be_read_is_no_trouble(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    assert trouble_of(tmp_path) == ""


def test_a_folder_that_is_missing_cannot_be_written(tmp_path: Path) -> None:
    assert trouble_of(tmp_path / "gone") == f"{tmp_path / 'gone'} cannot be written"


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        f_bavail, f_frsize = 10, 4096

    monkeypatch.setattr(os, "statvfs", lambda _: Full)
    assert trouble_of(tmp_path) == f"the disk of {tmp_path} is full"


def test_it_knows_all_the_ways_in_which_a_run_ends() -> None:
    from trainer_image import health, run_folder

    assert set(health._ENDED) == {str(phase) for phase in run_folder.ENDED}
