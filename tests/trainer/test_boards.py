"""Curves for Weights & Biases: recorded with its own package, and sent to nobody unasked."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.emulators.server import Emulator, Reply, Request
from trainer_image.contract import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab

pytestmark = pytest.mark.slow
KEY = "c0ffee" * 6 + "cafe"


class Nobody(Emulator):
    """A service that should never be asked."""

    def answer(self, request: Request) -> Reply:
        return Reply(500)


@pytest.mark.setting("report_to")
def test_an_offline_run_is_recorded_for_weights_and_biases_and_nothing_is_sent(
    lab: Lab, probes: Path, probe_env: dict[str, str]
) -> None:
    with Nobody() as service:
        lab.env = {"WANDB_BASE_URL": service.url, "WANDB_API_KEY": KEY, "HTTPS_PROXY": service.url}
        hp = {"report_to": "wandb", "max_steps": 4}
        done = lab.train(lab.job(hp=hp, name="Evening"))
        assert done.code == ExitCode.FINISHED, done.log
        assert service.requests == []
    assert "nothing is sent" in done.of_type("warning")[0].get("message")
    [record] = (done.output / "wandb").glob("offline-run-*/run-*.wandb")
    command = [lab.python, str(probes / "wandb_record.py"), str(record)]
    read = subprocess.run(command, env=probe_env, capture_output=True, text=True, check=True)
    found = json.loads(read.stdout.splitlines()[-1])
    reported = [event.get("loss") for event in done.of_type("progress")]
    assert found["losses"] == pytest.approx(reported)
    assert found["rank"] == 16
    written = (path for path in done.output.rglob("*") if path.is_file())
    assert not any(KEY.encode() in path.read_bytes() for path in written)
    assert KEY not in done.log
