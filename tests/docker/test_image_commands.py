"""``temper image`` as a person and a script use it, on a real engine and a real keychain file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulators.registry import TOKEN, Registry, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.docker.engine import RealEngine

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "ada", "planted-registry-password-3"
pytestmark = pytest.mark.slow


@pytest.fixture
def environ(tmp_path: Path, docker_engine: RealEngine) -> dict[str, str]:
    return os.environ | {
        "TEMPER_HOME": str(tmp_path / "home"),
        "PYTHON_KEYRING_BACKEND": "tests.emulators.file_keychain.FileKeychain",
        "TEST_KEYCHAIN": str(tmp_path / "keychain.json"),
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "DOCKER_HOST": docker_engine.host,
    }


@pytest.fixture
def temper(environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, given: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=environ, input=given,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def private(docker_engine: RealEngine) -> Iterator[Registry]:
    with Registry(TOKEN, USER, PASSWORD) as registry:
        yield registry
        with contextlib.closing(docker_engine.client()) as client:
            for image in client.api.images():
                if any(name.startswith(registry.host) for name in image.get("RepoTags") or ()):
                    client.api.remove_image(image["Id"], force=True)


def test_log_in_pull_list_remove_log_out(
    temper: Callable[..., Any], private: Registry, tmp_path: Path
) -> None:
    pushed = private.push("a/b", (200_000,), seed=20)
    tag = f"{private.host}/a/b:latest"
    assert "Log in" in temper("image", "pull", tag, code=1).stderr
    wrong = temper("image", "login", private.host, "--user", USER, given="no-such-word", code=1)
    assert "does not accept this name and password" in wrong.stderr
    done = temper("image", "login", private.host, "--user", USER, "--json", given=PASSWORD)
    assert json.loads(done.stdout)["user"] == USER
    listed = json.loads(temper("image", "logins", "--json").stdout)
    assert [(one["registry"], one["user"]) for one in listed] == [(private.host, USER)]
    found = json.loads(temper("image", "pull", tag, "--json").stdout)
    assert (found["tag"], found["digest"]) == (tag, pushed.digest)
    temper("image", "remove", tag)
    assert "has no image" in temper("image", "remove", tag, code=1).stderr
    temper("image", "logout", private.host)
    temper("image", "logout", private.host, code=1)
    assert json.loads((tmp_path / "keychain.json").read_text()) == {}
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()
    assert not (tmp_path / ".docker").exists()


def test_wrong_use_has_its_own_exit_code_and_a_password_is_no_argument(
    temper: Callable[..., Any],
) -> None:
    error = json.loads(temper("image", "pull", "NO NAME", "--json", code=2).stdout)["error"]
    assert error["kind"] == "bad_name"
    done = temper("image", "login", "docker.io", "--user", USER, "hunter2hunter2", code=2)
    assert "hunter2" not in done.stdout + done.stderr
    assert "standard input" in done.stderr
    temper("image", "build", "--variant", "tpu", code=2)
    refused = json.loads(temper("--offline", "image", "pull", "--json", code=1).stdout)
    assert refused["error"]["kind"] == "offline"


def test_ctrl_c_ends_a_pull_in_order_and_the_next_one_goes_on(
    temper: Callable[..., Any], private: Registry, environ: dict[str, str]
) -> None:
    pushed = private.push("a/b", (200_000, 900_000), seed=21)
    private.trouble[pushed.layers[1]] = Trouble(speed=100_000)
    tag = f"{private.host}/a/b:latest"
    temper("image", "login", private.host, "--user", USER, given=PASSWORD)
    command = [sys.executable, "-m", "app", "image", "pull", tag]
    child = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
    with child:
        deadline = time.monotonic() + 60
        while private.served(pushed.layers[1]).bytes < 100_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=120)[1]
    assert child.returncode == 1
    assert "the next time goes on there" in said
    assert "Traceback" not in said
    assert f"{tag} (interrupted)" in temper("image", "list").stdout
    private.trouble.clear()
    temper("image", "pull", tag)
    assert [private.served(layer).requests for layer in pushed.layers] == [1, 2]
