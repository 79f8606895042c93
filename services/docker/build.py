"""Building the trainer's image from the Dockerfile that comes with the program."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from models.domain.docker import IMAGE_VERSION, TRAINER_LABEL, ImageProgress
from models.domain.errors import AppError
from services.docker.image_errors import image_error
from services.docker.pull import registry_config
from services.docker.references import is_loopback, parse_image
from services.docker.stream import engine_events, start_post
from services.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from docker import DockerClient

    from models.domain.docker import EngineInfo
    from services.docker.logins import LoginStore
    from services.progress import CancelToken

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Build arguments that Docker knows by itself: they are in no layer and in no history."""
_STEP = re.compile(r"^(?:Step (?=\d+/\d+ :)|STEP (?=\d+/\d+:))(\d+)/(\d+) ?: (.*)")
"""Docker's way and Podman's; a training's own "step 3/10" is neither."""
_BASE = re.compile(r"^ARG\s+BASE_IMAGE=(\S+)", re.MULTILINE)
_NEVER_PACKED = ("**/__pycache__", ".git")
_LAST_LINES = 40
_HOST_OF_DESKTOP = "host.docker.internal"
_NETWORK = (
    r"temporary failure|could not resolve|connection refused|timed out|network is unreach|proxy"
)
_FULL = r"no space left on device"


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is built from which folder, under which tag; an empty base is the Dockerfile's own."""

    folder: Path
    tag: str
    variant: str
    base_image: str = ""


class Build:
    """One build. :meth:`run` blocks until the image is there."""

    def __init__(self, client: DockerClient, engine: EngineInfo, plan: BuildPlan) -> None:
        self._client = client
        self._plan = plan
        self._base = plan.base_image or _base_of(plan.folder)
        self._proxy = proxy_for_build(os.environ, engine)

    def run(
        self, logins: LoginStore, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> str:
        """Build; the answer is the image's id. Raises Cancelled, and AppError with the reason."""
        output = _Output(report)
        report(ImageProgress("Sending the Dockerfile to the engine"))
        with self._context() as context:
            events = engine_events(lambda: self._open(context, logins), cancel, "build the image")
            try:
                for event in events:
                    self._take(event, output)
            finally:
                events.close()
        return output.image_id

    def _take(self, event: dict[str, Any], output: _Output) -> None:
        detail = event.get("errorDetail") or {}
        words = str(detail.get("message") or event.get("error") or "")
        if words:
            raise self._failure(words, output)
        output.take(event)

    def _open(self, context: Any, logins: LoginStore) -> Any:
        params = {
            "t": self._plan.tag,
            "rm": 1,
            "forcerm": 1,  # a build that was cancelled leaves no container behind
            "buildargs": json.dumps(self._arguments()),
            "labels": json.dumps({TRAINER_LABEL: self._plan.variant}),
        }
        if self._proxy.network:
            params["networkmode"] = self._proxy.network
        headers = {"Content-Type": "application/tar"}
        if self._base:
            registry = parse_image(self._base).registry
            headers["X-Registry-Config"] = registry_config(logins.find(registry), registry)
        return start_post(self._client, "/build", data=context, params=params, headers=headers)

    def _context(self) -> Any:
        from docker.utils import tar

        ignore = self._plan.folder / ".dockerignore"
        lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
        patterns = [line.strip() for line in lines if line.strip() and line.strip()[0] != "#"]
        made: Any = tar(  # the SDK's temporary file
            self._plan.folder,
            exclude=[*patterns, *_NEVER_PACKED],
            dockerfile=("Dockerfile", None),
        )
        return made

    def _arguments(self) -> dict[str, str]:
        chosen = {"VARIANT": self._plan.variant, "VERSION": IMAGE_VERSION}
        if self._plan.base_image:
            chosen["BASE_IMAGE"] = self._plan.base_image
        return chosen | dict(self._proxy.variables)

    def _failure(self, words: str, output: _Output) -> AppError:
        output.tell(words)
        details = "\n".join(output.last_lines)
        if output.doing.upper().startswith("FROM ") and self._base:
            return image_error(words, parse_image(self._base))
        message = (
            f"Building the image failed at step {output.done} of {output.total} ({output.doing})."
        )
        if re.search(_FULL, details, re.IGNORECASE):
            return AppError(
                "disk_full", f"{message} The disk with Docker's data is full.",
                "Free some space there, for example with: docker system prune", details,
            )  # fmt: skip
        hint = "The lines above say why; what was built so far is kept."
        if re.search(_NETWORK, details, re.IGNORECASE):
            hint = "The network could not be reached from the build: check it and the proxy."
        return AppError("build_failed", message, hint, details)


class _Output:
    """Reads the engine's lines, and tells each."""

    def __init__(self, report: Callable[[ImageProgress], None]) -> None:
        self._report = report
        self._rest = ""
        self._pulled: dict[str, str] = {}
        self.done, self.total, self.doing = 0, 0, "the Dockerfile"
        self.image_id = ""
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)

    def take(self, event: Mapping[str, Any]) -> None:
        """One event: output, a layer of the base image, or the result."""
        aux = event.get("aux")
        if isinstance(aux, dict) and aux.get("ID"):
            self.image_id = str(aux["ID"])
        if event.get("status"):
            self._take_status(event)
            return
        *lines, self._rest = (self._rest + str(event.get("stream") or "")).split("\n")
        for line in lines:
            self.tell(line.rpartition("\r")[2].rstrip())  # of a progress bar, its last state

    def _take_status(self, event: Mapping[str, Any]) -> None:
        """Each state of each layer once: the bytes in between would be thousands of lines."""
        layer, status = str(event.get("id") or ""), str(event["status"])
        if not layer or self._pulled.get(layer) != status:
            self._pulled[layer] = status
            self.tell(f"{layer} {status}".strip())

    def tell(self, line: str) -> None:
        """Pass a line on, without anything secret."""
        if not line:
            return
        line = redact(line)
        self.last_lines.append(line)
        if match := _STEP.match(line):
            self.done, self.total = int(match.group(1)), int(match.group(2))
            self.doing = _short(match.group(3))
        message = f"Step {self.done} of {self.total}: {self.doing}" if self.total else line
        # A step that has begun is not done.
        self._report(ImageProgress(message, max(0, self.done - 1), self.total or None, line=line))


