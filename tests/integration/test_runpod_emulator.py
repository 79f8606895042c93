"""The emulated Runpod is as strict, and as unkind, as the documentation and the field say.

Nothing of the program is used here: what it could hide would be hidden from its own tests too.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.emulator import TRAINER, RunpodEmulator
from tests.emulators.runpod.faults import Boot
from tests.emulators.runpod.machines import processes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "rpa_" + "k" * 40
AGENT = {"User-Agent": "test-of-the-emulator/1"}
A5000 = "NVIDIA RTX A5000"
SLEEP = "import time; time.sleep(1e6)"
SERVER = """
import http.server, hashlib, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(5)
        self.reply(os.environ.get("A", "").encode() * 1000)
    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(hashlib.sha256(body).hexdigest().encode())
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Asked:
    """An emulator and a way to ask it."""

    def __init__(self, emulator: RunpodEmulator) -> None:
        self.emulator = emulator
        self.cloud = emulator.cloud
        self.http = httpx.Client(base_url=emulator.url, headers=AGENT, timeout=20)

    def __call__(
        self, method: str, path: str, body: Any = None, key: str = KEY, **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}"} | headers
        return self.http.request(method, f"/v2{path}", json=body, headers=sent)

    def create(self, code: str = SLEEP, **fields: Any) -> str:
        answer = self("POST", "/pods", body(code) | fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def runtime(self, pod: str) -> Any:
        return self("GET", f"/pods/{pod}").json()["runtime"]


def body(code: str = SLEEP) -> dict[str, Any]:
    args = json.dumps({"entrypoint": ["python3", "-u", "-c"], "cmd": [code]})
    gpu = {"id": A5000, "count": 1, "minCudaVersion": "12.8"}
    return {"name": "x", "image": TRAINER, "gpu": gpu, "args": args, "ports": ["8000/http"]}


def until(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return found


@pytest.fixture
def ask() -> Iterator[Asked]:
    keys = {KEY: Key(), "rpa_restricted": Key(is_restricted=True)}
    cloud = Cloud(Clock(50), keys=keys)
    with RunpodEmulator(cloud) as emulator:
        emulator.api.windows["minute"] = (100_000, 60)
        asked = Asked(emulator)
        yield asked
        asked.http.close()


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
    ask.emulator.api.windows["minute"] = (3, 60)
    answers = [ask("GET", "/pods") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"].startswith('"minute";q=3;w=60, "hour"')
    assert answers[1].headers["ratelimit"].startswith('"minute";r=1;')
    ask.cloud.clock.move(int(answers[3].headers["retry-after"]))
    assert ask("GET", "/pods").status_code == 200


def test_a_pod_lives_as_pods_do_and_every_required_field_is_there(ask: Asked) -> None:
    ask.cloud.delays.provision = ask.cloud.delays.pull = 1e6
    pod = ask.create()
    shown = ask("GET", f"/pods/{pod}").json()
    assert (shown["status"], shown["runtime"]) == ("PROVISIONING", None)
    assert shown["actions"] == ["stop", "terminate"]
    assert set(shown) >= {
        "id", "name", "status", "actions", "image", "args", "disk", "mounts", "ports", "env",
        "registry", "cloud", "dataCenterId", "cudaVersion", "ssh", "template", "cost", "locked",
        "globalNetworking", "runtime", "createdAt", "startedAt",
    }  # fmt: skip
    ask.cloud.delays.provision = 0
    until(lambda: ask("GET", f"/pods/{pod}").json()["status"] == "RUNNING")
    assert ask.runtime(pod) is None, "running, while the image is still pulled"
    ask.cloud.delays.pull = 20
    until(lambda: (found := ask.runtime(pod)) and found["uptime"] >= 5)
    lines = ask.cloud.pods[pod].log.lines("system")
    assert lines[0] == f"create container {TRAINER}"
    assert lines[-1] == f"start container for {TRAINER}: begin"
    assert ask("DELETE", f"/pods/{pod}").content == b""
    assert ask("GET", f"/pods/{pod}").status_code == 404
    assert ask("DELETE", f"/pods/{pod}").status_code == 404
    pages = {"hasNextPage": False, "nextCursor": None}
    assert ask("GET", "/pods").json() == {"pods": [], "pagination": pages}
    ask.emulator.api.august = True
    assert ask("GET", "/pods").json() == {"pods": []}


def test_actions_are_refused_where_they_do_not_fit(ask: Asked) -> None:
    ask.cloud.delays.provision = 1e6
    pod = ask.create()
    assert ask("POST", f"/pods/{pod}/action", {"action": "restart"}).status_code == 409
    assert ask("POST", f"/pods/{pod}/action", {"action": "dance"}).status_code == 422
    stopped = ask("POST", f"/pods/{pod}/action", {"action": "stop"}).json()
    assert (stopped["status"], stopped["cost"]) == ("EXITED", 0)
    assert ask("POST", f"/pods/{pod}/action", {"action": "start"}).json()["status"] == "STARTING"
    until(lambda: ask.runtime(pod))
    assert ask("POST", f"/pods/{pod}/action", {"action": "terminate"}).status_code == 204


def test_a_container_that_ends_is_started_again_with_an_empty_disk_and_the_same_volume(
    ask: Asked,
) -> None:
    volume = ask.cloud.new_volume("v", 10, "EU-RO-1")
    code = (
        "import os, pathlib; print(os.listdir('.')); pathlib.Path('own').write_text('x')\n"
        "with open(os.environ['DATA'] + '/kept', 'a') as f: f.write('x')"
    )
    mounts = {"network": [{"volumeId": volume.id, "path": "/data"}]}
    pod = ask.create(code, mounts=mounts, env={"DATA": "/data"})
    until(lambda: ask.cloud.pods[pod].starts >= 4)
    assert ask("GET", f"/pods/{pod}").json()["status"] == "RUNNING", "and billing"
    assert ask("GET", f"/pods/{pod}").json()["cost"] == 0.27
    assert set(ask.cloud.pods[pod].log.lines("container")) == {"[]"}
    assert len((volume.folder / "kept").read_text()) >= 3
    ask("DELETE", f"/pods/{pod}")
    assert (volume.folder / "kept").exists()


def test_no_process_of_a_pod_outlives_it(ask: Asked) -> None:
    code = (
        "import subprocess, sys, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'],"
        " start_new_session=True); print('up'); time.sleep(99)"
    )
    pod = ask.create(code)
    until(lambda: ask.cloud.pods[pod].log.lines("container"))
    until(lambda: len(processes_of(pod)) == 2)
    ask("DELETE", f"/pods/{pod}")
    assert processes_of(pod) == []


def test_a_pod_has_its_variables_and_a_key_for_itself_alone(ask: Asked) -> None:
    ask("POST", "/account/secrets", {"name": "hf", "value": "told"})
    code = "import json, os; print(json.dumps(dict(os.environ)), flush=True);" + SLEEP
    pod, other = ask.create(code, env={"MINE": "{{ RUNPOD_SECRET_hf }}"}), ask.create()
    (line,) = until(lambda: ask.cloud.pods[pod].log.lines("container"))
    env = json.loads(line)
    assert (env["RUNPOD_POD_ID"], env["RUNPOD_GPU_COUNT"], env["MINE"]) == (pod, "1", "told")
    assert ask("GET", f"/pods/{pod}").json()["env"] == {"MINE": "{{ RUNPOD_SECRET_hf }}"}
    own = env["RUNPOD_API_KEY"]
    assert ask("GET", f"/pods/{pod}", key=own).status_code == 200
    for path in (f"/pods/{other}", "/pods", "/network-volumes"):
        assert ask("GET", path, key=own).status_code == 403
    ask.emulator.broken.own_key_refused = True
    assert ask("GET", f"/pods/{pod}", key=own).status_code == 403
    ask.emulator.broken.own_key_refused = False
    assert ask("DELETE", f"/pods/{pod}", key=own).status_code == 204
    assert ask("GET", f"/pods/{pod}", key=own).status_code == 401


@pytest.mark.parametrize(
    ("boot", "words"),
    [
        (Boot.STUCK_PULL, "Pull complete"),
        (Boot.TOO_MANY_PULLS, "toomanyrequests"),
        (Boot.OLD_DRIVER, "unsatisfied condition: cuda>=99.0"),
        (Boot.NEVER, "Downloaded newer image"),
    ],
)
def test_a_container_that_never_starts_is_billed_all_the_same(
    ask: Asked, boot: Boot, words: str
) -> None:
    ask.emulator.broken.boots.append(boot)
    pod = ask.create()
    until(lambda: words in "\n".join(ask.cloud.pods[pod].log.lines("system")))
    before = ask.cloud.balance
    ask.cloud.clock.move(3600)
    shown = ask("GET", f"/pods/{pod}").json()
    assert (shown["status"], shown["runtime"], shown["cost"]) == ("RUNNING", None, 0.27)
    assert before - ask.cloud.balance == pytest.approx(0.27, rel=0.05)


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


def serving(ask: Asked) -> str:
    """The proxy's path to a pod that answers."""
    ask.cloud.delays.provision = 1e6
    pod = ask.create(SERVER, env={"PORT": "8000", "A": "abcdefghij"})
    path = f"/proxy/{pod}/8000"
    assert ask.http.get(path).status_code == 502, "while nothing runs yet"
    ask.cloud.delays.provision = 0
    until(lambda: ask.http.get(f"{path}/").status_code == 200)
    return path


def test_what_runs_in_a_pod_is_reached_through_the_proxy(ask: Asked) -> None:
    path = serving(ask)
    answer = ask.http.get(f"{path}/")
    assert (answer.content, answer.headers["server"]) == (b"abcdefghij" * 1000, "cloudflare")
    assert ask.http.get(f"{path}/slow").status_code == 524, "after 100 emulated seconds"
    assert ask.http.get(path.replace("8000", "8001")).status_code == 404
    pod = path.split("/")[2]
    ask.emulator.host_dies(pod)
    assert ask.http.get(f"{path}/").status_code == 502
    assert ask("GET", f"/pods/{pod}").json()["status"] == "RUNNING"
    ask.emulator.end_in_console(pod)
    assert ask.http.get(f"{path}/").status_code == 404


def test_the_proxy_cuts_and_spoils_as_it_is_told(ask: Asked) -> None:
    path, content = serving(ask), os.urandom(100_000)
    good = ask.http.put(f"{path}/x", content=content).text
    ask.emulator.broken.add("PUT /proxy", corrupt_request=True)
    assert ask.http.put(f"{path}/x", content=content).text not in {good, ""}
    ask.emulator.broken.add("PUT /proxy", cut_request=50_000)
    with pytest.raises(httpx.RemoteProtocolError):
        ask.http.put(f"{path}/x", content=content)
    ask.emulator.broken.add("GET /proxy", cut_reply=5000)
    with pytest.raises(httpx.RemoteProtocolError):
        ask.http.get(f"{path}/")
    ask.emulator.broken.add("GET /proxy", corrupt_reply=True)
    assert ask.http.get(f"{path}/").content != b"abcdefghij" * 1000
    assert ask.http.put(f"{path}/x", content=content).text == good


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
