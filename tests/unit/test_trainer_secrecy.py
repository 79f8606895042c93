"""The trainer keeps the user's token out of its log and its events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer_image.run_folder import EventWriter
from trainer_image.secrecy import without_secrets

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-without-any-shape"


def test_what_a_training_prints_is_clean_whoever_prints_it() -> None:
    code = """
import logging, os, sys
from trainer_image.secrecy import guard_output
guard_output()
print("token", os.environ["HF_TOKEN"], "naïve")
logging.basicConfig()
logging.warning("token %s", os.environ["HUGGINGFACE_HUB_TOKEN"])
raise ValueError("refused " + os.environ["HF_TOKEN"])
"""
    tokens = {"HF_TOKEN": TOKEN, "HUGGINGFACE_HUB_TOKEN": TOKEN, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT, env=os.environ | tokens, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stdout.decode() == "token [redacted] naïve\n"
    said = done.stderr.decode()
    assert "WARNING:root:token [redacted]" in said
    assert said.endswith("ValueError: refused [redacted]\n")


def test_events_are_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with EventWriter(tmp_path / "events.jsonl") as events:
        events.emit("failed", kind="auth", message=f"401 for {TOKEN}")
    event = json.loads((tmp_path / "events.jsonl").read_text())
    assert event["message"] == "401 for [redacted]"


@pytest.mark.parametrize("value", ["", "short"])
def test_without_a_token_nothing_is_changed(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for name in ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, value)
    assert without_secrets("a short text") == "a short text"
