"""The managed environment and a container engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.domain.docker import EngineInfo, ImageInfo, ImageProgress, RegistryLogin
from models.domain.errors import AppError
from models.domain.secrets import KEYCHAIN
from services.progress import CancelToken, Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

from tests.qt.fakes.values import make_image


@dataclass
class FakeRuntime:
    """An environment that is ready, or becomes so when it is created."""

    ready: bool = True
    error: AppError | None = None
    created: int = 0

    def is_ready(self) -> bool:
        return self.ready

    def create(self, report: Reporter, cancel: CancelToken, *, offline: bool = False) -> None:
        self.created += 1
        report(Progress(0.4, "Downloading PyTorch"))
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        self.ready = True


@dataclass
class FakeDocker:
    """No engine, until a test says otherwise."""

    engine: EngineInfo | None = None
    error: AppError = field(
        default_factory=lambda: AppError(
            "docker_missing", "Docker is not installed on this computer.", "Install it."
        )
    )
    asked: int = 0
    forgotten: int = 0

    def info(self) -> EngineInfo:
        self.asked += 1
        if self.engine is None:
            raise self.error
        return self.engine

    def forget(self) -> None:
        self.forgotten += 1


@dataclass
class FakeImages:
    """Images in memory. A pull or build reports ``script``, calls ``hold``, then takes ``error``
    or adds the image.
    """

    there: dict[str, ImageInfo] = field(default_factory=dict)
    script: list[ImageProgress] = field(default_factory=list)
    hold: Callable[[], None] | None = None
    error: AppError | None = None
    known: dict[str, RegistryLogin] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)

    def find(self, tag: str) -> ImageInfo | None:
        self.calls.append(("find", tag))
        return self.there.get(tag)

    def list(self, also: Iterable[str] = ()) -> list[ImageInfo]:
        return [*self.there.values()]

    def pull(
        self, tag: str, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> ImageInfo:
        self.calls.append(("pull", tag))
        return self._get(make_image(tag), report, cancel)

    def build(
        self,
        tag: str,
        variant: str,
        report: Callable[[ImageProgress], None],
        cancel: CancelToken,
    ) -> ImageInfo:
        self.calls.append(("build", f"{tag} {variant}"))
        return self._get(make_image(tag, digest=""), report, cancel)

    def remove(self, tag: str) -> None:
        self.calls.append(("remove", tag))
        if self.error is not None:
            raise self.error
        del self.there[tag]

    def login(self, registry: str, user: str, password: str) -> RegistryLogin:
        self.passwords.append(password)
        if self.error is not None:
            raise self.error
        self.known[registry] = RegistryLogin(registry, user, KEYCHAIN)
        return self.known[registry]

    def logout(self, registry: str) -> None:
        del self.known[registry]

    def logins(self) -> list[RegistryLogin]:
        return [*self.known.values()]

    def _get(
        self, image: ImageInfo, report: Callable[[ImageProgress], None], cancel: CancelToken
    ) -> ImageInfo:
        for progress in self.script:
            report(progress)
        if self.hold is not None:
            self.hold()
        cancel.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        self.there[image.tag] = image
        return image
