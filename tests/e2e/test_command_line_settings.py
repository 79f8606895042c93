"""``temper settings`` and ``temper secret``: documents, exit codes, secrets kept secret."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulators.hub import Hub
from tests.emulators.runpod.emulator import RunpodEmulator

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # each command is the whole program
TOKEN = "hf_" + "t" * 34
BACKEND = "tests.emulators.file_keychain.FileKeychain"
_LEFT_OUT = {"TEMPER_OFFLINE", "HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "RUNPOD_API_KEY"}


class Temper:
    """The command line with a home and a keychain of its own."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            name: value for name, value in os.environ.items() if name not in _LEFT_OUT
        } | {
            "TEMPER_HOME": str(folder / "home"),
            "TEST_KEYCHAIN": str(folder / "keychain.json"),
            "PYTHON_KEYRING_BACKEND": BACKEND,
        }

    def __call__(
        self, *arguments: str, code: int = 0, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, given: str = "") -> Any:
        return json.loads(self(*arguments, "--json", code=code, given=given).stdout)


@pytest.fixture
def temper(tmp_path: Path) -> Temper:
    return Temper(tmp_path)


def test_settings_are_listed_and_set(temper: Temper, tmp_path: Path) -> None:
    assert temper.json("settings", "list") == {
        "offline": False, "theme": "system", "text_size": 100, "data_root": "", "proxy": "",
        "language": "English", "notifications": True, "on_close": "ask",
    }  # fmt: skip
    assert temper.json("settings", "set", "theme", "dark")["theme"] == "dark"
    assert "text_size: 150" in temper("settings", "set", "text_size", "150").stdout
    temper("settings", "set", "data_root", str(tmp_path / "data"))
    shown = temper("settings", "list").stdout
    assert "150" in shown
    assert str(tmp_path / "data") in shown


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("theme", "blue", "system, light, dark"),
        ("colour", "blue", "There are: offline"),
        ("proxy", "http://me:open-sesame@proxy:1", "HTTPS_PROXY"),
        ("text_size", "huge", "whole number"),
        ("data_root", "not/absolute", "full path"),
    ],
)
def test_a_wrong_setting_is_a_sentence_with_exit_code_2(
    temper: Temper, name: str, value: str, word: str
) -> None:
    done = temper("settings", "set", name, value, "--json", code=2)
    assert word in done.stderr
    assert json.loads(done.stdout)["error"]["problems"][0]["field"] == name
    assert "open-sesame" not in done.stdout + done.stderr


def test_the_offline_switch_holds_for_later_commands_until_it_is_thrown_again(
    temper: Temper,
) -> None:
    temper.environment["HF_TOKEN"] = TOKEN
    with Hub({TOKEN: ("me", "write")}) as hub:
        temper.environment["HF_ENDPOINT"] = hub.url
        temper("settings", "set", "offline", "on")
        error = temper.json("secret", "test", "hf_token", code=1)["error"]
        assert error["kind"] == "offline"
        assert "temper settings set offline off" in error["hint"]
        assert hub.requests == []
        temper("settings", "set", "offline", "off")
        assert "signed in as me" in temper("secret", "test", "hf_token").stdout
        assert temper.json("--offline", "secret", "test", "hf_token", code=1)["error"]["kind"] == (
            "offline"
        )
        assert len(hub.requests) == 1


def test_forced_offline_is_said_and_cannot_be_switched_off(temper: Temper) -> None:
    temper.environment["TEMPER_OFFLINE"] = "1"
    assert "Offline for now" in temper("settings", "list").stderr
    error = temper.json("settings", "set", "offline", "off", code=1)["error"]
    assert error["kind"] == "offline_forced"
    assert "TEMPER_OFFLINE" in error["hint"]


