"""A model that Unsloth does not take is trained by the same process, started anew without it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from trainer_image.contract import ExitCode, Result, RunState

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab

pytestmark = pytest.mark.slow


def test_a_refused_model_is_trained_without_unsloth(
    lab: Lab, probes: Path, probe_env: dict[str, str]
) -> None:
    folder = lab.job(hp={"max_steps": 2})
    script = probes / "refusing_unsloth.py"
    done = subprocess.run(
        [lab.python, str(script), "--job", str(folder / "job.json")],
        capture_output=True,
        text=True,
        check=False,
        env=probe_env | {"TEMPER_DATA_ROOT": str(lab.root)},
    )
    assert done.returncode == ExitCode.FINISHED, done.stdout + done.stderr
    processes = [line for line in done.stdout.splitlines() if line.startswith("pid ")]
    assert len(processes) == 2
    assert len(set(processes)) == 1, "who watches the process by its number must not lose it"
    result = Result.model_validate_json((folder / "result.json").read_bytes())
    assert result.engine == "transformers"
    state = RunState.model_validate_json((folder / "state.json").read_bytes())
    assert state.exit_code == ExitCode.FINISHED
    events = (folder / "events.jsonl").read_text()
    assert "Unsloth does not take this model, so Transformers trains it. " in events
    assert "tiny models are not supported yet." in events
