"""A full disk ends a run with a sentence, and the run goes on once there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Lab

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path, mount: Callable[..., Path]) -> Path:
    """A file system of 12 MB: a checkpoint of the tiny model takes four, its tokenizer most."""
    return mount(tmp_path / "outputs", "size=12m")


def test_full_disk(lab: Lab, small_disk: Path) -> None:
    folder = lab.job(hp={"save_steps": 2})
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 7_000_000)
    done = lab.train(folder)
    assert done.code == ExitCode.FAILED, done.log
    assert done.failure.get("kind") == "disk_full"
    assert done.failure.get("message") == "The disk is full."
    filler.unlink()
    done = lab.train(folder)
    assert done.code == ExitCode.FINISHED, done.log
    assert [event.seq for event in done.events] == list(range(len(done.events)))
