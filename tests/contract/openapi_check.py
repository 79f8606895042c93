"""Compares everything that we believe of Runpod's REST v2 with a downloaded OpenAPI file.

    pip install jsonschema
    curl -o openapi.json https://api.runpod.io/v2/openapi.json
    python -m tests.contract.openapi_check openapi.json

Checked are the verdicts (:mod:`runpod_verdicts`), every request that the client and the agent on a
pod can send, and every answer of the emulator to them. Exit code 1, and a line for each difference,
where they differ. The file is not kept here: it is Runpod's.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from models.domain.errors import AppError
from services.runpod.pod_log import PodLog
from tests.contract.runpod_recorder import Asker, Recorder, recorder
from tests.contract.runpod_verdicts import BODIES, QUERIES
from tests.integration.runpod_world import client_of, new_pod
from tests.integration.test_runpod_requests import CALLS
from trainer_image.agent_pod import OwnPod
from trainer_image.agent_settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.server import Reply, Request

_BROKEN_ON_PURPOSE = {500}


class Published:
    """The file."""

    def __init__(self, path: Path) -> None:
        self.content: dict[str, Any] = json.loads(path.read_bytes())
        self.title = f"{self.content['info']['title']} {self.content['info']['version']}"

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What a value breaks of a schema of the file."""
        import jsonschema

        formats = jsonschema.FormatChecker(())
        formats.checks("date-time", ValueError)(_moment)
        whole = {"components": self.content["components"]} | schema
        checker = jsonschema.Draft202012Validator(whole, format_checker=formats)
        return [f"{error.json_path}: {error.message[:200]}" for error in checker.iter_errors(value)]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the file says of a call; of two paths the one without a blank wins."""
        for pattern in sorted(self.content["paths"], key=lambda one: one.count("{")):
            found = self.content["paths"][pattern].get(method.lower())
            if found is not None and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return dict(found)
        return None

    def faults_of_request(self, request: Request) -> list[str]:
        """What of a request is not as published."""
        parts = urlsplit(request.target)
        operation = self.operation(request.method, parts.path)
        if operation is None:
            return ["not published"]
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        wrong = list(self._faults_of_parameters(operation, query, request.headers))
        body = operation.get("requestBody")
        if body is None:
            return wrong + (["a body where there is none"] if request.body else [])
        kind = request.headers.get("content-type", "")
        if kind not in body["content"]:
            return [*wrong, f"a body that is called {kind}"]
        try:
            content = json.loads(request.body)
        except ValueError:
            return [*wrong, "no JSON"]
        return wrong + self.faults(body["content"][kind]["schema"], content)

    def faults_of_reply(self, request: Request, reply: Reply) -> list[str]:
        """What of an answer is not as published."""
        operation = self.operation(request.method, urlsplit(request.target).path)
        if operation is None:
            return []
        said = operation["responses"]
        known = self._resolved(said.get(str(reply.status), said["default"]))
        content = known.get("content", {})
        if not content:
            return ["a body where there is none"] if reply.body else []
        kind = reply.headers.get("Content-Type", "")
        if kind not in content:
            return [f"{reply.status} with {kind}"]
        if reply.stream is not None:
            return []
        return self.faults(content[kind]["schema"], json.loads(reply.body))

    def unknown_names(self, request: Request) -> list[str]:
        """Names in a query that the path does not know: they would not be looked at."""
        parts = urlsplit(request.target)
        operation = self.operation(request.method, parts.path) or {}
        known = {self._resolved(one)["name"] for one in operation.get("parameters", [])}
        return [f"query {name}" for name, _ in parse_qsl(parts.query) if name not in known]

    def _faults_of_parameters(
        self, operation: dict[str, Any], query: dict[str, str], headers: dict[str, str]
    ) -> Iterator[str]:
        for one in map(self._resolved, operation.get("parameters", [])):
            given = headers if one["in"] == "header" else query if one["in"] == "query" else {}
            name = one["name"].lower() if one["in"] == "header" else one["name"]
            if name in given:
                schema = self._resolved(one["schema"])
                for fault in self.faults(schema, _typed(given[name], schema)):
                    yield f"{one['name']} {fault}"

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            found: Any = self.content
            for word in part["$ref"].removeprefix("#/").split("/"):
                found = found[word]
            part = found
        return part


def main() -> int:
    """Compare, and say how much was compared."""
    parser = argparse.ArgumentParser(prog="openapi_check", description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="the downloaded openapi.json")
    published = Published(parser.parse_args().path)
    wrong = [*_verdicts(published), *_ours(published)]
    print("\n".join(wrong) or "No difference.")
    return 1 if wrong else 0


def _verdicts(published: Published) -> Iterator[str]:
    """Our verdicts, the emulator's, and its answers to the bad and the good."""
    with recorder() as emulator:
        asker = Asker(emulator)
        for what, is_good, answer in asker.ask_all():
            request, reply = emulator.exchanges[-1]
            faults = published.faults_of_request(request)
            if bool(faults) == is_good:
                yield f"{what}: we say {'good' if is_good else 'bad'}, the file {faults or 'good'}"
            if (answer.status_code == 422) == is_good:
                yield f"{what}: the emulator answers {answer.status_code}"
            yield from _said(published, request, reply)
        asker.http.close()
    count = sum(map(len, BODIES.values())) + sum(map(len, QUERIES.values()))
    print(f"{published.title}: {count} verdicts compared.")


