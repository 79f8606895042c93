"""REST v2: who may do what, how often, and what comes of it."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.emulators.runpod import billing, listing, renting, schema
from tests.emulators.runpod.catalogue import WITH_VOLUMES
from tests.emulators.runpod.clock import read
from tests.emulators.runpod.podlog import Wish
from tests.emulators.runpod.pods import ACTIONS
from tests.emulators.runpod.problems import Refused, good
from tests.emulators.server import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.runpod.cloud import Cloud, Key
    from tests.emulators.runpod.pods import Pod
    from tests.emulators.server import Request

LIBRARIES = ("python-", "python/", "urllib", "httpx", "requests", "aiohttp", "curl")
"""Names by which Cloudflare refuses a client."""
MOST_BYTES = 102_400
WINDOWS = {"minute": (60, 60), "hour": (3000, 3600), "day": (50000, 86400)}
"""Calls and emulated seconds."""


@dataclass
class Api:
    """Answers for ``/v2`` of one account. ``august`` knows only fields of the first schema."""

    cloud: Cloud
    closing: Callable[[], bool]
    august: bool = False
    page: int | None = None
    """So many pods a page, as newer versions of the API answer; None: all at once."""
    windows: dict[str, tuple[int, int]] = field(default_factory=lambda: dict(WINDOWS))
    _calls: dict[str, list[float]] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """Every answer, refusals too."""
        agent = request.headers.get("user-agent", "").lower()
        if not agent or agent.startswith(LIBRARIES):
            return Reply(403, b"error code: 1010", {"Content-Type": "text/plain"})
        with self.cloud.lock:
            try:
                reply = self._answer(request)
            except Refused as refused:
                reply = refused.reply()
            reply.headers["Date"] = formatdate(self.cloud.clock.now(), usegmt=True)
            return reply

    def _answer(self, request: Request) -> Reply:
        self.cloud.advance()
        word = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = self.cloud.keys.get(word)
        if key is None or key.is_expired:
            raise Refused(401, "The API key is invalid.")
        limits = self._count(word)
        parts = urlsplit(request.target)
        path, query = parts.path.removeprefix("/v2"), dict(parse_qsl(parts.query))
        self._permit(key, request.method, path)
        reply = self._route(request, path, query)
        reply.headers.update(limits)
        return reply

    def _count(self, word: str) -> dict[str, str]:
        """Note a call; refuse it when a window is full."""
        now, calls = self.cloud.clock.now(), self._calls.setdefault(word, [])
        left = []
        for name, (quota, seconds) in self.windows.items():
            recent = [moment for moment in calls if now - moment < seconds]
            wait = int(seconds - (now - recent[0])) + 1 if recent else seconds
            left.append(f'"{name}";r={max(0, quota - len(recent) - 1)};t={wait}')
            if len(recent) >= quota:
                raise Refused(429, "Too many requests.", Retry_After=str(wait))
        calls.append(now)
        policy = ", ".join(f'"{n}";q={q};w={w}' for n, (q, w) in self.windows.items())
        return {"RateLimit": ", ".join(left), "RateLimit-Policy": policy}

    def _permit(self, key: Key, method: str, path: str) -> None:
        if key.is_restricted:
            raise Refused(403, "The key lacks the permission pods:read.")
        if not key.pod:
            return
        own = re.fullmatch(rf"/pods/{key.pod}(/action)?", path)
        allowed = own is not None and method in {"GET", "DELETE", "POST"}
        if self.cloud.faults.own_key_refused or not allowed:
            raise Refused(403, "The key belongs to a pod and may do nothing else.")

    def _route(self, request: Request, path: str, query: dict[str, str]) -> Reply:
        known: set[str] = set()
        for method, pattern, handle in self._routes():
            match = re.fullmatch(pattern, path)
            if match is None:
                continue
            known.add(method)
            if method == request.method:
                return handle(self, request, query, *match.groups())
        if known:
            raise Refused(405, "The method is not allowed here.", Allow=", ".join(sorted(known)))
        raise Refused(404, "No such resource.")

    @staticmethod
    def _routes() -> tuple[tuple[str, str, Callable[..., Reply]], ...]:
        return _ROUTES

    def body(self, request: Request, shape: schema.Shape) -> dict[str, Any]:
        """The body, checked. 413, 400 and 422."""
        if len(request.body) > MOST_BYTES:
            raise Refused(413, f"The body is larger than {MOST_BYTES} bytes.")
        try:
            content = json.loads(request.body)
        except ValueError:
            raise Refused(400, "The body is not JSON.") from None
        errors = list(shape(content, "$"))
        if errors:
            raise Refused(422, "The request does not match the schema.", errors)
        return dict(content)

    def pod(self, pod_id: str) -> Pod:
        """A pod, or 404."""
        found = self.cloud.pods.get(pod_id)
        if found is None:
            raise Refused(404, "The pod does not exist.")
        return found


def _list_pods(api: Api, request: Request, query: dict[str, str]) -> Reply:
    shown = [pod.shown() for pod in api.cloud.pods.values()]
    if api.page is None:
        return good({"pods": shown})
    start = int(query.get("cursor", "0"))
    end = start + api.page
    pages = {"hasNextPage": end < len(shown), "nextCursor": str(end) if end < len(shown) else None}
    return good({"pods": shown[start:end], "pagination": pages})


def _create_pod(api: Api, request: Request, query: dict[str, str]) -> Reply:
    shape = schema.NEW_POD_AUGUST if api.august else schema.NEW_POD
    pod = renting.rent(api.cloud, api.body(request, shape))
    return good(pod.shown(), 201)


def _get_pod(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    return good(api.pod(pod_id).shown())


def _change_pod(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    pod = api.pod(pod_id)
    renting.change(api.cloud, pod, api.body(request, schema.POD_CHANGES))
    return good(pod.shown())


def _delete_pod(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    if api.pod(pod_id).is_locked:
        raise Refused(409, "The pod is locked.")
    api.cloud.end_pod(pod_id)
    return good(None, 204)


def _act(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    pod, action = api.pod(pod_id), api.body(request, schema.ACTION)["action"]
    if action not in ACTIONS[pod.status]:
        raise Refused(409, f"The action {action} is not valid for a pod that is {pod.status}.")
    if action == "terminate":
        return _delete_pod(api, request, query, pod_id)
    {"start": pod.begin, "stop": pod.stop, "restart": pod.restart}[action]()
    return good(pod.shown())


def _logs(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    pod, tail = api.pod(pod_id), query.get("tail", "100")
    if not tail.isdecimal() or int(tail) > 5000:
        raise Refused(422, "tail: want an integer from 0 to 5000")
    if query.get("source", "system") not in {"system", "container"}:
        raise Refused(422, "source: value must be one of 'container', 'system'")
    sources = (query["source"],) if "source" in query else ("container", "system")
    cursor = request.headers.get("last-event-id", "")
    if cursor and "/" in cursor and api.cloud.faults.plain_cursors:
        raise Refused(422, "Last-Event-ID: want date-time")
    try:
        since = read(query["since"]) if "since" in query else None
        read(cursor.partition("/")[0]) if cursor else None
    except ValueError:
        raise Refused(422, "since: want date-time") from None
    wish = Wish(sources, int(tail), cursor, None if cursor else since)
    stream = pod.log.stream(wish, api.cloud.faults.lost_lines, api.closing)
    return Reply(200, b"", {"Content-Type": "text/event-stream"}, stream=stream)


def _list_gpus(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good({"gpus": listing.gpus(api.cloud, query)})


def _get_gpu(api: Api, request: Request, query: dict[str, str], gpu: str) -> Reply:
    from urllib.parse import unquote

    found = [one for one in listing.gpus(api.cloud, query) if one["id"] == unquote(gpu)]
    if not found:
        raise Refused(404, "The GPU type does not exist.")
    return good(found[0])


def _list_data_centers(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good({"dataCenters": listing.data_centers(api.cloud, query)})


def _list_volumes(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good({"networkVolumes": [one.shown() for one in api.cloud.volumes.values()]})


def _create_volume(api: Api, request: Request, query: dict[str, str]) -> Reply:
    body = api.body(request, schema.NEW_VOLUME)
    if body["dataCenter"] not in WITH_VOLUMES:
        raise Refused(400, f"The data center {body['dataCenter']} has no network volumes.")
    kind = body.get("type", "STANDARD")
    made = api.cloud.new_volume(body["name"], body["size"], body["dataCenter"], kind)
    return good(made.shown(), 201)


def _volume(api: Api, request: Request, query: dict[str, str], volume_id: str) -> Reply:
    found = api.cloud.volumes.get(volume_id)
    if found is None:
        raise Refused(404, "The network volume does not exist.")
    if request.method == "PATCH":
        body = api.body(request, schema.VOLUME_CHANGES)
        if body.get("size", found.size) < found.size:
            raise Refused(400, "A network volume cannot be made smaller.")
        found.size, found.name = body.get("size", found.size), body.get("name", found.name)
    if request.method == "DELETE":
        if api.cloud.users_of(volume_id):
            raise Refused(409, "The network volume is in use by a pod.")
        del api.cloud.volumes[volume_id]
        return good(None, 204)
    return good(found.shown())


def _list_templates(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good({"templates": list(api.cloud.templates.values())})


def _create_template(api: Api, request: Request, query: dict[str, str]) -> Reply:
    body = api.body(request, schema.NEW_TEMPLATE)
    if any(one["name"] == body["name"] for one in api.cloud.templates.values()):
        raise Refused(400, "Template name must be unique.")
    made: dict[str, Any] = {
        "args": "", "disk": 20, "ports": [], "env": {}, "registry": None, "mounts": {},
        "category": "NVIDIA", "public": False, "serverless": False, "startSsh": True,
        "startJupyter": True, "allowedCudaVersions": [],
    } | body | {"id": secrets.token_hex(5)}  # fmt: skip
    api.cloud.templates[made["id"]] = made
    return good(made, 201)


def _template(api: Api, request: Request, query: dict[str, str], template_id: str) -> Reply:
    found = api.cloud.templates.get(template_id)
    if found is None:
        raise Refused(404, "The template does not exist.")
    if request.method == "PATCH":
        found.update(api.body(request, schema.TEMPLATE_CHANGES))
    if request.method == "DELETE":
        del api.cloud.templates[template_id]
        return good(None, 204)
    return good(found)


def _list_registries(api: Api, request: Request, query: dict[str, str]) -> Reply:
    shown = [{"id": key, "name": one["name"]} for key, one in api.cloud.registries.items()]
    return good({"registries": shown})


def _create_registry(api: Api, request: Request, query: dict[str, str]) -> Reply:
    body, made = api.body(request, schema.NEW_REGISTRY), secrets.token_hex(5)
    api.cloud.registries[made] = body
    return good({"id": made, "name": body["name"]}, 201)


def _registry(api: Api, request: Request, query: dict[str, str], registry_id: str) -> Reply:
    found = api.cloud.registries.get(registry_id)
    if found is None:
        raise Refused(404, "The registry credential does not exist.")
    if request.method == "DELETE":
        del api.cloud.registries[registry_id]
        return good(None, 204)
    return good({"id": registry_id, "name": found["name"]})


def _list_secrets(api: Api, request: Request, query: dict[str, str]) -> Reply:
    shown = [{"id": key, "name": one["name"]} for key, one in api.cloud.secrets.items()]
    wanted = query.get("name")
    return good({"secrets": [one for one in shown if wanted in {None, one["name"]}]})


def _create_secret(api: Api, request: Request, query: dict[str, str]) -> Reply:
    body, made = api.body(request, schema.NEW_SECRET), secrets.token_hex(5)
    if any(one["name"] == body["name"] for one in api.cloud.secrets.values()):
        raise Refused(409, "A secret of this name exists.")
    api.cloud.secrets[made] = body
    return good({"id": made, "name": body["name"]}, 201)


def _bill(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good(billing.pods(api.cloud, query))


_ID = "/([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("GET", "/pods", _list_pods),
    ("POST", "/pods", _create_pod),
    ("GET", f"/pods{_ID}", _get_pod),
    ("PATCH", f"/pods{_ID}", _change_pod),
    ("DELETE", f"/pods{_ID}", _delete_pod),
    ("POST", f"/pods{_ID}/action", _act),
    ("GET", f"/pods{_ID}/logs", _logs),
    ("GET", "/catalog/gpus", _list_gpus),
    ("GET", f"/catalog/gpus{_ID}", _get_gpu),
    ("GET", "/catalog/datacenters", _list_data_centers),
    ("GET", "/network-volumes", _list_volumes),
    ("POST", "/network-volumes", _create_volume),
    *((method, f"/network-volumes{_ID}", _volume) for method in ("GET", "PATCH", "DELETE")),
    ("GET", "/templates", _list_templates),
    ("POST", "/templates", _create_template),
    *((method, f"/templates{_ID}", _template) for method in ("GET", "PATCH", "DELETE")),
    ("GET", "/registries", _list_registries),
    ("POST", "/registries", _create_registry),
    *((method, f"/registries{_ID}", _registry) for method in ("GET", "DELETE")),
    ("GET", "/billing/pods", _bill),
    ("GET", "/account/secrets", _list_secrets),
    ("POST", "/account/secrets", _create_secret),
)
