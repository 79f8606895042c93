"""The command line without a training: documents, exit codes, and answers to bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from app.__main__ import is_for_window
from app.cli.output import reported

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # each command is the whole program


@pytest.fixture
def temper(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=os.environ | {"TEMPER_HOME": str(tmp_path / "home"), "TEMPER_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_data_is_imported_listed_and_shown(temper: Any, tmp_path: Path) -> None:
    rows = tmp_path / "faq.csv"
    rows.write_text("question,answer\nWhy?,Because.\nHow?,Thus.\n")
    session = document(temper("data", "import", str(rows), "--json"))
    assert (session["name"], session["rows"]) == ("faq", 2)
    assert document(temper("data", "list", "--json"))[0]["id"] == session["id"]
    shown = document(temper("data", "show", "faq", "--rows", "1", "--json"))
    assert shown["rows"] == [{"question": "Why?", "answer": "Because."}]
    assert "2 rows, question_answer" in temper("data", "show", "faq").stdout


def test_a_configuration_goes_out_and_comes_back_the_same(temper: Any, tmp_path: Path) -> None:
    first = tmp_path / "first.yaml"
    first.write_text("version: 1\nhp: {epochs: 2, lora_r: 8}\n")
    temper("config", "import", str(first), "--name", "Mine")
    temper("config", "export", "Mine", str(tmp_path / "second.yaml"))
    temper("config", "import", str(tmp_path / "second.yaml"))
    shown = [document(temper("config", "show", name, "--json")) for name in ("Mine", "second")]
    assert shown[0] == shown[1]
    assert shown[0]["hp"]["lora_r"] == 8
    assert [one["name"] for one in document(temper("config", "list", "--json"))] == [
        "second",
        "Mine",
    ]
    temper("config", "import", str(first), "--name", "Mine", code=2)


def test_wrong_settings_are_all_named_with_exit_code_2(temper: Any, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("version: 1\n")
    settings = ["--set", "hp.learning_rate=abc", "--set", "hp.epochz=1"]
    done = temper("train", str(config), *settings, "--json", code=2)
    problems = document(done)["error"]["problems"]
    assert [problem["field"] for problem in problems] == ["hp.learning_rate", "hp.epochz"]
    assert "abc" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("data", "import", "nowhere.jsonl"), 1, "nowhere.jsonl"),
        (("data", "show", "nothing"), 1, "nothing"),
        (("config", "show", "nothing"), 1, "nothing"),
        (("runs", "show", "last"), 1, "run"),
        (("train", "missing.yaml"), 1, "missing.yaml"),
        (("chat", "last", "--prompt", "Hi"), 1, "run"),
        (("chat", "last", "--prompt", "Hi", "--base", "--compare"), 2, "contradict"),
        (("chat", "last", "--json"), 2, "--prompt"),
        (("chat", "last", "--temperature", "3"), 2, "temperature"),
        (("runs", "list", "--limit", "0"), 2, "limit"),
        (("teach",), 2, "teach"),
    ],
)
def test_failures_are_sentences(
    temper: Any, arguments: tuple[str, ...], code: int, word: str
) -> None:
    assert word in temper(*arguments, code=code).stderr


def test_a_missing_environment_is_a_sentence_offline(temper: Any, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("version: 1\n")
    error = document(temper("train", str(config), "--json", code=1))["error"]
    assert error["kind"] == "offline"
    assert error["hint"]


def test_a_damaged_database_is_named_and_left_alone(temper: Any, tmp_path: Path) -> None:
    database = tmp_path / "home" / "temper.db"
    database.parent.mkdir()
    database.write_bytes(b"not a database at all" * 100)
    before = database.read_bytes()
    assert "temper.db" in temper("runs", "list", code=1).stderr
    assert database.read_bytes() == before


def test_a_fault_of_ours_is_a_sentence_with_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path))
    with pytest.raises(typer.Exit) as caught, reported(False):
        raise ZeroDivisionError
    assert caught.value.exit_code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    (report,) = (tmp_path / "logs").glob("crash-*.txt")
    assert str(report) in said
    assert "ZeroDivisionError" in report.read_text(encoding="utf-8")


def test_doctor_names_every_prerequisite(temper: Any) -> None:
    checks = document(temper("--offline", "doctor", "--json"))["checks"]
    names = {check["name"] for check in checks}
    wanted = "Version", "System", "Processor", "Memory", "Temper's folder", "GPU", "Docker engine"
    assert {*wanted, "Python environment", "uv", "Database", "Keychain", "Offline mode"} <= names
    assert all(check["meaning"] for check in checks)
    assert all(check["next_step"] for check in checks if check["state"] != "ok")


def test_doctor_prints_a_report_to_pass_on(temper: Any) -> None:
    lines = temper("doctor").stdout.splitlines()
    assert lines[0].startswith("Temper doctor: ")
    heads = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert heads == [
        "This computer", "GPU", "Docker", "Python on this computer", "Temper", "Network",
    ]  # fmt: skip
    assert str(Path.home()) + os.sep not in "\n".join(lines)


def test_doctor_helps_when_the_database_cannot_be_opened(temper: Any, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "temper.db").write_bytes(b"no database at all" * 100)
    checks = {
        check["name"]: check for check in document(temper("doctor", "--json", code=1))["checks"]
    }
    assert checks["Database"]["state"] == "fail"
    assert checks["Database"]["next_step"]
    assert checks["Memory"]["state"] in {"ok", "note"}
    assert "FAIL  Database" in temper("doctor", code=1).stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], True),
        (["--smoke", "a.png"], True),
        (["--offline"], True),
        (["--offline", "--smoke", "a.png"], True),
        (["--smoke"], False),
        (["--offline", "doctor"], False),
        (["--help"], False),
        (["train", "x"], False),
    ],
)
def test_what_opens_the_window(arguments: list[str], expected: bool) -> None:
    assert is_for_window(arguments) is expected
