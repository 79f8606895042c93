"""Planted tokens: set, used by the whole program, then looked for everywhere they must not be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.domain.secrets import SECRET_VARIABLES, SECRETS
from tests.emulators.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
PLANTED = {
    "hf_token": "hf_" + "PlantedToken" * 3,
    "runpod_key": "rpa_" + "PlantedKey" * 4,
    "s3_access_key": "user_" + "PlantedAccess" * 2,
    "s3_secret_key": "PlantedWithoutAnyShape",
}
OF_THE_SHELL = "hf_" + "OfTheShell" * 4
# A run of the program as its window starts one, but for the trainer, which gives its token away.
PROGRAM = """
import json, sys, time
from pathlib import Path
from app.bootstrap import build_services
from app.cli.output import reported
from app.paths import app_paths
from models.domain.config import TrainingConfig
from models.domain.config_io import with_values
from services.offline import OfflinePolicy
from services.trainer_code import TrainerCode

services = build_services(app_paths(), OfflinePolicy())
runner = services.runs.starter._runners.of("Python on this computer")
runner._python = lambda: Path(sys.executable)
services.runs.starter._code = lambda: TrainerCode(Path(sys.argv[1]), "0" * 64)
session = services.datasets.add_sample()
config = with_values(TrainingConfig(), {
    "dataset.session": str(session.id), "hp.base_model": "test/wait",
    "local.pass_hf_token": sys.argv[2] == "ticked",
})
services.configs.save("Planted", config)
run = services.runs.start(config, name="Planted")
while not services.runs.poll(run.id).run.step:
    time.sleep(0.05)
print(json.dumps({"run": run.id, "pid": run.handle.pid}), flush=True)
input()
services.runs.stop(run.id)
while services.runs.poll(run.id).run.state.is_live:
    time.sleep(0.05)
try:
    with reported(False):
        secrets = [services.secrets.get(name) for name in services.secrets.NAMES]
        raise RuntimeError(f"a fault with {secrets}")
finally:
    services.close()
"""
TRAINER = """
import os, sys
from trainer_image.secrecy import guard_output
guard_output()
print("my token is", os.environ.get("HF_TOKEN"), flush=True)
print("and here", os.environ.get("HUGGINGFACE_HUB_TOKEN"), file=sys.stderr, flush=True)
"""


class Everything:
    """A home, and all that was ever said."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.keychain = folder / "keychain.json"
        self.said: list[str] = []
        kept = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
        self.environment = kept | {
            "TEMPER_HOME": str(self.home),
            "TEST_KEYCHAIN": str(self.keychain),
            "PYTHON_KEYRING_BACKEND": "tests.emulators.file_keychain.FileKeychain",
            "HF_TOKEN": OF_THE_SHELL,
        }
        self.environment.pop("TEMPER_OFFLINE", None)

    def temper(self, *arguments: str, given: str = "", code: int = 0) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT, env=self.environment, input=given, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        self.said += [done.stdout, done.stderr]

    def program(self, code: Path, ticked: bool) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(code), "ticked" if ticked else "not"],
            cwd=ROOT, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The scripted trainer with the real guard over its output."""
    package = tmp_path / "code" / "trainer_image"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(ROOT / "trainer_image" / "secrecy.py", package)
    scripted = (ROOT / "tests" / "data" / "scripted_trainer.py").read_text(encoding="utf-8")
    (package / "train.py").write_text(TRAINER + scripted, encoding="utf-8")
    return package.parent


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("ticked", [True, False])
def test_planted_tokens_are_found_nowhere_but_where_they_were_sent(
    tmp_path: Path, code: Path, ticked: bool
) -> None:
    everything = Everything(tmp_path)
    with Hub({PLANTED["hf_token"]: ("me", "write")}) as hub:
        everything.environment["HF_ENDPOINT"] = hub.url
        for name, value in PLANTED.items():
            everything.temper("secret", "set", name, given=value)
        everything.temper("secret", "test", "hf_token")
        assert PLANTED["hf_token"] in hub.requests[0].headers["authorization"]
        assert PLANTED["hf_token"] not in hub.requests[0].target
    process = everything.program(code, ticked)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline() or process.communicate()[1])
    _check_child(_variables(told["pid"]), ticked)
    command_lines = b"\n".join(_command_lines())
    assert str(told["run"]).encode() in command_lines
    everything.said += process.communicate("\n", timeout=60)
    assert process.returncode != 0  # the fault at its end was reported
    for arguments in (
        ("secret", "list"), ("settings", "list", "--json"), ("runs", "list", "--json"),
        ("runs", "show", "last", "--json"), ("runs", "logs", "last"),
        ("runs", "logs", "last", "--json"), ("config", "list", "--json"),
        ("config", "export", "Planted", str(tmp_path / "exported.yaml")),
        ("secret", "test", "runpod_key", "--json"),
    ):  # fmt: skip
        everything.environment["RUNPOD_REST_URL"] = "http://127.0.0.1:9"
        everything.temper(*arguments, code=1 if "runpod_key" in arguments else 0)
    assert any("my token is [redacted]" in text for text in everything.said) is ticked
    assert list((everything.home / "logs").glob("crash-*.txt"))
    _check_nowhere(everything, tmp_path / "exported.yaml", command_lines)


def _check_child(variables: dict[str, str], ticked: bool) -> None:
    """Its environment holds the token if it was ticked, and no other secret in any case."""
    names = ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN")
    wanted = PLANTED["hf_token"] if ticked else None
    assert [variables.get(name) for name in names] == [wanted, wanted]
    others = {OF_THE_SHELL, *PLANTED.values()} - {PLANTED["hf_token"]}
    assert not others & set(variables.values())


def _check_nowhere(everything: Everything, exported: Path, command_lines: bytes) -> None:
    secrets = [*PLANTED.values(), OF_THE_SHELL]
    assert set(PLANTED) == set(SECRETS)
    places = dict(_contents([everything.home, exported]))
    assert any(path.name == "temper.db" for path in places)
    assert any(path.name == "job.json" for path in places)
    places[Path("what was said")] = "\n".join(everything.said).encode()
    places[Path("the processes' command lines")] = command_lines
    found = [
        (str(path), secret) for path, content in places.items() for secret in secrets
        if secret.encode() in content
    ]  # fmt: skip
    assert found == []
    assert PLANTED["hf_token"].encode() in everything.keychain.read_bytes()  # the search can find


def _contents(places: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    for place in places:
        for path in (place, *place.rglob("*")) if place.is_dir() else (place,):
            if path.is_file():
                yield path, path.read_bytes()


def _variables(pid: int) -> dict[str, str]:
    data = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(part.split("=", 1) for part in data.split("\0") if "=" in part)


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
