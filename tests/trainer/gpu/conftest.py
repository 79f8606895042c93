"""Tests that need a CUDA GPU; ``make test-gpu`` runs them, and nothing else does.

They want the Python of the GPU image: ``TEMPER_GPU_PYTHON`` names one that has
``trainer_image/requirements-gpu.txt`` installed. Without it, and without a GPU, they are skipped.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Lab

_FACTS = (
    "import torch, importlib.util as i;"
    "print(torch.cuda.is_available(), i.find_spec('unsloth') is not None)"
)


@pytest.fixture(scope="session")
def gpu_python() -> str:
    """A trainer's Python with Unsloth that sees a GPU."""
    python = os.environ.get("TEMPER_GPU_PYTHON", "")
    if not python:
        pytest.skip("TEMPER_GPU_PYTHON names no Python with requirements-gpu.txt")
    done = subprocess.run([python, "-c", _FACTS], capture_output=True, text=True, check=False)
    if done.stdout.split() != ["True", "True"]:
        pytest.skip(f"{python} sees no GPU, or has no Unsloth: {done.stdout}{done.stderr[-300:]}")
    return python


@pytest.fixture
def gpu_lab(lab: Lab, gpu_python: str) -> Lab:
    """A data root whose jobs are run by that Python."""
    lab.python = gpu_python
    return lab
