"""A base model of the Hub that is in the cache, where there is no network."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import Lab

pytestmark = pytest.mark.slow
COMMIT = "0" * 40


def test_offline_nothing_is_said_to_be_downloaded(lab: Lab, tiny_model: Path) -> None:
    lab.env = {"HF_HOME": str(lab.root / "cache" / "huggingface")}  # as the program says
    repository = lab.root / "cache" / "huggingface" / "hub" / "models--org--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    shutil.copytree(tiny_model, repository / "snapshots" / COMMIT)
    done = lab.train(lab.job(base_model="org/tiny", hp={"max_steps": 1}))
    assert done.code == ExitCode.FINISHED, done.log
    phases = [event.get("phase") for event in done.of_type("phase")]
    assert "downloading" not in phases
    assert "training" in phases
