"""What is settled in a trainer's process before any library is imported."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import ROOT

_ASK = """
import json, os
from trainer_image.environment import prepare_process
prepare_process(offline=False, use_gpu=False)
print(json.dumps(dict(os.environ)))
"""


def test_no_library_that_is_imported_reports_anything_to_its_makers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASK], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    settled = json.loads(done.stdout)
    for name, value in {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "UNSLOTH_DISABLE_STATISTICS": "1",
        "WANDB_ERROR_REPORTING": "false",
    }.items():
        assert settled[name] == value
