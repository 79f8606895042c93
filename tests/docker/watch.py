"""Looks for secrets wherever they could be seen while programs and containers run.

All the time: the arguments and the environment of every process of this computer, what the engine
tells of each container, what it keeps of its output, and the files of a folder. A secret is looked
for as it is and as it stands in base64, in which logins are told to engines.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from docker.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from docker import DockerClient

    from tests.docker.engine import RealEngine

_PAUSE_SECONDS = 0.1
TOKEN_NAMES = {"HF_TOKEN", "HUGGINGFACE_HUB_TOKEN"}


@dataclass(frozen=True, order=True)
class Sighting:
    """A secret, by the name that the test gave it, and where it was seen."""

    secret: str
    where: str


@dataclass
class Seen:
    """What the engine told of one container in the course of its life."""

    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    is_looked_into: bool = False
    """Whether one of its processes was looked at."""


class Watch:
    """Watches while its ``with`` block lasts; then all that was seen is in ``sightings``.

    Of a container's environment, which the engine tells and its processes have, only the names
    count: ``containers`` has what was in it.
    """

    def __init__(self, engine: RealEngine, folder: Path, secrets: Mapping[str, str]) -> None:
        self.sightings: set[Sighting] = set()
        self.containers: dict[str, Seen] = {}
        self._engine = engine
        self._folder = folder
        self._spellings = {name: spellings(value) for name, value in secrets.items()}
        self._known: dict[Path, tuple[int, int]] = {}
        self._over = threading.Event()
        self._faults: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="watch")

    def look_at(self, where: str, content: bytes) -> None:
        """Look into anything else."""
        for name, spelled in self._spellings.items():
            if any(one in content for one in spelled):
                self.sightings.add(Sighting(name, where))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert not self._faults, self._faults

    def _run(self) -> None:
        try:
            with closing(self._engine.client()) as client:
                since = int(time.time()) - 1
                while not self._over.wait(_PAUSE_SECONDS):
                    self._look(client)
                self._look(client)
                events = client.api.events(since=since, until=int(time.time()) + 1)
                self.look_at("the engine's events", b"".join(events))
                self.look_at("the engine's log", self._engine.log.read_bytes())
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self._faults.append(error)

    def _look(self, client: DockerClient) -> None:
        for found in client.api.containers(all=True):
            self.look_at("docker ps", json.dumps(found).encode())
            with suppress(APIError):  # it is gone by now
                self._inspect(client.api.inspect_container(found["Id"]))
        self._look_at_processes()
        for place, _, names in os.walk(self._folder):  # which gets by what vanishes meanwhile
            self._look_at_files(Path(place, name) for name in names)

    def _inspect(self, details: dict[str, Any]) -> None:
        seen = self.containers.setdefault(details["Id"], Seen())
        seen.labels = details["Config"]["Labels"]
        seen.environment |= variables(details["Config"].pop("Env"))
        self.look_at("docker inspect", json.dumps(details).encode())
        if details["LogPath"]:
            self._look_at_files([Path(details["LogPath"])])

    def _look_at_processes(self) -> None:
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                self.look_at("a command line", (folder / "cmdline").read_bytes())
                self._look_at_environment(folder)

    def _look_at_environment(self, folder: Path) -> None:
        content = (folder / "environ").read_bytes()
        cgroup = (folder / "cgroup").read_text()
        home = next((one for one in self.containers if one in cgroup), None)
        if home is None:
            self.look_at(f"the environment of {_words(folder)}", content)
            return
        seen = self.containers[home]
        found = variables(content.decode(errors="replace").split("\0"))
        seen.is_looked_into = seen.is_looked_into or "TEMPER_DATA_ROOT" in found
        seen.environment |= found

    def _look_at_files(self, files: Iterable[Path]) -> None:
        for file in files:
            with suppress(OSError):
                if not file.is_file():
                    continue
                now = file.stat()
                if self._known.get(file) != (now.st_mtime_ns, now.st_size):
                    self._known[file] = (now.st_mtime_ns, now.st_size)
                    self.look_at(f"the file {file.name}", file.read_bytes())

    @property
    def files(self) -> set[str]:
        """The names of all files that were looked into."""
        return {file.name for file in self._known}


def spellings(secret: str) -> tuple[bytes, ...]:
    """How a secret may be written: as it is, quoted for a URL, in base64 wherever it begins."""
    plain, found = secret.encode(), [secret.encode(), quote(secret, safe="").encode()]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            found.append(encode(bytes(shift) + plain)[-(-shift * 4 // 3) : -4])
    return tuple(found)


def variables(words: Iterable[str]) -> dict[str, str]:
    """The variables of an environment that is told as ``NAME=value``."""
    return dict(word.split("=", 1) for word in words if "=" in word)


def _words(folder: Path) -> str:
    return (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
