"""The whole program as a process: first frame, picture, clean end; nothing heavy before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "torch", "transformers", "datasets", "sqlalchemy", "alembic", "docker", "huggingface_hub",
    "typer", "numpy", "pyqtgraph", "pydantic", "asyncio", "qasync", "yaml",
    "keyring", "httpx", "httpx_auth", "pynvml", "requests", "urllib3",
}  # fmt: skip
HARMLESS = "This plugin does not support propagateSizeHints()"


def _smoke(home: Path, *options: str, **environment: str) -> tuple[dict[str, Any], str, bytes]:
    picture = home / "window.png"
    done = subprocess.run(
        [sys.executable, "-m", "app", *options, "--smoke", str(picture)],
        cwd=ROOT,
        env=dict(os.environ, TEMPER_HOME=str(home), QT_QPA_PLATFORM="offscreen", **environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trouble = "\n".join(line for line in done.stderr.splitlines() if line != HARMLESS)
    return json.loads(done.stdout), trouble, picture.read_bytes()


@pytest.mark.slow
def test_the_window_opens_paints_and_closes(tmp_path: Path) -> None:
    shown, trouble, picture = _smoke(tmp_path)
    assert trouble == ""
    assert shown["first_frame_ms"] > 0
    assert shown["rss_bytes"] < 600_000_000
    roots = {name.partition(".")[0] for name in shown["modules"]}
    assert not roots & FORBIDDEN
    assert "views" in roots
    assert picture.startswith(b"\x89PNG")
    assert (tmp_path / "temper.db").exists()


@pytest.mark.slow
def test_a_second_start_finds_its_data_again(tmp_path: Path) -> None:
    for _ in range(2):
        _, trouble, _ = _smoke(tmp_path, "--offline")
        assert trouble == ""


@pytest.mark.slow
def test_a_database_that_cannot_be_opened_is_a_notice_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "temper.db").write_bytes(b"this is no database" * 100)
    _, trouble, picture = _smoke(tmp_path)
    assert "Traceback" not in trouble
    assert picture.startswith(b"\x89PNG")


@pytest.mark.slow
def test_what_the_command_line_sets_holds_in_the_window_and_in_its_next_first_frame(
    tmp_path: Path,
) -> None:
    for name, value in (("theme", "dark"), ("text_size", "130")):
        subprocess.run(
            [sys.executable, "-m", "app", "settings", "set", name, value],
            cwd=ROOT,
            env=dict(os.environ, TEMPER_HOME=str(tmp_path)),
            capture_output=True,
            timeout=120,
            check=True,
        )
    pictures = [_smoke(tmp_path, "--offline")[2] for _ in range(2)]
    kept = (tmp_path / "window.ini").read_text(encoding="utf-8")
    assert "theme=dark" in kept
    assert "text_size=130" in kept
    for picture in pictures:
        image = QImage.fromData(picture)
        assert image.pixelColor(image.width() - 5, image.height() // 2).lightness() < 60
