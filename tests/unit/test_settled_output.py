"""A run that goes on in an output directory is the run that was there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.run_outputs import OnExisting, settle_output
from trainer_image.contract import DatasetSpec, Job, OutputMarker
from trainer_image.row_formats import DatasetFormat

if TYPE_CHECKING:
    from pathlib import Path

ROWS = DatasetSpec(path="/data/datasets/a.jsonl", format=DatasetFormat.TEXT)
BELOW = {"on_top_of": "/data/outputs/first/adapter", "on_top_of_sha256": "ab" * 32}


def job(run_id: str, **changes: str) -> Job:
    return Job(
        run_id=run_id, base_model="m", dataset=ROWS, output_directory="/data/outputs/x", **changes
    )  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with an unfinished run that learns on top of another run's adapter."""
    before = job("before", **BELOW)
    folder, output = tmp_path / "runs" / "before", tmp_path / "outputs" / "x"
    folder.mkdir(parents=True)
    output.mkdir(parents=True)
    (folder / "job.json").write_text(before.model_dump_json())
    marker = OutputMarker(run_id="before", fingerprint=before.fingerprint())
    (output / "temper-output.json").write_text(marker.model_dump_json())
    return tmp_path


def test_what_lay_below_stays_below(root: Path) -> None:
    settled = settle_output(job("after"), root, OnExisting.RESUME)
    assert {name: getattr(settled, name) for name in BELOW} == BELOW
    assert settled.on_existing == "resume"


def test_what_overwrites_begins_from_nothing(root: Path) -> None:
    assert settle_output(job("after"), root, OnExisting.OVERWRITE).on_top_of == ""


def test_a_job_that_is_gone_is_no_hindrance(root: Path) -> None:
    (root / "runs" / "before" / "job.json").unlink()
    assert settle_output(job("after"), root, OnExisting.RESUME).on_top_of == ""
