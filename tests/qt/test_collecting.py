"""What a test of the window leaves is gone before the next test, which may have threads."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.integration.runs_world import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
import gc
import weakref

import pytest
from PySide6.QtCore import QObject, QTimer

left = []

@pytest.fixture
def window(qapp):
    made = QObject()
    made.itself = made
    made.timer = QTimer(made)
    made.timer.start(1000)
    left.append(weakref.ref(made))
    return made

def test_of_the_window(window):
    assert not gc.isenabled()

def test_of_a_service():
    assert gc.isenabled()
    assert left[0]() is None
"""


def test_nothing_of_a_test_is_left_for_a_thread_to_collect(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.qt.collecting import pytest_runtest_protocol")
    (tmp_path / "test_order.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout
