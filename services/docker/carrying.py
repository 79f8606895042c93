"""Images on their way from one engine to another as a file: what ``docker save`` writes and
``docker load`` reads."""

from __future__ import annotations

import json
import re
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.docker.errors import calling
from services.docker.references import parse_image
from services.docker.stream import engine_bytes, engine_events, start_get, start_post
from services.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from docker import DockerClient

    from models.domain.docker import EngineInfo, ImageInfo
    from services.docker.images import ImageService
    from services.progress import CancelToken, Reporter

_CHUNK = 4 * 2**20
_MOST_BYTES = 4_000_000
"""What an archive says of itself has some kilobytes."""
_CONFIG = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")
_ID = re.compile(r"sha256:[0-9a-f]{64}")
_CONTAINERD_NAME = "io.containerd.image.name"


class ImageCarrier:
    """Blocking; the AppErrors of the engine where none answers."""

    def __init__(self, images: ImageService) -> None:
        self._engine = images.engine
        self._images = images

    def info(self) -> EngineInfo:
        """The engine that answers here."""
        return self._engine.info()

    def find(self, name: str) -> ImageInfo | None:
        """The image of this name, or of this id."""
        return self._images.find(name)

    def save(self, image: ImageInfo, target: Path, report: Reporter, cancel: CancelToken) -> None:
        """Write the image, named by its content alone, so that a load gives nothing a new name.

        The file is there as a whole or not at all. Raises AppError, OSError, Cancelled.
        """
        client, what = self._engine.client(), f"save {image.tag}"
        temporary, done = target.with_suffix(".tmp"), 0
        saving = engine_bytes(lambda: start_get(client, f"/images/{image.id}/get"), cancel, what)
        try:
            with temporary.open("wb") as file, closing(saving):
                for chunk in saving:
                    done += file.write(chunk)
                    part = min(done / image.size, 1.0) if image.size else None
                    report(Progress(part, f"Saving {image.tag} ({done / 1e6:,.0f} MB)"))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)  # it cannot be gone on with, and is large

    def load(self, file: Path, name: str, report: Reporter, cancel: CancelToken) -> None:
        """Put an archive of one image into the engine. AppError, Cancelled."""
        client, what = self._engine.client(), f"load {name}"
        report(Progress(None, f"Loading {name} into the container engine"))
        events = engine_events(
            lambda: start_post(
                client,
                "/images/load",
                params={"quiet": 1},
                headers={"Content-Type": "application/x-tar"},
                data=_chunks(file, cancel),
            ),
            cancel,
            what,
        )
        for event in events:
            detail = event.get("errorDetail") or {}
            if words := str(detail.get("message") or event.get("error") or ""):
                message = f"The Docker engine could not {what}."
                hint = "Look whether its disk is full, then import again."
                raise AppError("docker", message, hint, words)

    def id_of(self, ids: Sequence[str]) -> str:
        """Which of these ids the engine has; empty where it has none of them."""
        client = self._engine.client()
        return next((one for one in ids if _has(client, one)), "")

    def name(self, image_id: str, name: str) -> None:
        """Give an image a name."""
        reference = parse_image(name)
        client: Any = self._engine.client()
        with calling(f"name {name}"):
            client.api.tag(image_id, reference.name, reference.reference)


def archived_image(file: Path, names: Sequence[str] = ()) -> tuple[str, ...]:
    """The ids by which engines know an archive's only image: its configuration's hash first, then,
    for engines on containerd, those of its manifests.

    AppError("bad_image") where it holds something else, or would give images other names than
    ``names``: a load would take these away from what has them here.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            listed = _document(archive, "manifest.json")
            index = _document(archive, "index.json") or {}
        (only,) = listed
        config = _CONFIG.fullmatch(only["Config"])
        given = list(only.get("RepoTags") or ())
        manifests = [str(one["digest"]) for one in index.get("manifests") or ()]
        for one in index.get("manifests") or ():
            given += filter(None, [(one.get("annotations") or {}).get(_CONTAINERD_NAME)])
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad(file, "it cannot be read as one", str(error)) from error
    if config is None:
        raise _bad(file, "it does not say which image it holds")
    known = {str(parse_image(name)) for name in names}
    if names and (foreign := [one for one in given if str(parse_image(one)) not in known]):
        raise _bad(file, f"it names an image {foreign[0][:200]!r}")
    return (f"sha256:{config[1]}", *(one for one in manifests if _ID.fullmatch(one)))


def _document(archive: tarfile.TarFile, name: str) -> Any:
    """A JSON file of the archive; None where there is none."""
    try:
        member = archive.getmember(name)
    except KeyError:
        return None
    content = archive.extractfile(member) if member.size <= _MOST_BYTES else None
    return json.loads(content.read()) if content is not None else None


def _chunks(file: Path, cancel: CancelToken) -> Iterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            cancel.raise_if_cancelled()
            yield chunk


def _has(client: DockerClient, image_id: str) -> bool:
    from docker.errors import ImageNotFound

    api: Any = client.api  # this part of the SDK has no types
    with calling("look for an image"):
        try:
            api.inspect_image(image_id)
        except ImageNotFound:
            return False
    return True


def _bad(file: Path, reason: str, details: str = "") -> AppError:
    message = f"{file.name} is no archive of an image that can be used: {reason}."
    return AppError("bad_image", message, "Make the bundle again.", details)