def test_a_secret_goes_from_standard_input_into_the_keychain(temper: Temper) -> None:
    state = temper.json("secret", "set", "hf_token", given=f"{TOKEN}\n")
    assert state == {
        "name": "hf_token", "is_set": True, "where": "the system keychain", "problem": "",
    }  # fmt: skip
    kept = json.loads(Path(temper.environment["TEST_KEYCHAIN"]).read_text())
    assert kept == {"Temper/hf_token": TOKEN}
    shown = temper("secret", "list")
    assert "yes, in the system keychain" in shown.stdout
    assert TOKEN not in shown.stdout
    assert "is removed" in temper("secret", "remove", "hf_token").stdout
    assert json.loads(Path(temper.environment["TEST_KEYCHAIN"]).read_text()) == {}
    assert [one["is_set"] for one in temper.json("secret", "list")] == [False] * 4


def test_a_secret_that_works_and_one_that_does_not(temper: Temper) -> None:
    temper("secret", "set", "runpod_key", given="rpa_good-one")
    with RunpodEmulator.with_keys(["rpa_good-one"]) as runpod:
        runpod.cloud.add_pods(1)
        temper.environment["RUNPOD_REST_URL"] = runpod.url
        answer = temper.json("secret", "test", "runpod_key")
        assert answer == {
            "name": "runpod_key", "works": True,
            "message": "It works: 1 pod on this account.",
        }  # fmt: skip
        runpod.cloud.keys.clear()
        error = temper.json("secret", "test", "runpod_key", code=1)["error"]
    assert error["kind"] == "auth"
    assert "rpa_good-one" not in json.dumps(error)
    assert temper.json("secret", "test", "hf_token", code=1)["error"]["kind"] == "not_set"


def test_without_a_keychain_a_secret_is_not_taken_but_the_variable_is_named(
    temper: Temper,
) -> None:
    temper.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    done = temper("secret", "set", "hf_token", "--json", code=1, given=TOKEN)
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "no_keychain"
    assert "HF_TOKEN" in error["hint"]
    assert TOKEN not in done.stdout + done.stderr
    temper.environment["HF_TOKEN"] = TOKEN
    listed = temper("secret", "list")
    assert "yes, in an environment variable" in listed.stdout
    assert "no keychain" in listed.stderr
    assert "HF_TOKEN still holds" in temper("secret", "remove", "hf_token").stdout


@pytest.mark.parametrize(
    ("arguments", "given", "code", "word"),
    [
        (("set", "hf_token"), "", 1, "is empty"),
        (("set", "hf_token"), "two words", 1, "single word"),
        (("set", "hf_token"), "rpa_of-runpod", 1, "looks like a Runpod API key"),
        (("set", "openai_key"), "x", 2, "hf_token"),
        (("set", "hf_token", TOKEN), "", 2, "never from arguments"),
        (("test",), "", 2, "NAME"),
    ],
)
def test_wrong_use_is_said(
    temper: Temper, arguments: tuple[str, ...], given: str, code: int, word: str
) -> None:
    said = " ".join(temper("secret", *arguments, code=code, given=given).stderr.split())
    assert word in said.replace("│ │ ", "")
    assert TOKEN not in said


def test_a_locked_keychain_is_said(temper: Temper) -> None:
    Path(temper.environment["TEST_KEYCHAIN"]).with_suffix(".locked").touch()
    error = temper.json("secret", "set", "hf_token", code=1, given=TOKEN)["error"]
    assert "locked" in error["message"]
    assert "not known: The system keychain is locked." in temper("secret", "list").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_on_a_terminal_nothing_is_echoed(temper: Temper) -> None:
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "secret", "set", "hf_token"],
        cwd=ROOT,
        env=temper.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
    )
    shown = _read_until(ours, lambda text: "Hugging Face token:" in text)
    os.write(ours, f"{TOKEN}\n".encode())
    shown += _read_until(ours, lambda text: "system keychain" in text)
    assert process.wait(60) == 0
    for end in (ours, theirs):
        os.close(end)
    assert TOKEN not in shown
    assert "The Hugging Face token is in the system keychain." in shown


def _read_until(terminal: int, done: Callable[[str], bool]) -> str:
    text, end = "", time.monotonic() + 60
    while not done(text):
        assert time.monotonic() < end, text
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096).decode()
    return text
