"""The doctor on the network: what it asks whom, what answers mean, and that offline it asks nobody.

The emulators count every request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from models.domain.doctor import OPEN_SETTINGS, Check, CheckState
from models.domain.errors import AppError
from models.domain.hardware import Hardware
from models.domain.secrets import HF_TOKEN, RUNPOD_KEY
from services.doctor import network
from services.doctor.doctor import Doctor
from services.doctor.probes import Patient, probes_of
from services.environment.runtime_env import EnvironmentState
from services.process_environment import tell_hub_library
from tests.emulators.hub import Hub
from tests.emulators.runpod.emulator import RunpodEmulator
from tests.emulators.server import Reply
from tests.hub_address import short_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from models.domain.docker import EngineInfo, GpuSupport, ImageInfo

TOKEN, KEY = "hf_" + "t" * 34, "rpa_" + "K" * 40
_NOWHERE = "http://127.0.0.1:9"
_VARIABLES = (
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY",
    "no_proxy", "NO_PROXY", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
)  # fmt: skip


@dataclass
class Secrets:
    """Secrets in memory, or a keychain that only raises."""

    kept: dict[str, str] = field(default_factory=dict)
    error: AppError | None = None

    def get(self, name: str) -> str | None:
        if self.error is not None:
            raise self.error
        return self.kept.get(name)

    def keychain_problem(self) -> str:
        return ""


class NoEngine:
    def info(self) -> EngineInfo:
        raise AppError("docker_missing", "Docker is not installed.", "Install it.")

    def try_gpu(self, image: str, devices: str = "all") -> GpuSupport:
        raise NotImplementedError

    def list(self, also: Iterable[str] = ()) -> Sequence[ImageInfo]:
        raise NotImplementedError


@dataclass
class NoEnvironment:
    root: Path

    def state(self) -> EnvironmentState:
        return EnvironmentState.MISSING

    def versions(self) -> dict[str, str]:
        return {}


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy of whoever runs the test."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", _NOWHERE)
    monkeypatch.setenv("RUNPOD_REST_URL", _NOWHERE)
    with short_waits(monkeypatch, 30.0):
        yield


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub({TOKEN: ("sbussiso", "read")}) as emulator:
        monkeypatch.setenv("HF_ENDPOINT", emulator.url)
        yield emulator


@pytest.fixture
def runpod(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodEmulator]:
    with RunpodEmulator.with_keys([KEY]) as emulator:
        emulator.cloud.add_pods(2)
        monkeypatch.setenv("RUNPOD_REST_URL", emulator.url)
        yield emulator


def online() -> bool:
    return False


def named(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_without_a_token_the_hub_is_asked_without_one(hub: Hub) -> None:
    found = named(network.hub_checks(Secrets(), online))
    assert "answers" in found[network.HUB].message
    assert found[network.HUB_TOKEN].state is CheckState.OK
    (request,) = hub.requests
    assert "authorization" not in request.headers


def test_a_token_that_works_is_said_without_its_owner(hub: Hub) -> None:
    found = named(network.hub_checks(Secrets({HF_TOKEN: TOKEN}), online))
    token = found[network.HUB_TOKEN]
    assert (found[network.HUB].state, token.state) == (CheckState.OK, CheckState.OK)
    assert token.message.startswith("It works. The token may only read")
    assert "sbussiso" not in repr(found)
    assert TOKEN not in repr(found)


def test_a_token_that_is_refused_fails_and_the_settings_are_near(hub: Hub) -> None:
    found = named(network.hub_checks(Secrets({HF_TOKEN: "hf_" + "x" * 34}), online))
    assert found[network.HUB].state is CheckState.OK
    token = found[network.HUB_TOKEN]
    assert (token.state, token.remedy) == (CheckState.FAIL, OPEN_SETTINGS)
    assert token.next_step


@pytest.mark.parametrize("secrets", [Secrets(), Secrets({HF_TOKEN: TOKEN})])
def test_a_hub_that_cannot_be_reached_is_a_note(secrets: Secrets) -> None:
    found = network.hub_checks(secrets, online)[0]
    assert found.state is CheckState.NOTE
    assert "cannot be reached" in found.message
    assert found.next_step


def test_a_hub_in_trouble_is_a_note(hub: Hub) -> None:
    hub.faults = [Reply(503, b"later")]
    found = network.hub_checks(Secrets(), online)[0]
    assert found.state is CheckState.NOTE
    assert "trouble of its own" in found.message


def test_a_silent_keychain_does_not_keep_the_hub_from_being_asked(hub: Hub) -> None:
    locked = AppError("keychain_locked", "The keychain is locked.", "Unlock it.")
    found = named(network.hub_checks(Secrets(error=locked), online))
    assert found[network.HUB].state is CheckState.OK
    assert found[network.HUB_TOKEN].message == "The keychain is locked."
    (runpod,) = network.runpod_checks(Secrets(error=locked), online)
    assert runpod.state is CheckState.NOTE


def test_the_users_own_variable_that_keeps_from_the_hub_is_named(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tell_hub_library()
    (found,) = network.hub_checks(Secrets({HF_TOKEN: TOKEN}), online)
    assert "HF_HUB_OFFLINE" in found.message
    assert hub.requests == []


def test_runpod_is_asked_only_with_a_key(runpod: RunpodEmulator) -> None:
    (found,) = network.runpod_checks(Secrets(), online)
    assert (found.state, runpod.requests) == (CheckState.OK, [])
    both = named(network.runpod_checks(Secrets({RUNPOD_KEY: KEY}), online))
    assert "2 pods" in both[network.RUNPOD_ACCOUNT].message
    assert len(runpod.requests) == 1
    refused = named(network.runpod_checks(Secrets({RUNPOD_KEY: "rpa_" + "x" * 40}), online))
    assert refused[network.RUNPOD].state is CheckState.OK
    assert refused[network.RUNPOD_ACCOUNT].state is CheckState.FAIL


def test_a_runpod_that_cannot_be_reached_is_a_note() -> None:
    (found,) = network.runpod_checks(Secrets({RUNPOD_KEY: KEY}), online)
    assert (found.name, found.state) == (network.RUNPOD, CheckState.NOTE)


def test_the_proxy_is_said_with_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    assert "directly" in network.proxy_check("").message
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert "from the variable HTTPS_PROXY" in network.proxy_check("").message
    assert "as under Settings" in network.proxy_check("http://proxy.example:3128").message


def doctor(tmp_path: Path, is_offline: Callable[[], bool]) -> Doctor:
    engine = NoEngine()
    patient = Patient(
        home=tmp_path,
        database=tmp_path / "temper.db",
        data_root=lambda: tmp_path / "data",
        hardware=lambda: Hardware(probed=True, reason="No NVIDIA driver is installed."),
        environment=NoEnvironment(tmp_path),
        engine=engine,
        images=engine,
        secrets=Secrets({HF_TOKEN: TOKEN, RUNPOD_KEY: KEY}),
        is_offline=is_offline,
        proxy=lambda: "",
    )
    return Doctor(partial(probes_of, patient))


def test_offline_nobody_is_asked_and_the_doctor_says_so(
    hub: Hub, runpod: RunpodEmulator, tmp_path: Path
) -> None:
    found = named([*doctor(tmp_path, lambda: True).checks()])
    assert "were not asked" in found["Offline mode"].message
    assert {network.HUB, network.HUB_TOKEN, network.RUNPOD}.isdisjoint(found)
    assert (hub.requests, runpod.requests) == ([], [])


def test_offline_mode_that_begins_while_it_looks_holds_at_once(
    hub: Hub, runpod: RunpodEmulator, tmp_path: Path
) -> None:
    answers = iter([False])
    found = named([*doctor(tmp_path, lambda: next(answers, True)).checks()])
    assert (hub.requests, runpod.requests) == ([], [])
    assert "were not asked" in found["Offline mode"].message


def test_online_both_are_asked(hub: Hub, runpod: RunpodEmulator, tmp_path: Path) -> None:
    found = named([*doctor(tmp_path, online).checks()])
    assert found[network.HUB_TOKEN].message.startswith("It works")
    assert "2 pods" in found[network.RUNPOD_ACCOUNT].message
    assert (len(hub.requests), len(runpod.requests)) == (1, 1)
