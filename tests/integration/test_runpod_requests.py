"""Every request that we can send to Runpod, against a table of what REST v2 documents.

The table is written from the documentation and compared with its OpenAPI file
(:mod:`tests.contract.openapi_check`), not from the client or the emulator. A body is checked twice:
by the emulator, which refuses what its schema does not have, and here. Everything is sent twice: to
an API of the first published schema (August 2026) and to one of September's.
"""

from __future__ import annotations

import inspect
import json
import re
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from models.domain.errors import AppError
from models.domain.pod import NewPod, PodTemplate
from services.runpod import bodies
from services.runpod.client import RunpodClient
from services.runpod.pod_log import PodLog
from tests.emulators.runpod import queries, schema
from tests.integration.runpod_world import GPU, KEY, client_of, new_pod, wait_for, world
from trainer_image.agent_pod import OwnPod
from trainer_image.agent_settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.emulators.runpod.emulator import RunpodEmulator
    from tests.emulators.server import Request

_ID = "[a-z0-9]+"
DOCUMENTED: tuple[tuple[str, str, schema.Shape | None], ...] = (
    ("GET", "/v2/pods", None),
    ("POST", "/v2/pods", schema.NEW_POD_AUGUST),
    ("GET", f"/v2/pods/{_ID}", None),
    ("DELETE", f"/v2/pods/{_ID}", None),
    ("POST", f"/v2/pods/{_ID}/action", schema.ACTION),
    ("GET", f"/v2/pods/{_ID}/logs", None),
    ("GET", "/v2/network-volumes", None),
    ("POST", "/v2/network-volumes", schema.NEW_VOLUME),
    ("PATCH", f"/v2/network-volumes/{_ID}", schema.VOLUME_CHANGES),
    ("GET", "/v2/templates", None),
    ("POST", "/v2/templates", schema.august(schema.NEW_TEMPLATE)),
    ("PATCH", f"/v2/templates/{_ID}", schema.august(schema.TEMPLATE_CHANGES)),
    ("GET", "/v2/catalog/gpus", None),
    ("GET", "/v2/catalog/datacenters", None),
    ("GET", "/v2/billing/pods", None),
)
"""Method, path, shape of the body. Names and values of queries: :mod:`queries`."""
BALANCE = {"clientBalance", "currentSpendPerHr", "spendLimit", "minBalance", "underBalance", "id"}
"""Fields of GraphQL's ``myself``."""


def faults_of(request: Request) -> list[str]:
    """What is not as documented; empty for a good request."""
    parts = urlsplit(request.target)
    if parts.path == "/graphql":
        return _faults_of_query(request)
    found = [
        shape
        for method, path, shape in DOCUMENTED
        if method == request.method and re.fullmatch(path, parts.path)
    ]
    if not found:
        return [f"{request.method} {parts.path} is not documented"]
    wrong = _faults_of_names(parts.path.removeprefix("/v2"), parts.query, request.method)
    if found[0] is not None:
        wrong += list(found[0](json.loads(request.body)))
        wrong += [] if len(request.body) <= 102_400 else ["too large"]
        kind = request.headers.get("content-type")
        wrong += [] if kind == "application/json" else [f"a body that is called {kind}"]
    elif request.body:
        wrong.append("a body where there is none")
    return wrong + _faults_of_headers(request)


def _faults_of_names(path: str, query: str, method: str) -> list[str]:
    """Of a query: names that the path does not know, and values that the schema does not have."""
    pairs = parse_qsl(query, keep_blank_values=True)
    names = queries.known(path) if method == "GET" else {}
    unknown = [f"query {name}" for name, _ in pairs if name not in names]
    return unknown + queries.faults(path, dict(pairs))


