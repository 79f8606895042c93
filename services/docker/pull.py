"""Pulling an image: progress by layer, cancel at any moment, resume, patience with networks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from models.domain.errors import AppError
from services.docker.image_errors import image_error
from services.docker.logins import HUB_ADDRESS
from services.docker.pull_pins import PullPins, remove_pins
from services.docker.pull_progress import PullProgress
from services.docker.references import HUB
from services.docker.stream import abandonable, engine_events, start_post

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient

    from models.domain.docker import EngineInfo, ImageProgress
    from services.docker.image_space import ImageSpace
    from services.docker.logins import Login
    from services.docker.references import ImageReference
    from services.docker.registry import RemoteImage
    from services.progress import CancelToken

    Report = Callable[[ImageProgress], None]

PAUSES = (1.0, 3.0, 9.0)
"""Seconds before a broken pull is tried again; the engine itself has tried a layer five times."""
_REPORT_SECONDS = 0.1
_PASSING = {"network", "rate_limited"}


class Pull:
    """One pull of one image. :meth:`run` blocks until it is here."""

    def __init__(
        self, client: DockerClient, engine: EngineInfo, image: ImageReference, login: Login | None
    ) -> None:
        self._client = client
        self._engine = engine
        self._image = image
        self._login = login
        self.pauses = PAUSES

    def run(self, space: ImageSpace, report: Report, cancel: CancelToken) -> str:
        """Pull; the answer is the image's digest. Raises Cancelled, and AppError with the reason.

        What was complete when a pull ended early is not fetched again by the next one.
        """
        remote = abandonable(self._look_up, cancel)
        broken = 0
        while True:
            progress = PullProgress(_sizes(remote))
            report(progress.now())
            try:
                self._once(progress, _Watch(self, remote, space, report), cancel)
            except AppError as error:
                if error.kind not in _PASSING or not progress.listed or broken == len(self.pauses):
                    raise
                cancel.pause(self.pauses[broken])
                broken += 1
            else:
                progress.finish()
                report(progress.now())
                remove_pins(self._client, str(self._image))
                return progress.digest

    def check_space(self, space: ImageSpace, packed: int | None) -> None:
        """Refuse what cannot fit."""
        space.check_pull(self._engine, str(self._image), packed)

    def pins(self, remote: RemoteImage | None) -> PullPins:
        """What keeps complete layers."""
        return PullPins(self._client, str(self._image), remote)

    def _look_up(self) -> RemoteImage | None:
        from services.docker.registry import look_up

        return look_up(self._image, self._login, self._engine.architecture)

    def _once(self, progress: PullProgress, watch: _Watch, cancel: CancelToken) -> None:
        events = engine_events(self._open, cancel, f"pull {self._image}")
        try:
            for event in events:
                if words := _error_of(event):
                    raise image_error(words, self._image, has_login=self._login is not None)
                watch.seen(progress, changed=progress.take(event))
        except AppError as error:
            if error.details and error.kind in {"docker", "image_missing", "not_found"}:
                known = self._login is not None
                raise image_error(error.details, self._image, has_login=known) from error
            raise
        finally:
            events.close()

    def _open(self) -> Any:
        from docker.auth import encode_header

        name = self._image.repository if self._image.registry == HUB else self._image.name
        header = encode_header(self._login.header(self._image.registry) if self._login else {})
        return start_post(
            self._client,
            "/images/create",
            params={"fromImage": name, "tag": self._image.reference},
            headers={"X-Registry-Auth": header.decode()},
        )


class _Watch:
    """What is done at each event of one try."""

    def __init__(
        self, pull: Pull, remote: RemoteImage | None, space: ImageSpace, report: Report
    ) -> None:
        self._pull = pull
        self._space = space
        self._pins = pull.pins(remote)
        self._report = report
        self._checked = 0
        self._reported = 0.0

    def seen(self, progress: PullProgress, *, changed: bool) -> None:
        """Refuse what cannot fit, keep what is complete, tell how far it is."""
        if progress.listed > self._checked:
            self._pull.check_space(self._space, progress.to_fetch())
            self._checked = progress.listed
        if changed:
            self._pins.follow(progress)
        if changed or time.monotonic() - self._reported >= _REPORT_SECONDS:
            self._reported = time.monotonic()
            self._report(progress.now())


def registry_config(login: Login | None, registry: str) -> str:
    """The header by which a build may pull its base image from a registry."""
    from docker.auth import encode_header

    if login is None:
        return str(encode_header({}).decode())
    address = HUB_ADDRESS if registry == HUB else registry
    return str(encode_header({address: login.header(registry)}).decode())


def _sizes(remote: RemoteImage | None) -> dict[str, int]:
    return {layer.short_id: layer.size for layer in remote.layers} if remote is not None else {}


def _error_of(event: dict[str, Any]) -> str:
    detail = event.get("errorDetail") or {}
    return str(detail.get("message") or event.get("error") or "")
