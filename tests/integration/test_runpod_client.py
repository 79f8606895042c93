"""Our client against the emulated Runpod: what it sends, repeats, reads and says."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.errors import AppError
from models.domain.pod import COMMUNITY, SECURE, NewPod, PodStatus, PodTemplate
from services.offline import OfflinePolicy
from services.runpod import bodies
from services.runpod.account import RunpodAccount
from services.runpod.addresses import Addresses, addresses
from services.runpod.catalogue import GpuCatalogue
from services.runpod.client import RunpodClient
from services.runpod.refusals import RunpodError
from tests.emulators.runpod import schema
from tests.emulators.server import Reply
from tests.integration.runpod_world import GPU, KEY, client_of, new_pod, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.runpod.emulator import RunpodEmulator


@pytest.fixture
def runpod() -> Iterator[RunpodEmulator]:
    with world() as emulator:
        yield emulator


@pytest.fixture
def client(runpod: RunpodEmulator) -> Iterator[RunpodClient]:
    with client_of(runpod) as found:
        yield found


def refused(call: Any, *arguments: Any) -> RunpodError:
    with pytest.raises(RunpodError) as caught:
        call(*arguments)
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    assert KEY not in f"{caught.value} {caught.value.details}"
    return caught.value


def asked(runpod: RunpodEmulator, method: str, path: str) -> int:
    return sum(one.method == method and one.target == path for one in runpod.requests)


def test_a_pod_is_rented_seen_and_ended(client: RunpodClient) -> None:
    volume = client.create_volume("data", "eu-ro-1", 50)
    made = client.create_pod(new_pod(volume_id=volume.id, env={"TEMPER_RUN_ID": "r1"}))
    assert (made.status, made.cost, made.data_center) == (PodStatus.PROVISIONING, 0.27, "EU-RO-1")
    assert (made.volume_id, made.env["TEMPER_RUN_ID"]) == (volume.id, "r1")
    assert [one.id for one in client.pods()] == [made.id]
    assert client.pod(made.id) is not None
    assert not client.is_gone(made.id)
    client.end_pod(made.id)
    assert client.pod(made.id) is None
    assert client.is_gone(made.id)
    client.end_pod(made.id)  # what is not there any more is ended
    assert [one.name for one in client.volumes()] == ["data"]


def test_lists_that_come_in_pages_are_read_to_their_end(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    runpod.cloud.add_pods(7)
    runpod.api.page = 3
    assert len({one.id for one in client.pods()}) == 7


@given(
    name=st.text(min_size=1), gpus=st.integers(1, 64), disk=st.integers(10, 4000),
    places=st.lists(st.text(min_size=1), max_size=3), volume=st.text(max_size=5),
    env=st.dictionaries(st.text(), st.text(), max_size=50), cuda=st.sampled_from(["", "12.8"]),
    cloud=st.sampled_from([SECURE, COMMUNITY]), ports=st.lists(st.just("8000/http"), max_size=3),
)  # fmt: skip
def test_every_body_is_valid_against_the_first_schema(
    name: str, gpus: int, disk: int, places: list[str], volume: str, env: dict[str, str],
    cuda: str, cloud: str, ports: list[str],
) -> None:  # fmt: skip
    wanted = NewPod(
        name, "image", GPU, gpus, cloud, disk, tuple(places), cuda, volume, "/data",
        tuple(ports), "{}", env,
    )  # fmt: skip
    assert list(schema.NEW_POD_AUGUST(bodies.new_pod(wanted))) == []
    template = PodTemplate(name, "image", disk, tuple(ports), env)
    assert list(schema.NEW_TEMPLATE(bodies.new_template(template))) == []
    assert list(schema.TEMPLATE_CHANGES(bodies.template_fields(template))) == []


def test_what_is_sent_carries_our_name_and_no_secret_in_its_address(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    client.pods()
    client.offers(SECURE)
    client.balance()
    for request in runpod.requests:
        assert request.headers["user-agent"].startswith("Temper/")
        assert KEY not in request.target
        assert KEY.encode() not in request.body


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, "This GPU cannot do that", "refused", "Runpod refused to rent a pod: This GPU"),
        (400, "There are no longer any instances available with the requested specifications.",
         "no_capacity", "no such GPU free"),
        (401, "", "auth", "does not accept this key"),
        (402, "", "no_balance", "balance is too low to rent a pod"),
        (403, "", "forbidden", "may not rent a pod"),
        (403, "error code: 1010", "blocked", "does not let this computer through"),
        (404, "", "not_found", "could not rent a pod: it is not there"),
        (409, "It is locked", "conflict", "as things are: It is locked."),
        (413, "", "too_large", "too large"),
        (422, "bogus", "bad_request", "did not understand the request"),
        (500, "", "create_unclear", "no clear answer"),
        (524, "", "create_unclear", "no clear answer"),
    ],
)  # fmt: skip
def test_refusals_are_errors_that_a_person_understands(
    runpod: RunpodEmulator, client: RunpodClient, status: int, body: str, kind: str, words: str
) -> None:
    content = {"title": "No", "status": status, "detail": body}
    said = body if "1010" in body else json.dumps(content)
    runpod.faults.append(Reply(status, said.encode(), {"x-request-id": "request-7"}))
    error = refused(client.create_pod, new_pod())
    assert (error.kind, error.status) == (kind, status)
    assert words in error.message
    assert "request-7" in error.details
    assert len(runpod.requests) == 1, "nothing that may have been carried out is repeated"


def test_the_answer_of_the_schema_is_told(client: RunpodClient) -> None:
    error = refused(client.create_pod, new_pod(name=""))
    assert error.kind == "bad_request"
    assert "$.name: minLength" in error.message


def test_calls_that_change_nothing_are_repeated(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    runpod.broken.add("GET /v2/pods", times=3, status=502)
    runpod.broken.add("POST /graphql", times=2, status=503)
    assert client.pods() == ()
    assert client.balance().left == 100.0
    runpod.broken.add("GET /v2/pods", times=99, status=502)
    assert refused(client.pods).kind == "server"
    assert asked(runpod, "GET", "/v2/pods") == 4 + 5


def test_a_deletion_that_is_refused_five_times_is_told_and_can_be_tried_again(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = client.create_pod(new_pod())
    runpod.broken.add("DELETE /v2/pods", times=5)
    assert refused(client.end_pod, pod.id).kind == "server"
    assert not client.is_gone(pod.id)
    client.end_pod(pod.id)
    assert client.is_gone(pod.id)


def test_a_deletion_whose_answer_is_lost_is_a_deletion(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = client.create_pod(new_pod())
    runpod.broken.add("DELETE /v2/pods", after=True)
    client.end_pod(pod.id)
    assert client.is_gone(pod.id)


def test_a_pod_is_gone_only_when_it_neither_answers_nor_is_listed(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    pod = client.create_pod(new_pod())
    runpod.broken.add(f"GET /v2/pods/{pod.id}", status=404)
    assert not client.is_gone(pod.id), "it is still in the list"
    runpod.faults.append(Reply(200, json.dumps(runpod.cloud.pods[pod.id].shown()).encode()))
    runpod.cloud.end_pod(pod.id)
    assert not client.is_gone(pod.id), "it still answers"
    assert client.is_gone(pod.id)


def test_runpod_is_left_alone_for_as_long_as_it_says(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    begun = runpod.cloud.clock.now()
    runpod.broken.storm(3, retry_after=20)
    pod = client.create_pod(new_pod())  # turned away unread, so it may be repeated
    assert runpod.cloud.clock.now() - begun >= 60
    assert [one.id for one in client.pods()] == [pod.id]


def test_whoever_must_wait_too_long_is_told(runpod: RunpodEmulator, client: RunpodClient) -> None:
    runpod.broken.storm(1, retry_after=3600)
    error = refused(client.pods)
    assert (error.kind, error.retry_after) == ("rate_limited", 3600)
    runpod.api.windows["minute"] = (len(runpod.requests), 60)
    begun = runpod.cloud.clock.now()
    client.pods()
    client.pods()
    assert runpod.cloud.clock.now() - begun > 30, "the real limit was kept to"


@pytest.mark.parametrize("how", [{"status": 500}, {"silence": 1.0}, {"status": 524}])
def test_a_create_call_without_a_clear_answer_is_said_to_be_unclear(
    runpod: RunpodEmulator, client: RunpodClient, how: dict[str, Any]
) -> None:
    runpod.broken.add("POST /v2/pods", after=True, **how)
    assert refused(client.create_pod, new_pod()).kind == "create_unclear"
    (pod,) = client.pods()
    assert pod.name == "temper-test-1"
    assert asked(runpod, "POST", "/v2/pods") == 1


def test_an_unreachable_runpod_made_nothing() -> None:
    waits: list[float] = []
    where = Addresses("http://127.0.0.1:9", "http://127.0.0.1:9/graphql")
    with RunpodClient(KEY, where, pause=waits.append) as client:
        for call in (lambda: client.create_pod(new_pod()), client.pods, client.balance):
            with pytest.raises(AppError) as caught:
                call()
            assert caught.value.kind == "network"
    assert len(waits) == 3 * 4
    assert [0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits[:4])] == [True] * 4


def test_waiting_can_be_ended(runpod: RunpodEmulator) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def pause(seconds: float) -> None:
        raise Enough

    runpod.broken.storm(9)
    with RunpodClient(KEY, Addresses(runpod.url), pause=pause) as client, pytest.raises(Enough):
        client.pods()


@pytest.mark.parametrize("answer", [b"<html>Log in to the hotel</html>", b"[]", b'{"pods": 3}'])
def test_an_answer_of_somebody_else_is_not_believed(
    runpod: RunpodEmulator, client: RunpodClient, answer: bytes
) -> None:
    runpod.faults.append(Reply(200, answer))
    assert refused(client.pods).kind == "bad_answer"


def test_pods_with_odd_fields_are_read_all_the_same(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    odd = [
        {"id": "a", "status": "PAUSED", "cost": None, "runtime": None, "gpu": None},
        {"id": "b", "status": "RUNNING", "cost": 0.5, "createdAt": "soon", "env": [],
         "runtime": {"uptime": 3, "gpus": [{"util": 9}, "x"]}, "mounts": {"network": []}},
    ]  # fmt: skip
    runpod.faults.append(Reply(200, json.dumps({"pods": odd}).encode()))
    first, second = client.pods()
    assert (first.status, first.cost, first.uptime) == (PodStatus.UNKNOWN, 0.0, None)
    assert (second.uptime, second.gpu_use, second.created) == (3, (9,), None)
    runpod.faults.append(Reply(200, b'{"pods": [{"name": "no id"}]}'))
    assert refused(client.pods).kind == "bad_answer"


def test_the_money_is_asked_for(runpod: RunpodEmulator, client: RunpodClient) -> None:
    client.create_pod(new_pod())
    runpod.cloud.clock.move(3600)
    money = client.balance()
    assert money.left == pytest.approx(100 - 0.27, abs=0.05)
    assert (money.spend_per_hour, money.spend_limit) == (0.27, 80.0)
    runpod.faults.append(Reply(200, b'{"errors": [{"message": "no"}], "data": null}'))
    runpod.faults.append(Reply(200, b'{"data": {"myself": null}}'))
    for _ in range(2):
        with pytest.raises(AppError, match="does not understand"):
            client.balance()


def test_an_id_that_was_typed_leads_nowhere_else(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    client.create_volume("v", "EU-RO-1", 10)
    (volume,) = runpod.cloud.volumes
    client.end_pod(f"../network-volumes/{volume}")
    assert list(runpod.cloud.volumes) == [volume]
    assert client.pod("x?y=z#") is None


def test_the_catalogue_has_both_clouds_and_is_kept_for_a_minute(
    runpod: RunpodEmulator, client: RunpodClient
) -> None:
    now = [1000.0]
    catalogue = GpuCatalogue(lambda: now[0])
    found = catalogue.load(client)
    prices = [one.price for one in found.offers]
    assert prices == sorted(prices)
    by_cloud = {(one.gpu, one.cloud): one for one in found.offers}
    assert by_cloud[GPU, SECURE].price == 0.27
    assert by_cloud[GPU, COMMUNITY].price == 0.16
    assert ("NVIDIA L4", COMMUNITY) not in by_cloud
    assert by_cloud[GPU, SECURE].data_centers["EU-RO-1"] == "HIGH"
    runpod.cloud.stock.sell_out(GPU, SECURE)
    assert catalogue.load(client) is found
    assert len(runpod.requests) == 2
    new = catalogue.load(client, refresh=True)
    assert {one.stock for one in new.offers if (one.gpu, one.cloud) == (GPU, SECURE)} == {"NONE"}
    now[0] = 0.0  # the clock was set back
    assert catalogue.load(client) is not new


def test_nothing_secret_is_logged(
    runpod: RunpodEmulator, client: RunpodClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    runpod.broken.storm(1)
    client.pods()
    assert re.search(r"GET /v2/pods: 200, request [0-9a-f]{16}", caplog.text)
    assert KEY not in caplog.text


def test_our_addresses_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNPOD_REST_URL", "RUNPOD_PROXY_TEMPLATE"):
        monkeypatch.delenv(name, raising=False)
    assert addresses().in_pod("abc", 8000) == "https://abc-8000.proxy.runpod.net"
    assert addresses().pod_page("abc").endswith("abc")
    monkeypatch.setenv("RUNPOD_REST_URL", "http://here/")
    monkeypatch.setenv("RUNPOD_PROXY_TEMPLATE", "http://here/proxy/{pod}/{port}")
    assert addresses().rest == "http://here"
    assert addresses().in_pod("abc", 8000) == "http://here/proxy/abc/8000"


def test_offline_a_pod_can_be_ended_but_nothing_be_rented(
    runpod: RunpodEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keys:
        value: str | None = KEY

        def get(self, name: str) -> str | None:
            return self.value

    keys = Keys()
    monkeypatch.setenv("RUNPOD_REST_URL", runpod.url)
    (pod,) = runpod.cloud.add_pods(1)
    account = RunpodAccount(keys, OfflinePolicy(forced=True))
    with pytest.raises(AppError) as caught:
        account.client("no pod was rented")
    assert caught.value.kind == "offline"
    with account.client_for_ending() as client:
        client.end_pod(pod)
        assert client.is_gone(pod)
    keys.value = None
    with pytest.raises(AppError) as caught:
        account.client_for_ending()
    assert caught.value.kind == "not_set"
    with RunpodAccount(Keys(), OfflinePolicy()).client("") as client:
        assert client.pods() == ()


def test_a_library_without_a_name_of_its_own_is_not_let_in(runpod: RunpodEmulator) -> None:
    """Else the test of our name could not fail."""
    answer = httpx.get(f"{runpod.url}/v2/pods", headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.text) == (403, "error code: 1010")


def test_the_bill_of_a_pod_is_asked_for(runpod: RunpodEmulator, client: RunpodClient) -> None:
    begun = runpod.cloud.clock.now()
    pod = client.create_pod(new_pod())
    client.create_pod(new_pod(name="temper-test-2"))
    runpod.cloud.clock.move(7200)
    client.end_pod(pod.id)
    now = runpod.cloud.clock.now()
    assert client.billed(pod.id, begun, now) == pytest.approx(2 * 0.27, abs=0.05)
    runpod.broken.billed_share = 0
    assert client.billed(pod.id, begun, now) is None
