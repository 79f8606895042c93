"""REST v2: who may do what, how often, and what comes of it."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.emulators.runpod import billing, command, listing, queries, renting, schema
from tests.emulators.runpod.catalogue import DATA_CENTERS, GPUS, WITH_VOLUMES
from tests.emulators.runpod.clock import read, written
from tests.emulators.runpod.podlog import Wish
from tests.emulators.runpod.pods import ACTIONS
from tests.emulators.runpod.problems import MOST_BYTES, Refused, good, too_large
from tests.emulators.server import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.runpod.cloud import Cloud, Key
    from tests.emulators.runpod.pods import Pod
    from tests.emulators.server import Request

LIBRARIES = ("python-", "python/", "urllib", "httpx", "requests", "aiohttp", "curl")
"""Names by which Cloudflare refuses a client."""
WINDOWS = {"minute": (60, 60), "hour": (3000, 3600), "day": (50000, 86400)}
"""Calls and emulated seconds."""


@dataclass
class Api:
    """Answers for ``/v2`` of one account. ``august`` knows only fields of the first schema."""

    cloud: Cloud
    closing: Callable[[], bool]
    august: bool = False
    page: int | None = None
    """So many things a page at most; None: as many as the request's limit says. The ``august``
    schema has pages only where this is set."""
    windows: dict[str, tuple[int, int]] = field(default_factory=lambda: dict(WINDOWS))
    _calls: dict[str, list[float]] = field(default_factory=dict)
    _limits: dict[str, str] = field(default_factory=dict)

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
            reply.headers.update(self._limits)
            reply.headers["Date"] = formatdate(self.cloud.clock.now(), usegmt=True)
            return reply

    def _answer(self, request: Request) -> Reply:
        self._limits = {}
        if too_large(request.body):
            raise Refused(413, f"The body is larger than {MOST_BYTES} bytes.")
        self.cloud.advance()
        word = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = self.cloud.keys.get(word)
        if key is None or key.is_expired:
            raise Refused(401, "The API key is invalid.")
        self._count(word)
        parts = urlsplit(request.target)
        path = parts.path.removeprefix("/v2")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._permit(key, request.method, path)
        return self._route(request, path, query)

    def _count(self, word: str) -> None:
        """Note a call; refuse it when a window is full. Every answer from here on tells both."""
        now, calls = self.cloud.clock.now(), self._calls.setdefault(word, [])
        policy = ", ".join(f'"{n}";q={q};w={w}' for n, (q, w) in self.windows.items())
        left, full = [], 0
        for name, (quota, seconds) in self.windows.items():
            recent = [moment for moment in calls if now - moment < seconds]
            wait = int(seconds - (now - recent[0])) + 1 if recent else seconds
            left.append(f'"{name}";r={max(0, quota - len(recent) - 1)};t={wait}')
            full = full or (wait if len(recent) >= quota else 0)
        self._limits = {"RateLimit": ", ".join(left), "RateLimit-Policy": policy}
        if full:
            raise Refused(429, "Too many requests.", Retry_After=str(full))
        calls.append(now)

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
                self._check_query(method, path, query)
                return handle(self, request, query, *match.groups())
        if known:
            raise Refused(405, "The method is not allowed here.", Allow=", ".join(sorted(known)))
        raise Refused(404, "No such resource.")

    @staticmethod
    def _routes() -> tuple[tuple[str, str, Callable[..., Reply]], ...]:
        return _ROUTES

    def _check_query(self, method: str, path: str, query: dict[str, str]) -> None:
        if self.august and self.page is None:  # it knows no pages, and looks at no unknown name
            query = {name: value for name, value in query.items() if name not in queries.PAGES}
        errors = queries.faults(path, query) if method == "GET" else []
        if errors:
            raise Refused(422, "The request does not match the schema.", errors)

    def paged(self, name: str, found: list[Any], query: dict[str, str]) -> Reply:
        """A list, newest first, in pages."""
        if self.august and self.page is None:
            return good({name: found})
        cursor, most = query.get("cursor", "p0"), int(query.get("limit", "1000"))
        most = most if self.page is None else min(most, self.page)
        if not re.fullmatch(r"p\d+", cursor):
            raise Refused(422, "The cursor is not one of ours.")
        start = int(cursor[1:])
        more = start + most < len(found)
        pages = {"hasNextPage": more, "nextCursor": f"p{start + most}" if more else None}
        return good({name: found[start : start + most], "pagination": pages})

    def body(self, request: Request, shape: schema.Shape) -> dict[str, Any]:
        """The body, checked. 400 and 422."""
        shape = schema.august(shape) if self.august else shape
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
    shown = [pod.shown() for pod in reversed(api.cloud.pods.values())]
    return api.paged("pods", shown, query)


def _create_pod(api: Api, request: Request, query: dict[str, str]) -> Reply:
    pod = renting.rent(api.cloud, api.body(request, schema.NEW_POD))
    return good(pod.shown(), 201)


def _get_pod(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    shown = api.pod(pod_id).shown()
    return good(shown | {"runtime": None} if api.cloud.faults.is_quiet() else shown)


def _change_pod(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    pod = api.pod(pod_id)
    renting.change(api.cloud, pod, api.body(request, schema.POD_CHANGES))
    return good(pod.shown())


def _delete_pod(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    api.cloud.end_pod(api.pod(pod_id).id)
    return good(None, 204)


def _act(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    pod, action = api.pod(pod_id), api.body(request, schema.ACTION)["action"]
    if action not in ACTIONS[pod.status]:
        raise Refused(409, f"The action {action} is not valid for a pod that is {pod.status}.")
    if pod.is_locked and action in {"stop", "restart"}:
        raise Refused(409, "The pod is locked.")  # the status is a guess: it is written nowhere
    if action == "terminate":
        return _delete_pod(api, request, query, pod_id)
    {"start": pod.begin, "stop": pod.stop, "restart": pod.restart}[action]()
    return good(pod.shown())


def _logs(api: Api, request: Request, query: dict[str, str], pod_id: str) -> Reply:
    pod, faults = api.pod(pod_id), api.cloud.faults
    sources = (query["source"],) if "source" in query else queries.SOURCES
    cursor = request.headers.get("last-event-id", "")
    day = cursor if faults.plain_cursors else cursor.partition("/")[0]
    errors = list(queries.moment(day, "Last-Event-ID")) if cursor else []
    if errors or (cursor and faults.no_cursors):
        raise Refused(422, "The request does not match the schema.", errors)
    since = read(query["since"]) if "since" in query and not cursor else None
    wish = Wish(sources, int(query.get("tail", "100")), cursor, since, faults.bare_ids)
    stream = pod.log.stream(wish, api.cloud.faults.lost_lines, api.closing)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return Reply(200, b"", headers | {"Content-Type": "text/event-stream"}, stream=stream)


def _list_gpus(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good({"gpus": listing.gpus(api.cloud, query)})


def _get_gpu(api: Api, request: Request, query: dict[str, str], gpu: str) -> Reply:
    kind = GPUS.get(unquote(gpu))
    if kind is None:
        raise Refused(404, "The GPU type does not exist.")
    return good(listing.gpu(api.cloud, kind, query))


def _list_data_centers(api: Api, request: Request, query: dict[str, str]) -> Reply:
    return good({"dataCenters": listing.data_centers(api.cloud, query)})


def _get_data_center(api: Api, request: Request, query: dict[str, str], place: str) -> Reply:
    if place not in DATA_CENTERS:
        raise Refused(404, "The data center does not exist.")
    return good(listing.data_center(api.cloud, place, query))


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
    shown = [_shown_template(one) for one in reversed(api.cloud.templates.values())]
    return api.paged("templates", shown, query)


def _create_template(api: Api, request: Request, query: dict[str, str]) -> Reply:
    body = api.body(request, schema.NEW_TEMPLATE)
    if any(one["name"] == body["name"] for one in api.cloud.templates.values()):
        raise Refused(400, "Template name must be unique.")
    made: dict[str, Any] = {
        "args": "", "disk": 20, "ports": [], "env": {}, "registry": None, "mounts": {},
        "category": "NVIDIA", "public": False, "serverless": False, "startSsh": True,
        "startJupyter": True, "allowedCudaVersions": [],
    } | command.settings(body) | {"id": secrets.token_hex(5)}  # fmt: skip
    renting.check(api.cloud, made)
    api.cloud.templates[made["id"]] = made
    return good(_shown_template(made), 201)


def _template(api: Api, request: Request, query: dict[str, str], template_id: str) -> Reply:
    found = api.cloud.templates.get(template_id)
    if found is None:
        raise Refused(404, "The template does not exist.")
    if request.method == "PATCH":
        changes = api.body(request, schema.TEMPLATE_CHANGES)
        changes = command.settings(changes, found["args"])
        renting.check(api.cloud, changes)
        changes["mounts"] = changes.get("mounts") or found["mounts"]
        found.update(changes)
    if request.method == "DELETE":
        del api.cloud.templates[template_id]
        return good(None, 204)
    return good(_shown_template(found))


def _shown_template(template: dict[str, Any]) -> dict[str, Any]:
    return template | command.parts(template["args"])


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
        if any(pod.record["registry"] == registry_id for pod in api.cloud.pods.values()):
            raise Refused(400, "The registry credential is in use by a pod.")
        for template in api.cloud.templates.values():
            if template["registry"] == registry_id:
                template["registry"] = None
        del api.cloud.registries[registry_id]
        return good(None, 204)
    return good({"id": registry_id, "name": found["name"]})


def _list_secrets(api: Api, request: Request, query: dict[str, str]) -> Reply:
    wanted = query.get("name", "").lower()
    shown = [_shown_secret(key, one) for key, one in api.cloud.secrets.items()]
    return good({"secrets": [one for one in shown if wanted in {"", one["name"].lower()}]})


def _create_secret(api: Api, request: Request, query: dict[str, str]) -> Reply:
    body, made = api.body(request, schema.NEW_SECRET), secrets.token_hex(5)
    if body["name"].upper().startswith("RUNPOD"):
        raise Refused(400, "Names that begin with RUNPOD are reserved.")
    if any(one["name"] == body["name"] for one in api.cloud.secrets.values()):
        raise Refused(409, "A secret of this name exists.")
    api.cloud.secrets[made] = body | {"createdAt": written(api.cloud.clock.now())}
    return good(_shown_secret(made, api.cloud.secrets[made]), 201)


def _shown_secret(secret_id: str, secret: dict[str, str]) -> dict[str, str]:
    return {"id": secret_id} | {name: value for name, value in secret.items() if name != "value"}


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
    ("GET", f"/catalog/datacenters{_ID}", _get_data_center),
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
