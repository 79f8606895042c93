"""Runpod's HTTP proxy to what runs in pods: ``/proxy/{pod}/{port}/...``."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

from tests.emulators.server import Reply

if TYPE_CHECKING:
    from tests.emulators.runpod.cloud import Cloud
    from tests.emulators.runpod.faults import Fault
    from tests.emulators.server import Request

LONGEST_SECONDS = 100.0
"""Emulated, without an answer: then 524."""
MOST_BYTES = 100 * 10**6
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_FRONT = {"Server": "cloudflare"}
"""Cloudflare writes its own name over that of whoever answers behind it."""


def answer(cloud: Cloud, request: Request, fault: Fault | None) -> Reply | None:
    """What the pod answers, as the proxy passes it on; None: the connection just ends."""
    if len(request.body) > MOST_BYTES:
        return Reply(413, b"payload too large")
    _, _, pod_id, port, *rest = request.target.split("/", 4)
    with cloud.lock:
        cloud.advance()
        pod = cloud.pods.get(pod_id)
        if pod is None or f"{port}/http" not in pod.record["ports"]:
            return Reply(404, b"not found")
        since = pod.container_since
        warm = since is not None and cloud.clock.now() - since >= cloud.delays.warm_up
        address = pod.machine.address(int(port)) if pod.is_running and warm else None
    if address is None:
        return Reply(502, b"error code: 502")
    body, is_cut = request.body, False
    if fault is not None and fault.corrupt_request:
        body = _spoilt(body)
    if fault is not None and fault.cut_request is not None:
        body, is_cut = body[: fault.cut_request], True
    reply = _pass(cloud, request, address, "/" + "".join(rest), body)
    return None if is_cut else _on_the_way_back(reply, fault)


def _on_the_way_back(reply: Reply, fault: Fault | None) -> Reply:
    if fault is None:
        return reply
    body = _spoilt(reply.body) if fault.corrupt_reply else reply.body
    return Reply(reply.status, body, reply.headers, cut=fault.cut_reply)


def _pass(
    cloud: Cloud, request: Request, address: tuple[str, int], path: str, body: bytes
) -> Reply:
    """The pod's own answer. A body that was cut is announced in full and breaks off."""
    headers = {name: value for name, value in request.headers.items() if name not in _HOP}
    headers |= {"Content-Length": str(len(request.body)), "Connection": "close"}
    link = http.client.HTTPConnection(*address, timeout=cloud.clock.real(LONGEST_SECONDS) + 0.05)
    try:
        link.putrequest(request.method, path)
        for name, value in headers.items():
            link.putheader(name, value)
        link.endheaders(body)
        if len(body) < len(request.body):
            assert link.sock is not None
            link.sock.shutdown(socket.SHUT_WR)
        answer = link.getresponse()
        content = answer.read()
    except TimeoutError:
        return Reply(524, b"error code: 524")
    except (OSError, http.client.HTTPException):
        return Reply(502, b"error code: 502")
    finally:
        link.close()
    passed = {n: v for n, v in answer.getheaders() if n.lower() not in {*_HOP, "server"}}
    return Reply(answer.status, content, passed | _FRONT)


def _spoilt(body: bytes) -> bytes:
    """One bit is not what it was."""
    if not body:
        return body
    place = len(body) // 2
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
