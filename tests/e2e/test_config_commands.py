"""``temper config``: documents, exit codes, and what other programs did in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.state import services
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from services.config_files import write_config_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # each command is the whole program


@pytest.fixture
def temper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """The command line in this process, on a home of its own; returns what it printed."""
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TEMPER_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    services.cache_clear()
    runner = CliRunner()

    def run(*arguments: str, code: int = 0) -> str:
        done = runner.invoke(app, ["config", *arguments])
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done.stdout if code == 0 or "--json" in arguments else done.output

    yield run
    services().close()
    services.cache_clear()


@pytest.fixture
def faq(tmp_path: Path) -> str:
    """A file with a configuration of 2 epochs."""
    write_config_file(tmp_path / "faq.yaml", with_values(TrainingConfig(), {"hp.epochs": 2.0}))
    return "faq.yaml"


def _document(text: str) -> Any:
    return json.loads(text)


def test_save_from_a_file_from_settings_and_from_another(temper: Any, faq: str) -> None:
    assert temper("save", "One", faq) == "Saved as One.\n"
    temper("save", "Two", "--set", "hp.seed=5", "--set", "training.target=Runpod - Pod")
    temper("save", "Three", "--from", "one", "--set", "hp.seed=6", "--json")
    found = {name: _document(temper("show", name, "--json")) for name in ("One", "Two", "Three")}
    assert [found[name]["hp"]["seed"] for name in found] == [3407, 5, 6]
    assert [found[name]["hp"]["epochs"] for name in found] == [2.0, 1.0, 2.0]
    listed = _document(temper("list", "--json"))
    assert [one["name"] for one in listed] == ["Three", "Two", "One"]
    cloud = _document(temper("list", "--target", "runpod", "--json"))
    assert [one["name"] for one in cloud] == ["Two"]


def test_a_name_that_exists_takes_replace(temper: Any, faq: str) -> None:
    temper("save", "One", faq)
    for command in (("save", "ONE"), ("import", faq, "--name", "one")):
        text = temper(*command, code=2)
        assert 'already a configuration named "One"' in text
        assert "--replace" in text
    error = _document(temper("save", "One", "--json", code=2))["error"]
    assert error["kind"] == "name_taken"
    temper("save", "One", "--from", "One", "--set", "hp.epochs=7", "--replace")
    assert _document(temper("show", "One", "--json"))["hp"]["epochs"] == 7.0
    temper("import", faq, "--name", "one", "--replace")
    assert _document(temper("show", "One", "--json"))["hp"]["epochs"] == 2.0


def test_rename_duplicate_and_delete(temper: Any, faq: str) -> None:
    temper("save", "One", faq)
    assert _document(temper("rename", "one", "Other", "--json"))["name"] == "Other"
    assert temper("duplicate", "Other", "Copy") == "Saved as Copy.\n"
    assert 'already a configuration named "Copy"' in temper("rename", "Other", "copy", code=2)
    assert temper("delete", "Other") == "Deleted Other.\n"
    text = temper("delete", "Other", code=1)
    assert "There is no configuration 'Other'." in text
    assert "Saved are: Copy." in text
    for command in (("show", "x"), ("rename", "x", "y"), ("duplicate", "x", "y")):
        temper(*command, code=1)
    assert _document(temper("export", "x", "x.yaml", "--json", code=1))["error"]["kind"] == (
        "not_found"
    )


def test_export_shows_and_import_read_the_same(temper: Any, faq: str, tmp_path: Path) -> None:
    temper("import", faq)
    temper("export", "faq", "again.yaml")
    assert (tmp_path / "again.yaml").read_text("utf-8") == temper("show", "faq")
    temper("import", "again.yaml")
    assert temper("show", "again") == temper("show", "faq")


def test_a_file_of_another_program_is_recognised_and_what_is_lost_is_told(
    temper: Any, tmp_path: Path
) -> None:
    example = str(ROOT / "tests" / "data" / "foreign" / "axolotl_qlora.yaml")
    text = temper("import", example, "--name", "Theirs")
    assert text.startswith("Saved as Theirs.\n")
    assert "3 settings have no counterpart here." in text
    assert "No counterpart:\n  line 56, loss_watchdog_threshold (5.0): " in text
    found = _document(temper("import", example, "--json"))
    assert (found["name"], found["from"]) == ("axolotl_qlora", "axolotl")
    assert "lost" in {note["fate"] for note in found["notes"]}
    assert _document(temper("show", "Theirs", "--json"))["hp"]["lora_r"] == 32
    told = temper("import", example, "--name", "x", "--from", "kohya", code=2)
    assert "Use llama-factory, axolotl, unsloth." in told
    (tmp_path / "rm.yaml").write_text("stage: rm\nlora_rank: 8\n", encoding="utf-8")
    assert "does not offer" in temper("import", "rm.yaml", code=1)


def test_export_to_another_program_comes_back(temper: Any, faq: str, tmp_path: Path) -> None:
    temper("import", faq)
    for word in ("llama-factory", "axolotl", "unsloth"):
        text = temper("export", "faq", f"{word}.yaml", "--to", word)
        assert text.startswith(f"Written to {word}.yaml for ")
        again = _document(temper("import", f"{word}.yaml", "--json"))
        assert again["from"] == word
        assert _document(temper("show", word, "--json"))["hp"]["epochs"] == 2.0
    document = _document(temper("export", "faq", "x.yaml", "--to", "unsloth", "--json"))
    assert {note["field"] for note in document["notes"]} >= {"hp.base_model", "hp.warmup_ratio"}


def test_a_faulty_file_is_told_whole_with_lines(temper: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("hp:\n  epochs: many\n  seeds: 1\nextra: {}\n")
    error = _document(temper("import", "bad.yaml", "--json", code=2))["error"]
    assert [(one["line"], one["field"]) for one in error["problems"]] == [
        (2, "hp.epochs"), (3, "hp.seeds"), (4, "extra"),
    ]  # fmt: skip
    assert "bad.yaml: 3 settings need attention" in temper("import", "bad.yaml", code=2)
    assert _document(temper("list", "--json")) == []
    assert "There is no file" in temper("import", "none.yaml", code=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("save", " "), "needs a name"),
        (("save", "x", "--set", "hp.epochs"), "is not a setting"),
        (("save", "x", "--set", "hp.epochz=1", "--set", "hp.seed=a"), "2 settings need attention"),
        (("save", "x", "file.yaml", "--from", "y"), "exclude each other"),
        (("list", "--target", "moon"), "Use local or runpod"),
        (("save",), "Missing argument"),
    ],
)
def test_wrong_use_is_2_and_says_what_is_right(
    temper: Any, arguments: tuple[str, ...], words: str
) -> None:
    assert words in temper(*arguments, code=2)


def test_a_token_is_not_saved(temper: Any) -> None:
    token = "hf_" + "a1B2c3D4e5F6g7H8i9J0k1"
    text = temper("save", "x", "--set", f"hp.hub_repo={token}", code=2)
    assert "hp.hub_repo: holds a token" in text
    assert token not in text


def test_commands_of_the_same_moment_lose_nothing(tmp_path: Path) -> None:
    """Real processes on one new database: each either saves or says who was there first."""
    environment = os.environ | {"TEMPER_HOME": str(tmp_path / "home"), "TEMPER_OFFLINE": "1"}

    def start(name: str, seed: int) -> subprocess.Popen[str]:
        arguments = ["config", "save", name, "--set", f"hp.seed={seed}", "--json"]
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    running = [start("Same", seed) for seed in (1, 2)] + [start("Other", 3)]
    done = [(process.communicate(timeout=120), process.returncode) for process in running]
    assert sorted(code for _, code in done[:2]) == [0, 2], done
    assert done[2][1] == 0, done
    refused = next(json.loads(out) for (out, _), code in done if code == 2)
    assert refused["error"]["kind"] == "name_taken"