def _ours(published: Published) -> Iterator[str]:
    """What our client and our agent send, and what the emulator answers."""
    count = 0
    for august in (True, False):
        for name in (*CALLS, "log", "agent"):
            with recorder(august=august) as emulator:
                emulator.cloud.delays.provision = 3
                emulator.cloud.delays.warm_up = 0
                _call(name, emulator)
                for request, reply in emulator.exchanges:
                    count += 1
                    faults = published.faults_of_request(request)
                    faults += published.unknown_names(request)
                    yield from (f"{name}: {request.method} {request.target}: {f}" for f in faults)
                    if not august:
                        yield from _said(published, request, reply)
    print(f"{count} requests of ours compared.")


def _said(published: Published, request: Request, reply: Reply) -> Iterator[str]:
    if reply.status not in _BROKEN_ON_PURPOSE:
        for fault in published.faults_of_reply(request, reply):
            yield f"the emulator's answer to {request.method} {unquote(request.target)}: {fault}"


def _call(name: str, emulator: Recorder) -> None:
    with client_of(emulator) as client:
        if name in CALLS:
            CALLS[name](client)
            return
        pod = client.create_pod(new_pod("print('a'); print('b'); import time; time.sleep(1e6)"))
        if name == "agent":
            _end_as_the_agent(emulator, pod.id)
            return
        log = PodLog(client.transport, pod.id, reopen=0.2, silent=2.0)
        for refused in (False, False, False, True):
            emulator.broken.no_cursors = refused
            with suppress(AppError):
                list(log.read())


def _end_as_the_agent(emulator: Recorder, pod: str) -> None:
    key = next(word for word, known in emulator.cloud.keys.items() if known.pod == pod)
    rest = f"{emulator.url}/v2"
    own = OwnPod(Settings("run-1", "", Path(), 60, pod_id=pod, api_key=key, rest_url=rest))
    own.prove()
    emulator.broken.add(f"DELETE /v2/pods/{pod}")
    own.delete()


def _typed(value: str, schema: dict[str, Any]) -> Any:
    """A word of a query as what the schema has it for, where it can be that."""
    if schema.get("type") == "array":
        return value.split(",")
    if schema.get("type") == "integer":
        return int(value) if re.fullmatch(r"-?\d+", value) else value
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}.get(value, value)
    return value


def _moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


if __name__ == "__main__":
    sys.exit(main())
