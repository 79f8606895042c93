"""A GGUF becomes a model folder once, and the folder is whole."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Probe

pytestmark = pytest.mark.slow


@pytest.fixture
def convert(trainer_python: str, probe_env: dict[str, str]) -> Any:
    def run(source: Path, folder: Path) -> tuple[int, list[dict[str, Any]]]:
        command = [trainer_python, "-m", "trainer_image.gguf_import", str(source), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=probe_env)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_real_model(convert: Any, smollm_gguf: Path, tmp_path: Path, probe: Probe) -> None:
    folder = tmp_path / "smollm2"
    code, lines = convert(smollm_gguf, folder)
    assert code == 0
    assert [line["stage"] for line in lines] == ["hashing", "reading", "writing", "done"]
    assert {path.name for path in folder.iterdir()} == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "temper-import.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    assert tokenizer["eos_token"] == "<|im_end|>"
    answer = probe("plain_answer", folder, "What is the capital of France?", 12)
    assert "Paris" in answer["text"]
    code, lines = convert(smollm_gguf, folder)
    assert (code, lines[-1]["stage"], lines[-1]["unchanged"]) == (0, "done", True)


def test_no_such_file_and_a_foreign_folder(convert: Any, tmp_path: Path, smollm_gguf: Path) -> None:
    code, lines = convert(tmp_path / "none.gguf", tmp_path / "model")
    assert (code, lines[-1]["stage"]) == (1, "failed")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious.txt").write_text("x")
    code, lines = convert(smollm_gguf, mine)
    assert (code, lines[-1]["stage"]) == (1, "failed")
    assert (mine / "precious.txt").exists()
