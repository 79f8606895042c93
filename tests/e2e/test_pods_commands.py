"""``temper pods``: documents, words and exit codes, against the emulated Runpod."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.state import services
from models.domain.config import PRESETS, TARGET_RUNPOD, TrainingConfig
from models.domain.config_io import with_values
from models.domain.remote_run import RemoteAttempt, RemotePhase
from services.config_files import write_config_file
from services.install_id import InstallId
from services.remote.marks import ATTEMPT, INSTALL, RUN, pod_name
from services.remote.store import AttemptStore
from tests.integration.runpod_world import GPU, KEY, client_of, new_pod, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.emulators.runpod.emulator import RunpodEmulator

    Temper = Callable[..., str]

pytestmark = pytest.mark.slow  # each command is the whole program


@pytest.fixture
def runpod() -> Iterator[RunpodEmulator]:
    with world(speed=1.0) as emulator:  # prices by the hour, in the program's own time
        yield emulator


@pytest.fixture
def temper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runpod: RunpodEmulator
) -> Iterator[Temper]:
    """The command line in this process, on a home of its own; returns what it printed and said."""
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    for name, value in runpod.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    services.cache_clear()
    runner = CliRunner()

    def run(*arguments: str, code: int = 0) -> str:
        services.cache_clear()  # as of a program of its own: --offline is for this one alone
        done = runner.invoke(app, [*arguments])
        services().close()
        services.cache_clear()
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        assert KEY not in done.output
        return done.stdout if "--json" in arguments else done.output

    yield run
    services.cache_clear()


def rent(runpod: RunpodEmulator, run_id: str = "run-1") -> str:
    """A pod of this installation that no run knows."""
    own = InstallId(services().database).get()
    services().close()
    env = {INSTALL: own, RUN: run_id, ATTEMPT: "1"}
    with client_of(runpod) as client:
        return client.create_pod(new_pod(name=pod_name(own, run_id, 1), env=env)).id


@pytest.fixture
def faq(tmp_path: Path) -> str:
    """A small model on Runpod, for 100 steps."""
    values = {
        "training.target": TARGET_RUNPOD, "training.preset": PRESETS[TARGET_RUNPOD][1],
        "hp.max_steps": 100, "hp.base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
    }  # fmt: skip
    write_config_file(tmp_path / "faq.yaml", with_values(TrainingConfig(), values))
    return "faq.yaml"


def test_pods_of_this_installation_are_listed_and_ended(
    temper: Temper, runpod: RunpodEmulator
) -> None:
    (foreign,) = runpod.cloud.add_pods(1)
    assert temper("pods", "list") == "No pod of this installation is rented.\n"
    assert json.loads(temper("pods", "list", "--json")) == []
    pod = rent(runpod)
    table = temper("pods", "list").splitlines()
    assert table[0].split() == ["ID", "RUN", "STATE", "GPU", "AGE", "COST", "PER", "HOUR", "ENDS"]
    assert pod in table[1]
    assert "no run needs it" in table[1]
    (row,) = json.loads(temper("pods", "list", "--json"))
    assert (row["id"], row["gpu"], row["per_hour"]) == (pod, GPU, 0.27)
    assert "not_ours" in temper("pods", "stop", foreign, "--json", code=1)
    assert "There is no pod nothing." in temper("pods", "stop", "nothing", code=1)
    said = temper("--offline", "pods", "stop", pod)
    assert said.startswith("The pod temper-")
    assert said.endswith("is gone.\n")
    assert set(runpod.cloud.pods) == {foreign}


def test_a_pod_that_does_not_go_is_told_with_what_to_do(
    temper: Temper, runpod: RunpodEmulator
) -> None:
    pod = rent(runpod)
    runpod.broken.add("DELETE /v2/pods", times=4, status=403)
    said = temper("pods", "stop", pod, code=1)
    assert "is not gone yet." in said
    assert f"pods stop {pod}" in said
    assert temper("pods", "stop", pod).endswith("is gone.\n")


def test_listing_ends_what_is_past_its_limit(temper: Temper, runpod: RunpodEmulator) -> None:
    pod = rent(runpod)
    runpod.cloud.clock.move(7200)
    now = time.time()
    attempt = RemoteAttempt(
        "run-1", 1, next(iter(runpod.cloud.pods.values())).record["name"],
        phase=RemotePhase.TRAINING, pod_id=pod, created_at=now - 7200, rented_at=now - 7200,
        ends_at=now - 3600, per_hour=0.27,
    )  # fmt: skip
    AttemptStore(services().database).add(attempt)
    services().close()
    assert f"The pod {pod} was past its limit and is ended." in temper("pods", "list")
    assert runpod.cloud.pods == {}


def test_a_pod_that_is_known_here_is_listed_also_where_runpod_cannot_be_asked(
    temper: Temper, runpod: RunpodEmulator
) -> None:
    """Else nobody would know which one to stop, which Offline mode does not forbid."""
    assert "Offline mode is on" in temper("--offline", "pods", "list", code=1)
    pod = rent(runpod)
    own = InstallId(services().database).get()
    now = time.time()
    AttemptStore(services().database).add(
        RemoteAttempt(
            "run-1", 1, pod_name(own, "run-1", 1), RemotePhase.TRAINING, pod_id=pod, gpu=GPU,
            per_hour=0.27, created_at=now, rented_at=now, ends_at=now + 3600,
        )
    )  # fmt: skip
    services().close()
    said = temper("--offline", "pods", "list", code=1)
    assert "Offline mode is on" in said
    assert "known here" in said
    assert pod in said
    assert "training" in said
    runpod.broken.add("GET /v2/pods", times=99, status=403)
    assert pod in temper("pods", "list", code=1)


def test_sweeping_ends_what_no_run_needs(temper: Temper, runpod: RunpodEmulator) -> None:
    (foreign,) = runpod.cloud.add_pods(1)
    assert temper("pods", "sweep") == "No pod is there that no run needs.\n"
    pod = rent(runpod)
    said = temper("pods", "sweep")
    assert "had no run that needs it, and is gone." in said
    assert set(runpod.cloud.pods) == {foreign}
    again = rent(runpod)
    (end,) = json.loads(temper("pods", "sweep", "--json"))["ended"]
    assert (end["pod"]["id"], end["gone"]) == (again, True)
    assert pod != again


def test_a_quote_says_price_time_and_limit_and_rents_nothing(
    temper: Temper, runpod: RunpodEmulator, faq: str
) -> None:
    said = temper("pods", "quote", faq).splitlines()
    assert said[0] == "RTX A2000, 6 GB, Secure Cloud, EU-RO-1: $0.21 an hour with its disk."
    assert any(line.startswith("Expected: about ") for line in said), said
    assert any(line.startswith("At most $") for line in said)
    assert "Then, in this order:" in said
    document = json.loads(temper("pods", "quote", faq, "--json"))
    assert (
        document["candidates"][0]["offer"]["price"] <= document["candidates"][1]["offer"]["price"]
    )
    assert document["quote"]["most_seconds"] == 6 * 3600
    assert document["need"] > 0
    assert runpod.cloud.pods == {}


def test_what_does_not_suit_or_cannot_be_asked_is_said(
    temper: Temper, runpod: RunpodEmulator, faq: str
) -> None:
    said = temper("pods", "quote", faq, "--set", "runpod.gpu=NVIDIA RTX A9000", code=1)
    assert "Runpod has no GPU NVIDIA RTX A9000 in this cloud." in said
    said = temper("--offline", "pods", "quote", faq, code=1)
    assert "Offline mode is on" in said
    assert "Offline mode is on" in temper("--offline", "pods", "list", code=1)
    problems: Any = json.loads(
        temper("pods", "quote", faq, "--set", "runpod.gpu_count=many", "--json", code=2)
    )
    assert problems["error"]["kind"] == "bad_config"