@dataclass(frozen=True, slots=True)
class BuildProxy:
    """The proxy as a build sees it, and the network it needs to see it."""

    variables: tuple[tuple[str, str], ...] = ()
    network: str = ""


def proxy_for_build(environ: Mapping[str, str], engine: EngineInfo) -> BuildProxy:
    """The process's proxy variables (the proxy setting is among them) for a container.

    A proxy on this computer is not at 127.0.0.1 there: the build gets the host's network, or in
    Docker Desktop the name by which containers reach it.
    """
    found = {name: environ[name] for name in _PROXIES if environ.get(name)}
    network = ""
    for name, url in found.items():
        if name.lower() == "no_proxy":
            continue
        password = urlsplit(url).password
        redact.learn(password, quote(password or ""), quote(url, safe=""))
        if is_loopback((urlsplit(url).hostname or "").lower()):
            if engine.kind == "Docker Desktop":
                found[name] = _on_desktop(url)
            elif engine.is_local:
                network = "host"
    return BuildProxy(tuple(found.items()), network)


def _on_desktop(url: str) -> str:
    parts = urlsplit(url)
    who, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{who}{at}{_HOST_OF_DESKTOP}{port}"))


def _base_of(folder: Path) -> str:
    match = _BASE.search((folder / "Dockerfile").read_text(encoding="utf-8"))
    return match.group(1) if match else ""


def _short(command: str) -> str:
    one_line = " ".join(command.split())
    return one_line if len(one_line) <= 60 else f"{one_line[:59]}…"
