"""Planted tokens and passwords, a window, and containers on a real engine: a token is where it was
sent, and nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from models.domain.docker import RUN_LABEL
from models.domain.secrets import SECRET_VARIABLES
from services.keychain import SERVICE
from tests.conftest import ROOT
from tests.docker.watch import TOKEN_NAMES, Watch, spellings
from tests.e2e import test_secrets_stay_secret
from tests.emulators.hub import Hub
from tests.emulators.registry import TOKEN, Registry

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.docker.engine import RealEngine

# Not the very ones of the other test: it may run at the same time, and all processes are searched.
PLANTED = {name: f"{value}Docker" for name, value in test_secrets_stay_secret.PLANTED.items()}
OF_THE_SHELL = f"{test_secrets_stay_secret.OF_THE_SHELL}Docker"
USER, PASSWORD = "ada", "planted-registry-password-7"
HF_TOKEN = PLANTED["hf_token"]
SAYS_ITS_TOKEN = """
_guard = guard_output
def guard_output():
    _guard()
    print("my token is", os.environ.get("HF_TOKEN"), flush=True)
    print("and here", os.environ.get("HUGGINGFACE_HUB_TOKEN"), file=sys.stderr, flush=True)
"""


class Planted:
    """The program with a home, a keychain that knows all secrets, and a shell that has one more."""

    def __init__(self, folder: Path, engine: RealEngine) -> None:
        self.home = folder / "home"
        self.said: list[str] = []
        kept = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
        self.environment = kept | {
            "TEMPER_HOME": str(self.home),
            "DOCKER_HOST": engine.host,
            "TEST_KEYCHAIN": str(folder / "keychain.json"),
            "PYTHON_KEYRING_BACKEND": "tests.emulators.file_keychain.FileKeychain",
            "HF_TOKEN": OF_THE_SHELL,
            "RUNPOD_REST_URL": "http://127.0.0.1:9",
            "HOME": str(folder),
        }

    def python(self, *arguments: str, given: str = "", **more: str) -> str:
        """Run one of our programs to its end; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=self.environment | more, input=given,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        self.said += [done.stdout, done.stderr]
        return done.stdout


@pytest.fixture
def planted(tmp_path: Path, docker_engine: RealEngine) -> Planted:
    kept = {f"{SERVICE}/{name}": value for name, value in PLANTED.items()}
    (tmp_path / "keychain.json").write_text(json.dumps(kept))
    return Planted(tmp_path, docker_engine)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The trainer, which gives its token away."""
    package = tmp_path / "code" / "trainer_image"
    shutil.copytree(
        ROOT / "trainer_image", package, ignore=shutil.ignore_patterns("__pycache__", "Dockerfile")
    )
    with (package / "secrecy.py").open("a") as file:
        file.write(SAYS_ITS_TOKEN)
    return package.parent


def test_a_token_is_in_the_containers_two_variables_when_ticked_and_nowhere_else(
    planted: Planted, code: Path, docker_engine: RealEngine, docker_client: DockerClient,
    trainer_image: str, tiny_model: Path, tmp_path: Path,
) -> None:  # fmt: skip
    rows = tmp_path / "rows.jsonl"
    lines = ({"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(8))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    secrets = {**PLANTED, "registry": PASSWORD, "shell": OF_THE_SHELL}
    with (
        Registry(TOKEN, USER, PASSWORD) as registry,
        Hub({HF_TOKEN: ("me", "write")}) as hub,
        Watch(docker_engine, planted.home, secrets) as watch,
    ):
        registry.push("private/image", (100_000,))
        login = ("app", "image", "login", registry.host, "--user", USER)
        planted.python(*login, given=PASSWORD)
        given = {
            "code": str(code), "rows": str(rows), "model": str(tiny_model),
            "image": trainer_image, "private": f"{registry.host}/private/image:latest",
        }  # fmt: skip
        said = planted.python("tests.docker.sessions", "with_secrets", json.dumps(given))
        planted.python("app", "doctor", "--json", HF_ENDPOINT=hub.url)
        for command in ("show", "logs"):
            planted.python("app", "runs", command, "last", "--json")
        docker_client.images.remove(given["private"])
        watch.look_at("what was said", "\n".join(planted.said).encode())

    seen = json.loads(said.splitlines()[-1])
    assert "is on this computer now" in seen["pull"]
    assert any(f"Bearer {HF_TOKEN}" in one.headers["authorization"] for one in hub.requests)
    runs = {one.labels.get(RUN_LABEL, "worker"): one for one in watch.containers.values()}
    assert runs.keys() == {seen["ticked"]["run"], seen["not"]["run"], "worker"}
    assert all(one.is_looked_into for one in runs.values())
    for name, container in runs.items():
        wanted = TOKEN_NAMES if name == seen["ticked"]["run"] else set()
        has = {var for var, value in container.environment.items() if has_secret(value, secrets)}
        assert has == wanted
        assert {container.environment[one] for one in has} <= {HF_TOKEN}
    assert "my token is [redacted]" in seen["ticked"]["log"]
    assert "my token is None" in seen["not"]["log"]
    assert {"temper.db", "temper.db-wal", "job.json", "inference.log", "train.log"} <= watch.files
    allowed = "app", "tests.docker.sessions"
    elsewhere = [
        one for one in watch.sightings
        if one.secret != "shell"
        or not any(one.where.startswith(f"the environment of {sys.executable} -m {program}")
                   for program in allowed)
    ]  # fmt: skip
    assert elsewhere == []
    assert watch.sightings, "the watch can see"


def has_secret(value: str, secrets: dict[str, str]) -> bool:
    """Whether a variable holds one."""
    return any(spelled in value.encode() for one in secrets.values() for spelled in spellings(one))
