"""Trying tokens out, against emulators that know the services only by their documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from models.domain.errors import AppError
from models.domain.secrets import HF_TOKEN, RUNPOD_KEY, S3_ACCESS_KEY, S3_SECRET_KEY
from services import web
from services.offline import OfflinePolicy
from services.process_environment import tell_hub_library
from services.secret_checks import SecretChecker
from services.secrets import SecretStore
from tests.emulators.forward_proxy import ForwardProxy
from tests.emulators.hub import Hub
from tests.emulators.runpod.emulator import RunpodEmulator
from tests.emulators.runpod.s3 import RunpodS3
from tests.emulators.server import Emulator, Reply
from tests.hub_address import short_waits

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "hf_" + "t" * 34
KEY = "rpa_" + "K" * 40
ACCESS, SECRET = "user_" + "a" * 27, "rps_" + "s" * 40
NAMES = (HF_TOKEN, RUNPOD_KEY, S3_ACCESS_KEY)
_FREE_PORT = "http://127.0.0.1:9"
_VARIABLES = (
    "HF_ENDPOINT", "RUNPOD_REST_URL", "RUNPOD_S3_TEMPLATE", "HTTP_PROXY", "HTTPS_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TEMPER_OFFLINE",
)  # fmt: skip


class _NoKeychain:
    def is_usable(self) -> bool:
        return False

    def get(self, name: str) -> str | None:
        raise NotImplementedError

    def set(self, name: str, value: str) -> None:
        raise NotImplementedError

    def remove(self, name: str) -> None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy and no address of whoever runs the test."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with short_waits(monkeypatch, 30.0):
        yield


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub({TOKEN: ("sbussiso", "write"), "hf_reader12": ("me", "read")}) as emulator:
        monkeypatch.setenv("HF_ENDPOINT", emulator.url)
        yield emulator


@pytest.fixture
def runpod(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodEmulator]:
    with RunpodEmulator.with_keys([KEY], ["rpa_restricted"]) as emulator:
        emulator.cloud.add_pods(2)
        monkeypatch.setenv("RUNPOD_REST_URL", emulator.url)
        yield emulator


@pytest.fixture
def volumes(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodS3]:
    with RunpodS3.alone("EU-RO-1", {ACCESS: SECRET}, 1) as emulator:
        monkeypatch.setenv("RUNPOD_S3_TEMPLATE", f"{emulator.url}/")
        yield emulator
    emulator.cloud.close()


def checker(**secrets: str) -> SecretChecker:
    store = SecretStore(_NoKeychain(), {})
    for name, value in secrets.items():
        store.set(name, value)
    return SecretChecker(store, OfflinePolicy())


def everything() -> SecretChecker:
    return checker(hf_token=TOKEN, runpod_key=KEY, s3_access_key=ACCESS, s3_secret_key=SECRET)


def failure(tester: SecretChecker, name: str) -> AppError:
    with pytest.raises(AppError) as caught:
        tester.test(name)
    error = caught.value
    assert error.message
    assert error.hint
    for secret in (TOKEN, KEY, ACCESS, SECRET, "rpa_restricted"):
        assert secret not in f"{error} {error.details}"
    return error


def test_a_hugging_face_token_is_tried_with_its_owners_name(hub: Hub) -> None:
    words = checker(hf_token=TOKEN).test(HF_TOKEN)
    assert words == "It works: signed in as sbussiso. The token may read and write."
    assert "temper" in hub.requests[0].headers["user-agent"]


def test_a_token_that_may_only_read_is_told_to_be_too_little_for_push(hub: Hub) -> None:
    assert "Push to Hub needs one that may write" in checker(hf_token="hf_reader12").test(HF_TOKEN)


def test_a_runpod_key_is_tried_by_listing_pods_under_our_own_name(runpod: RunpodEmulator) -> None:
    assert checker(runpod_key=KEY).test(RUNPOD_KEY) == "It works: 2 pods on this account."
    (request,) = runpod.requests
    assert (request.method, request.target) == ("GET", "/v2/pods")
    assert request.headers["user-agent"].startswith("Temper/")


@pytest.mark.parametrize("name", [S3_ACCESS_KEY, S3_SECRET_KEY])
def test_s3_keys_are_tried_together_with_a_signed_request(volumes: RunpodS3, name: str) -> None:
    assert everything().test(name) == "They work: 1 network volume in EU-RO-1."


def test_s3_keys_are_tried_in_the_data_centre_that_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RunpodS3.alone("US-KS-2", {ACCESS: SECRET}, 0) as emulator:
        monkeypatch.setenv("RUNPOD_S3_TEMPLATE", emulator.url + "/{dc}")
        with pytest.raises(AppError):  # the path's name shows that the address was filled in
            everything().test(S3_ACCESS_KEY, "us-ks-2")
        assert emulator.requests[0].target == "/us-ks-2/"
        monkeypatch.setenv("RUNPOD_S3_TEMPLATE", emulator.url)
        words = everything().test(S3_ACCESS_KEY, "us-ks-2")
    assert words == "They work: 0 network volumes in US-KS-2."


def test_unknown_tokens_and_keys_are_refused_each_with_its_own_sentence(
    hub: Hub, runpod: RunpodEmulator, volumes: RunpodS3
) -> None:
    tester = checker(
        hf_token="hf_wrong123",
        runpod_key="rpa_wrong1",
        s3_access_key=ACCESS,
        s3_secret_key="wrong-one",
    )
    errors = [failure(tester, name) for name in NAMES]
    assert [error.kind for error in errors] == ["auth"] * 3
    assert "Hugging Face does not accept this token" in errors[0].message
    assert "Runpod does not accept this key" in errors[1].message
    assert "does not belong to the S3 access key" in errors[2].message
    unknown = checker(s3_access_key="user_nobody", s3_secret_key=SECRET)
    assert "does not know this S3 access key" in failure(unknown, S3_ACCESS_KEY).message


def test_a_wrong_clock_is_told_apart_from_a_wrong_key(volumes: RunpodS3) -> None:
    volumes.skew += 3 * 3600
    assert failure(everything(), S3_ACCESS_KEY).kind == "clock"


def test_missing_permission_is_told_apart_from_a_blocked_network(runpod: RunpodEmulator) -> None:
    tester = checker(runpod_key="rpa_restricted")
    error = failure(tester, RUNPOD_KEY)
    assert (error.kind, "may not see" in error.message) == ("forbidden", True)
    runpod.faults.append(Reply(403, b"error code: 1010"))
    assert failure(tester, RUNPOD_KEY).kind == "blocked"


def test_forbidden_by_the_hub_and_by_s3(hub: Hub, volumes: RunpodS3) -> None:
    hub.faults.append(Reply(403, b'{"error": "no"}', {"Content-Type": "application/json"}))
    volumes.faults.append(Reply(403, b"<Error><Code>AccessDenied</Code></Error>"))
    assert failure(everything(), HF_TOKEN).kind == "forbidden"
    assert failure(everything(), S3_ACCESS_KEY).kind == "forbidden"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Reply(429, b"{}"), "rate_limited"),
        (Reply(503, b"sorry"), "server"),
        (Reply(200, b"<html>Please log in to the hotel</html>"), "bad_answer"),
        (Reply(200, b"[]"), "bad_answer"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_every_other_trouble_has_its_own_kind(
    hub: Hub, runpod: RunpodEmulator, volumes: RunpodS3, name: str, fault: Reply, kind: str
) -> None:
    for emulator in (hub, runpod, volumes):
        emulator.faults.append(fault)
    assert failure(everything(), name).kind == kind


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_says_nothing_is_given_up(
    hub: Hub, runpod: RunpodEmulator, volumes: RunpodS3, name: str
) -> None:
    for emulator in (hub, runpod, volumes):
        emulator.faults.append(60.0)
    with pytest.MonkeyPatch.context() as patched, short_waits(patched, 0.5):
        patched.setattr(web, "TIMEOUT", httpx.Timeout(0.5))
        assert failure(everything(), name).kind == "timeout"


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_is_not_there_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HF_ENDPOINT", "RUNPOD_REST_URL", "RUNPOD_S3_TEMPLATE"):
        monkeypatch.setenv(variable, _FREE_PORT)
    error = failure(everything(), name)
    assert (error.kind, "cannot be reached" in error.message) == ("network", True)


@pytest.mark.parametrize("name", NAMES)
def test_calls_go_through_the_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    behind: dict[str, Emulator] = {
        "hub.invalid": Hub({TOKEN: ("me", "write")}),
        "api.invalid": RunpodEmulator.with_keys([KEY]),
        "s3.invalid": RunpodS3.alone("EU-RO-1", {ACCESS: SECRET}, 0),
    }
    _point_at(monkeypatch, "http://hub.invalid", "http://api.invalid", "http://s3.invalid")
    with ForwardProxy(behind) as proxy:
        _through(monkeypatch, proxy.url)
        assert "work" in everything().test(name)
        assert len(proxy.requests) == 1
    for emulator in behind.values():
        emulator.discard()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", NAMES)
def test_a_proxy_that_wants_a_password_or_is_not_there_is_named(
    name: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _point_at(monkeypatch, *(f"{scheme}://{host}.invalid" for host in ("hub", "api", "s3")))
    with ForwardProxy({}, wants_password=True) as proxy:
        _through(monkeypatch, proxy.url)
        error = failure(everything(), name)
        assert (error.kind, "proxy" in error.message) == ("proxy", True)
    error = failure(everything(), name)
    assert (error.kind, proxy.url in error.message) == ("proxy", True)


def test_nothing_is_sent_while_offline(
    hub: Hub, runpod: RunpodEmulator, volumes: RunpodS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    tester = everything()
    monkeypatch.setenv("TEMPER_OFFLINE", "1")
    for name in NAMES:
        assert failure(tester, name).kind == "offline"
    assert [hub.requests, runpod.requests, volumes.requests] == [[], [], []]
    monkeypatch.setenv("TEMPER_OFFLINE", "0")
    assert tester.test(RUNPOD_KEY)


@pytest.mark.parametrize("name", [HF_TOKEN, RUNPOD_KEY, S3_SECRET_KEY])
def test_what_is_not_set_cannot_be_tried(name: str) -> None:
    error = failure(checker(s3_access_key=ACCESS), name)
    assert error.kind == "not_set"


def test_the_emulators_refuse_a_signature_that_is_not_right(volumes: RunpodS3) -> None:
    """Else the test of the signed request could not fail."""
    answer = httpx.get(volumes.url, headers={"x-amz-date": "20260101T000000Z"})
    assert answer.status_code == 403
    assert b"AccessDenied" in answer.content


def _point_at(monkeypatch: pytest.MonkeyPatch, hub: str, api: str, s3: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("RUNPOD_REST_URL", api)
    monkeypatch.setenv("RUNPOD_S3_TEMPLATE", s3)


def _through(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """As the proxy setting does it: by the environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    tell_hub_library()
