"""The trainer's tests with the oldest libraries that ``trainer_image/needs.txt`` lets through.

``make test-oldest`` installs them beside the pinned ones and runs ``tests/trainer`` with them;
further arguments are pytest's. ``UV_TORCH_BACKEND=cpu`` spares the gigabytes of CUDA where
PyTorch's own index can be reached.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from services.docker.image_needs import read_needs
from services.environment.lock_file import read_pins

ROOT = Path(__file__).parents[1]
TRAINER = ROOT / "trainer_image"
VENV = ROOT / ".cache" / "oldest"


def main() -> int:
    """Make the environment where it is not there yet, and run the tests; pytest's exit code."""
    python = str(VENV / "bin" / "python")
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "-q", "--clear", "--python", "3.11", VENV], check=True)
    subprocess.run(
        [uv, "pip", "install", "--python", python, "--resolution", "lowest-direct", *wanted()],
        check=True,
    )
    folder = ROOT / "tests" / "trainer"
    # What that compares with was measured with the pinned versions.
    pinned = folder / "test_memory_simulation.py"
    tests = sys.argv[1:] or [str(folder), f"--ignore={pinned}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *tests],
        env=os.environ | {"TEMPER_TRAINER_PYTHON": python},
        check=False,
    ).returncode


def wanted() -> list[str]:
    """What is installed: the list without Python itself, and gguf, which no image is asked for."""
    needs = read_needs(TRAINER / "needs.txt", TRAINER / "requirements.txt").needs
    lock = read_pins((TRAINER / "requirements.lock").read_text(encoding="utf-8"))
    others = [f"gguf=={pin.version}" for pin in lock if pin.name == "gguf"]
    return [f"{one.name}{one.specifier}" for one in needs if one.name != "python"] + others


if __name__ == "__main__":
    sys.exit(main())
