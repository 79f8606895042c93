"""Variables that the program holds, and gives back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.process_environment import ProcessEnvironment

ROOT = Path(__file__).parents[2]


def test_what_was_there_comes_back() -> None:
    environ = {"A": "mine", "B": "kept"}
    held = ProcessEnvironment(environ)
    held.hold({"A": "ours", "NEW": "1"})
    assert environ == {"A": "ours", "NEW": "1", "B": "kept"}
    assert (held.own("A"), held.own("NEW"), held.own("B")) == ("mine", "", "kept")
    held.hold({"NEW": "2"})
    assert environ == {"A": "mine", "NEW": "2", "B": "kept"}
    held.hold({})
    assert environ == {"A": "mine", "B": "kept"}


def test_what_somebody_else_changed_meanwhile_is_left_alone() -> None:
    environ: dict[str, str] = {}
    held = ProcessEnvironment(environ)
    held.hold({"A": "ours", "B": "ours"})
    environ["A"] = "theirs"
    del environ["B"]
    held.hold({})
    assert environ == {"A": "theirs"}


@pytest.mark.slow
def test_a_hub_library_that_is_loaded_already_follows() -> None:
    """In a process of its own: the library reads its variables once, at its import."""
    code = """
import httpx, huggingface_hub, os
from huggingface_hub import get_session, is_offline_mode
from services.process_environment import ProcessEnvironment
held = ProcessEnvironment()
before = get_session()
assert not is_offline_mode()
held.hold({"HF_HUB_OFFLINE": "1", "HTTP_PROXY": "http://127.0.0.1:9"})
assert is_offline_mode()
assert get_session() is not before  # the proxy is read when a client is made
held.hold({})
assert not is_offline_mode() and "HTTP_PROXY" not in os.environ
"""
    clean = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
