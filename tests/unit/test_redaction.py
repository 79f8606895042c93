"""Secrets are taken out of everything that is shown or written."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import typer

from app.cli.output import reported, say
from app.crash_report import report_text
from models.domain.errors import AppError
from services import redaction
from services.redaction import Redactor, redact, redact_logging
from services.run_files import copy_log, log_tail, read_events, read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HF = "hf_" + "aB3" * 12
RUNPOD = "rpa_" + "XYZ9" * 10
ODD = "a secret without any shape".replace(" ", "-")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned here is forgotten afterwards."""
    monkeypatch.setattr(redact, "_known", frozenset({ODD}))


@pytest.mark.parametrize(
    "text",
    [
        f"token {HF} refused",
        f"RUNPOD_API_KEY={RUNPOD}",
        f'{{"authorization": "Bearer {"q" * 20}"}}',
        "rps_" + "k" * 36,
        "user_" + "2f21CfO73Mm2Uq2lEGFiEF24IPw",
        f"it was {ODD}!",
    ],
)
def test_tokens_are_taken_out(text: str) -> None:
    cleaned = redact(text)
    assert redaction.REDACTED in cleaned
    for secret in (HF, RUNPOD, ODD, "q" * 20, "k" * 36, "2f21CfO73Mm2Uq2lEGFiEF24IPw"):
        assert secret not in cleaned


def test_a_password_in_an_address_is_taken_out_and_the_address_stays() -> None:
    cleaned = redact("https://me:open-sesame@mirror.example/simple failed")
    assert cleaned == "https://[redacted]@mirror.example/simple failed"


@pytest.mark.parametrize(
    "text",
    ["dataset.hf_repo", "hf_transfer is off", "user_name: me", "step 12/30", "https://host:80/a@b"],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_a_short_value_is_not_learned() -> None:
    clean = Redactor()
    clean.learn("abc", None, "")
    assert clean("abc") == "abc"


def test_the_users_own_variables_are_known_from_the_start() -> None:
    clean = Redactor()
    clean.learn_environment({"RUNPOD_S3_SECRET_KEY": "unshaped-value", "PATH": "/usr/bin"})
    assert clean("unshaped-value in /usr/bin") == "[redacted] in /usr/bin"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What a handler of a library's own writes, with our factory of records in place."""
    before = logging.getLogRecordFactory()
    redact_logging()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("somebody.elses")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_logs_are_clean_with_arguments_and_tracebacks(logged: io.StringIO) -> None:
    logger = logging.getLogger("somebody.elses")
    logger.warning("token %s and %d %%", HF, 5)
    with pytest.raises(ValueError, match=ODD) as caught:
        int(ODD)
    logger.error("failed with %s", RUNPOD, exc_info=caught.value)
    text = logged.getvalue()
    assert "token [redacted] and 5 %" in text
    assert "ValueError: invalid literal for int() with base 10: '[redacted]'" in text
    assert not [secret for secret in (HF, RUNPOD, ODD) if secret in text]


def test_crash_reports_are_clean() -> None:
    assert "RuntimeError: [redacted] [redacted]" in report_text(RuntimeError(f"{HF} {ODD}"))


def test_the_command_line_says_errors_clean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reported(as_json=True):
        raise AppError("auth", f"Refused {HF}.", f"Look at {ODD}.")
    say(f"And {RUNPOD}")
    out = capsys.readouterr()
    assert json.loads(out.out)["error"]["message"] == "Refused [redacted]."
    assert not [secret for secret in (HF, RUNPOD, ODD) if secret in out.out + out.err]


def test_a_runs_log_and_events_are_read_clean(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(f"env HF_TOKEN={HF}\r\nloss 2.5\n", encoding="utf-8", newline="")
    events = tmp_path / "events.jsonl"
    failed = {"seq": 0, "time": 1.0, "type": "failed", "message": f"401 for {ODD}"}
    events.write_text(json.dumps(failed) + "\n", encoding="utf-8")
    assert read_log(log, 0)[0] == "env HF_TOKEN=[redacted]\r\nloss 2.5\n"
    assert log_tail(log, 10)[0].startswith("env HF_TOKEN=[redacted]")
    copy = io.StringIO()
    copy_log(log, copy)
    assert copy.getvalue() == "env HF_TOKEN=[redacted]\r\nloss 2.5\n"
    assert read_events(events, 0)[0][0].text("message") == "401 for [redacted]"
