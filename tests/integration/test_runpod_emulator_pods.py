"""The emulated Runpod's pods live, end, start anew and are reached as real ones."""

from __future__ import annotations

import json
import os

import httpx
import pytest

from tests.emulators.runpod.emulator import TRAINER
from tests.emulators.runpod.faults import Boot
from tests.emulators.runpod.machines import processes_of
from tests.integration import emulator_world
from tests.integration.emulator_world import SLEEP, Asked, until

pytestmark = pytest.mark.slow
ask = emulator_world.ask

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
    until(lambda: not processes_of(pod))  # what is killed is gone a moment later


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
    assert before - ask.cloud.balance == pytest.approx(0.27, rel=0.2)


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
