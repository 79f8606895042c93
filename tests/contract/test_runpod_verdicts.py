"""The emulated Runpod refuses by its schema exactly what the published one refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.runpod_answers import ANSWERS, PROBLEM, answer_to
from tests.contract.runpod_recorder import Asker, recorder
from tests.contract.runpod_verdicts import BODIES, POD, QUERIES


def test_it_refuses_what_the_schema_refuses_and_nothing_else() -> None:
    with recorder() as emulator:
        asker = Asker(emulator)
        found = [(what, good, answer) for what, good, answer in asker.ask_all()]
        asker.http.close()
    wrong = [
        f"{what}: {answer.status_code} {answer.text[:120]}"
        for what, is_good, answer in found
        if (answer.status_code != 422) != is_good or answer.status_code >= 500
    ]
    assert wrong == []
    assert len(found) == sum(map(len, BODIES.values())) + sum(map(len, QUERIES.values())) > 250


def test_every_answer_is_as_published() -> None:
    with recorder() as emulator:
        asker = Asker(emulator)
        list(asker.ask_all())
        for path in ("/v2/pods", "/v2/templates", "/v2/network-volumes", "/v2/registries"):
            asker.ask("GET", f"{path}/{{id}}")
            asker.ask("GET", path)
        for path in ("catalog/gpus/NVIDIA%20L4", "catalog/datacenters/EU-RO-1", "account/secrets"):
            asker.ask("GET", f"/v2/{path}")
        asker.ask("DELETE", "/v2/pods/{id}")
        asker.http.close()
        exchanges = list(emulator.exchanges)
    wrong: list[str] = []
    seen = set()
    for request, reply in exchanges:
        shape = PROBLEM if reply.status >= 400 else answer_to(request.method, request.target)
        seen.add((request.method, shape is not PROBLEM and reply.status))
        kind = "application/problem+json" if reply.status >= 400 else "application/json"
        if reply.status == 204:
            wrong += [f"{request.target}: 204 with a body"] if reply.body else []
            continue
        assert shape is not None, f"{request.method} {request.target} is not published"
        faults = list(shape(json.loads(reply.body), "$"))
        faults += [] if reply.headers["Content-Type"] == kind else [reply.headers["Content-Type"]]
        wrong += [f"{request.method} {request.target}: {fault}" for fault in faults]
    assert wrong == []
    assert {("GET", 200), ("POST", 201), ("PATCH", 200), ("POST", False)} <= seen


def test_all_shapes_of_answers_can_fail() -> None:
    for shape in {id(one): one for _, _, one in ANSWERS}.values():
        assert list(shape({}, "$"))


@pytest.mark.parametrize("newer", [{"cmd": ["a"]}, {"entrypoint": ["a"]}])
def test_the_first_schema_knows_no_newer_fields(newer: dict[str, Any]) -> None:
    with recorder(august=True) as emulator:
        asker = Asker(emulator)
        assert asker.ask("POST", "/v2/pods", POD | newer).status_code == 422
        assert asker.ask("PATCH", "/v2/templates/{id}", newer).status_code == 422
        assert asker.ask("GET", "/v2/pods", query="limit=x").status_code == 200
        asker.http.close()