def _faults_of_headers(request: Request) -> list[str]:
    wrong = []
    if not request.headers.get("user-agent", "").startswith("Temper"):
        wrong.append("a user agent that is not ours")
    if not request.headers.get("authorization", "").startswith("Bearer "):
        wrong.append("no key")
    if "rpa_" in request.target or b"rpa_" in request.body:
        wrong.append("a key outside of its header")
    cursor = request.headers.get("last-event-id")
    wrong += list(queries.moment(cursor, "Last-Event-ID")) if cursor is not None else []
    return wrong


def _faults_of_query(request: Request) -> list[str]:
    query = json.loads(request.body)["query"]
    asked = re.fullmatch(r"query \{ myself \{ ([\w ]+) \} \}", query)
    unknown = set(asked[1].split()) - BALANCE if asked else {query}
    return sorted(unknown) + _faults_of_headers(request)


@pytest.fixture(params=[True, False], ids=["august", "september"])
def runpod(request: pytest.FixtureRequest) -> Iterator[RunpodEmulator]:
    with world(august=request.param) as emulator:
        yield emulator


@pytest.fixture
def client(runpod: RunpodEmulator) -> Iterator[RunpodClient]:
    with client_of(runpod) as found:
        yield found


def _restarted(client: RunpodClient) -> None:
    """Of a pod that runs, as only such a one can be."""
    pod = client.create_pod(new_pod())
    wait_for(lambda: (now := client.pod(pod.id)) is not None and now.status == "RUNNING")
    client.restart_pod(pod.id)


TEMPLATE = PodTemplate("t", "an/image:1", 40, ("8000/http",), {"A": "b"}, "", "")
CALLS: dict[str, Callable[[RunpodClient], Any]] = {
    "pods": lambda one: one.pods(),
    "age": lambda one: one.age("nobodys"),
    "pod": lambda one: one.pod("nobodys"),
    "create_pod": lambda one: one.create_pod(new_pod()),
    "end_pod": lambda one: one.end_pod(one.create_pod(new_pod()).id),
    "restart_pod": _restarted,
    "is_gone": lambda one: one.is_gone("nobodys"),
    "volumes": lambda one: one.volumes(),
    "create_volume": lambda one: one.create_volume("v", "eu-ro-1", 10),
    "grow_volume": lambda one: one.grow_volume(one.create_volume("v", "EU-RO-1", 10).id, 20),
    "templates": lambda one: one.templates(),
    "create_template": lambda one: one.create_template(TEMPLATE),
    "update_template": lambda one: one.update_template(
        one.create_template(TEMPLATE).id, {"image": "an/image:2", "env": {}}
    ),
    "offers": lambda one: [one.offers("SECURE"), one.offers("COMMUNITY", 2, "12.8")],
    "data_centers": lambda one: one.data_centers(),
    "balance": lambda one: one.balance(),
    "billed": lambda one: one.billed("nobodys", 1_790_000_000, 1_790_003_600),
}
"""One for each method of the client."""


def test_the_table_has_every_call_of_the_client() -> None:
    methods = {name for name, _ in inspect.getmembers(RunpodClient, inspect.isfunction)}
    assert {name for name in methods if not name.startswith("_")} - {"close"} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_sends_is_documented(
    runpod: RunpodEmulator, client: RunpodClient, name: str
) -> None:
    CALLS[name](client)
    assert runpod.requests
    assert [faults_of(request) for request in runpod.requests] == [[]] * len(runpod.requests)


OPTIONAL: dict[str, Any] = {
    "gpu_count": 2, "cloud": "COMMUNITY", "data_centers": ("eu-ro-1", "US-KS-2"),
    "min_cuda": "12.8", "ports": ("8000/http", "22/tcp"), "args": '{"cmd": ["a"]}',
    "env": {"A": "b", "C": ""}, "registry": "login1",
}  # fmt: skip


