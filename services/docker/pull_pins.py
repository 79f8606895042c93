"""Keeps the complete layers of a pull that may yet be interrupted.

Docker drops every layer of an image that did not come to its end, so a pull that was cancelled at
9 of 10 GB begins anew. Here a small image without any layer of its own is loaded after each layer
that is complete: it names the layers so far, so the engine keeps them and finds them next time.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from models.domain.docker import PARTIAL_LABEL
from services.docker.stream import remove_image

if TYPE_CHECKING:
    from docker import DockerClient

    from services.docker.pull_progress import PullProgress
    from services.docker.registry import RemoteImage

_log = logging.getLogger(__name__)
_NAME = "temper-partial"


class PullPins:
    """The pin of one pull. An engine that takes none (Podman, containerd) keeps layers itself."""

    def __init__(self, client: DockerClient, image: str, remote: RemoteImage | None) -> None:
        self._client = client
        self._image = image
        layers = remote.layers if remote is not None else ()
        self._layers = layers if all(layer.diff_id for layer in layers) else ()
        self._remote = remote
        self._pinned = 0
        self._last = ""

    def follow(self, progress: PullProgress) -> None:
        """Pin what has become complete, from the bottom up."""
        count = 0
        while count < len(self._layers) and progress.is_complete(self._layers[count].short_id):
            count += 1
        if self._pinned < count < len(self._layers):
            self._pin(count)

    def _pin(self, count: int) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        archive, config_id = self._archive(count)
        api: Any = self._client.api  # this part of the SDK has no types
        try:
            for _event in api.load_image(archive):
                pass
        except (DockerException, RequestException) as error:
            _log.info("this engine keeps no pins: %s", type(error).__name__)
            self._layers = ()
            return
        last, self._last, self._pinned = self._last, config_id, count
        if last:
            with suppress(DockerException, RequestException):
                remove_image(self._client, last)

    def _archive(self, count: int) -> tuple[bytes, str]:
        """What ``docker save`` writes, save the layers, which the engine has."""
        layers = self._layers[:count]
        remote = self._remote
        config = _json(
            {
                "architecture": remote.architecture if remote is not None else "",
                "os": remote.system if remote is not None else "",
                "config": {"Labels": {PARTIAL_LABEL: self._image}},
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
                "history": [],
            }
        )
        config_id = hashlib.sha256(config).hexdigest()
        tag = hashlib.sha256(self._image.encode()).hexdigest()[:12]
        manifest = _json(
            [
                {
                    "Config": f"{config_id}.json",
                    "RepoTags": [f"{_NAME}:{tag}"],
                    "Layers": [f"{number}/layer.tar" for number in range(count)],
                }
            ]
        )
        return _tar({f"{config_id}.json": config, "manifest.json": manifest}), config_id


def remove_pins(client: DockerClient, image: str) -> None:
    """Let go of what an interrupted pull of this image left."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    with suppress(DockerException, RequestException):
        for found in client.api.images(filters={"label": f"{PARTIAL_LABEL}={image}"}):
            remove_image(client, str(found["Id"]), force=True)


def _tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
