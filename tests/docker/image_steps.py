"""An images' service on the tests' engine, a registry to pull from, and what was reported."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from services.docker.docker_logins import DockerLogins
from services.docker.engine import DockerEngine
from services.docker.image_space import ImageSpace
from services.docker.images import ImageService
from services.docker.logins import LoginStore
from services.offline import OfflinePolicy
from services.progress import CancelToken
from tests.emulators.registry import OPEN, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.domain.docker import ImageProgress
    from tests.docker.engine import RealEngine

USER, PASSWORD = "ada", "planted-registry-password-2"


class NoKeychain:
    """A system without a keychain."""

    def is_usable(self) -> bool:
        return False

    def get(self, name: str) -> str | None:
        raise AssertionError(name)

    def set(self, name: str, value: str) -> None:
        raise AssertionError(name)

    def remove(self, name: str) -> None:
        raise AssertionError(name)


@pytest.fixture
def engine(docker_engine: RealEngine) -> Iterator[DockerEngine]:
    """The program's own client of the engine."""
    found = DockerEngine()
    yield found
    found.forget()


@pytest.fixture
def make(engine: DockerEngine, tmp_path: Path) -> Callable[..., ImageService]:
    """A service; its free disk space, its mode, and what it builds from are the test's."""

    def service(free: int = 10**15, *, offline: bool = False, wanted: tuple[str, ...] = ()) -> Any:
        return ImageService(
            engine, OfflinePolicy(forced=offline),
            LoginStore(NoKeychain(), DockerLogins({}, tmp_path)), tmp_path / "context",
            lambda: wanted, ImageSpace(lambda _folder: free),
        )  # fmt: skip

    return service


@pytest.fixture
def registry(docker_engine: RealEngine) -> Iterator[Registry]:
    """A registry that wants no login; its images are removed in the end."""
    with Registry(OPEN) as open_registry:
        yield open_registry
        remove_all(docker_engine, open_registry.host)


class Reports:
    """Remembers what was reported, and cancels when asked to."""

    def __init__(self, cancel_when: Callable[[ImageProgress], bool] | None = None) -> None:
        self.seen: list[ImageProgress] = []
        self.cancel = CancelToken()
        self._cancel_when = cancel_when

    def __call__(self, progress: ImageProgress) -> None:
        self.seen.append(progress)
        if self._cancel_when is not None and self._cancel_when(progress):
            self.cancel.cancel()

    @property
    def lines(self) -> list[str]:
        return [one.line for one in self.seen if one.line]


def remove_all(engine: RealEngine, host: str) -> None:
    """The images of one registry, so that the engine's folder does not grow from run to run."""
    engine.start()
    with contextlib.closing(engine.client()) as client:
        for found in client.api.images():
            names = [*(found.get("RepoTags") or ()), *(found.get("RepoDigests") or ())]
            partial = str((found.get("Labels") or {}).get("org.temper.partial", ""))
            if partial.startswith(host) or any(name.startswith(host) for name in names):
                client.api.remove_image(found["Id"], force=True)