def test_every_pod_that_can_be_wished_for_fits_the_first_schema() -> None:
    for chosen in product((False, True), repeat=len(OPTIONAL)):
        given = {name: OPTIONAL[name] for name, yes in zip(OPTIONAL, chosen, strict=True) if yes}
        for volume in ({}, {"volume_id": "v1", "volume_path": "/data"}):
            body = bodies.new_pod(NewPod("n", "an/image:1", GPU, **given, **volume))
            assert list(schema.NEW_POD_AUGUST(body)) == [], given
            assert (body["startSsh"], body["startJupyter"]) == (False, False)


def test_a_pod_on_a_volume_with_all_that_there_is_is_taken(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    volume = client.create_volume("v", "EU-RO-1", 10)
    runpod.cloud.registries["login1"] = {"name": "x", "username": "u", "password": "p"}
    given = OPTIONAL | {"cloud": "SECURE", "data_centers": ("eu-ro-1",)}
    client.create_pod(new_pod(volume_id=volume.id, **given))
    assert [faults_of(request) for request in runpod.requests] == [[], []]


@pytest.mark.parametrize("image", ["an/image:1", "docker.io/sbussiso/unsloth-trainer:latest"])
@pytest.mark.parametrize("registry", ["", "login1"])
def test_templates_fit_the_schema(image: str, registry: str) -> None:
    wanted = PodTemplate("t", image, registry=registry)
    assert list(schema.august(schema.NEW_TEMPLATE)(bodies.new_template(wanted))) == []
    assert list(schema.august(schema.TEMPLATE_CHANGES)(bodies.template_fields(wanted))) == []


def test_the_log_is_asked_for_as_documented(runpod: RunpodEmulator, client: RunpodClient) -> None:
    pod = client.create_pod(new_pod("print('hello', flush=True); import time; time.sleep(1e6)"))
    log = PodLog(client.transport, pod.id)
    seen = []
    for more in (3, 6, 9):  # the first without a cursor, then with one
        with suppress(AppError):
            for line in log.read(lambda more=more: len(seen) > more):  # type: ignore[misc]
                seen.append(line)
    runpod.broken.no_cursors = True  # now from a moment on
    with suppress(AppError):
        list(log.read(lambda: True))
    asked = [request for request in runpod.requests if "/logs" in request.target]
    assert {"last-event-id" in request.headers for request in asked} == {True, False}
    assert any("since=" in request.target for request in asked)
    assert [faults_of(request) for request in asked] == [[]] * len(asked)


def test_the_agent_ends_its_pod_as_documented(
    runpod: RunpodEmulator, client: RunpodClient, tmp_path: Path
) -> None:
    pod = client.create_pod(new_pod())
    key = next(word for word, known in runpod.cloud.keys.items() if known.pod == pod.id)
    own = OwnPod(
        Settings("run-1", "", tmp_path, 60, pod_id=pod.id, api_key=key, rest_url=f"{runpod.url}/v2")
    )
    before = len(runpod.requests)
    assert own.prove().way == "rest"
    runpod.broken.add(f"DELETE /v2/pods/{pod.id}")
    assert own.delete() == "action"
    sent = runpod.requests[before:]
    assert [request.method for request in sent] == ["GET", "DELETE", "POST"]
    assert [faults_of(request) for request in sent] == [[], [], []]


def test_a_bad_request_would_be_seen(runpod: RunpodEmulator, client: RunpodClient) -> None:
    client.pods()
    (good,) = runpod.requests
    worse = type(good)("POST", "/v2/pods?x=1", {"user-agent": "httpx"}, b'{"bogus": 1}')
    assert faults_of(worse) == [
        "query x", "$: missing property 'name'", "$: missing property 'image'",
        "$: additional properties 'bogus' not allowed", "a body that is called None",
        "a user agent that is not ours", "no key",
    ]  # fmt: skip
    odd = type(good)(
        "GET", "/v2/catalog/gpus?count=0&limit=3", good.headers | {"last-event-id": "1"}
    )
    assert faults_of(odd) == [
        "query limit", "count: minimum: got 0, want 1", "Last-Event-ID: '1' is not valid date-time",
    ]  # fmt: skip
    assert KEY in good.headers["authorization"]
