"""The emulated Runpod is as strict, and as unkind, as the documentation and the field say.

Nothing of the program is used here: what it could hide would be hidden from its own tests too.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.runpod.emulator import TRAINER
from tests.integration import emulator_world
from tests.integration.emulator_world import A5000, KEY, Asked, body, until

ask = emulator_world.ask


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"bogus": 1}, 422, "$: additional properties 'bogus' not allowed"),
        ({"name": None}, 422, "$.name: got null, want string"),
        ({"disk": "40"}, 422, "$.disk: got string, want integer"),
        ({"disk": True}, 422, "$.disk: got boolean, want integer"),
        ({"cloud": "ALL"}, 422, "$.cloud: value must be one of"),
        ({"ports": ["8000"]}, 400, "A port is a number and a protocol"),
        ({"env": {"A": 1}}, 422, "$.env.A: got number, want string"),
        ({"env": {str(n): "" for n in range(51)}}, 400, "At most 50 environment variables"),
        ({"gpu": {"count": 1}}, 422, "$.gpu: missing property 'id'"),
        ({"mounts": {"network": [{"volumeId": "v"}]}}, 422, "missing property 'path'"),
        ({"mounts": {"persistent": {"size": 9, "path": "/x"}}}, 422, "minimum: got 9, want 10"),
        ({"cpu": {"id": "cpu3c"}}, 422, "$.cpu: missing property 'vcpuCount'"),
        ({"cpu": {"id": "cpu3c", "vcpuCount": 2}}, 400, "Exactly one of gpu and cpu"),
        ({"gpu": {"id": A5000, "minCudaVersion": "12"}}, 422, "does not match pattern"),
        ({"gpu": {"id": A5000, "minRamPerGpu": 999}}, 400, "no longer any instances"),
        ({"cmd": ["other"]}, 400, "say different things"),
        ({"gpu": {"id": "NVIDIA H900"}}, 400, "Unknown GPU type"),
        ({"gpu": {"id": A5000, "count": 9}}, 400, "At most 8"),
        ({"gpu": {"id": "NVIDIA RTX 2000 Ada Generation", "count": 2}}, 400, "At most 1"),
        ({"gpu": {"id": A5000, "minCudaVersion": "12.8", "allowedCudaVersions": ["12.4"]}}, 400,
         "not both"),
        ({"gpu": {"id": A5000, "minCudaVersion": "13.9"}}, 400, "no longer any instances"),
        ({"dataCenterIds": ["eu-ro-1"]}, 400, "Unknown data center"),
        ({"dataCenterIds": ["US-CA-2"]}, 400, "no longer any instances"),
        ({"ports": [f"{n}/http" for n in range(8000, 8011)]}, 400, "At most 10"),
        ({"mounts": {"network": [{"volumeId": "v", "path": "/data"}]}}, 404, "does not exist"),
        ({"registry": "r"}, 404, "does not exist"),
        ({"templateId": "t"}, 404, "does not exist"),
        ({"env": {"A": "x" * 102_400}}, 413, "larger than 102400"),
    ],
)  # fmt: skip
def test_a_bad_request_for_a_pod_is_refused(
    ask: Asked, change: dict[str, Any], status: int, words: str
) -> None:
    answer = ask("POST", "/pods", body() | change)
    content = answer.json()
    assert (answer.status_code, content["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in f"{content['detail']} {content.get('errors')}"
    assert answer.headers["x-request-id"]
    assert ask.cloud.pods == {}


def test_newer_fields_are_taken_unless_the_first_schema_holds(ask: Asked) -> None:
    newer = {"name": "x", "image": TRAINER, "gpu": {"id": A5000}, "cmd": ["a"], "entrypoint": ["b"]}
    made = ask("POST", "/pods", newer).json()
    assert made["args"] == '{"entrypoint": ["b"], "cmd": ["a"]}'
    again = newer | {"args": '{"cmd":["a"],"entrypoint":["b"]}'}
    assert ask("POST", "/pods", again).json()["args"] == again["args"], "both say the same"
    assert ask("PATCH", f"/pods/{made['id']}", {"cmd": []}).json()["entrypoint"] == ["b"]
    ask.emulator.api.august = True
    assert ask("POST", "/pods", newer).status_code == 422
    assert ask("PATCH", f"/pods/{made['id']}", {"cmd": []}).status_code == 422


def test_who_asks_and_what_for_is_looked_at(ask: Asked) -> None:
    assert ask("GET", "/pods", key="rpa_wrong").status_code == 401
    assert ask("GET", "/pods", key="rpa_restricted").status_code == 403
    blocked = ask("GET", "/pods", **{"User-Agent": "Python-urllib/3.11"})
    assert (blocked.status_code, blocked.text) == (403, "error code: 1010")
    assert ask("GET", "/nothing").status_code == 404
    wrong = ask("PUT", "/pods")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    ask.cloud.keys[KEY].is_expired = True
    assert ask("GET", "/pods").status_code == 401


def test_too_many_calls_are_told_to_wait_by_the_emulated_clock(ask: Asked) -> None:
    ask.cloud.clock.speed = 1  # four calls must not take a minute
    ask.emulator.api.windows["minute"] = (3, 60)
    answers = [ask("GET", "/pods") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"].startswith('"minute";q=3;w=60, "hour"')
    assert answers[1].headers["ratelimit"].startswith('"minute";r=1;')
    ask.cloud.clock.move(int(answers[3].headers["retry-after"]))
    assert ask("GET", "/pods").status_code == 200


def test_without_a_least_cuda_version_an_old_driver_is_what_one_gets(ask: Asked) -> None:
    pod = ask.create(gpu={"id": A5000})
    assert ask("GET", f"/pods/{pod}").json()["cudaVersion"] == "12.4"
    until(lambda: any("cuda>=12.8" in one for one in ask.cloud.pods[pod].log.lines("system")))


def test_stock_runs_out_and_comes_back(ask: Asked) -> None:
    kinds = f"/catalog/gpus/{A5000}?include=AVAILABILITY&product=POD&cloud=SECURE"
    assert ask("GET", kinds).json()["availability"] == "HIGH"
    ask.cloud.stock.sell_out(A5000, "SECURE")
    ask.cloud.stock.free[A5000, "SECURE", "US-KS-2"] = 1
    assert ask("GET", kinds).json()["availability"] == "LOW"
    assert ask("GET", f"{kinds}&count=2").json()["availability"] == "NONE"
    pod = ask.create()
    assert ask("GET", f"/pods/{pod}").json()["dataCenterId"] == "US-KS-2"
    assert "no longer any instances" in ask("POST", "/pods", body()).json()["detail"]
    ask("DELETE", f"/pods/{pod}")
    ask.create()
    for query in (
        "include=AVAILABILITY", "product=POD", "count=1", "minCudaVersion=12",
        "include=AVAILABILITY&product=POD&cudaVersions=12.8&minCudaVersion=12",
    ):  # fmt: skip
        assert ask("GET", f"/catalog/gpus?{query}").status_code == 400
    assert "availability" not in ask("GET", "/catalog/gpus").json()["gpus"][0]


def test_money_is_spent_and_its_end_ends_pods(ask: Asked) -> None:
    volume = ask.cloud.new_volume("v", 10, "EU-RO-1")
    mounts = {"network": [{"volumeId": volume.id, "path": "/data"}]}
    kept, lost = ask.create(mounts=mounts), ask.create()
    ask.cloud.balance = 0.20
    ask.cloud.clock.move(1800)
    until(lambda: ask("GET", f"/pods/{lost}").status_code == 404)
    assert ask("GET", f"/pods/{kept}").json()["status"] == "EXITED"
    assert ask.cloud.ended[lost] == pytest.approx(0.135, rel=0.2)
    assert ask("POST", "/pods", body()).status_code == 402
    query = {"query": "query { myself { clientBalance spendLimit } }"}
    answer = ask.http.post("/graphql", json=query, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.json()["data"]["myself"]["clientBalance"] < 0
    assert ask.http.post("/graphql", json=query).status_code == 401
    public = ask.http.post("/graphql", json={"query": "query { gpuTypes { id memoryInGb } }"})
    assert len(public.json()["data"]["gpuTypes"]) == 25
    odd = ask.http.post("/graphql", json={"query": "query { gpuTypes { bogus } }"}).json()
    assert odd["errors"][0]["message"].startswith("Cannot query field")


def test_the_spend_limit_holds(ask: Asked) -> None:
    ask.cloud.spend_limit = 0.5
    ask.create()
    assert ask("POST", "/pods", body()).status_code == 402


def test_the_rules_of_network_volumes(ask: Asked) -> None:
    assert ask("POST", "/network-volumes", {"name": "v", "size": 10}).status_code == 422
    wanted = {"name": "v", "size": 50, "dataCenter": "US-TX-3"}
    assert ask("POST", "/network-volumes", wanted).status_code == 400
    volume = ask("POST", "/network-volumes", wanted | {"dataCenter": "EU-RO-1"}).json()
    path = f"/network-volumes/{volume['id']}"
    assert ask("PATCH", path, {"size": 40}).status_code == 400
    assert ask("PATCH", path, {"size": 60}).json()["size"] == 60
    mounts = {"network": [{"volumeId": volume["id"], "path": "/data"}]}
    gpu = {"gpu": {"id": A5000}, "mounts": mounts}
    assert ask("POST", "/pods", body() | gpu | {"cloud": "COMMUNITY"}).status_code == 400
    assert ask("POST", "/pods", body() | gpu | {"dataCenterIds": ["US-KS-2"]}).status_code == 400
    pod = ask.create(mounts=mounts)
    assert ask("GET", f"/pods/{pod}").json()["dataCenterId"] == "EU-RO-1"
    other = {"network": [{"volumeId": "other", "path": "/data"}]}
    for wrong in (other, {"network": []}, {"persistent": {"size": 10, "path": "/data"}}):
        assert ask("PATCH", f"/pods/{pod}", {"mounts": wrong}).status_code == 400
    assert ask("PATCH", f"/pods/{pod}", {"mounts": {}}).json()["mounts"] == mounts
    assert ask("DELETE", path).status_code == 409
    ask("DELETE", f"/pods/{pod}")
    assert ask("DELETE", path).status_code == 204


def test_a_template_is_taken_over_and_the_request_wins(ask: Asked) -> None:
    template = ask(
        "POST", "/templates",
        {"name": "t", "image": TRAINER, "disk": 33, "env": {"A": "1", "B": "1"}},
    ).json()  # fmt: skip
    assert (template["startSsh"], template["startJupyter"]) == (True, True)
    wanted = {"name": "x", "templateId": template["id"], "env": {"B": "2"}, "gpu": {"id": A5000}}
    pod = ask("POST", "/pods", wanted).json()
    assert (pod["image"], pod["disk"], pod["env"]) == (TRAINER, 33, {"A": "1", "B": "2"})
    assert pod["template"] is None
    for field in ("gpu", "dataCenterIds", "cloud"):
        assert ask("PATCH", f"/templates/{template['id']}", {field: "x"}).status_code == 422


def test_log_requests_are_checked(ask: Asked) -> None:
    pod = ask.create()
    for query in ("tail=5001", "tail=x", "source=all", "since=yesterday"):
        assert ask("GET", f"/pods/{pod}/logs?{query}").status_code == 422
    cursor = {"Last-Event-ID": "2026-06-01T12:02:03Z/000000000001"}
    assert ask("GET", f"/pods/{pod}/logs", **cursor).status_code == 422
    assert ask("GET", "/pods/nobody/logs").status_code == 404


def test_it_imports_nothing_of_the_program() -> None:
    from pathlib import Path

    folder = Path(__file__).parents[1] / "emulators" / "runpod"
    ours = ("app", "controllers", "models", "services", "trainer_image", "views")
    for file in folder.glob("*.py"):
        for name in ours:
            assert f"from {name}" not in file.read_text()
            assert f"import {name}" not in file.read_text()
